//! Pretrained weights with tokenizer and configuration: a folder with `model.safetensors` or `pytorch_model.bin`,
//! `tokenizer.json` and `config.json`, as published or from pretraining, or the folder of a finished run.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use thiserror::Error;

use super::bundle::TextModelConfig;
use super::columns::TextColumns;
use super::models::{ConfigError, TextConfig, TextNetwork};
use super::tokenizer::{Tokenizer, TokenizerError};
use crate::bundle::{self, BundleError};
use crate::data::Draws;
use crate::files::{self, FileError};
use crate::precision::Precision;
use crate::pretrained::{HeadKind, Pretrained};
use crate::remedy::Remedy;
use crate::stage::{Network, Stage};
use crate::weights::{
    self, DownloadError, Downloads, Fit, HubFiles, MisfitError, UnsoundWeights, WeightFile, WeightFileError,
    WeightSource, require_sound,
};

/// A pretrained text network's files, opened.
#[derive(Debug)]
pub struct PretrainedText {
    /// Its dimensions.
    pub config: TextConfig,
    /// Its `tokenizer.json`.
    pub tokenizer: Vec<u8>,
    /// What is put on the body: the usual head unless it is changed.
    pub head: HeadKind,
    /// The number format to build it in: f32 unless it is changed.
    pub precision: Precision,
    weights: WeightFile,
}

/// A text network's files can't be used.
#[derive(Debug, Error)]
pub enum PretrainedError {
    /// A file is missing.
    #[error(
        "{}: there is no {name} in it; a text network is a folder with model.safetensors or pytorch_model.bin, tokenizer.json and config.json, or a finished run",
        path.display()
    )]
    Missing {
        /// The folder.
        path: PathBuf,
        /// The file.
        name: &'static str,
    },
    /// No source of weights is given.
    #[error(
        "no weights for texts are in this program, and a text network does not start new; give those on the hub, a folder with \
         model.safetensors, tokenizer.json and config.json of a network like BERT, or a finished run"
    )]
    NoWeights,
    /// An option that only images have is set.
    #[error("`{0}` is for images; a text network has none")]
    OfImages(&'static str),
    /// The hub does not provide the weights.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The weights can't be read.
    #[error(transparent)]
    Weights(#[from] WeightFileError),
    /// The weights are another network's.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
    /// No network can compute with the weights.
    #[error(transparent)]
    Unsound(#[from] UnsoundWeights),
    /// The dimensions can't be read.
    #[error("{}: {reason}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: ConfigError,
    },
    /// The weights beside the dimensions are of something smaller; nothing is built to find out of what.
    #[error("{}: it describes a network of {described} numbers or more, and the weights beside it are {held}", path.display())]
    TooFew {
        /// The file with the dimensions.
        path: PathBuf,
        /// How many numbers they make.
        described: u64,
        /// How many there are.
        held: u64,
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

impl PretrainedError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Misfit(misfit) => misfit.remedy(),
            _ => None,
        }
    }
}

/// The folder with the weights of a repository, or of the usual one.
fn download(
    repository: Option<&str>,
    offline: bool,
    downloads: &mut dyn Downloads,
) -> Result<PathBuf, DownloadError> {
    let files = &["config.json", "tokenizer.json"];
    let wanted = HubFiles { network: "texts", usual: Some(PretrainedText::USUAL), files, optional: &[] };
    wanted.folder(repository, offline, downloads)
}

impl PretrainedText {
    /// The usual repository on the hub: small and good.
    pub const USUAL: &str = "sentence-transformers/all-MiniLM-L6-v2";

    /// Opens the weights. Files on the hub are downloaded, unless they are cached.
    ///
    /// # Errors
    ///
    /// If it can't be downloaded, or is damaged.
    pub fn of(pretrained: &Pretrained) -> Result<Self, PretrainedError> {
        Self::of_watched(pretrained, &mut ())
    }

    /// The same while `downloads` watches what is downloaded.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub fn of_watched(
        pretrained: &Pretrained,
        downloads: &mut dyn Downloads,
    ) -> Result<Self, PretrainedError> {
        if let Some(what) = pretrained.of_images_alone() {
            return Err(PretrainedError::OfImages(what));
        }
        // The weights say what they are of: a name is where they are.
        let source = match (&pretrained.weights, &pretrained.name) {
            (WeightSource::Usual, Some(name)) => WeightSource::from(name.as_str()),
            (source, _) => source.clone(),
        };
        let path = match source {
            WeightSource::File(path) | WeightSource::Run(path) => path,
            WeightSource::Usual => download(None, pretrained.offline, downloads)?,
            WeightSource::Hub(repository) => download(repository.as_deref(), pretrained.offline, downloads)?,
            WeightSource::Embedded | WeightSource::None => return Err(PretrainedError::NoWeights),
        };
        let opened = Self::open(&path)?;
        let head = match pretrained.continued_run() {
            Some(run) => bundle::manifest::<TextModelConfig>(run)?.model.head,
            None => pretrained.head.unwrap_or(opened.head),
        };
        Ok(Self { precision: pretrained.number_format(), head, ..opened })
    }

    /// Reads a folder, given by its path or by that of the weights in it.
    ///
    /// # Errors
    ///
    /// If a file is missing or damaged.
    pub fn open(path: &Path) -> Result<Self, PretrainedError> {
        let folder = if path.is_file() { path.parent().unwrap_or(Path::new(".")) } else { path };
        if let Some(run) = [path, folder].into_iter().find(|run| bundle::is_run(run)) {
            let (manifest, tensors) = bundle::read::<TextModelConfig>(run)?;
            let TextModelConfig { config, tokenizer, .. } = manifest.model;
            let weights = WeightFile::of(run.join("model.safetensors").display().to_string(), tensors);
            return Ok(Self {
                head: config.usual_head(),
                config,
                tokenizer,
                precision: Precision::F32,
                weights,
            });
        }
        let (config, tokenizer) = (folder.join("config.json"), folder.join("tokenizer.json"));
        for (name, file) in [("config.json", &config), ("tokenizer.json", &tokenizer)] {
            if !file.is_file() {
                return Err(PretrainedError::Missing { path: folder.to_owned(), name });
            }
        }
        let invalid = |reason| PretrainedError::Config { path: config.clone(), reason };
        let tokenizer = files::read(&tokenizer)?;
        let parsed = TextConfig::parse(&files::read(&config)?).map_err(invalid)?;
        let weights = WeightFile::open(path)?;
        let (described, held) = (parsed.numbers(), weights.numbers());
        if described > held {
            return Err(PretrainedError::TooFew { path: config, described, held });
        }
        Ok(Self { head: parsed.usual_head(), config: parsed, tokenizer, precision: Precision::F32, weights })
    }

    /// The tokenizer of this network, which cuts texts after `max_tokens`.
    ///
    /// # Errors
    ///
    /// If the tokenizer does not fit the network.
    pub fn tokenizer(&self, max_tokens: usize) -> Result<Tokenizer, PretrainedError> {
        let (vocabulary, positions) = (self.config.vocabulary(), self.config.positions());
        Ok(Tokenizer::parse(&self.tokenizer, vocabulary, positions, max_tokens)?)
    }

    /// Builds the network with a new head, and what has to be kept to build it again; tells which weights were taken.
    ///
    /// # Errors
    ///
    /// If the weights belong to another network; the message lists the first mismatches.
    pub fn build(
        mut self,
        outputs: usize,
        columns: TextColumns,
        max_tokens: usize,
        seed: u64,
        device: &Device,
    ) -> Result<(TextNetwork, TextModelConfig, Fit), PretrainedError> {
        device.seed(Draws::weight_seed(seed));
        let precision = self.config.precision(self.precision);
        let network =
            TextNetwork::new(&self.config, self.head, outputs, true, device).with_precision(precision);
        let body: Vec<Stage> = network.stages().into_iter().filter(|stage| stage.pretrained).collect();
        let aliases = self.config.key_aliases();
        let fit = Fit::find(&self.weights, self.config.name(), &body, aliases)?;
        let tensors = self.weights.take(&fit.names);
        require_sound(&self.weights.name, &tensors)?;
        let network = weights::load(network, &tensors).valid();
        let manifest = TextModelConfig {
            config: self.config,
            head: self.head,
            precision,
            max_tokens,
            columns,
            tokenizer: self.tokenizer,
        };
        Ok((network, manifest, fit))
    }
}
