//! A finished run that answers: the playground's own, or one that was made elsewhere.

use std::path::Path;

use burn::tensor::Device;
use defrost::bundle::{self, ModelConfig};
use defrost::export::ExportOptions;
use defrost::interpret::HeatMap;
use defrost::learner::TestTimeAugmentation;
use defrost::report;
use defrost::vision::image::Image;
use defrost::vision::{Explained, ImageModelConfig, LoadedVision};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::words::{OrThrow, Thrown, json};

/// A trained network.
#[wasm_bindgen]
pub struct Model {
    run: Box<LoadedVision>,
}

#[derive(Serialize)]
struct About<'a> {
    classes: &'a [String],
    architecture: &'a str,
    size: usize,
    accuracy: Option<f64>,
}

#[derive(Serialize)]
struct Answer<'a> {
    /// Names and probabilities, most probable first.
    classes: Vec<(&'a str, f32)>,
    /// Each probability in the order of the network's classes.
    probabilities: &'a [f32],
    /// How much it is like the training pictures, `0..=1`.
    familiarity: Option<f32>,
    notes: &'a [String],
}

/// What was answered, and where in the picture that shows.
#[wasm_bindgen]
pub struct Seen {
    answer: String,
    heat: Vec<u8>,
    fraction: f32,
}

#[wasm_bindgen]
impl Seen {
    /// The answer, as JSON.
    #[wasm_bindgen(getter)]
    pub fn answer(&self) -> String {
        self.answer.clone()
    }

    /// A transparent PNG to lay over the square in the picture's middle; empty if there is none.
    #[wasm_bindgen(getter)]
    pub fn heat(&self) -> Vec<u8> {
        self.heat.clone()
    }

    /// Side of that square, as a fraction of the picture's shorter side.
    #[wasm_bindgen(getter)]
    pub fn fraction(&self) -> f32 {
        self.fraction
    }
}

#[wasm_bindgen]
impl Model {
    /// Opens a run: a folder, or the file it was packed into.
    pub fn open(run: &str) -> Thrown<Self> {
        let run = LoadedVision::open(Path::new(run), &Device::flex()).or_throw()?;
        Ok(Self { run: Box::new(run) })
    }

    /// Its classes, network and accuracy, as JSON.
    pub fn about(&self) -> Thrown<String> {
        let manifest = &self.run.manifest;
        json(&About {
            classes: &manifest.classes,
            architecture: &manifest.model.architecture,
            size: manifest.model.preprocess.size,
            accuracy: manifest.epochs.last().and_then(|epoch| epoch.metrics.get("accuracy").copied()),
        })
    }

    /// The answer for the picture in these bytes of a file.
    pub fn predict(&self, bytes: &[u8]) -> Thrown<String> {
        let image = Image::decode(bytes).or_throw()?;
        let answer = self.run.predict(&image, TestTimeAugmentation::NONE).or_throw()?;
        self.told(answer)
    }

    /// The same, and where the network looked.
    pub fn explain(&self, bytes: &[u8]) -> Thrown<Seen> {
        let image = Image::decode(bytes).or_throw()?;
        let plain = TestTimeAugmentation::NONE;
        match self.run.explain(&image, plain).or_throw()? {
            Some(Explained { prediction, heat, fraction, .. }) => {
                let heat = drawn(&heat);
                Ok(Seen { answer: self.told(prediction)?, heat, fraction })
            }
            None => {
                let answer = self.told(self.run.predict(&image, plain).or_throw()?)?;
                Ok(Seen { answer, heat: vec![], fraction: 1.0 })
            }
        }
    }

    /// Writes the network as an ONNX file, which takes pictures of any size and gives probabilities.
    #[wasm_bindgen(js_name = writeOnnx)]
    pub fn write_onnx(&self, file: &str) -> Thrown<()> {
        self.run.export(Path::new(file), &ExportOptions::default()).or_throw()?;
        Ok(())
    }

    fn told(&self, answer: defrost::metrics::Answer) -> Thrown<String> {
        let named = self.run.named(answer);
        json(&Answer {
            classes: named.top(usize::MAX),
            probabilities: &named.scores.0,
            familiarity: named.familiarity,
            notes: &named.notes,
        })
    }
}

fn drawn(heat: &HeatMap) -> Vec<u8> {
    ImageModelConfig::draw_heat(heat).unwrap_or_default()
}

/// Packs the folder of a run into one file.
#[wasm_bindgen]
pub fn pack(run: &str, file: &str) -> Thrown<()> {
    bundle::pack(Path::new(run), Path::new(file)).or_throw()
}

/// The sections of a run's report, as HTML.
#[wasm_bindgen]
pub fn sections(run: &str) -> Thrown<String> {
    Ok(report::read(Path::new(run)).or_throw()?.sections())
}
