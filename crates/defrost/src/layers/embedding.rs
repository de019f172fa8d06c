//! Embeddings: a learned vector for each word, position or category.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Int, Tensor, module};

use crate::graph::{Graph, Value};

/// Looks up rows by number.
#[derive(Module, Debug)]
pub struct Embedding {
    /// `[things, features]`
    pub weight: Param<Tensor<2>>,
}

impl Embedding {
    /// New rows, normal with this standard deviation.
    pub fn new(things: usize, features: usize, std: f64, device: &Device) -> Self {
        let normal = Initializer::Normal { mean: 0.0, std };
        Self { weight: normal.init([things, features], device) }
    }

    /// `[batch, positions]` to `[batch, positions, features]`. Numbers must be below the number of things.
    pub fn forward(&self, ids: Tensor<2, Int>) -> Tensor<3> {
        module::embedding(self.weight.val(), ids)
    }

    /// The same in a graph: ids of any shape.
    pub fn export(&self, graph: &mut Graph, ids: Value) -> Value {
        let rows = graph.parameter(&self.weight);
        graph.node("Gather", &[rows, ids])
    }
}
