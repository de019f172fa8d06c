//! Heads: from the body's picture to a score per class.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::layers::{BatchNorm, BatchNormConfig, Dropout, Linear};
use crate::ops::{average_pool, concat_pool};
use crate::stage::Stage;

/// Width of the hidden layer.
const HIDDEN: usize = 512;

/// The last stage of a picture network.
#[derive(Module, Debug)]
#[expect(clippy::large_enum_variant, reason = "a network has one")]
pub enum Head {
    /// What fine-tuning puts on: fastai's.
    ConcatPool(ConcatPoolHead),
    /// What the network was trained with before.
    Classifier(Classifier),
}

impl Head {
    /// One number or two for each channel, over all pixels: `[batch, height, width, channels]` to `[batch,
    /// features]`. There is nothing to train in it, so it is a stage of its own: behind a frozen body it is
    /// constant, and what is kept of a picture is a few thousand numbers.
    pub fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        match self {
            Self::ConcatPool(_) => concat_pool(x),
            Self::Classifier(_) => average_pool(x),
        }
    }

    /// `[batch, features]` to `[batch, classes]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        match self {
            Self::ConcatPool(head) => head.forward(x),
            Self::Classifier(head) => head.linear.forward(x),
        }
    }

    /// Pooling and the rest as the core sees them: new, unless the head came with the body.
    pub fn stages(&self) -> [Stage; 2] {
        let pool = Stage { name: "pool".to_owned(), parameters: vec![], switches: vec![], pretrained: false };
        let head = match self {
            Self::ConcatPool(head) => Stage::of("head", "head.", head).fresh(),
            Self::Classifier(head) => Stage::of("head", &format!("{}.", head.name), &head.linear),
        };
        [pool, head]
    }
}

/// fastai's head (`create_head`): maximum and average of each channel → norm → dropout → dense → ReLU →
/// norm → dropout → dense.
#[derive(Module, Debug)]
pub struct ConcatPoolHead {
    norm1: BatchNorm,
    dropout1: Dropout,
    linear1: Linear,
    norm2: BatchNorm,
    dropout2: Dropout,
    linear2: Linear,
}

impl ConcatPoolHead {
    /// A new head behind a body that gives `channels` channels. `dropout` is what the last layer drops,
    /// `0.0..1.0`; the first drops half as much.
    pub fn new(channels: usize, classes: usize, dropout: f64, device: &Device) -> Self {
        Self {
            norm1: BatchNormConfig::new(2 * channels).init(device),
            dropout1: Dropout::new(dropout / 2.0),
            linear1: Linear::new(2 * channels, HIDDEN, false, device),
            norm2: BatchNormConfig::new(HIDDEN).init(device),
            dropout2: Dropout::new(dropout),
            linear2: Linear::new(HIDDEN, classes, false, device),
        }
    }

    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.norm1.forward(x); // [batch, 2 channels]
        let x = relu(self.linear1.forward(self.dropout1.forward(x))); // [batch, 512]
        self.linear2.forward(self.dropout2.forward(self.norm2.forward(x))) // [batch, classes]
    }
}

/// The classifier a network was pretrained with: average of each channel → dense.
#[derive(Module, Debug)]
pub struct Classifier {
    linear: Linear,
    #[module(skip)]
    name: String,
}

impl Classifier {
    /// A classifier whose tensors are called `name.weight` and `name.bias`.
    pub fn new(name: &str, channels: usize, classes: usize, device: &Device) -> Self {
        Self { linear: Linear::new(channels, classes, true, device), name: name.to_owned() }
    }
}
