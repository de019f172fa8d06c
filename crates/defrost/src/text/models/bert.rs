//! The encoder of BERT (arXiv 1810.04805) and its smaller relatives: embeddings, then blocks of attention and two
//! dense layers, each followed by a residual sum and a norm.
//!
//! Tensors have the names of BERT's checkpoints; [`KEY_ALIASES`] are the names of DistilBERT and of older files.

use burn::module::Module;
use burn::tensor::{Device, Int, Tensor};

use super::config::BertConfig;
use crate::graph::{Array, Graph, Value};
use crate::layers::{Dropout, Embedding, LayerNorm, Linear, SelfAttention};
use crate::ops::gelu;
use crate::stage::{Stage, called};
use crate::weights::KeyAlias;

/// The standard deviation of new embeddings.
const INITIAL: f64 = 0.02;

/// The embedding of a position: token, place and kind.
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

    /// The same in a graph.
    pub fn export(&self, graph: &mut Graph, tokens: Value) -> Value {
        let shape = graph.node("Shape", &[tokens]);
        let positions = graph.slice(shape, 0, 1, 2);
        let places = graph.parameter(&self.position_embeddings.weight);
        let [first, axis] = [0, 0].map(|number| graph.constant(Array::ints(&[number])));
        let places = graph.node("Slice", &[places, first, positions, axis]); // [positions, hidden]
        let words = self.word_embeddings.export(graph, tokens);
        let mut x = graph.node("Add", &[words, places]);
        if let Some(kinds) = &self.token_type_embeddings {
            let name = graph.name_of(&kinds.weight);
            let first = graph.tensor(&name, kinds.weight.val().narrow(0, 0, 1));
            x = graph.node("Add", &[x, first]);
        }
        self.norm.export(graph, x)
    }

    /// As the core sees it.
    pub fn stage(&self) -> Stage {
        Stage::renamed("embeddings", "body.embeddings.", self, &[("norm", "LayerNorm")])
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

    /// The same in a graph; `absent` is the mask behind [`Graph::absent`].
    pub fn export(&self, graph: &mut Graph, x: Value, absent: Value) -> Value {
        let attended = self.attention.export(graph, x, absent);
        let sum = graph.node("Add", &[x, attended]);
        let x = self.attention_norm.export(graph, sum);
        let wide = self.widen.export(graph, x);
        let wide = graph.gelu(wide);
        let narrow = self.narrow.export(graph, wide);
        let sum = graph.node("Add", &[x, narrow]);
        self.norm.export(graph, sum)
    }

    /// As the core sees the block of this index.
    pub fn stage(&self, index: usize) -> Stage {
        Stage::renamed(&format!("block.{index}"), &format!("body.{LAYERS}{index}."), self, &NAMES)
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

    /// [`embed`](Self::embed) in a graph.
    pub fn export_embed(&self, graph: &mut Graph, tokens: Value) -> Value {
        self.embeddings.export(graph, tokens)
    }

    /// [`block`](Self::block) in a graph.
    pub fn export_block(&self, graph: &mut Graph, index: usize, x: Value, absent: Value) -> Value {
        self.blocks[index].export(graph, x, absent)
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

/// The prefix of a block's index in checkpoints.
const LAYERS: &str = "encoder.layer.";

/// Fields of [`Block`] and what checkpoints call them.
const NAMES: [(&str, &str); 8] = [
    ("attention.query", "attention.self.query"),
    ("attention.key", "attention.self.key"),
    ("attention.value", "attention.self.value"),
    ("attention.output", "attention.output.dense"),
    ("attention_norm", "attention.output.LayerNorm"),
    ("widen", "intermediate.dense"),
    ("narrow", "output.dense"),
    ("norm", "output.LayerNorm"),
];

/// The names of a block's parts in BERT and in DistilBERT.
const DISTILBERT: [(&str, &str); 8] = [
    ("attention.self.query", "attention.q_lin"),
    ("attention.self.key", "attention.k_lin"),
    ("attention.self.value", "attention.v_lin"),
    ("attention.output.dense", "attention.out_lin"),
    ("attention.output.LayerNorm", "sa_layer_norm"),
    ("intermediate.dense", "ffn.lin1"),
    ("output.dense", "ffn.lin2"),
    ("output.LayerNorm", "output_layer_norm"),
];

/// Tensor names in DistilBERT, and in files as old as BERT.
pub const KEY_ALIASES: [KeyAlias; 2] = [in_distilbert, in_older_files];

fn in_distilbert(name: &str) -> Option<String> {
    let Some(block) = name.strip_prefix(LAYERS) else { return Some(name.to_owned()) };
    let (index, part) = block.split_once('.')?;
    Some(format!("transformer.layer.{index}.{}", called(part, &DISTILBERT)))
}

fn in_older_files(name: &str) -> Option<String> {
    Some(name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_each_other() {
        let query = "encoder.layer.3.attention.self.query.weight";
        assert_eq!(in_distilbert(query).unwrap(), "transformer.layer.3.attention.q_lin.weight");
        let norm = "encoder.layer.10.output.LayerNorm.bias";
        assert_eq!(in_distilbert(norm).unwrap(), "transformer.layer.10.output_layer_norm.bias");
        assert_eq!(in_older_files(norm).unwrap(), "encoder.layer.10.output.LayerNorm.beta");
        let embeddings = "embeddings.LayerNorm.weight";
        assert_eq!(in_distilbert(embeddings).unwrap(), embeddings);
        assert_eq!(in_older_files(embeddings).unwrap(), "embeddings.LayerNorm.gamma");
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
        assert!(names.contains(&"body.encoder.layer.2.attention.self.key.bias"), "{names:?}");
        assert!(names.contains(&"body.embeddings.LayerNorm.bias"), "{names:?}");
        assert_eq!(names.len(), 16 + 5);
    }
}
