//! Attention of each position to all others (arXiv 1706.03762).

use burn::module::Module;
use burn::tensor::{Device, Tensor};

use super::Linear;
use crate::ops::softmax_rows;

/// Added to the score of a position that is not there: its weight becomes exactly 0.
const ABSENT: f64 = -1e9;

/// `softmax(query · keyᵀ / √width) · value` in several heads, and a dense layer over what they give.
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
        let [batch, positions, features] = input.dims();
        let width = features / self.heads;
        let split = |dense: &Linear| {
            let x = dense.forward_positions(input.clone());
            x.reshape([batch, positions, self.heads, width]).swap_dims(1, 2) // [batch, heads, positions, width]
        };
        let query = split(&self.query) / (width as f64).sqrt();
        let absent = (mask - 1.0) * -ABSENT;
        let scores = query.matmul(split(&self.key).transpose()) + absent.reshape([batch, 1, 1, positions]);
        let attended = softmax_rows(scores).matmul(split(&self.value)); // [batch, heads, positions, width]
        self.output.forward_positions(attended.swap_dims(1, 2).reshape([batch, positions, features]))
    }
}
