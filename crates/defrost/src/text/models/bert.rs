//! The encoder of BERT (arXiv 1810.04805) and its smaller kin: embeddings, then blocks of attention and two
//! dense layers, each with a residual sum and a norm behind it.
//!
//! Tensors are called as in the checkpoints of BERT; [`checkpoint_name`] takes the names of DistilBERT and of
//! older files to these.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use super::config::BertConfig;
use crate::layers::{Dropout, Embedding, LayerNorm, Linear, SelfAttention};
use crate::ops::gelu;
use crate::stage::Stage;

/// The standard deviation of new embeddings.
const INITIAL: f64 = 0.02;

/// What a position begins with: its token, its place, its kind.
#[derive(Module, Debug)]
pub struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Option<Embedding>,
    norm: LayerNorm,
    dropout: Dropout,
}

impl Embeddings {
    /// New weights.
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        let table = |things| Embedding::new(things, config.hidden, INITIAL, device);
        Self {
            word_embeddings: table(config.vocabulary),
            position_embeddings: table(config.positions),
            token_type_embeddings: (config.token_types > 0).then(|| table(config.token_types)),
            norm: LayerNorm::new(config.hidden, config.epsilon, device),
            dropout: Dropout::new(config.dropout),
        }
    }

    /// Tokens `[batch, positions]` to `[batch, positions, hidden]`.
    pub fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [_, positions] = tokens.dims();
        let places = self.position_embeddings.weight.val().narrow(0, 0, positions); // [positions, hidden]
        let mut x = self.word_embeddings.forward(tokens) + places.unsqueeze();
        if let Some(kinds) = &self.token_type_embeddings {
            // A text on its own is all of the first kind.
            x = x + kinds.weight.val().narrow(0, 0, 1).unsqueeze();
        }
        self.dropout.forward(self.norm.forward(x))
    }

    /// As the core sees it.
    pub fn stage(&self) -> Stage {
        named(Stage::of("embeddings", "embeddings.", self))
    }
}

/// A block: attention, then two dense layers.
#[derive(Module, Debug)]
pub struct Block {
    attention: SelfAttention,
    attention_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    norm: LayerNorm,
    dropout: Dropout,
}

impl Block {
    /// New weights.
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        let norm = || LayerNorm::new(config.hidden, config.epsilon, device);
        Self {
            attention: SelfAttention::new(config.hidden, config.heads, device),
            attention_norm: norm(),
            widen: Linear::new(config.hidden, config.intermediate, true, device),
            narrow: Linear::new(config.intermediate, config.hidden, true, device),
            norm: norm(),
            dropout: Dropout::new(config.dropout),
        }
    }

    /// `[batch, positions, hidden]`, the same shape; `mask` `[batch, positions]` is 0 where there is nothing.
    pub fn forward(&self, x: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
        let attended = self.attention.forward(x.clone(), mask);
        let x = self.attention_norm.forward(x + self.dropout.forward(attended));
        let wide = gelu(self.widen.forward_positions(x.clone())); // [batch, positions, intermediate]
        let narrow = self.narrow.forward_positions(wide);
        self.norm.forward(x + self.dropout.forward(narrow))
    }

    /// As the core sees the block of this index.
    pub fn stage(&self, index: usize) -> Stage {
        named(Stage::of(&format!("block.{index}"), &format!("encoder.layer.{index}."), self))
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct Bert {
    embeddings: Embeddings,
    blocks: Vec<Block>,
}

impl Bert {
    /// New weights.
    pub fn new(config: &BertConfig, device: &Device) -> Self {
        Self {
            embeddings: Embeddings::new(config, device),
            blocks: (0..config.blocks).map(|_| Block::new(config, device)).collect(),
        }
    }

    /// Tokens `[batch, positions]` to `[batch, positions, hidden]`: the first stage.
    pub fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.embeddings.forward(tokens)
    }

    /// `[batch, positions, hidden]` through the block of this index; `mask` `[batch, positions]`.
    pub fn block(&self, index: usize, x: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
        self.blocks[index].forward(x, mask)
    }

    /// How many blocks there are.
    pub fn depth(&self) -> usize {
        self.blocks.len()
    }

    /// The stages: embeddings, then the blocks.
    pub fn stages(&self) -> Vec<Stage> {
        let blocks = self.blocks.iter().enumerate().map(|(index, block)| block.stage(index));
        [self.embeddings.stage()].into_iter().chain(blocks).collect()
    }
}

/// Fields of [`Block`] and [`Embeddings`] and what checkpoints call them.
const NAMES: [(&str, &str); 9] = [
    (".attention.query.", ".attention.self.query."),
    (".attention.key.", ".attention.self.key."),
    (".attention.value.", ".attention.self.value."),
    (".attention.output.", ".attention.output.dense."),
    (".attention_norm.", ".attention.output.LayerNorm."),
    (".widen.", ".intermediate.dense."),
    (".narrow.", ".output.dense."),
    ("embeddings.norm.", "embeddings.LayerNorm."),
    (".norm.", ".output.LayerNorm."),
];

/// The stage with its tensors called as in checkpoints, behind `body.`.
fn named(mut stage: Stage) -> Stage {
    for parameter in &mut stage.parameters {
        let name = &parameter.name;
        let renamed = NAMES.iter().find(|(field, _)| name.contains(field));
        let name = renamed.map_or_else(|| name.clone(), |(field, called)| name.replacen(field, called, 1));
        parameter.name = format!("body.{name}");
    }
    stage
}

/// What DistilBERT calls the parts of a block, and what BERT does.
const DISTILBERT: [(&str, &str); 8] = [
    (".attention.q_lin.", ".attention.self.query."),
    (".attention.k_lin.", ".attention.self.key."),
    (".attention.v_lin.", ".attention.self.value."),
    (".attention.out_lin.", ".attention.output.dense."),
    (".sa_layer_norm.", ".attention.output.LayerNorm."),
    (".ffn.lin1.", ".intermediate.dense."),
    (".ffn.lin2.", ".output.dense."),
    (".output_layer_norm.", ".output.LayerNorm."),
];

/// The name under which a network holds the tensor that a checkpoint calls `name`: without the name of the
/// whole (`bert.`, `distilbert.`), as BERT calls its parts, behind `body.`. `None` for a head's tensors.
pub fn checkpoint_name(name: &str) -> Option<String> {
    let name =
        ["body.", "bert.", "distilbert."].iter().find_map(|whole| name.strip_prefix(whole)).unwrap_or(name);
    let mut name = name.replacen("transformer.layer.", "encoder.layer.", 1);
    for (theirs, ours) in DISTILBERT {
        name = name.replacen(theirs, ours, 1);
    }
    let name =
        name.replace("LayerNorm.gamma", "LayerNorm.weight").replace("LayerNorm.beta", "LayerNorm.bias");
    (name.starts_with("embeddings.") || name.starts_with("encoder.layer.")).then(|| format!("body.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_all_kinds_meet() {
        let name = |name: &str| checkpoint_name(name).unwrap_or_default();
        assert_eq!(
            name("distilbert.transformer.layer.3.attention.q_lin.weight"),
            "body.encoder.layer.3.attention.self.query.weight"
        );
        assert_eq!(
            name("distilbert.transformer.layer.0.output_layer_norm.bias"),
            "body.encoder.layer.0.output.LayerNorm.bias"
        );
        assert_eq!(name("bert.embeddings.LayerNorm.gamma"), "body.embeddings.LayerNorm.weight");
        assert_eq!(name("body.embeddings.LayerNorm.bias"), "body.embeddings.LayerNorm.bias");
        assert_eq!(name("pooler.dense.weight"), "");
    }

    #[test]
    fn a_networks_names_are_the_checkpoints() {
        let config = BertConfig {
            vocabulary: 5,
            hidden: 4,
            heads: 2,
            intermediate: 6,
            positions: 7,
            ..BertConfig::minilm()
        };
        let device = Device::flex();
        let block = Block::new(&config, &device).stage(2);
        let embeddings = Embeddings::new(&config, &device).stage();
        let names: Vec<&str> =
            block.parameters.iter().chain(&embeddings.parameters).map(|p| p.name.as_str()).collect();
        assert!(names.contains(&"body.encoder.layer.2.attention.output.LayerNorm.weight"), "{names:?}");
        assert!(names.iter().all(|name| checkpoint_name(name).as_deref() == Some(name)), "{names:?}");
        assert_eq!(names.len(), 16 + 5);
    }
}
