//! The configuration of a text network, as in the `config.json` beside its weights.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::awd_lstm::{self, AwdLstmConfig};
use super::bert::KEY_ALIASES;
use crate::precision::Precision;
use crate::pretrained::HeadKind;
use crate::rates::Rates;
use crate::recipe::FineTune;
use crate::weights::KeyAlias;

/// More than any network of this kind has: a file that says so is damaged.
const LIMIT: usize = 1 << 20;

/// The dimensions of a network of any family.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TextConfig {
    /// Blocks of attention.
    Bert(BertConfig),
    /// Recurrent layers.
    AwdLstm(AwdLstmConfig),
}

impl TextConfig {
    /// Reads a `config.json`.
    ///
    /// # Errors
    ///
    /// If it is of another family or says what can't be.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let json = serde_json::from_slice(bytes).map_err(|error| ConfigError::Invalid(error.to_string()))?;
        match AwdLstmConfig::parse(&json) {
            Some(config) => config.map(Self::AwdLstm),
            None => BertConfig::parse(bytes).map(Self::Bert),
        }
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Bert(config) => &config.name,
            Self::AwdLstm(config) => &config.name,
        }
    }

    /// Refuses dimensions that can't be.
    ///
    /// # Errors
    ///
    /// If one is 0 or beyond all networks of its family, or they don't fit each other.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self {
            Self::Bert(config) => config.check(),
            Self::AwdLstm(config) => config.check(),
        }
    }

    /// How many numbers its embeddings and layers are made of, norms and biases apart.
    pub fn numbers(&self) -> u64 {
        let product = |of: &[usize]| of.iter().fold(1u64, |product, &n| product.saturating_mul(n as u64));
        let products = match *self {
            Self::Bert(BertConfig {
                vocabulary,
                hidden,
                blocks,
                intermediate,
                positions,
                token_types,
                ..
            }) => {
                let embeddings =
                    [vocabulary, positions, token_types].map(|things| product(&[things, hidden]));
                let dense =
                    [product(&[blocks, 4, hidden, hidden]), product(&[blocks, 2, hidden, intermediate])];
                [&embeddings[..], &dense].concat()
            }
            Self::AwdLstm(AwdLstmConfig { vocabulary, embedding, hidden, layers, .. }) => {
                let between = product(&[layers.saturating_sub(1), 4, hidden, hidden]);
                vec![product(&[vocabulary, embedding]), between, product(&[4, embedding, embedding])]
            }
        };
        products.into_iter().fold(0, u64::saturating_add)
    }

    /// Tokens it knows.
    pub fn vocabulary(&self) -> usize {
        match self {
            Self::Bert(config) => config.vocabulary,
            Self::AwdLstm(config) => config.vocabulary,
        }
    }

    /// The longest text, in tokens.
    pub fn positions(&self) -> usize {
        match self {
            Self::Bert(config) => config.positions,
            Self::AwdLstm(_) => awd_lstm::LONGEST,
        }
    }

    /// The number format between its layers where this one is wanted.
    pub fn precision(&self, wanted: Precision) -> Precision {
        match self {
            Self::Bert(_) => wanted,
            Self::AwdLstm(_) => Precision::F32,
        }
    }

    /// How a pretrained network is tuned where nothing else is said. Frozen epochs are kept after the first, so the head
    /// may converge before the body moves. Recurrent layers take fastai's rate for them, which is ten times that of
    /// blocks of attention. The body is unfrozen behind a weaker head than with images: what it knows of a text is further
    /// from the new task (`docs/benchmarks.md` for both).
    pub fn recipe(&self, epochs: usize) -> FineTune {
        let rate = match self {
            Self::Bert(_) => 2e-3,
            Self::AwdLstm(_) => 2e-2,
        };
        FineTune { freeze_epochs: 5, rates: Rates::One(rate), head_penalty: 1000.0, ..FineTune::new(epochs) }
    }

    /// The head that is put on such a body where nothing else is said. What an AWD-LSTM gives was made for fastai's.
    pub fn usual_head(&self) -> HeadKind {
        match self {
            Self::Bert(_) => HeadKind::Linear,
            Self::AwdLstm(_) => HeadKind::ConcatPool,
        }
    }

    /// Features of the one vector that the head sees.
    pub fn pooled(&self) -> usize {
        match self {
            Self::Bert(config) => config.hidden,
            Self::AwdLstm(config) => 3 * config.embedding,
        }
    }

    /// The body's tensor names in files of other makers.
    pub fn key_aliases(&self) -> &'static [KeyAlias] {
        match self {
            Self::Bert(_) => &KEY_ALIASES,
            Self::AwdLstm(_) => &[],
        }
    }
}

impl From<BertConfig> for TextConfig {
    fn from(config: BertConfig) -> Self {
        Self::Bert(config)
    }
}

impl From<AwdLstmConfig> for TextConfig {
    fn from(config: AwdLstmConfig) -> Self {
        Self::AwdLstm(config)
    }
}

/// The dimensions of a network like BERT.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BertConfig {
    /// What it is called: the family, the number of blocks and their width, such as `bert-6x384`.
    pub name: String,
    /// Tokens it knows.
    pub vocabulary: usize,
    /// Features of a position.
    pub hidden: usize,
    /// Blocks.
    pub blocks: usize,
    /// Heads of attention in each.
    pub heads: usize,
    /// Features between a block's two dense layers.
    pub intermediate: usize,
    /// The longest text, in tokens.
    pub positions: usize,
    /// Whether there are embeddings of the kind of token.
    pub token_types: usize,
    /// Added to the variance by norms.
    pub epsilon: f64,
    /// The fraction of hidden states dropped while training.
    pub dropout: f64,
}

/// A `config.json` is of no network that is known here.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum ConfigError {
    /// It is no JSON object.
    #[error("not valid: {0}")]
    Invalid(String),
    /// A network of another family.
    #[error("model_type is `{0}`; bert, distilbert and awd_lstm can be read")]
    Family(String),
    /// A number is missing or can't be.
    #[error("`{key}` is {found}; it must be a number from 1 to {LIMIT}")]
    Number {
        /// Its key.
        key: String,
        /// The value in the file.
        found: String,
    },
    /// The heads can't share the features.
    #[error("{hidden} features can't be shared by {heads} heads")]
    Heads {
        /// Features.
        hidden: usize,
        /// Heads.
        heads: usize,
    },
    /// No layers, or too many.
    #[error("{layers} layers; a recurrent network can have from 1 to {most}")]
    Layers {
        /// How many.
        layers: usize,
        /// How many there can be.
        most: usize,
    },
    /// Another nonlinearity than the exact GELU.
    #[error("the nonlinearity is `{0}`; gelu can be computed")]
    ActivationFn(String),
}

impl BertConfig {
    /// MiniLM with 6 blocks: what `plan` shows where no weights are given.
    pub fn minilm() -> Self {
        Self {
            name: "bert-6x384".to_owned(),
            vocabulary: 30_522,
            hidden: 384,
            blocks: 6,
            heads: 12,
            intermediate: 1536,
            positions: 512,
            token_types: 2,
            epsilon: 1e-12,
            dropout: 0.1,
        }
    }

    /// Reads a `config.json` of the BERT or DistilBERT family.
    ///
    /// # Errors
    ///
    /// If it is of another family or says what can't be.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let json: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| ConfigError::Invalid(error.to_string()))?;
        let text = |key: &str| json[key].as_str().unwrap_or("missing").to_owned();
        let number = |key: &str| {
            let number = json[key].as_u64().map(|number| number as usize);
            let wrong = || ConfigError::Number { key: key.to_owned(), found: json[key].to_string() };
            number.filter(|number| (1..=LIMIT).contains(number)).ok_or_else(wrong)
        };
        let fraction =
            |key: &str| json[key].as_f64().filter(|fraction| (0.0..1.0).contains(fraction)).unwrap_or(0.1);
        let family = text("model_type");
        let (keys, token_types, nonlinearity, dropout) = match family.as_str() {
            "bert" => (BERT, number("type_vocab_size")?, text("hidden_act"), fraction("hidden_dropout_prob")),
            "distilbert" => (DISTILBERT, 0, text("activation"), fraction("dropout")),
            _ => return Err(ConfigError::Family(family)),
        };
        if nonlinearity != "gelu" {
            return Err(ConfigError::ActivationFn(nonlinearity));
        }
        let [hidden, blocks, heads, intermediate] = keys.map(number);
        let (hidden, blocks, heads) = (hidden?, blocks?, heads?);
        let config = Self {
            name: format!("{family}-{blocks}x{hidden}"),
            vocabulary: number("vocab_size")?,
            hidden,
            blocks,
            heads,
            intermediate: intermediate?,
            positions: number("max_position_embeddings")?,
            token_types,
            epsilon: json["layer_norm_eps"].as_f64().filter(|epsilon| *epsilon > 0.0).unwrap_or(1e-12),
            dropout,
        };
        config.check().map(|()| config)
    }

    /// Refuses dimensions that can't be.
    ///
    /// # Errors
    ///
    /// If one is 0 or beyond all networks of this kind, or the heads can't share the features.
    pub fn check(&self) -> Result<(), ConfigError> {
        let &Self { hidden, blocks, heads, intermediate, vocabulary, positions, .. } = self;
        let named =
            [("hidden", hidden), ("blocks", blocks), ("heads", heads), ("intermediate", intermediate)];
        let named = named.into_iter().chain([("vocabulary", vocabulary), ("positions", positions)]);
        for (key, number) in named {
            if !(1..=LIMIT).contains(&number) {
                return Err(ConfigError::Number { key: key.to_owned(), found: number.to_string() });
            }
        }
        if self.token_types > LIMIT {
            let found = self.token_types.to_string();
            return Err(ConfigError::Number { key: "token_types".to_owned(), found });
        }
        if !hidden.is_multiple_of(heads) {
            return Err(ConfigError::Heads { hidden, heads });
        }
        Ok(())
    }
}

/// The families' names of features, blocks, heads and intermediate features.
const BERT: [&str; 4] = ["hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"];
const DISTILBERT: [&str; 4] = ["dim", "n_layers", "n_heads", "hidden_dim"];

#[cfg(test)]
mod tests {
    use super::*;

    const DISTIL: &str = r#"{"model_type": "distilbert", "activation": "gelu", "dim": 768, "n_layers": 6, "n_heads": 12,
        "hidden_dim": 3072, "vocab_size": 30522, "max_position_embeddings": 512, "dropout": 0.2}"#;

    #[test]
    fn both_families_are_read() {
        let config = BertConfig::parse(DISTIL.as_bytes()).unwrap();
        assert_eq!((config.name.as_str(), config.token_types), ("distilbert-6x768", 0));
        assert_eq!((config.intermediate, config.dropout, config.epsilon), (3072, 0.2, 1e-12));
    }

    #[test]
    fn what_cant_be_is_refused() {
        let refusal = |from: &str, to: &str| {
            BertConfig::parse(DISTIL.replace(from, to).as_bytes()).unwrap_err().to_string()
        };
        assert_eq!(
            refusal("\"distilbert\"", "\"gpt2\""),
            "model_type is `gpt2`; bert, distilbert and awd_lstm can be read"
        );
        assert_eq!(refusal("768", "-1"), "`dim` is -1; it must be a number from 1 to 1048576");
        assert_eq!(
            refusal("\"n_layers\": 6, ", ""),
            "`n_layers` is null; it must be a number from 1 to 1048576"
        );
        assert_eq!(refusal("12", "7"), "768 features can't be shared by 7 heads");
        assert_eq!(refusal("\"gelu\"", "\"relu\""), "the nonlinearity is `relu`; gelu can be computed");
        assert!(refusal("}", "").starts_with("not valid: "));
    }

    #[test]
    fn numbers_are_counted_before_any_is_made() {
        // MiniLM has 22.7 million parameters, of which norms, biases and the pooler are a few.
        assert_eq!(TextConfig::from(BertConfig::minilm()).numbers(), 22_534_656);
        // fastai's AWD-LSTM: 60,000 words of 400, layers of 1152, 1152 and 400.
        assert_eq!(TextConfig::from(AwdLstmConfig::new(60_000)).numbers(), 35_256_832);
        let endless = BertConfig { hidden: usize::MAX, blocks: usize::MAX, ..BertConfig::minilm() };
        assert_eq!(TextConfig::from(endless).numbers(), u64::MAX);
        let kinds = BertConfig { token_types: usize::MAX, ..BertConfig::minilm() };
        assert!(kinds.check().unwrap_err().to_string().starts_with("`token_types` is 1844"));
    }
}
