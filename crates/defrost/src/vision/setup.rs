//! From names to a network: architecture, weights, cut and a new head.

use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::Device;
use thiserror::Error;

use super::bundle::{ImageConfigError, ImageModelConfig};
use super::models::{
    Architecture, HeadKind, Precision, PretrainedConfig, UnknownArchitecture, VisionNetwork, adapt, in_colour,
};
use super::transform::{Preprocess, RGB};
use crate::bundle::{self, BundleError};
use crate::data::Draws;
use crate::pretrained::Pretrained;
use crate::remedy::Remedy;
use crate::stage::{Network, Stage};
use crate::weights::{
    self, DownloadError, Downloads, Fit, HubFiles, MisfitError, UnsoundWeights, WeightFile, WeightFileError,
    WeightSource, require_sound,
};

/// How many tensors classifiers leave over at most.
const OF_HEADS: usize = 16;

/// The description of an image network.
#[derive(Clone, Debug)]
pub struct VisionSetup {
    /// The architecture's name.
    pub architecture: String,
    /// Where its weights come from.
    pub weights: WeightSource,
    /// Whether nothing may be downloaded.
    pub offline: bool,
    /// Channels of the images: 3, red, green and blue, or 1, grey. Weights for colours are adapted as fastai does it.
    pub channels: usize,
    /// Side of the images, in pixels; by default the architecture's usual size.
    pub size: Option<usize>,
    /// The number format between the body's layers.
    pub precision: Precision,
    /// The stage from which on the body is thrown away.
    pub cut: Option<String>,
    /// The new head.
    pub head: HeadKind,
    /// Where new weights are drawn from.
    pub seed: u64,
}

impl Default for VisionSetup {
    fn default() -> Self {
        Self {
            architecture: "efficientnet_lite0".to_owned(),
            weights: WeightSource::Usual,
            offline: false,
            channels: RGB,
            size: None,
            precision: Precision::F32,
            cut: None,
            head: HeadKind::default(),
            seed: 42,
        }
    }
}

/// A network can't be set up.
#[derive(Debug, Error)]
pub enum SetupError {
    /// No such architecture.
    #[error(transparent)]
    Architecture(#[from] UnknownArchitecture),
    /// There is no such network.
    #[error(transparent)]
    Config(#[from] ImageConfigError),
    /// The weights can't be read.
    #[error(transparent)]
    Weights(#[from] WeightFileError),
    /// The weights are another network's.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
    /// No network can compute with the weights.
    #[error(transparent)]
    Unsound(#[from] UnsoundWeights),
    /// The weights can't be downloaded from the hub.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The run can't be read.
    #[error(transparent)]
    Run(#[from] BundleError),
    /// The run is of another architecture.
    #[error("{}: a run of {found}, not of {architecture}", run.display())]
    OtherRun {
        /// The run's folder.
        run: PathBuf,
        /// Its architecture.
        found: String,
        /// The architecture asked for.
        architecture: String,
    },
    /// No weights are part of the binary.
    #[error("{architecture} has no embedded weights")]
    NotEmbedded {
        /// The architecture.
        architecture: String,
    },
}

impl SetupError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Architecture(error) => error.remedy(),
            Self::Config(error) => error.remedy(),
            Self::Misfit(misfit) => misfit.remedy(),
            Self::OtherRun { found, .. } => Some(Remedy::ChooseArchitectureOfRun(found.clone())),
            Self::NotEmbedded { .. } => Some(Remedy::GiveWeights),
            _ => None,
        }
    }
}

/// A network about to be built: its weights are opened, and what they expect of images is known.
#[derive(Debug)]
pub struct VisionStart<'a> {
    setup: &'a VisionSetup,
    architecture: &'static Architecture,
    manifest: ImageModelConfig,
    weights: Option<WeightFile>,
}

impl VisionSetup {
    /// A network of this description, whose new weights are drawn from `seed`. Where it only names a run, the
    /// architecture is that of the run.
    ///
    /// # Errors
    ///
    /// If the run can't be read.
    pub fn of(pretrained: &Pretrained, seed: u64) -> Result<Self, SetupError> {
        let earlier = match &pretrained.weights {
            WeightSource::Run(run) => Some(bundle::manifest::<ImageModelConfig>(run)?.model),
            _ => None,
        };
        let Pretrained { name, weights, size, channels, cut, head, offline, .. } = pretrained.clone();
        let named = name.or_else(|| Some(earlier.as_ref()?.architecture.clone()));
        let network = Self {
            architecture: named.unwrap_or_else(|| Self::default().architecture),
            weights,
            offline,
            channels: channels.unwrap_or(RGB),
            size,
            precision: pretrained.number_format(),
            cut,
            head: head.unwrap_or_default(),
            seed,
        };
        Ok(match earlier.filter(|_| pretrained.continued) {
            Some(ImageModelConfig { preprocess, cut, head, .. }) => Self {
                size: size.or(Some(preprocess.size)),
                channels: channels.unwrap_or(preprocess.channels),
                cut,
                head,
                ..network
            },
            None => network,
        })
    }

    /// Opens the weights, before anything is built. Those on the hub are downloaded, if they are not in its cache.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or the weights can't be downloaded or read.
    pub fn open(&self) -> Result<VisionStart<'_>, SetupError> {
        self.open_watched(&mut ())
    }

    /// The same while `downloads` watches what is downloaded.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_watched(&self, downloads: &mut dyn Downloads) -> Result<VisionStart<'_>, SetupError> {
        let architecture = Architecture::named(&self.architecture)?;
        let mut usual = architecture.config.clone();
        let weights = match &self.weights {
            WeightSource::None => None,
            WeightSource::File(path) => Some(WeightFile::open(path)?),
            WeightSource::Run(folder) => {
                let (manifest, tensors) = bundle::read::<ImageModelConfig>(folder)?;
                usual = self.same_architecture(folder, manifest.model)?.config;
                Some(WeightFile::of(folder.display().to_string(), tensors))
            }
            WeightSource::Embedded => {
                let missing = || SetupError::NotEmbedded { architecture: self.architecture.clone() };
                Some(architecture.embedded_weights().ok_or_else(missing)?)
            }
            WeightSource::Hub(repository) => Some(self.download(repository.as_deref(), downloads)?),
            WeightSource::Usual => Some(match architecture.embedded_weights() {
                Some(embedded) => embedded,
                None => self.download(None, downloads)?,
            }),
        };
        let config = match &weights {
            Some(weights) => architecture.config_of(&usual, weights),
            None => usual,
        };
        let manifest = self.manifest(config, weights.is_some())?;
        Ok(VisionStart { setup: self, architecture, manifest, weights })
    }

    /// Opens weights on the hub: those of this repository, or the usual ones.
    fn download(
        &self,
        repository: Option<&str>,
        downloads: &mut dyn Downloads,
    ) -> Result<WeightFile, SetupError> {
        let usual = Architecture::named(&self.architecture)?.hub;
        let wanted = HubFiles { network: &self.architecture, usual, files: &[], optional: &["config.json"] };
        Ok(WeightFile::open(&wanted.folder(repository, self.offline, downloads)?)?)
    }

    /// Whether the weights come from a given file or a run.
    pub fn reads_file(&self) -> bool {
        matches!(self.weights, WeightSource::File(_) | WeightSource::Run(_))
    }

    /// The weights of a run, if it has the requested architecture.
    fn same_architecture(&self, run: &Path, model: ImageModelConfig) -> Result<ImageModelConfig, SetupError> {
        if model.architecture == self.architecture {
            return Ok(model);
        }
        let (found, architecture) = (model.architecture, self.architecture.clone());
        Err(SetupError::OtherRun { run: run.to_owned(), found, architecture })
    }

    fn manifest(&self, config: PretrainedConfig, pretrained: bool) -> Result<ImageModelConfig, SetupError> {
        let architecture = Architecture::named(&self.architecture)?;
        let size = self.size.unwrap_or(architecture.sizes.usual);
        let config = PretrainedConfig { channels: self.channels, ..config };
        let preprocess = preprocess(&config, size);
        preprocess.check().map_err(ImageConfigError::from)?;
        architecture.check_size(size).map_err(ImageConfigError::from)?;
        Ok(ImageModelConfig {
            architecture: self.architecture.clone(),
            preprocess,
            config,
            precision: self.precision,
            cut: self.cut.clone(),
            head: self.head,
            pretrained,
        })
    }

    /// The description that follows from the architecture's usual weights and these options; no weights are read.
    ///
    /// # Errors
    ///
    /// If there is no such architecture.
    pub fn outline(&self) -> Result<ImageModelConfig, SetupError> {
        let config = Architecture::named(&self.architecture)?.config.clone();
        self.manifest(config, self.weights != WeightSource::None)
    }
}

impl VisionStart<'_> {
    /// How images reach the network.
    pub fn preprocess(&self) -> &Preprocess {
        &self.manifest.preprocess
    }

    /// Builds the network with a new head for these classes, and what has to be kept to build it again. Where there are
    /// weights, tells which were taken.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or the weights belong to another network; the message lists the first mismatches.
    pub fn build(
        self,
        classes: usize,
        device: &Device,
    ) -> Result<(VisionNetwork, ImageModelConfig, Option<Fit>), SetupError> {
        let Self { setup, architecture, manifest, weights } = self;
        device.seed(Draws::weight_seed(setup.seed));
        let mut network = manifest.build(classes, device)?;
        let mut fit = None;
        if let Some(mut weights) = weights {
            let found = fit_of(&weights, architecture, &network);
            let found = found.map_err(|misfit| MisfitError { likely: likely(&weights, device), ..misfit })?;
            if setup.cut.is_none() && found.left_over.len() > OF_HEADS {
                // resnet18 is a part of resnet34.
                found.check_likely(likely(&weights, device))?;
            }
            let mut tensors = weights.take(&found.names);
            require_sound(&weights.name, &tensors)?;
            adapt(&mut tensors, &network.stages());
            network = weights::load(network, &tensors);
            fit = Some(found);
        }
        // New weights are drawn now: draws of other networks must not come in between.
        Ok((network.valid(), manifest, fit))
    }
}

/// Which of these weights the body of a network takes.
fn fit_of(
    weights: &WeightFile,
    architecture: &Architecture,
    network: &VisionNetwork,
) -> Result<Fit, MisfitError> {
    let body: Vec<Stage> = network.stages().into_iter().filter(|stage| stage.pretrained).collect();
    let find = |body: &[Stage]| Fit::find(weights, architecture.name, body, architecture.key_aliases);
    match in_colour(&body) {
        // Weights are for colours, or else those of a network that has been adapted before.
        Some(colour) => find(&colour).or_else(|misfit| find(&body).map_err(|_| misfit)),
        None => find(&body),
    }
}

/// The architecture these weights are of, if it is one of those known: the one that leaves least over.
fn likely(weights: &WeightFile, device: &Device) -> Option<String> {
    let fit = |architecture: &'static Architecture| {
        let setup = VisionSetup { architecture: architecture.name.to_owned(), ..VisionSetup::default() };
        let network = setup.outline().ok()?.build(2, device).ok()?;
        Some((fit_of(weights, architecture, &network).ok()?.left_over.len(), architecture.name))
    };
    let (_, name) = Architecture::all().filter_map(fit).min()?;
    Some(name.to_owned())
}

/// How images reach a network of this config: a square of the whole shorter side.
fn preprocess(config: &PretrainedConfig, size: usize) -> Preprocess {
    let &PretrainedConfig { mean, std, filter, channels, .. } = config;
    Preprocess { mean, std, filter, channels, ..Preprocess::imagenet(size) }
}
