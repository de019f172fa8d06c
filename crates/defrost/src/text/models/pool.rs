//! From hidden states to one vector per text: `[batch, positions, features]` and the mask `[batch, positions]`, which is 1
//! for a text's tokens and 0 for the padding behind them.

use burn::tensor::Tensor;

use crate::graph::{Array, Attribute, Graph, Value};

/// Added at padding, so that it is never the maximum.
const ABSENT: f64 = -1e9;

/// The mean over a text's tokens, `[batch, features]`.
pub fn mean(hidden: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
    let [batch, _, features] = hidden.dims();
    let count = mask.clone().sum_dim(1).clamp_min(1.0); // [batch, 1]
    let sum = (hidden * mask.unsqueeze_dim(2)).sum_dim(1).reshape([batch, features]);
    sum / count
}

/// The output for the last token, the maximum and the mean over all tokens, `[batch, 3 features]`: fastai's
/// `masked_concat_pool`.
pub fn last_max_mean(hidden: Tensor<3>, mask: Tensor<2>) -> Tensor<2> {
    let [batch, positions, features] = hidden.dims();
    let behind = Tensor::zeros([batch, 1], &mask.device());
    let next = Tensor::cat(vec![mask.clone().narrow(1, 1, positions - 1), behind], 1);
    let ends: Tensor<3> = (mask.clone() - next).unsqueeze_dim(2); // 1 on the last token alone
    let last = (hidden.clone() * ends).sum_dim(1).reshape([batch, features]);
    let absent: Tensor<3> = ((mask.clone() - 1.0) * -ABSENT).unsqueeze_dim(2);
    let max = (hidden.clone() + absent).max_dim(1).reshape([batch, features]);
    Tensor::cat(vec![last, max, mean(hidden, mask)], 1)
}

/// [`mean`] in a graph.
pub fn export_mean(graph: &mut Graph, hidden: Value, mask: Value) -> Value {
    let count = graph.sum(mask, 1, true);
    let one = graph.constant(1.0);
    let count = graph.node("Max", &[count, one]); // [batch, 1]
    let mask = graph.unsqueeze(mask, 2);
    let there = graph.node("Mul", &[hidden, mask]);
    let sum = graph.sum(there, 1, false);
    graph.node("Div", &[sum, count])
}

/// [`last_max_mean`] in a graph.
pub fn export_last_max_mean(graph: &mut Graph, hidden: Value, mask: Value) -> Value {
    let from_second = graph.slice(mask, 1, 1, i64::MAX);
    let first = graph.slice(mask, 1, 0, 1);
    let behind = graph.scaled(first, 0.0);
    let next = graph.concat(&[from_second, behind], 1);
    let ends = graph.node("Sub", &[mask, next]); // 1 on the last token alone
    let ends = graph.unsqueeze(ends, 2);
    let last = graph.node("Mul", &[hidden, ends]);
    let last = graph.sum(last, 1, false);
    let absent = graph.absent(mask);
    let absent = graph.unsqueeze(absent, 2);
    let there = graph.node("Add", &[hidden, absent]);
    let axis = graph.constant(Array::ints(&[1]));
    let max = graph.node_with("ReduceMax", &[there, axis], &[("keepdims", Attribute::Int(0))]);
    let mean = export_mean(graph, hidden, mask);
    graph.concat(&[last, max, mean], 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn padding_is_neither_last_nor_largest_nor_counted() {
        let device = Device::flex();
        let hidden = Tensor::<3>::from_floats([[[1.0], [-5.0], [9.0]], [[-4.0], [-2.0], [-3.0]]], &device);
        let mask = Tensor::<2>::from_floats([[1.0, 1.0, 0.0], [1.0, 1.0, 1.0]], &device);
        let pooled: Vec<f32> = last_max_mean(hidden, mask).into_data().iter().collect();
        assert_eq!(pooled, [-5.0, 1.0, -2.0, -3.0, -2.0, -3.0]);
    }
}
