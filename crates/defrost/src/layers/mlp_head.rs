//! fastai's heads: norms and dropout around two dense layers.

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};

use super::{BatchNorm, BatchNormConfig, Dropout, Linear};
use crate::graph::{Graph, Value};

/// The configuration of an [`MlpHead`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MlpHeadConfig {
    /// Features that come in.
    pub features: usize,
    /// Width of the hidden layer.
    pub hidden: usize,
    /// Numbers that go out.
    pub outputs: usize,
    /// The fractions dropped before each dense layer, `0.0..1.0`.
    pub dropout: [f64; 2],
    /// Whether the last layer has a bias.
    pub bias: bool,
}

/// Norm → dropout → dense → ReLU → norm → dropout → dense (`LinBnDrop`, twice).
#[derive(Module, Debug)]
pub struct MlpHead {
    norm1: BatchNorm,
    dropout1: Dropout,
    linear1: Linear,
    norm2: BatchNorm,
    dropout2: Dropout,
    linear2: Linear,
}

impl MlpHeadConfig {
    /// New weights.
    pub fn init(self, device: &Device) -> MlpHead {
        let Self { features, hidden, outputs, dropout: [first, second], bias } = self;
        MlpHead {
            norm1: BatchNormConfig::new(features).init(device),
            dropout1: Dropout::new(first),
            linear1: Linear::new(features, hidden, false, device),
            norm2: BatchNormConfig::new(hidden).init(device),
            dropout2: Dropout::new(second),
            linear2: Linear::new(hidden, outputs, bias, device),
        }
    }
}

impl MlpHead {
    /// A score for each output.
    ///
    /// # Shapes
    ///
    /// `[batch, features]` to `[batch, outputs]`.
    pub fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = relu(self.linear1.forward(self.dropout1.forward(self.norm1.forward(x)))); // [batch, hidden]
        self.linear2.forward(self.dropout2.forward(self.norm2.forward(x)))
    }

    /// The same in a graph.
    pub fn export(&self, graph: &mut Graph, x: Value) -> Value {
        let x = self.norm1.export(graph, x);
        let x = self.linear1.export(graph, x);
        let x = graph.node("Relu", &[x]);
        let x = self.norm2.export(graph, x);
        self.linear2.export(graph, x)
    }
}
