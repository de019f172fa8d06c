//! Which pretrained network a learner starts from, for any kind of data.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::precision::Precision;
use crate::weights::WeightSource;

/// The kind of new head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadKind {
    /// One dense layer.
    #[default]
    Linear,
    /// fastai's (`create_head`): maximum and average of each channel, a hidden layer and norms.
    ConcatPool,
}

/// A pretrained network to start from. [`Pretrained::default`] is the usual one for the data: EfficientNet-Lite0 for images,
/// all-MiniLM-L6-v2 for texts; a table's network starts new.
///
/// Images choose the architecture by name, and with it the weights. Texts name the weights, which say what they are of:
/// `Pretrained::new("hub")`, `Pretrained::new("path/to/folder")`.
///
/// ```
/// use defrost::Pretrained;
///
/// let network = Pretrained::new("resnet34").weights("resnet34.pth").cut("layer4").size(160);
/// # let _ = network;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pretrained {
    /// The network's name; by default the usual one.
    pub name: Option<String>,
    /// Where its weights come from.
    pub weights: WeightSource,
    /// The number format between layers; if it is not said, the fastest here.
    pub precision: Option<Precision>,
    /// Side of images, in pixels; by default the network's usual size.
    pub size: Option<usize>,
    /// Channels of images; if it is not said, 3.
    pub channels: Option<usize>,
    /// The stage from which on the body is thrown away.
    pub cut: Option<String>,
    /// The new head; by default the network's usual one.
    pub head: Option<HeadKind>,
    /// Whether the head comes from the run that the weights come from, and what else is not given.
    pub continued: bool,
    /// Whether nothing may be downloaded.
    pub offline: bool,
}

impl Pretrained {
    /// The network of this name, with its usual weights: those in the program where it has any, else those on the hub.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// The network of this name with random weights: nothing is pretrained.
    pub fn none(name: impl Into<String>) -> Self {
        Self::new(name).weights(WeightSource::None)
    }

    /// The network of a finished run, to learn another task on its body.
    pub fn from_run(run: impl Into<PathBuf>) -> Self {
        Self::default().weights(WeightSource::Run(run.into()))
    }

    /// The network of a finished run with its head, to train it on: on more items, and on more classes if there are any.
    pub fn continued(run: impl Into<PathBuf>) -> Self {
        Self { continued: true, ..Self::from_run(run) }
    }

    /// With weights from elsewhere: a file, a folder, `hub:OWNER/NAME`.
    #[must_use]
    pub fn weights(self, source: impl Into<WeightSource>) -> Self {
        Self { weights: source.into(), ..self }
    }

    /// With this number format between layers; by default the fastest here.
    #[must_use]
    pub fn precision(self, precision: Precision) -> Self {
        Self { precision: Some(precision), ..self }
    }

    /// Over images of this size, in pixels a side; by default the network's usual size.
    #[must_use]
    pub fn size(self, pixels: usize) -> Self {
        Self { size: Some(pixels), ..self }
    }

    /// Over images of this many channels: 3, red, green and blue, or 1, grey; by default 3.
    #[must_use]
    pub fn channels(self, channels: usize) -> Self {
        Self { channels: Some(channels), ..self }
    }

    /// Without this stage of the body and all after it.
    #[must_use]
    pub fn cut(self, stage: impl Into<String>) -> Self {
        Self { cut: Some(stage.into()), ..self }
    }

    /// With this head on its body.
    #[must_use]
    pub fn head(self, head: HeadKind) -> Self {
        Self { head: Some(head), ..self }
    }

    /// With nothing downloaded: what is on the hub is taken from its cache.
    #[must_use]
    pub fn offline(self) -> Self {
        Self { offline: true, ..self }
    }

    /// The number format between layers that this asks for.
    pub fn number_format(&self) -> Precision {
        self.precision.unwrap_or_else(Precision::fastest)
    }

    /// The run to go on from, with its head.
    pub fn continued_run(&self) -> Option<&Path> {
        match &self.weights {
            WeightSource::Run(run) if self.continued => Some(run),
            _ => None,
        }
    }

    /// The name of an option that is set and that only images have, so that other domains can refuse it.
    pub fn of_images_alone(&self) -> Option<&'static str> {
        let asked = [
            ("size", self.size.is_some()),
            ("channels", self.channels.is_some()),
            ("cut", self.cut.is_some()),
        ];
        asked.into_iter().find_map(|(what, is_asked)| is_asked.then_some(what))
    }
}

impl From<&str> for Pretrained {
    fn from(name: &str) -> Self {
        Self::new(name)
    }
}
