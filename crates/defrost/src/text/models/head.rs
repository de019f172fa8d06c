//! From one vector a text to a score per class.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use crate::layers::{BatchNorm, BatchNormConfig, Dropout, Linear};

/// Width of the hidden layer.
const HIDDEN: usize = 50;

/// The head of fastai's text classifiers (`PoolingLinearClassifier`): norm → dropout → dense → ReLU → norm →
/// dropout → dense.
#[derive(Module, Debug)]
pub struct TextHead {
    norm1: BatchNorm,
    dropout1: Dropout,
    linear1: Linear,
    norm2: BatchNorm,
    dropout2: Dropout,
    linear2: Linear,
}

impl TextHead {
    /// New weights, over vectors of `features`.
    pub fn new(features: usize, outputs: usize, device: &Device) -> Self {
        Self {
            norm1: BatchNormConfig::new(features).init(device),
            dropout1: Dropout::new(0.4),
            linear1: Linear::new(features, HIDDEN, false, device),
            norm2: BatchNormConfig::new(HIDDEN).init(device),
            dropout2: Dropout::new(0.1),
            linear2: Linear::new(HIDDEN, outputs, true, device),
        }
    }

    /// `[batch, features]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = relu(self.linear1.forward(self.dropout1.forward(self.norm1.forward(x)))); // [batch, 50]
        self.linear2.forward(self.dropout2.forward(self.norm2.forward(x)))
    }
}
