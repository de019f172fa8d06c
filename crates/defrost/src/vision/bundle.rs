//! What is kept of a trained picture network.

use std::convert::Infallible;

use burn::tensor::Device;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::augment::{AugmentPolicy, Draw};
use super::dataset::batch;
use super::grad_cam::grad_cam;
use super::models::{Architecture, Convention, HeadKind, Precision, VisionNetwork};
use super::picture::Picture;
use super::setup::SetupError;
use super::transform::Preprocess;
use crate::activation::Activation;
use crate::bundle::{BATCH, Loaded, Model, in_batches};
use crate::data::View;
use crate::interpret::HeatMap;
use crate::learner::{Looks, Prediction, split};
use crate::recipe::FineTune;

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
    /// What was put on the body.
    pub head: HeadKind,
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

    /// No body gives fewer features than its first convolution's 16, wherever it is cut.
    fn least_numbers(&self, outputs: usize) -> u64 {
        16 * outputs as u64
    }

    /// There is only one picture.
    fn sample(&self) -> Vec<String> {
        vec![]
    }

    fn prepare(&self, _item: &[String], device: &Device) -> Result<Activation, String> {
        let mut values = vec![0.0; self.preprocess.values()];
        self.preprocess.apply(&test_picture(), &Draw::default(), &mut values);
        Ok(batch(values, 1, &self.preprocess, device).into())
    }

    fn recipe(&self, epochs: usize) -> FineTune {
        FineTune::brisk(epochs)
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn cut_stages(&self) -> Vec<String> {
        let Some(cut) = &self.cut else { return vec![] };
        let Ok(architecture) = Architecture::named(&self.architecture) else { return vec![] };
        let stages = architecture.body(&self.convention, &Device::flex()).stages();
        let from = stages.iter().position(|stage| stage.is_called(cut)).unwrap_or(stages.len());
        stages.into_iter().skip(from).map(|stage| stage.name).collect()
    }

    fn heat(&self, network: &VisionNetwork, input: Activation, outputs: &[usize]) -> Vec<HeatMap> {
        grad_cam(network, input, outputs)
    }
}

/// A picture with ramps and edges, wider than high: whatever crops, scales or normalises it otherwise makes another one of it.
/// Bundles rely on its pixels, and they are no decoder's.
fn test_picture() -> Picture {
    let (width, height) = (96, 72);
    let pixel = |index: usize| {
        let (x, y) = (index % width, index / width);
        [x * 255 / (width - 1), y * 255 / (height - 1), 255 * ((x / 8 + y / 8) % 2)].map(|value| value as u8)
    };
    let pixels = (0..width * height).flat_map(pixel).collect();
    Picture::from_rgb(width, height, pixels).expect("there are three values a pixel")
}

/// What a network makes of a picture, and which of its places speak for that.
#[derive(Clone, Debug)]
pub struct Explained {
    /// What it makes of it.
    pub prediction: Prediction,
    /// The output that is explained: the highest.
    pub output: usize,
    /// The places of the square that the network sees, in the picture's middle.
    pub heat: HeatMap,
    /// Side of that square, as a share of the picture's shorter side.
    pub share: f32,
}

/// A saved picture network, ready to use.
pub type LoadedVision = Loaded<VisionManifest>;

impl LoadedVision {
    /// Classes and probabilities for one picture, varied as training does by default where there are more
    /// looks than one.
    pub fn predict(&self, picture: &Picture, looks: Looks) -> Prediction {
        self.predict_prepared(&[&self.prepared(picture, looks)], looks).remove(0)
    }

    /// The same for each input that `read` makes a picture of; why not for the others. Pictures are read and prepared on all
    /// threads, no more than one a thread in memory at a time.
    pub fn predict_all<T: Sync, E: Send>(
        &self,
        inputs: &[T],
        looks: Looks,
        read: impl Fn(&T) -> Result<Picture, E> + Sync,
    ) -> Vec<Result<Prediction, E>> {
        let prepare = |input: &T| read(input).map(|picture| self.prepared(&picture, looks));
        let batch = |inputs: &[T]| {
            let pictures = inputs.par_iter().map(prepare).collect();
            in_batches(pictures, |_| 0, |pictures| self.predict_prepared(pictures, looks))
        };
        inputs.chunks(BATCH).flat_map(batch).collect()
    }

    /// What [`predict`](Self::predict) says of a picture, and where the plain look shows it; nothing if this network tells
    /// no places apart, or not in pictures of this size.
    pub fn explain(&self, picture: &Picture, looks: Looks) -> Option<Explained> {
        let prediction = self.predict(picture, looks);
        let output = prediction.class();
        let preprocess = &self.manifest.model.preprocess;
        let values = self.prepared(picture, Looks::PLAIN).remove(0);
        let input = batch(values, 1, preprocess, self.device());
        let heat = self.heat(input.into(), &[output]).pop()?;
        let share = preprocess.size as f32 / preprocess.resize_to as f32;
        Some(Explained { prediction, output, heat, share })
    }

    /// A picture as the network sees it in each of these looks.
    fn prepared(&self, picture: &Picture, looks: Looks) -> Vec<Vec<f32>> {
        let preprocess = &self.manifest.model.preprocess;
        let prepare = |view| {
            let draw = match view {
                View::Plain => Draw::default(),
                View::Augmented(draws) => AugmentPolicy::default().draw(&mut draws.for_item(0)),
            };
            let mut values = vec![0.0; preprocess.values()];
            preprocess.apply(picture, &draw, &mut values);
            values
        };
        looks.views().map(prepare).collect()
    }

    fn predict_prepared(&self, pictures: &[&Vec<Vec<f32>>], looks: Looks) -> Vec<Prediction> {
        let (preprocess, loss) = (&self.manifest.model.preprocess, &self.manifest.loss);
        let mut look = 0;
        let scores = looks.scores(loss, |_| {
            let values = pictures.iter().flat_map(|picture| &picture[look]).copied().collect();
            look += 1;
            Ok::<_, Infallible>(self.scores(batch(values, pictures.len(), preprocess, self.device()).into()))
        });
        let Ok(scores) = scores;
        split(loss.activate(scores))
    }
}
