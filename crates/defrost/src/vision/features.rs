//! The features that a pretrained network's body has for images, for other programs.

use burn::tensor::Device;
use thiserror::Error;

use super::augment::AugmentPolicy;
use super::dataset::{Images, LabelledImage, Preparation};
use super::decoded_images::DecodedImages;
use super::image_data::{ImageItem, sources};
use super::look::Inspected;
use super::models::VisionNetwork;
use super::setup::{SetupError, VisionSetup};
use super::transform::Preprocess;
use crate::data::{Skipped, Target};
use crate::learner::{FeaturesError, pooled_features};
use crate::metrics::Features;
use crate::prefix::{Cache, CacheLimits};
use crate::pretrained::Pretrained;
use crate::remedy::Remedy;

/// Items that go through the network together.
const BATCH: usize = 32;

/// A pretrained network's body, which turns images into features. What it has computed is cached by content.
///
/// ```no_run
/// use defrost::vision::{ImageFeatures, ImageItem};
/// use defrost::{CacheLimits, Pretrained};
///
/// let mut features = ImageFeatures::open(Pretrained::new("resnet18"), CacheLimits::memory(1 << 30))?;
/// let found = features.of(vec![ImageItem::from("a.jpg"), ImageItem::from("b.jpg")], None)?;
/// assert_eq!((found.width, found.rows().count()), (512, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ImageFeatures {
    network: VisionNetwork,
    preprocess: Preprocess,
    device: Device,
    cache: Cache,
}

/// The features of images can't be computed.
#[derive(Debug, Error)]
pub enum ImageFeaturesError {
    /// Some images can't be read.
    #[error("{count} of {all} images can't be read; the first: {first}")]
    Unreadable {
        /// How many.
        count: usize,
        /// Of how many.
        all: usize,
        /// The first and its reason.
        first: Skipped,
    },
    /// There is no such stage, or an image has changed.
    #[error(transparent)]
    Features(#[from] FeaturesError),
}

impl ImageFeaturesError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Features(error) => error.remedy(),
        }
    }
}

impl ImageFeatures {
    /// Opens a network and its weights.
    ///
    /// # Errors
    ///
    /// If a name is unknown, or the weights can't be loaded.
    pub fn open(pretrained: impl Into<Pretrained>, cache: CacheLimits) -> Result<Self, SetupError> {
        let setup = VisionSetup::of(&pretrained.into(), VisionSetup::default().seed)?;
        let start = setup.open()?;
        let (preprocess, device) = (*start.preprocess(), Device::flex());
        // Its head is not used.
        let (network, _, _) = start.build(1, &device)?;
        Ok(Self { network, preprocess, device, cache: Cache::new(cache) })
    }

    /// A row of features for each image: the pooled output of the last stage with this name, or else of the whole body.
    ///
    /// # Errors
    ///
    /// If an image can't be read, or there is no such stage.
    pub fn of(
        &mut self,
        images: Vec<ImageItem>,
        stage: Option<&str>,
    ) -> Result<Features, ImageFeaturesError> {
        let all = images.len();
        let unlabelled = |source| LabelledImage { source, target: Target::Class(0), belongs_to: None };
        let images = sources(images).map(unlabelled).collect();
        // Each image is prepared once, so nothing is gained by more than the room for them all.
        let decoded = DecodedImages::new(CacheLimits::of_this_machine(None).memory / 2);
        let (preprocess, augment) = (self.preprocess, AugmentPolicy::none());
        let preparation = Preparation { preprocess, augment, decoded: decoded.into() };
        let (images, skipped) = Images::open(images, preparation, &mut Inspected::new());
        if let Some(first) = skipped.first() {
            return Err(ImageFeaturesError::Unreadable { count: skipped.len(), all, first: first.clone() });
        }
        let around = (&self.device, &mut self.cache);
        let found = pooled_features(&self.network, stage, &images, BATCH, around)?;
        self.cache.publish();
        Ok(found)
    }
}
