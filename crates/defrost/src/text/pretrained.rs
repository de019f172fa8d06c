//! Pretrained weights with all that belongs to them: a folder with `model.safetensors`, `tokenizer.json` and
//! `config.json`, as they are published or as pretraining leaves them, or the folder of a finished run.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use thiserror::Error;

use super::bundle::TextManifest;
use super::columns::TextColumns;
use super::models::{ConfigError, TextConfig, TextNetwork};
use super::tokenizer::{Tokenizer, TokenizerError};
use crate::bundle::{self, BundleError};
use crate::data::Draws;
use crate::files::{self, FileError};
use crate::precision::Precision;
use crate::stage::{Network, Stage};
use crate::weights::safetensors::{self, SafetensorsError};
use crate::weights::{self, MisfitError, Tensors};

/// A pretrained text network's files.
#[derive(Clone, Debug)]
pub struct Pretrained {
    /// Its dimensions.
    pub config: TextConfig,
    /// Its `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// The number format to build it in: f32 unless it is changed.
    pub precision: Precision,
    file: String,
    tensors: Tensors,
}

/// A text network's files can't be used.
#[derive(Debug, Error)]
pub enum PretrainedError {
    /// A file is missing.
    #[error(
        "{}: there is no {name} in it; a text network is a folder with model.safetensors, tokenizer.json and config.json, or a finished run",
        path.display()
    )]
    Missing {
        /// The folder.
        path: PathBuf,
        /// The file.
        name: &'static str,
    },
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights can't be read.
    #[error(transparent)]
    Weights(#[from] SafetensorsError),
    /// The weights are another network's.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
    /// The dimensions can't be read.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: ConfigError,
    },
    /// The dimensions can't be.
    #[error(transparent)]
    Dimensions(#[from] ConfigError),
    /// The run can't be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The tokenizer can't be used.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

impl Pretrained {
    /// Reads a folder; the path of the `.safetensors` file in it stands for it too.
    ///
    /// # Errors
    ///
    /// If a file is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, PretrainedError> {
        let (folder, weights) = match path.is_file() {
            true => (path.parent().unwrap_or(Path::new(".")), path.to_owned()),
            false => (path, path.join("model.safetensors")),
        };
        if folder.join("bundle.json").is_file() {
            let (manifest, tensors) = bundle::read::<TextManifest>(folder)?;
            let TextManifest { config, tokenizer, .. } = manifest.model;
            let (precision, file) = (Precision::F32, weights.display().to_string());
            return Ok(Self { config, tokenizer, precision, file, tensors });
        }
        let config = folder.join("config.json");
        let names = ["config.json", "tokenizer.json", "model.safetensors"];
        for (name, file) in names.into_iter().zip([&config, &folder.join("tokenizer.json"), &weights]) {
            if !file.is_file() {
                return Err(PretrainedError::Missing { path: folder.to_owned(), name });
            }
        }
        let invalid = |reason| PretrainedError::Config { path: config.clone(), reason };
        Ok(Self {
            config: TextConfig::parse(&files::read(&config)?).map_err(invalid)?,
            tokenizer: files::read(&folder.join("tokenizer.json"))?,
            precision: Precision::F32,
            tensors: safetensors::read(&weights)?.tensors,
            file: weights.display().to_string(),
        })
    }

    /// What encodes texts for this network, cut after `max_tokens`.
    ///
    /// # Errors
    ///
    /// If the tokenizer does not fit the network.
    pub fn tokenizer(&self, max_tokens: usize) -> Result<Tokenizer, PretrainedError> {
        let (vocabulary, positions) = (self.config.vocabulary(), self.config.positions());
        Ok(Tokenizer::parse(&self.tokenizer, vocabulary, positions, max_tokens)?)
    }

    /// Builds the network with a new head, and what has to be kept to build it again.
    ///
    /// # Errors
    ///
    /// If the weights belong to another network; the message lists the first mismatches.
    pub fn build(
        self,
        outputs: usize,
        columns: TextColumns,
        max_tokens: usize,
        seed: u64,
        device: &Device,
    ) -> Result<(TextNetwork, TextManifest), PretrainedError> {
        device.seed(Draws::weight_seed(seed));
        let precision = self.config.precision(self.precision);
        let network = TextNetwork::new(&self.config, outputs, true, device).with_precision(precision);
        let of_body = |(name, data): (String, _)| Some((self.config.tensor_name(&name)?, data));
        let tensors: Tensors = self.tensors.into_iter().filter_map(of_body).collect();
        let body: Vec<Stage> = network.stages().into_iter().filter(|stage| stage.pretrained).collect();
        weights::check_fit(&self.file, self.config.name(), &body, &tensors)?;
        let network = weights::load(network, &tensors).valid();
        let manifest =
            TextManifest { config: self.config, precision, max_tokens, columns, tokenizer: self.tokenizer };
        Ok((network, manifest))
    }
}
