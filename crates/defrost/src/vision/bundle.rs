//! A trained picture network, saved and loaded.

use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::augment::Draw;
use super::dataset::batch;
use super::models::{Convention, Precision, VisionNetwork};
use super::picture::Picture;
use super::transform::Preprocess;
use crate::bundle::{self, BundleError, Manifest};
use crate::data::Dataset;
use crate::learner::{Evaluation, Learner, LearnerError, Prediction, evaluate, split};
use crate::stage::Network;
use crate::summary::PlanSummary;
use crate::weights::{check_fit, collect, load};

/// The name of this domain in bundles.
const TASK: &str = "vision";

/// What is needed to build and feed a picture network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VisionManifest {
    /// The architecture's name.
    pub architecture: String,
    /// What its weights expect.
    pub convention: Convention,
    /// How pictures are prepared.
    pub preprocess: Preprocess,
    /// The number format between the body's layers.
    pub precision: Precision,
    /// The stage from which on the body was thrown away.
    pub cut: Option<String>,
    /// What the head drops while it trains.
    pub dropout: f64,
    /// Whether the body came with weights.
    pub pretrained: bool,
}

impl Learner<VisionNetwork> {
    /// Writes the network and what is needed to use it into a folder, which must exist.
    ///
    /// # Errors
    ///
    /// If a file can't be written.
    pub fn save(
        &self,
        folder: &Path,
        model: &VisionManifest,
        classes: &[String],
        plan: PlanSummary,
    ) -> Result<(), BundleError> {
        let manifest = Manifest {
            format: 0,
            task: TASK.to_owned(),
            classes: classes.to_vec(),
            loss: self.options().loss.clone(),
            model: model.clone(),
            plan,
            epochs: self.history().records().to_vec(),
            weights_sha256: String::new(),
        };
        bundle::write(folder, manifest, &collect(&self.network().valid()))
    }
}

/// A saved picture network, ready to use.
#[derive(Debug)]
pub struct LoadedVision {
    /// What the bundle says.
    pub manifest: Manifest<VisionManifest>,
    network: VisionNetwork,
    device: Device,
}

impl LoadedVision {
    /// Loads a run's folder.
    ///
    /// # Errors
    ///
    /// If it holds no bundle, or one that is damaged.
    pub fn open(folder: &Path, device: &Device) -> Result<Self, BundleError> {
        let (manifest, tensors) = bundle::read::<VisionManifest>(folder)?;
        let invalid = |reason: String| BundleError::Manifest { path: folder.join("bundle.json"), reason };
        if manifest.task != TASK {
            return Err(invalid(format!("it is a {} model, not a {TASK} one", manifest.task)));
        }
        manifest.model.preprocess.check().map_err(|error| invalid(error.to_string()))?;
        let network = manifest
            .model
            .network(manifest.classes.len(), device)
            .map_err(|error| invalid(error.to_string()))?;
        let file = folder.join("model.safetensors").display().to_string();
        check_fit(&file, &manifest.model.architecture, &network.stages(), &tensors)?;
        let network = load(network, &tensors).valid();
        Ok(Self { manifest, network, device: device.clone() })
    }

    /// Classes and probabilities for one picture.
    pub fn predict(&self, picture: &Picture) -> Prediction {
        let preprocess = &self.manifest.model.preprocess;
        let mut values = vec![0.0; preprocess.values()];
        preprocess.apply(picture, &Draw::default(), &mut values);
        let input = batch(values, 1, preprocess.size, &self.device);
        let scores = self.network.forward(input.into(), 0..self.network.stages().len()).single::<2>();
        split(self.manifest.loss.activate(scores)).remove(0)
    }

    /// Loss and measures on labelled pictures.
    ///
    /// # Errors
    ///
    /// If a picture can't be read.
    pub fn evaluate(&self, pictures: &dyn Dataset, batch_size: usize) -> Result<Evaluation, LearnerError> {
        evaluate(&self.network, pictures, &self.manifest.loss, batch_size, &self.device)
    }
}
