//! Layer normalisation (arXiv 1607.06450).

use burn::module::{Module, Param};
use burn::tensor::{Device, Tensor};

use crate::graph::{Attribute, Graph, Value};
use crate::ops;

/// `(x - mean) / sqrt(variance + epsilon) * weight + bias`, each over the features of one position.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Scale, `[features]`.
    pub weight: Param<Tensor<1>>,
    /// Shift, `[features]`.
    pub bias: Param<Tensor<1>>,
    /// Added to the variance.
    pub epsilon: f64,
}

impl LayerNorm {
    /// Scale 1, shift 0.
    pub fn new(features: usize, epsilon: f64, device: &Device) -> Self {
        Self {
            weight: Param::from_tensor(Tensor::ones([features], device)),
            bias: Param::from_tensor(Tensor::zeros([features], device)),
            epsilon,
        }
    }

    /// `[…, features]`, the same shape.
    pub fn forward<const D: usize>(&self, input: Tensor<D>) -> Tensor<D> {
        ops::layer_norm(input, self.weight.val(), self.bias.val(), self.epsilon)
    }

    /// The same in a graph: `[…, features]`.
    pub fn export(&self, graph: &mut Graph, x: Value) -> Value {
        let inputs = [x, graph.parameter(&self.weight), graph.parameter(&self.bias)];
        let epsilon = Attribute::Float(self.epsilon as f32);
        graph.node_with("LayerNormalization", &inputs, &[("axis", Attribute::Int(-1)), ("epsilon", epsilon)])
    }
}
