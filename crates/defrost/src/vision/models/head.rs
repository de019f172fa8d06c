//! Heads: from the body's image to a score per class.

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use crate::graph::{Graph, Value};
use crate::layers::{Dropout, Linear, MlpHead, MlpHeadConfig};
use crate::ops::{average_pool, concat_pool};
use crate::pretrained::HeadKind;
use crate::stage::Stage;

/// Width of the hidden layer of fastai's head.
const HIDDEN: usize = 512;

impl HeadKind {
    /// A new head behind a body that gives `channels` channels.
    pub fn init(self, channels: usize, classes: usize, device: &Device) -> Head {
        match self {
            Self::Linear => Head::Linear(LinearHead::new(channels, classes, device)),
            Self::ConcatPool => {
                let config = MlpHeadConfig {
                    features: 2 * channels,
                    hidden: HIDDEN,
                    outputs: classes,
                    dropout: [0.25, 0.5],
                    bias: false,
                };
                Head::ConcatPool(config.init(device))
            }
        }
    }
}

/// The last stage of an image network.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has one")]
pub enum Head {
    /// One dense layer.
    Linear(LinearHead),
    /// fastai's, over maximum and average of each channel.
    ConcatPool(MlpHead),
}

impl Head {
    /// One number or two for each channel, over all pixels: `[batch, height, width, channels]` to `[batch,
    /// features]`. There is nothing to train in it, so it is a stage of its own: behind a frozen body it is
    /// constant, and the cache holds a few thousand numbers per image.
    pub fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        match self {
            Self::Linear(_) => average_pool(x),
            Self::ConcatPool(_) => concat_pool(x),
        }
    }

    /// How [`Self::pool`] pools.
    pub fn pooling(&self) -> &'static str {
        match self {
            Self::Linear(_) => "average",
            Self::ConcatPool(_) => "maximum, average",
        }
    }

    /// [`Self::pool`] in a graph.
    pub fn export_pool(&self, graph: &mut Graph, x: Value) -> Value {
        match self {
            Self::Linear(_) => graph.average_pool(x),
            Self::ConcatPool(_) => graph.concat_pool(x),
        }
    }

    /// [`Self::forward`] in a graph.
    pub fn export(&self, graph: &mut Graph, x: Value) -> Value {
        match self {
            Self::Linear(head) => head.linear.export(graph, x),
            Self::ConcatPool(head) => head.export(graph, x),
        }
    }

    /// `[batch, features]` to `[batch, classes]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::Linear(head) => head.linear.forward(head.dropout.forward(x)),
            Self::ConcatPool(head) => head.forward(x),
        }
    }

    /// Pooling and the rest as the core sees them: new, unless the head came with the body.
    pub fn stages(&self) -> [Stage; 2] {
        let head = match self {
            Self::Linear(head) => match &head.came_as {
                Some(name) => Stage::renamed("head", "", head, &[("linear", name)]).dense(),
                None => Stage::of("head", "head.", head).untrained().dense(),
            },
            Self::ConcatPool(head) => Stage::of("head", "head.", head).untrained(),
        };
        [Stage::without_parameters("pool"), head]
    }
}

/// Average of each channel → dropout → dense.
///
/// There is no norm in it. A norm that follows the batch would hide how the features behind it grow while the
/// body trains with its own norms held still, and its running statistics, which is what validation sees, fall
/// behind: at rates that suit the body such a network comes apart.
#[derive(Module, Debug)]
pub struct LinearHead {
    dropout: Dropout,
    linear: Linear,
    /// Its name among the body's tensors, if it came with them.
    #[module(skip)]
    came_as: Option<String>,
}

impl LinearHead {
    /// A head that starts at nothing: all classes alike. The problem is convex while the body is frozen, and no
    /// random direction pulls at the body when it thaws.
    pub fn new(channels: usize, classes: usize, device: &Device) -> Self {
        Self { dropout: Dropout::new(0.25), linear: Linear::zeros(channels, classes, device), came_as: None }
    }

    /// The classifier a network was pretrained with, whose tensors are called `name.weight` and `name.bias`.
    pub fn pretrained(name: &str, channels: usize, classes: usize, device: &Device) -> Self {
        let linear = Linear::zeros(channels, classes, device);
        Self { dropout: Dropout::new(0.0), linear, came_as: Some(name.to_owned()) }
    }
}
