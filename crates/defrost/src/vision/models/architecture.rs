//! The entry of an architecture: how it is built, fed and grouped, and where its weights come from.
//!
//! Code outside of a family's file never depends on an architecture's name: all differences are fields here.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::body::Body;
use crate::layers::{BatchNorm, BatchNormConfig};
use crate::ops::WindowConfig;
use crate::vision::resize::Filter;
use crate::vision::transform::RGB;
use crate::weights::{KeyAlias, WeightFile};

/// How a network expects images, and the details in which trainings of one architecture differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainedConfig {
    /// Whether convolutions pad as TensorFlow does.
    pub same_padding: bool,
    /// The epsilon of norms, added to the variance.
    pub norm_epsilon: f64,
    /// Channels of an image: 3, red, green and blue, in all weights that are published.
    #[serde(default = "red_green_blue")]
    pub channels: usize,
    /// Subtracted from a pixel's `0.0..=1.0` red, green and blue.
    pub mean: [f32; 3],
    /// The standard deviation of pixels.
    pub std: [f32; 3],
    /// How images are resized.
    #[serde(default)]
    pub filter: Filter,
}

impl PretrainedConfig {
    /// torchvision's ImageNet models.
    pub const TORCHVISION: Self = Self {
        same_padding: false,
        norm_epsilon: 1e-5,
        channels: RGB,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
        filter: Filter::Bilinear,
    };

    /// Models trained in TensorFlow: `SAME` padding, pixels in -1..=1.
    pub const TENSORFLOW: Self = Self {
        same_padding: true,
        norm_epsilon: 1e-3,
        channels: RGB,
        mean: [0.5; 3],
        std: [0.5; 3],
        filter: Filter::Bicubic,
    };

    /// The config as the text beside some weights amends it: `padding`, `bn_eps`, `input`, `mean` and `std`.
    pub fn with_overrides(&self, metadata: &BTreeMap<String, String>) -> Self {
        let mut config = self.clone();
        if let Some(padding) = metadata.get("padding") {
            config.same_padding = padding.to_uppercase().contains("SAME");
        }
        if let Some(epsilon) = metadata.get("bn_eps").and_then(|text| text.parse().ok()) {
            config.norm_epsilon = epsilon;
        }
        if metadata.get("input").is_some_and(|input| input.contains("x/127.5 - 1")) {
            (config.mean, config.std) = ([0.5; 3], [0.5; 3]);
        }
        for (key, numbers) in [("mean", &mut config.mean), ("std", &mut config.std)] {
            let words = metadata.get(key).map_or(vec![], |text| text.split(' ').collect());
            let parsed: Vec<f32> = words.into_iter().filter_map(|word| word.parse().ok()).collect();
            *numbers = parsed.try_into().unwrap_or(*numbers);
        }
        config
    }

    /// A square window under this padding.
    pub fn window(&self, kernel: usize, stride: usize) -> WindowConfig {
        if self.same_padding {
            WindowConfig::same(kernel, stride)
        } else {
            WindowConfig::centered(kernel, stride)
        }
    }

    /// A norm with this epsilon.
    pub fn norm(&self, channels: usize, device: &Device) -> BatchNorm {
        BatchNormConfig { channels, epsilon: self.norm_epsilon }.init(device)
    }
}

/// Those of bundles that do not say.
fn red_green_blue() -> usize {
    RGB
}

/// Which images an architecture can look at, in pixels a side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// The size at which its weights were trained or are usually used.
    pub usual: usize,
    /// The smallest.
    pub least: usize,
    /// All are a multiple of this.
    pub step: usize,
}

/// An image size that an architecture can't look at.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{architecture} can't look at images of {size} pixels a side: give {least} or more{multiples}")]
pub struct SizeError {
    /// Its name.
    architecture: &'static str,
    /// The size given.
    size: usize,
    /// The smallest.
    least: usize,
    /// A further condition.
    multiples: String,
}

impl Sizes {
    /// Usually this one.
    pub const fn any(usual: usize) -> Self {
        Self { usual, least: 1, step: 1 }
    }

    /// Multiples of the side of a patch.
    pub const fn patches(usual: usize, patch: usize) -> Self {
        Self { usual, least: patch, step: patch }
    }
}

/// How a body is made.
pub type Build = fn(&PretrainedConfig, &Device) -> Body;

/// An architecture. Fields may be added: begin with [`Architecture::new`] and say what differs.
///
/// ```
/// use defrost::vision::models::{Architecture, Body, PretrainedConfig, Sizes};
/// # use burn::tensor::Device;
/// # fn small(_: &PretrainedConfig, _: &Device) -> Body { Body::new(vec![]) }
///
/// static SMALL: Architecture = Architecture {
///     sizes: Sizes::any(64),
///     group_starts: &["blocks.2"],
///     ..Architecture::new("small", small)
/// };
/// Architecture::register(&SMALL)?;
/// assert_eq!(Architecture::named("small")?.sizes.usual, 64);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Architecture {
    /// Its name in options and files.
    pub name: &'static str,
    /// The configuration that its usual weights expect.
    pub config: PretrainedConfig,
    /// Which images it can look at.
    pub sizes: Sizes,
    /// The stages at which the body's default layer groups after the first begin.
    pub group_starts: &'static [&'static str],
    /// Who made the tensor names.
    pub names: &'static str,
    /// Its usual weights, under the name they are published with.
    pub weights: &'static str,
    /// Their licence.
    pub licence: &'static str,
    /// What the library that made the names calls the classifier, if that is one dense layer behind the average of each channel.
    pub classifier: Option<&'static str>,
    /// The repository on the Hugging Face hub with weights for it, if one is known.
    pub hub: Option<&'static str>,
    /// A safetensors file of its usual weights, if they are part of the binary.
    pub embedded: Option<&'static [u8]>,
    /// Other names of its tensors.
    pub key_aliases: &'static [KeyAlias],
    /// What the names of tensors tell about the training: a key and a value, as metadata beside the weights would say it
    /// (see [`PretrainedConfig::with_overrides`]).
    pub implied: fn(&WeightFile) -> Option<(&'static str, &'static str)>,
    /// Makes its body.
    pub build: Build,
}

impl Architecture {
    /// One in torchvision's ways, usually over images of 224 pixels, of which no weights are published.
    pub const fn new(name: &'static str, build: Build) -> Self {
        Self {
            name,
            config: PretrainedConfig::TORCHVISION,
            sizes: Sizes::any(224),
            group_starts: &[],
            names: "defrost",
            weights: "none",
            licence: "none",
            classifier: None,
            hub: None,
            embedded: None,
            key_aliases: &[],
            implied: |_| None,
            build,
        }
    }

    /// Its body with new weights.
    pub fn body(&self, config: &PretrainedConfig, device: &Device) -> Body {
        (self.build)(config, device)
    }

    /// Its embedded weights, if there are any.
    pub fn embedded_weights(&self) -> Option<WeightFile> {
        // Not a file a user could have damaged: a test reads it.
        let file = WeightFile::parse("embedded".to_owned(), self.embedded?);
        Some(file.expect("embedded weights are a valid safetensors file"))
    }

    /// The configuration for some weights, if the usual ones expect `usual`.
    pub fn config_of(&self, usual: &PretrainedConfig, weights: &WeightFile) -> PretrainedConfig {
        let mut metadata = weights.metadata.clone();
        if let Some((key, value)) = (self.implied)(weights) {
            metadata.entry(key.to_owned()).or_insert_with(|| value.to_owned());
        }
        usual.with_overrides(&metadata)
    }

    /// Refuses an image size that it can't look at.
    ///
    /// # Errors
    ///
    /// If it can't.
    pub fn check_size(&self, size: usize) -> Result<(), SizeError> {
        let &Self { name: architecture, sizes: Sizes { least, step, .. }, .. } = self;
        if size >= least && size.is_multiple_of(step) {
            return Ok(());
        }
        let multiples = if step > 1 { format!(", a multiple of {step}") } else { String::new() };
        Err(SizeError { architecture, size, least, multiples })
    }
}
