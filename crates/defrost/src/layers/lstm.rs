//! A layer of long short-term memory whose recurrent weights are dropped (arXiv 1708.02182).

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::{Dropout, Linear};
use crate::graph::{Array, Attribute, Graph, Value};
use crate::ops::{self, LstmState};

/// Each position's gates are `input · weightᵀ + state · recurrent weightᵀ + biases`, in PyTorch's order: input,
/// forget, candidate, output.
#[derive(Module, Debug)]
pub struct Lstm {
    /// `[4 hidden, inputs]`
    pub input: Linear,
    /// `[4 hidden, hidden]`
    pub recurrent: Linear,
    /// Of the recurrent weights, the same for all positions of a batch (DropConnect).
    pub dropout: Dropout,
}

impl Lstm {
    /// New weights, as PyTorch draws them; `dropout` is the fraction of the recurrent weights that is dropped.
    pub fn new(inputs: usize, hidden: usize, dropout: f64, device: &Device) -> Self {
        let bound = 1.0 / (hidden as f64).sqrt();
        let uniform = Initializer::Uniform { min: -bound, max: bound };
        let dense = |inputs: usize| Linear {
            weight: uniform.init([4 * hidden, inputs], device),
            bias: Some(uniform.init([4 * hidden], device)),
        };
        Self { input: dense(inputs), recurrent: dense(hidden), dropout: Dropout::new(dropout) }
    }

    /// `[batch, positions, inputs]` to `[batch, positions, hidden]` and the state behind the last position. The
    /// state before the first one is zeros if none is given; no gradient goes through either.
    pub fn forward(&self, input: Tensor<3>, state: Option<LstmState>) -> (Tensor<3>, LstmState) {
        let [batch, _, _] = input.dims();
        let recurrent = self.dropout.forward(self.recurrent.weight.val());
        let [gates, hidden] = recurrent.dims();
        let state = state.unwrap_or_else(|| LstmState::zeros(batch, hidden, &input.device()));
        let mut projected = self.input.forward_positions(input); // [batch, positions, 4 hidden]
        if let Some(bias) = self.recurrent.bias.as_ref().map(Param::val) {
            projected = projected + bias.reshape([1, 1, gates]);
        }
        ops::lstm(projected, recurrent, state)
    }

    /// The same from no state in a graph, `[batch, positions, inputs]` to `[batch, positions, hidden]`.
    pub fn export(&self, graph: &mut Graph, x: Value) -> Value {
        let [gates, hidden] = self.recurrent.weight.dims();
        // ONNX has the gates as input, output, forget, candidate.
        let ordered = |weight: Tensor<2>| {
            let gate = |index: usize| weight.clone().narrow(0, index * hidden, hidden);
            Tensor::cat([0, 3, 1, 2].map(gate).to_vec(), 0)
        };
        let bias = |dense: &Linear| {
            let bias = dense.bias.as_ref().map(Param::val);
            let bias = bias.unwrap_or_else(|| Tensor::zeros([gates], &self.recurrent.weight.device()));
            ordered(bias.reshape([gates, 1])).reshape([1, gates])
        };
        let biases = Tensor::cat(vec![bias(&self.input), bias(&self.recurrent)], 1); // [1, 8 hidden]
        let mut weight = |dense: &Linear| {
            let name = graph.name_of(&dense.weight);
            graph.tensor(&name, ordered(dense.weight.val()).unsqueeze::<3>())
        };
        let (input, recurrent) = (weight(&self.input), weight(&self.recurrent));
        let name = self.input.bias.as_ref().map_or_else(|| "bias".to_owned(), |bias| graph.name_of(bias));
        let biases = graph.tensor(&name, biases);
        let steps = graph.transpose(x, &[1, 0, 2]); // [positions, batch, inputs]
        let size = [("hidden_size", Attribute::Int(hidden as i64))];
        let y = graph.first_of(1, "LSTM", &[steps, input, recurrent, biases], &size); // [positions, 1, batch, hidden]
        let axes = graph.constant(Array::ints(&[1]));
        let y = graph.node("Squeeze", &[y, axes]);
        graph.transpose(y, &[1, 0, 2])
    }
}
