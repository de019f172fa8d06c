//! The encoder of AWD-LSTM (arXiv 1708.02182), which ULMFiT fine-tunes (arXiv 1801.06146): word embeddings and a stack of
//! LSTM layers, each with a dropout of its own kind.

use burn::module::Module;
use burn::nn::Initializer;
use burn::tensor::{Device, Int, Tensor};
use serde::{Deserialize, Serialize};

use super::config::ConfigError;
use crate::graph::{Graph, Value};
use crate::layers::{Dropout, Embedding, Lstm};
use crate::ops::LstmState;
use crate::stage::Stage;

/// The longest text, in tokens: the memory for the backward pass grows with it.
pub const LONGEST: usize = 1 << 14;
/// More than any network of this kind has: a file that says so is damaged.
const LIMIT: usize = 1 << 20;
/// Layers that a network of this kind may have.
const MOST_LAYERS: usize = 16;

/// The family in a `config.json`, and what the dimensions are called there.
const FAMILY: &str = "awd_lstm";
const KEYS: [&str; 4] = ["vocab_size", "emb_sz", "n_hid", "n_layers"];

/// The dimensions of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AwdLstmConfig {
    /// What it is called: the family, the number of layers and their width, such as `awd_lstm-3x1152`.
    pub name: String,
    /// Tokens it knows.
    pub vocabulary: usize,
    /// Features of a token, and of what the last layer gives.
    pub embedding: usize,
    /// Features of the layers between.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// The dropouts of training.
    pub dropout: Dropouts,
}

/// Fractions that are dropped while training, each `0.0..1.0`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dropouts {
    /// Words: all of a word's places in a batch at once.
    pub words: f64,
    /// Features of the embedded words, the same at all positions of a text.
    pub input: f64,
    /// Features between layers, the same at all positions of a text.
    pub hidden: f64,
    /// Recurrent weights.
    pub weights: f64,
    /// Features of what the last layer gives, the same at all positions of a text.
    pub output: f64,
}

impl Dropouts {
    /// fastai's for language models (`awd_lstm_lm_config`).
    pub const LANGUAGE: Self = Self { words: 0.02, input: 0.25, hidden: 0.15, weights: 0.2, output: 0.1 };
    /// fastai's for classifiers (`awd_lstm_clas_config`), halved as its learner does by default; the output's is the
    /// head's.
    pub const CLASSIFIER: Self = Self { words: 0.025, input: 0.2, hidden: 0.15, weights: 0.25, output: 0.0 };
    /// None, as for predictions.
    pub const NONE: Self = Self { words: 0.0, input: 0.0, hidden: 0.0, weights: 0.0, output: 0.0 };
}

impl AwdLstmConfig {
    /// fastai's dimensions (`awd_lstm_lm_config`) for a vocabulary.
    pub fn new(vocabulary: usize) -> Self {
        Self::of(vocabulary, 400, 1152, 3, Dropouts::LANGUAGE)
    }

    /// These dimensions.
    pub fn of(vocabulary: usize, embedding: usize, hidden: usize, layers: usize, dropout: Dropouts) -> Self {
        Self { name: format!("{FAMILY}-{layers}x{hidden}"), vocabulary, embedding, hidden, layers, dropout }
    }

    /// Reads what [`to_json`](Self::to_json) wrote, for a classifier; `None` if it is of another family.
    pub(super) fn parse(json: &serde_json::Value) -> Option<Result<Self, ConfigError>> {
        (json["model_type"] == FAMILY).then(|| {
            let [vocabulary, embedding, hidden, layers] =
                KEYS.map(|key| json[key].as_u64().unwrap_or_default() as usize);
            let config = Self::of(vocabulary, embedding, hidden, layers, Dropouts::CLASSIFIER);
            config.check().map(|()| config)
        })
    }

    /// The `config.json` beside its weights, in fastai's words.
    pub fn to_json(&self) -> serde_json::Value {
        let mut json = serde_json::json!({ "model_type": FAMILY });
        for (key, number) in KEYS.into_iter().zip([self.vocabulary, self.embedding, self.hidden, self.layers])
        {
            json[key] = number.into();
        }
        json
    }

    /// Refuses dimensions that can't be.
    ///
    /// # Errors
    ///
    /// If one is 0 or beyond all networks of this kind.
    pub fn check(&self) -> Result<(), ConfigError> {
        let named = KEYS.into_iter().zip([self.vocabulary, self.embedding, self.hidden]);
        for (key, number) in named {
            if !(1..=LIMIT).contains(&number) {
                return Err(ConfigError::Number { key: key.to_owned(), found: number.to_string() });
            }
        }
        match self.layers {
            1..=MOST_LAYERS => Ok(()),
            layers => Err(ConfigError::Layers { layers, most: MOST_LAYERS }),
        }
    }
}

/// The encoder.
#[derive(Module, Debug)]
pub struct AwdLstm {
    words: Words,
    layers: Vec<Layer>,
}

impl AwdLstm {
    /// New weights.
    pub fn new(config: &AwdLstmConfig, device: &Device) -> Self {
        let &AwdLstmConfig { embedding, hidden, layers, dropout, .. } = config;
        let layer = |index: usize| {
            let last = index + 1 == layers;
            let inputs = if index == 0 { embedding } else { hidden };
            let outputs = if last { embedding } else { hidden };
            let lstm = Lstm::new(inputs, outputs, dropout.weights, device);
            Layer { lstm, dropout: (!last).then(|| Dropout::new(dropout.hidden)) }
        };
        Self { words: Words::new(config, device), layers: (0..layers).map(layer).collect() }
    }

    /// The stages `embedding`, `rnn1`, `rnn2`, …; tensors are called as PyTorch calls an LSTM's.
    pub fn stages(&self) -> Vec<Stage> {
        let layers = self.layers.iter().enumerate().map(|(index, layer)| {
            Stage::renamed(&format!("rnn{}", index + 1), &format!("body.rnns.{index}."), layer, &NAMES)
        });
        [Stage::of("embedding", "body.", &self.words)].into_iter().chain(layers).collect()
    }

    /// Tokens `[batch, positions]` to `[batch, positions, embedding]`: the first stage.
    pub fn embed(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        self.words.forward(tokens)
    }

    /// `[batch, positions, features]` through the layer of this index, and the state behind the last position.
    pub fn layer(&self, index: usize, input: Tensor<3>, state: Option<LstmState>) -> (Tensor<3>, LstmState) {
        let Layer { lstm, dropout } = &self.layers[index];
        let (output, state) = lstm.forward(input, state);
        (dropout.as_ref().map_or(output.clone(), |dropout| dropout.forward_features(output)), state)
    }

    /// [`embed`](Self::embed) in a graph.
    pub fn export_embed(&self, graph: &mut Graph, tokens: Value) -> Value {
        self.words.encoder.export(graph, tokens)
    }

    /// [`layer`](Self::layer) from no state in a graph.
    pub fn export_layer(&self, graph: &mut Graph, index: usize, x: Value) -> Value {
        self.layers[index].lstm.export(graph, x)
    }

    /// How many layers there are.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// The embeddings, `[vocabulary, embedding]`, which a language model reads its scores off again.
    pub fn table(&self) -> Tensor<2> {
        self.words.encoder.weight.val()
    }
}

/// Embedded words.
#[derive(Module, Debug)]
struct Words {
    encoder: Embedding,
    whole: Dropout,
    features: Dropout,
}

impl Words {
    fn new(config: &AwdLstmConfig, device: &Device) -> Self {
        let uniform = Initializer::Uniform { min: -0.1, max: 0.1 };
        Self {
            encoder: Embedding { weight: uniform.init([config.vocabulary, config.embedding], device) },
            whole: Dropout::new(config.dropout.words),
            features: Dropout::new(config.dropout.input),
        }
    }

    fn forward(&self, tokens: Tensor<2, Int>) -> Tensor<3> {
        let [vocabulary, _] = self.encoder.weight.dims();
        let kept = self.whole.mask([vocabulary, 1], &tokens.device());
        let mut words = self.encoder.forward(tokens.clone()); // [batch, positions, embedding]
        if let Some(kept) = kept {
            words = words * burn::tensor::module::embedding(kept, tokens); // [batch, positions, 1]
        }
        self.features.forward_features(words)
    }
}

#[derive(Module, Debug)]
struct Layer {
    lstm: Lstm,
    /// Between this layer and the next.
    dropout: Option<Dropout>,
}

/// Fields of [`Lstm`] and what PyTorch calls them.
const NAMES: [(&str, &str); 4] = [
    ("lstm.input.weight", "weight_ih_l0"),
    ("lstm.recurrent.weight", "weight_hh_l0"),
    ("lstm.input.bias", "bias_ih_l0"),
    ("lstm.recurrent.bias", "bias_hh_l0"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_called_as_in_ulmfit() {
        let config = AwdLstmConfig::of(7, 4, 6, 3, Dropouts::LANGUAGE);
        let stages = AwdLstm::new(&config, &Device::flex()).stages();
        let names: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
        assert_eq!(names, ["embedding", "rnn1", "rnn2", "rnn3"]);
        let tensors: Vec<&str> = stages[1].parameters.iter().map(|tensor| tensor.name.as_str()).collect();
        let expected = ["weight_ih_l0", "bias_ih_l0", "weight_hh_l0", "bias_hh_l0"];
        assert_eq!(tensors, expected.map(|name| format!("body.rnns.0.{name}")));
        assert_eq!(stages[0].parameters[0].name, "body.encoder.weight");
        assert_eq!(stages[3].parameters[0].shape, [16, 6], "the last layer is as wide as the embedding");
        assert!((AwdLstmConfig { layers: 0, ..config.clone() }).check().is_err());
        assert!((AwdLstmConfig { hidden: 0, ..config }).check().is_err());
    }
}
