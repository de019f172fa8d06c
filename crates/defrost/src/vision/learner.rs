//! From images to a learner over a pretrained network, and from an image to its prediction.

use std::path::{Path, PathBuf};

use burn::tensor::Device;
use rayon::prelude::*;
use thiserror::Error;

use super::augment::Draw;
use super::bundle::{ImageModelConfig, LoadedVision};
use super::dataset::{Images, batch};
use super::image::{Image, ImageError};
use super::image_data::{ImageData, ImageDataError};
use super::models::VisionNetwork;
use super::setup::{SetupError, VisionSetup};
use crate::bundle::{BATCH, ContinueError, Continued, NamedPrediction, in_batches};
use crate::learner::{Learner, LearnerError, LearnerOptions, TestTimeAugmentation};
use crate::metrics::NotANumber;
use crate::pretrained::Pretrained;
use crate::remedy::Note;
use crate::split_data::SplitData;

/// A learner of images.
pub type ImageLearner = Learner<VisionNetwork>;

/// Images can't be learned from.
#[derive(Debug, Error)]
pub enum ImageLearnerError {
    /// The images can't be used.
    #[error(transparent)]
    Data(#[from] ImageDataError),
    /// The network can't be set up.
    #[error(transparent)]
    Network(#[from] SetupError),
    /// The run to go on from does not fit the images.
    #[error(transparent)]
    Continue(#[from] ContinueError),
    /// They don't fit each other.
    #[error(transparent)]
    Learner(#[from] LearnerError),
}

impl ImageData {
    /// Reads the images and sets up a learner over this network, with a loss that fits the labels.
    ///
    /// ```no_run
    /// use defrost::prelude::*;
    ///
    /// let mut learner = ImageFolder::open("photos")?.learner(Pretrained::new("resnet34"))?;
    /// learner.fine_tune(4)?;
    /// println!("{:?}", learner.predict("new.jpg")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are no images to learn from, or the network's weights can't be loaded.
    pub fn learner(self, pretrained: impl Into<Pretrained>) -> Result<ImageLearner, ImageLearnerError> {
        let options = LearnerOptions { seed: self.split_seed(), ..LearnerOptions::default() };
        self.set_up(&pretrained.into(), options)
    }

    /// As [`learner`](Self::learner), with these options: the loss is theirs, and new weights are drawn from their seed.
    ///
    /// # Errors
    ///
    /// As [`learner`](Self::learner), or if a label does not fit the loss.
    pub fn learner_with(
        self,
        pretrained: impl Into<Pretrained>,
        options: LearnerOptions,
    ) -> Result<ImageLearner, ImageLearnerError> {
        self.set_up(&pretrained.into(), options)
    }

    fn set_up(
        self,
        pretrained: &Pretrained,
        options: LearnerOptions,
    ) -> Result<ImageLearner, ImageLearnerError> {
        let setup = VisionSetup::of(pretrained, options.seed)?;
        let start = setup.open()?;
        let data: SplitData<Images> = self.read(start.preprocess())?;
        let (network, model, fit) = start.build(data.outputs(), &Device::flex())?;
        let run = pretrained.continued_run();
        let fit = fit.filter(|_| run.is_none()).map(|fit| Note::from(format!("weights: {fit}")));
        let Continued { network, is_trained, note } =
            Continued::of::<ImageModelConfig, _>(run, network, &data)?;
        let options = LearnerOptions { is_trained, ..options };
        Ok(data.learner(network, options)?.with_notes(fit.into_iter().chain(note)).with_model(model))
    }
}

/// An image to look at: a file, or one in memory.
#[derive(Clone, Debug)]
pub enum ImageInput<'a> {
    /// The image in this file.
    File(PathBuf),
    /// This one.
    Image(&'a Image),
}

impl ImageInput<'_> {
    /// Does something with the image, read from its file if need be.
    fn with<T>(&self, f: impl FnOnce(&Image) -> T) -> Result<T, ImageError> {
        match self {
            Self::File(path) => Ok(f(&Image::open(path)?)),
            Self::Image(image) => Ok(f(image)),
        }
    }
}

impl From<&str> for ImageInput<'_> {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

impl From<&Path> for ImageInput<'_> {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl From<PathBuf> for ImageInput<'_> {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl<'a> From<&'a Image> for ImageInput<'a> {
    fn from(image: &'a Image) -> Self {
        Self::Image(image)
    }
}

/// A learner or a run can't say anything about an image.
#[derive(Debug, Error)]
pub enum ImagePredictError {
    /// The image can't be read.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The network's scores are not numbers.
    #[error(transparent)]
    Scores(#[from] NotANumber),
    /// The learner does not know how images are prepared.
    #[error(
        "the learner does not know how images are prepared for its network; say so with Learner::with_model"
    )]
    NoModel,
}

impl ImageLearner {
    /// The network's prediction for an image now: a path or an [`Image`].
    ///
    /// # Errors
    ///
    /// If it can't be read, or the learner has no [model](Learner::with_model).
    pub fn predict<'a>(
        &self,
        image: impl Into<ImageInput<'a>>,
    ) -> Result<NamedPrediction, ImagePredictError> {
        self.predict_all(&[image.into()]).remove(0)
    }

    /// The same for each of these images; why not for those that can't be read. Images are read and prepared on all threads.
    pub fn predict_all(&self, images: &[ImageInput<'_>]) -> Vec<Result<NamedPrediction, ImagePredictError>> {
        let Some(ImageModelConfig { preprocess, .. }) = self.model() else {
            return images.iter().map(|_| Err(ImagePredictError::NoModel)).collect();
        };
        let prepare = |image: &ImageInput<'_>| {
            let mut values = vec![0.0; preprocess.values()];
            image.with(|image| preprocess.apply(image, &Draw::default(), &mut values))?;
            Ok(values)
        };
        let predict = |images: &[&Vec<f32>]| {
            let values = images.iter().copied().flatten().copied().collect();
            self.predict_batch(batch(values, images.len(), preprocess, self.device()).into())
        };
        let some =
            |images: &[ImageInput<'_>]| in_batches(images.par_iter().map(prepare).collect(), |_| 0, predict);
        images.chunks(BATCH).flat_map(some).collect()
    }
}

impl LoadedVision {
    /// The network's prediction for an image, with class names: a path or an [`Image`].
    ///
    /// # Errors
    ///
    /// If it can't be read, or the network's scores are not numbers.
    pub fn predict_one<'a>(
        &self,
        image: impl Into<ImageInput<'a>>,
    ) -> Result<NamedPrediction, ImagePredictError> {
        let answer = image.into().with(|image| self.predict(image, TestTimeAugmentation::NONE))??;
        Ok(self.named(answer))
    }
}
