//! From names to a network: architecture, weights, cut and a new head.

use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::Device;
use thiserror::Error;

use super::bundle::VisionManifest;
use super::models::{
    Architecture, Convention, CutError, HeadKind, Precision, SizeError, UnknownArchitecture, VisionNetwork,
};
use super::transform::{Preprocess, PreprocessError};
use crate::data::Draws;
use crate::stage::{Network, Stage};
use crate::weights::safetensors::{self, SafetensorsError};
use crate::weights::{self, MisfitError, Tensors, Weights};

/// Where pretrained weights come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WeightSource {
    /// The binary.
    Embedded,
    /// A safetensors file.
    File(PathBuf),
    /// Nowhere: new weights.
    None,
}

/// What a picture network is made of.
#[derive(Clone, Debug)]
pub struct VisionSetup {
    /// The architecture's name.
    pub architecture: String,
    /// Where its weights come from; if nothing is said, the binary.
    pub weights: Option<WeightSource>,
    /// Side of the pictures, in pixels; if nothing is said, what is usual for the architecture.
    pub size: Option<usize>,
    /// The number format between the body's layers.
    pub precision: Precision,
    /// The stage from which on the body is thrown away.
    pub cut: Option<String>,
    /// What is put on the body.
    pub head: HeadKind,
    /// Where new weights are drawn from.
    pub seed: u64,
}

impl Default for VisionSetup {
    fn default() -> Self {
        Self {
            architecture: "efficientnet_lite0".to_owned(),
            weights: None,
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
    /// No such stage to cut at.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// The architecture can't look at pictures of this size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// The picture size can't be.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    /// The weights can't be read.
    #[error(transparent)]
    Weights(#[from] SafetensorsError),
    /// The weights are another network's.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
    /// No weights are part of the binary.
    #[error(
        "{architecture} has no embedded weights; give --weights FILE.safetensors, or --weights none to start from random ones"
    )]
    NotEmbedded {
        /// The architecture.
        architecture: String,
    },
}

/// What a network starts from.
struct Source {
    architecture: &'static Architecture,
    /// What the weights expect.
    convention: Convention,
    /// Where they are from, and the weights.
    weights: Option<(String, Weights)>,
}

impl VisionSetup {
    /// Reads the weights, before anything is built.
    fn source(&self) -> Result<Source, SetupError> {
        let architecture = Architecture::named(&self.architecture)?;
        let weights = match &self.weights {
            Some(WeightSource::None) => {
                return Ok(Source {
                    architecture,
                    convention: architecture.convention.clone(),
                    weights: None,
                });
            }
            Some(WeightSource::File(path)) => (path.display().to_string(), safetensors::read(path)?),
            Some(WeightSource::Embedded) | None => {
                let missing = || SetupError::NotEmbedded { architecture: self.architecture.clone() };
                ("embedded".to_owned(), weights::embedded(&self.architecture).ok_or_else(missing)?)
            }
        };
        let convention = architecture.convention.amended(&weights.1.metadata);
        Ok(Source { architecture, convention, weights: Some(weights) })
    }

    fn manifest(&self, convention: Convention, pretrained: bool) -> Result<VisionManifest, SetupError> {
        let architecture = Architecture::named(&self.architecture)?;
        let size = self.size.unwrap_or(architecture.sizes.usual);
        let preprocess = preprocess(&convention, size);
        preprocess.check()?;
        architecture.check_size(size)?;
        Ok(VisionManifest {
            architecture: self.architecture.clone(),
            preprocess,
            convention,
            precision: self.precision,
            cut: self.cut.clone(),
            head: self.head,
            pretrained,
        })
    }

    /// What the architecture's usual weights make of these options; no weights are read.
    ///
    /// # Errors
    ///
    /// If there is no such architecture.
    pub fn outline(&self) -> Result<VisionManifest, SetupError> {
        let convention = Architecture::named(&self.architecture)?.convention.clone();
        self.manifest(convention, self.weights != Some(WeightSource::None))
    }

    /// How pictures reach the network, told before it is built.
    ///
    /// # Errors
    ///
    /// If there is no such architecture, or its weights can't be read.
    pub fn preprocess(&self) -> Result<Preprocess, SetupError> {
        let Source { convention, weights, .. } = self.source()?;
        Ok(self.manifest(convention, weights.is_some())?.preprocess)
    }

    /// Builds the network with a new head for these classes, and what has to be kept to build it again.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or the weights can't be read or belong to another network; the message lists
    /// the first mismatches.
    pub fn build(
        &self,
        classes: usize,
        device: &Device,
    ) -> Result<(VisionNetwork, VisionManifest), SetupError> {
        let Source { architecture, convention, weights } = self.source()?;
        let manifest = self.manifest(convention, weights.is_some())?;
        device.seed(Draws::weight_seed(self.seed));
        let mut network = manifest.build(classes, device)?;
        if let Some((file, Weights { tensors, .. })) = weights {
            let tensors = for_body(tensors, architecture.classifier);
            let body: Vec<Stage> = network.stages().into_iter().filter(|stage| stage.pretrained).collect();
            weights::check_fit(&file, &self.architecture, &body, &tensors)?;
            network = weights::load(network, &tensors);
        }
        // What is new is drawn now: draws of other networks must not come in between.
        Ok((network.valid(), manifest))
    }
}

impl VisionManifest {
    /// The network described, with new weights.
    pub(super) fn build(&self, classes: usize, device: &Device) -> Result<VisionNetwork, SetupError> {
        let architecture = Architecture::named(&self.architecture)?;
        architecture.check_size(self.preprocess.size)?;
        let mut body = architecture.body(&self.convention, device);
        if let Some(stage) = &self.cut {
            body = body.cut(stage)?;
        }
        let head = self.head.init(body.channels(), classes, device);
        let starts = architecture.group_starts;
        let network = VisionNetwork::new(body, head, self.precision, starts, self.pretrained);
        Ok(network.with_convention(&self.convention))
    }
}

/// How pictures reach a network of this convention: a square of the whole shorter side.
fn preprocess(convention: &Convention, size: usize) -> Preprocess {
    let &Convention { mean, std, filter, .. } = convention;
    Preprocess { mean, std, filter, ..Preprocess::imagenet(size) }
}

/// A checkpoint's tensors under the names they have in a network: the body's get their prefix, unless an
/// earlier run wrote the file. A classifier and another head are left out.
fn for_body(tensors: Tensors, classifier: &str) -> Tensors {
    let prefixed = tensors.keys().any(|name| name.starts_with("body."));
    let of_classifier = format!("{classifier}.");
    let body = tensors.into_iter().filter(|(name, _)| match prefixed {
        true => name.starts_with("body."),
        false => !name.starts_with(&of_classifier),
    });
    body.map(|(name, data)| if prefixed { (name, data) } else { (format!("body.{name}"), data) }).collect()
}
