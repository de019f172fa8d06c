//! The architectures by name: how each is built, fed and grouped.

use std::collections::BTreeMap;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::body::Body;
use super::{efficientnet, mobilenet, resnet};
use crate::layers::{BatchNorm, BatchNormConfig};
use crate::ops::Window;

/// What pictures look like to a network, and the details in which trainings of one architecture differ.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Convention {
    /// Whether convolutions pad as TensorFlow does.
    pub same_padding: bool,
    /// What norms add to the variance.
    pub norm_epsilon: f64,
    /// Subtracted from a pixel's `0.0..=1.0` red, green and blue.
    pub mean: [f32; 3],
    /// What the rest is divided by.
    pub std: [f32; 3],
}

impl Convention {
    /// torchvision's ImageNet models.
    pub const TORCHVISION: Self = Self {
        same_padding: false,
        norm_epsilon: 1e-5,
        mean: [0.485, 0.456, 0.406],
        std: [0.229, 0.224, 0.225],
    };

    /// Models trained in TensorFlow: `SAME` padding, pixels in -1..=1.
    pub const TENSORFLOW: Self =
        Self { same_padding: true, norm_epsilon: 1e-3, mean: [0.5; 3], std: [0.5; 3] };

    /// The convention as the text beside some weights amends it: `padding`, `bn_eps` and `input`.
    pub fn amended(&self, metadata: &BTreeMap<String, String>) -> Self {
        let mut convention = self.clone();
        if let Some(padding) = metadata.get("padding") {
            convention.same_padding = padding.to_uppercase().contains("SAME");
        }
        if let Some(epsilon) = metadata.get("bn_eps").and_then(|text| text.parse().ok()) {
            convention.norm_epsilon = epsilon;
        }
        if metadata.get("input").is_some_and(|input| input.contains("x/127.5 - 1")) {
            (convention.mean, convention.std) = ([0.5; 3], [0.5; 3]);
        }
        convention
    }

    /// A square window under this padding.
    pub(super) fn window(&self, kernel: usize, stride: usize) -> Window {
        if self.same_padding { Window::same(kernel, stride) } else { Window::centered(kernel, stride) }
    }

    /// A norm with this epsilon.
    pub(super) fn norm(&self, channels: usize, device: &Device) -> BatchNorm {
        BatchNormConfig { channels, epsilon: self.norm_epsilon }.init(device)
    }
}

/// An architecture.
#[derive(Debug)]
pub struct Architecture {
    /// Its name in options and files.
    pub name: &'static str,
    /// What its usual weights expect.
    pub convention: Convention,
    /// The stages at which the body's default layer groups after the first begin.
    pub group_starts: &'static [&'static str],
    /// The name of the classifier in its checkpoints.
    pub classifier: &'static str,
    /// Who made the tensor names.
    pub names: &'static str,
    build: fn(&Convention, &Device) -> Body,
}

/// fastai's groups for resnets: stem, layer1, layer2 | layer3, layer4 | head.
const RESNET_GROUPS: &[&str] = &["layer3"];

static ARCHITECTURES: [Architecture; 5] = [
    Architecture {
        name: "efficientnet_lite0",
        convention: Convention::TENSORFLOW,
        group_starts: &["blocks.4"],
        classifier: "classifier",
        names: "timm tf_efficientnet_lite0",
        build: efficientnet::efficientnet_lite0,
    },
    Architecture {
        name: "resnet18",
        convention: Convention::TORCHVISION,
        group_starts: RESNET_GROUPS,
        classifier: "fc",
        names: "torchvision",
        build: resnet::resnet18,
    },
    Architecture {
        name: "resnet34",
        convention: Convention::TORCHVISION,
        group_starts: RESNET_GROUPS,
        classifier: "fc",
        names: "torchvision",
        build: resnet::resnet34,
    },
    Architecture {
        name: "resnet50",
        convention: Convention::TORCHVISION,
        group_starts: RESNET_GROUPS,
        classifier: "fc",
        names: "torchvision",
        build: resnet::resnet50,
    },
    Architecture {
        name: "mobilenet_v2",
        convention: Convention::TORCHVISION,
        group_starts: &["features.7"],
        classifier: "classifier.1",
        names: "torchvision",
        build: mobilenet::mobilenet_v2,
    },
];

/// A name that is no architecture's.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("there is no architecture `{name}`; there are {known}")]
pub struct UnknownArchitecture {
    /// The name given.
    pub name: String,
    /// All names.
    pub known: String,
}

impl Architecture {
    /// All of them.
    pub fn all() -> &'static [Self] {
        &ARCHITECTURES
    }

    /// The one with this name.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn named(name: &str) -> Result<&'static Self, UnknownArchitecture> {
        let known = || ARCHITECTURES.each_ref().map(|architecture| architecture.name).join(", ");
        let found = ARCHITECTURES.iter().find(|architecture| architecture.name == name);
        found.ok_or_else(|| UnknownArchitecture { name: name.to_owned(), known: known() })
    }

    /// Its body with new weights.
    pub fn body(&self, convention: &Convention, device: &Device) -> Body {
        (self.build)(convention, device)
    }
}
