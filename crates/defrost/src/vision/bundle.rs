//! What is kept of a trained picture network.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::augment::Draw;
use super::dataset::batch;
use super::models::{Convention, Precision, VisionNetwork};
use super::picture::Picture;
use super::setup::SetupError;
use super::transform::Preprocess;
use crate::bundle::{Loaded, Model};
use crate::learner::Prediction;

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

impl Model for VisionManifest {
    const TASK: &'static str = "vision";
    type Network = VisionNetwork;
    type Error = SetupError;

    fn name(&self) -> &str {
        &self.architecture
    }

    fn network(&self, outputs: usize, device: &Device) -> Result<VisionNetwork, SetupError> {
        self.preprocess.check()?;
        self.build(outputs, device)
    }
}

/// A saved picture network, ready to use.
pub type LoadedVision = Loaded<VisionManifest>;

impl LoadedVision {
    /// Classes and probabilities for one picture.
    pub fn predict(&self, picture: &Picture) -> Prediction {
        let preprocess = &self.manifest.model.preprocess;
        let mut values = vec![0.0; preprocess.values()];
        preprocess.apply(picture, &Draw::default(), &mut values);
        self.predict_batch(batch(values, 1, preprocess.size, self.device()).into()).remove(0)
    }
}
