//! Attention of each position to all others (arXiv 1706.03762).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::Linear;
use crate::graph::{Graph, Value};
use crate::ops;

/// `softmax(query · keyᵀ / √width) · value` in several heads, and a dense layer over their outputs.
#[derive(Module, Debug)]
pub struct SelfAttention {
    /// `[features, features]`
    pub query: Linear,
    /// `[features, features]`
    pub key: Linear,
    /// `[features, features]`
    pub value: Linear,
    /// `[features, features]`
    pub output: Linear,
    heads: usize,
}

impl SelfAttention {
    /// New weights. The heads share the features evenly.
    pub fn new(features: usize, heads: usize, device: &Device) -> Self {
        let dense = || Linear::new(features, features, true, device);
        Self { query: dense(), key: dense(), value: dense(), output: dense(), heads }
    }

    /// `[batch, positions, features]`, the same shape. `mask` `[batch, positions]` is 1 where there is
    /// something to attend to and 0 where there is nothing.
    pub fn forward(&self, input: Tensor<3>, mask: Tensor<2>) -> Tensor<3> {
        let [query, key, value] =
            [&self.query, &self.key, &self.value].map(|dense| dense.forward_positions(input.clone()));
        self.output.forward_positions(ops::attention(query, key, value, mask, self.heads))
    }

    /// The same in a graph; `absent` `[batch, positions]` is a mask behind [`Graph::absent`].
    pub fn export(&self, graph: &mut Graph, x: Value, absent: Value) -> Value {
        let of_positions = [&self.query, &self.key, &self.value].map(|dense| dense.export(graph, x));
        let features = self.output.weight.dims()[1];
        let attended = graph.attention(of_positions, Some(absent), self.heads, features);
        self.output.export(graph, attended)
    }
}
