//! A saved image network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::augment::{AugmentPolicy, Draw};
use super::dataset::{Images, batch};
use super::export::{IMAGE, TENSOR};
use super::grad_cam::grad_cam;
use super::heat_png::heat_png;
use super::image::Image;
use super::image_data::{ImageDataError, Known};
use super::labels::Labelling;
use super::models::{
    Architecture, CutError, HeadKind, Precision, PretrainedConfig, SizeError, UnknownArchitecture,
    VisionNetwork,
};
use super::thumbnail::thumbnail;
use super::transform::{Preprocess, PreprocessError, RGB};
use crate::batch::{Batch, Value as BatchValue};
use crate::bundle::{
    BATCH, BundleManifest, ExportItem, InputForm, Loaded, ModelConfig, TorchModel, in_batches,
};
use crate::data::{Preview, Skipped, Variant};
use crate::graph::{Array, Graph, NoGraph, Numbers, Value};
use crate::interpret::HeatMap;
use crate::learner::TestTimeAugmentation;
use crate::metrics::{Answer, NotANumber};
use crate::recipe::FineTune;
use crate::remedy::Remedy;

/// The description from which an image network is built and fed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImageModelConfig {
    /// The architecture's name.
    pub architecture: String,
    /// The configuration that its weights expect.
    #[serde(alias = "convention")]
    pub config: PretrainedConfig,
    /// How images are prepared.
    pub preprocess: Preprocess,
    /// The number format between the body's layers.
    pub precision: Precision,
    /// The stage from which on the body was thrown away.
    pub cut: Option<String>,
    /// The new head.
    pub head: HeadKind,
    /// Whether the body came with weights.
    pub pretrained: bool,
}

/// A description is of no image network.
#[derive(Debug, Error)]
pub enum ImageConfigError {
    /// No such architecture.
    #[error(transparent)]
    Architecture(#[from] UnknownArchitecture),
    /// No such stage to cut at.
    #[error(transparent)]
    Cut(#[from] CutError),
    /// The architecture can't look at images of this size.
    #[error(transparent)]
    Size(#[from] SizeError),
    /// Images can't be prepared so.
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
}

impl ImageConfigError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Architecture(error) => error.remedy(),
            Self::Cut(error) => error.remedy(),
            Self::Size(_) | Self::Preprocess(_) => None,
        }
    }
}

impl ImageModelConfig {
    /// The network described, with new weights.
    pub(super) fn build(&self, classes: usize, device: &Device) -> Result<VisionNetwork, ImageConfigError> {
        let architecture = Architecture::named(&self.architecture)?;
        architecture.check_size(self.preprocess.size)?;
        // A bundle may say anything; the images come as these.
        let config = PretrainedConfig { channels: self.preprocess.channels, ..self.config.clone() };
        let mut body = architecture.body(&config, device);
        if let Some(stage) = &self.cut {
            body = body.cut(stage)?;
        }
        let head = self.head.init(body.channels(), classes, device);
        let starts = architecture.group_starts;
        let network = VisionNetwork::new(body, head, self.precision, starts, self.pretrained);
        Ok(network.with_pretrained_config(&config))
    }
}

impl ModelConfig for ImageModelConfig {
    const TASK: &'static str = "vision";
    type Network = VisionNetwork;
    type Error = ImageConfigError;

    fn name(&self) -> &str {
        &self.architecture
    }

    fn network(&self, outputs: usize, device: &Device) -> Result<VisionNetwork, ImageConfigError> {
        self.preprocess.check()?;
        self.build(outputs, device)
    }

    /// No body gives fewer features than its first convolution's 16, wherever it is cut.
    fn least_numbers(&self, outputs: usize) -> u64 {
        16 * outputs as u64
    }

    /// There is only one image.
    fn sample(&self) -> Vec<String> {
        vec![]
    }

    fn prepare(&self, _item: &[String], device: &Device) -> Result<Batch, String> {
        let mut values = vec![0.0; self.preprocess.values()];
        let [width, height] = TEST_SHAPES[0];
        self.preprocess.apply(&test_image(width, height), &Draw::default(), &mut values);
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
        let stages = architecture.body(&self.config, &Device::flex()).stages();
        let from = stages.iter().position(|stage| stage.is_called(cut)).unwrap_or(stages.len());
        stages.into_iter().skip(from).map(|stage| stage.name).collect()
    }

    fn heat(&self, network: &VisionNetwork, input: Batch, outputs: &[usize]) -> Vec<HeatMap> {
        grad_cam(network, input, outputs)
    }

    fn preview_inputs(&self, inputs: &Batch) -> Vec<Preview> {
        let [BatchValue::Rank4(images)] = inputs.values() else { return vec![] };
        let values: Vec<f32> = images.to_data().iter::<f32>().collect();
        let of_image = values.chunks(self.preprocess.values());
        of_image.filter_map(|values| thumbnail(&self.preprocess.denormalise(values))).collect()
    }

    fn draw_heat(map: &HeatMap) -> Option<Vec<u8>> {
        heat_png(map)
    }

    fn export_input(&self, graph: &mut Graph, form: InputForm) -> Result<Vec<Value>, NoGraph> {
        Ok(vec![match form {
            InputForm::Raw => self.preprocess.export(graph),
            InputForm::Prepared => self.preprocess.export_prepared(graph),
        }])
    }

    /// Test images of several shapes.
    fn export_items(&self, form: InputForm, device: &Device) -> Result<Vec<ExportItem>, String> {
        let item = |&[width, height]: &[usize; 2]| {
            let image = test_image(width, height);
            let mut values = vec![0.0; self.preprocess.values()];
            self.preprocess.apply(&image, &Draw::default(), &mut values);
            let batch: Batch = batch(values, 1, &self.preprocess, device).into();
            let inputs = match form {
                InputForm::Raw => {
                    let numbers = Numbers::U8(image.pixels().to_vec());
                    let shape = vec![1, height, width, RGB];
                    BTreeMap::from([(IMAGE.to_owned(), Array { shape, numbers })])
                }
                InputForm::Prepared => self.export_batch(batch.clone()),
            };
            ExportItem { inputs, batch }
        };
        let shapes = if form == InputForm::Raw { &TEST_SHAPES[..] } else { &TEST_SHAPES[..1] };
        Ok(shapes.iter().map(item).collect())
    }

    fn batch_form(&self) -> Option<InputForm> {
        Some(InputForm::Prepared)
    }

    fn export_batch(&self, batch: Batch) -> BTreeMap<String, Array> {
        let images = batch.single::<4>().permute([0, 3, 1, 2]);
        BTreeMap::from([(TENSOR.to_owned(), Array::from(images.into_data()))])
    }

    fn in_f32(&self) -> Self {
        Self { precision: Precision::F32, ..self.clone() }
    }

    /// torchvision's or timm's, whichever gave the tensors their names.
    fn torch_model(&self) -> Result<TorchModel, String> {
        let architecture = Architecture::named(&self.architecture).map_err(|error| error.to_string())?;
        let (library, weights) = architecture.weights.split_once(' ').unwrap_or((architecture.names, ""));
        let classifier = architecture.classifier.filter(|_| ["torchvision", "timm"].contains(&library));
        let Some(classifier) = classifier else {
            return Err("no library has it with one dense layer as its classifier".to_owned());
        };
        let usual = &architecture.config;
        let is_usual =
            self.config.same_padding == usual.same_padding && self.config.norm_epsilon == usual.norm_epsilon;
        match () {
            () if self.head != HeadKind::Linear => {
                Err("the head is fastai's, and not one dense layer".to_owned())
            }
            () if self.cut.is_some() => Err("the body is cut".to_owned()),
            () if self.preprocess.channels != RGB => {
                Err("its images have other channels than red, green and blue".to_owned())
            }
            () if !is_usual => {
                Err("its weights expect another padding or epsilon than the library's network has".to_owned())
            }
            () if architecture.sizes.step > 1 && self.preprocess.size != architecture.sizes.usual => {
                Err("its positions were learned at another size".to_owned())
            }
            () => {
                let name = weights.split('.').next().unwrap_or_default();
                let call = match library {
                    "timm" => format!("timm.create_model(\"{name}\", "),
                    _ => format!("torchvision.models.{}(", self.architecture),
                };
                Ok(TorchModel { library, call, classifier })
            }
        }
    }

    fn licence(&self) -> Option<&str> {
        let architecture = Architecture::named(&self.architecture).ok().filter(|_| self.pretrained)?;
        Some(architecture.licence)
    }
}

/// Width and height of the images that exports are compared on: wide, high, small and large beside what networks see.
const TEST_SHAPES: [[usize; 2]; 4] = [[96, 72], [61, 97], [33, 30], [301, 113]];

/// An image with ramps and edges, wider than high: whatever crops, scales or normalises it otherwise makes another one of it.
/// Bundles rely on its pixels, and they are no decoder's.
fn test_image(width: usize, height: usize) -> Image {
    let pixel = |index: usize| {
        let (x, y) = (index % width, index / width);
        [x * 255 / (width - 1), y * 255 / (height - 1), 255 * ((x / 8 + y / 8) % 2)].map(|value| value as u8)
    };
    let pixels = (0..width * height).flat_map(pixel).collect();
    Image::from_rgb(width, height, pixels).expect("there are three values a pixel")
}

/// A prediction for an image, and the places in the image that support it.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The prediction.
    pub prediction: Answer,
    /// The output that is explained: the highest.
    pub output: usize,
    /// The places of the square that the network sees, in the image's middle.
    pub heat: HeatMap,
    /// Side of that square, as a fraction of the image's shorter side.
    pub fraction: f32,
}

/// A saved image network, ready to use.
pub type LoadedVision = Loaded<ImageModelConfig>;

impl LoadedVision {
    /// Classes and probabilities for one image, varied as training does by default where there are more
    /// looks than one.
    ///
    /// # Errors
    ///
    /// If the network's scores are not numbers.
    pub fn predict(&self, image: &Image, tta: TestTimeAugmentation) -> Result<Answer, NotANumber> {
        self.predict_prepared(&[&self.prepared(image, tta)], tta).remove(0)
    }

    /// The same for each input that `read` makes an image of; why not for the others. Images are read and prepared on all
    /// threads, no more than one a thread in memory at a time.
    pub fn predict_all<T: Sync, E: Send + From<NotANumber>>(
        &self,
        inputs: &[T],
        tta: TestTimeAugmentation,
        read: impl Fn(&T) -> Result<Image, E> + Sync,
    ) -> Vec<Result<Answer, E>> {
        let prepare = |input: &T| read(input).map(|image| self.prepared(&image, tta));
        let batch = |inputs: &[T]| {
            let images = inputs.par_iter().map(prepare).collect();
            in_batches(images, |_| 0, |images| self.predict_prepared(images, tta))
        };
        inputs.chunks(BATCH).flat_map(batch).collect()
    }

    /// What [`predict`](Self::predict) says of an image, and where the plain look shows it; nothing if this network tells
    /// no places apart, or not in images of this size.
    ///
    /// # Errors
    ///
    /// If the network's scores are not numbers.
    pub fn explain(&self, image: &Image, tta: TestTimeAugmentation) -> Result<Option<Explained>, NotANumber> {
        let prediction = self.predict(image, tta)?;
        let output = prediction.scores.class();
        let preprocess = &self.manifest.model.preprocess;
        let values = self.prepared(image, TestTimeAugmentation::NONE).remove(0);
        let input = batch(values, 1, preprocess, self.device());
        let Some(heat) = self.heat(input.into(), &[output]).pop() else { return Ok(None) };
        let fraction = preprocess.size as f32 / preprocess.resize_to as f32;
        Ok(Some(Explained { prediction, output, heat, fraction }))
    }

    /// Labelled images to measure the network on: those below `root`, or those that validate where it is a data set that says
    /// so; to be seen with this test-time augmentation.
    ///
    /// # Errors
    ///
    /// If there are none of the network's classes, others, or none can be read.
    pub fn labelled(
        &self,
        root: &Path,
        labelling: &Labelling,
        tta: TestTimeAugmentation,
    ) -> Result<(Images, Vec<Skipped>), ImageDataError> {
        let augment = if tta.variants > 0 { AugmentPolicy::default() } else { AugmentPolicy::none() };
        let BundleManifest { classes, loss, model, .. } = &self.manifest;
        let (kind, preprocess) = (loss.kind(), &model.preprocess);
        Known { labelling, classes, kind, preprocess, augment }.open(root)
    }

    /// An image as the network sees it in each of these looks.
    fn prepared(&self, image: &Image, tta: TestTimeAugmentation) -> Vec<Vec<f32>> {
        let preprocess = &self.manifest.model.preprocess;
        let prepare = |variant| {
            let draw = match variant {
                Variant::Original => Draw::default(),
                Variant::Augmented(draws) => AugmentPolicy::default().draw(&mut draws.for_item(0)),
            };
            let mut values = vec![0.0; preprocess.values()];
            preprocess.apply(image, &draw, &mut values);
            values
        };
        tta.all_variants().map(prepare).collect()
    }

    fn predict_prepared(
        &self,
        images: &[&Vec<Vec<f32>>],
        tta: TestTimeAugmentation,
    ) -> Vec<Result<Answer, NotANumber>> {
        let mut look = 0;
        self.predict_variants(tta, |_| {
            let values = images.iter().flat_map(|image| &image[look]).copied().collect();
            look += 1;
            batch(values, images.len(), &self.manifest.model.preprocess, self.device()).into()
        })
    }
}
