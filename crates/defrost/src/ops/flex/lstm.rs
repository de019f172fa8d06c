//! An LSTM layer over whole texts, with its gradients through time.
//!
//! One operation rather than a graph of steps: what a step needs is kept in three arrays, and the gradient of the
//! recurrent weight is one product over all positions instead of a sum of as many.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Dispatch, Flex, backend_extension};
use burn::tensor::Tensor;
use defrost_kernels::{Buffer, ConvShape, Padding, conv};
use rayon::prelude::*;

use super::format::{Format, dims, tensor, whole_f32};
use crate::ops::isa::isa;
use crate::ops::{LstmState, last_position};

/// The operation on primitives, as Burn dispatches it.
#[backend_extension(Flex, Autodiff)]
trait LstmKernel: Backend {
    fn lstm_positions(
        projected: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        cell: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>);
}

impl LstmKernel for Flex {
    fn lstm_positions(
        projected: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        cell: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let lstm = Lstm::forward(projected, weight, hidden, cell);
        let last = lstm.last_cell();
        (lstm.output, last)
    }
}

impl<C: CheckpointStrategy> LstmKernel for Autodiff<Flex, C> {
    /// The state has no gradient, neither the one given nor the one returned.
    fn lstm_positions(
        projected: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        hidden: FloatTensor<Self>,
        cell: FloatTensor<Self>,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let [(projected, of_projected), (weight, of_weight)] =
            [projected, weight].map(FloatTensor::<Self>::into_parts);
        let [hidden, cell] = [hidden, cell].map(FloatTensor::<Self>::into_primitive);
        let lstm = Lstm::forward(projected, weight, hidden, cell);
        let last = FloatTensor::<Self>::new(lstm.last_cell());
        let output = lstm.output.clone();
        let output = match LstmBackward.prepare::<C>([of_projected, of_weight]).compute_bound().stateful() {
            OpsKind::Tracked(prepared) => prepared.finish(lstm, output),
            OpsKind::UnTracked(prepared) => prepared.finish(output),
        };
        (output, last)
    }
}

pub fn lstm(projected: Tensor<3>, weight: Tensor<2>, state: LstmState) -> (Tensor<3>, LstmState) {
    let [hidden, cell] = [state.hidden, state.cell].map(Tensor::into_dispatch);
    let (output, cell) =
        Dispatch::lstm_positions(projected.into_dispatch(), weight.into_dispatch(), hidden, cell);
    let output = Tensor::from_dispatch(output);
    let hidden = last_position(Tensor::clone(&output));
    (output, LstmState { hidden, cell: Tensor::from_dispatch(cell) })
}

/// A pass over a batch, with all that the way back reads.
#[derive(Clone, Debug)]
struct Lstm {
    batch: usize,
    positions: usize,
    hidden: usize,
    /// `[4 hidden, hidden]`
    weight: FlexTensor,
    /// The state before the first position, `[batch, hidden]`.
    before: [FlexTensor; 2],
    /// `[batch, positions, 4 hidden]`, behind their nonlinearities.
    gates: FlexTensor,
    /// `[batch, positions, hidden]`
    cells: FlexTensor,
    /// `[batch, positions, hidden]`
    output: FlexTensor,
}

impl Lstm {
    fn forward(projected: FlexTensor, weight: FlexTensor, hidden: FlexTensor, cell: FlexTensor) -> Self {
        let [projected, weight, first, cell] = [projected, weight, hidden, cell].map(whole_f32);
        let ([batch, positions, _], [_, hidden]) = (dims(&projected), dims(&weight));
        let mut gates = Buffer::copy_of(f32::slice(&projected));
        let mut cells: Buffer<f32> = Buffer::new(batch * positions * hidden);
        let mut output: Buffer<f32> = Buffer::new(batch * positions * hidden);
        let transposed = Flex::float_swap_dims(weight.clone(), 0, 1);
        let mut state = first.clone();
        let mut cell_before = f32::slice(&cell).to_vec();
        for position in 0..positions {
            let recurrent = whole_f32(Flex::float_matmul(state, transposed.clone())); // [batch, 4 hidden]
            let mut next: Buffer<f32> = Buffer::new(batch * hidden);
            let rows = gates
                .par_chunks_mut(positions * 4 * hidden)
                .zip(cells.par_chunks_mut(positions * hidden))
                .zip(output.par_chunks_mut(positions * hidden))
                .zip(f32::slice(&recurrent).par_chunks(4 * hidden))
                .zip(cell_before.par_chunks_mut(hidden))
                .zip(next.par_chunks_mut(hidden));
            rows.for_each(|(((((gates, cells), output), recurrent), cell), next)| {
                let gates = &mut gates[position * 4 * hidden..][..4 * hidden];
                step(gates, recurrent, cell, next);
                cells[position * hidden..][..hidden].copy_from_slice(cell);
                output[position * hidden..][..hidden].copy_from_slice(next);
            });
            state = tensor(next, [batch, hidden]);
        }
        Self {
            batch,
            positions,
            hidden,
            weight,
            before: [first, cell],
            gates: tensor(gates, [batch, positions, 4 * hidden]),
            cells: tensor(cells, [batch, positions, hidden]),
            output: tensor(output, [batch, positions, hidden]),
        }
    }

    fn last_cell(&self) -> FlexTensor {
        let &Self { batch, positions, hidden, .. } = self;
        let mut last: Buffer<f32> = Buffer::new(batch * hidden);
        let texts = f32::slice(&self.cells).chunks(positions * hidden);
        for (last, cells) in last.chunks_mut(hidden).zip(texts) {
            last.copy_from_slice(&cells[(positions - 1) * hidden..]);
        }
        tensor(last, [batch, hidden])
    }

    /// The gradient of what was projected.
    fn grad_projected(&self, grad_output: &FlexTensor) -> FlexTensor {
        let &Self { batch, positions, hidden, .. } = self;
        let (gates, cells) = (f32::slice(&self.gates), f32::slice(&self.cells));
        let (first_cell, grad_output) = (f32::slice(&self.before[1]), f32::slice(grad_output));
        let mut gradient: Buffer<f32> = Buffer::new(gates.len());
        let mut of_cell = vec![0.0f32; batch * hidden];
        let mut of_state = tensor(Buffer::copy_of(&of_cell), [batch, hidden]);
        for position in (0..positions).rev() {
            let mut of_gates: Buffer<f32> = Buffer::new(batch * 4 * hidden);
            let rows = of_gates
                .par_chunks_mut(4 * hidden)
                .zip(gradient.par_chunks_mut(positions * 4 * hidden))
                .zip(of_cell.par_chunks_mut(hidden))
                .zip(f32::slice(&of_state).par_chunks(hidden));
            rows.enumerate().for_each(|(text, (((of_gates, gradient), of_cell), of_state))| {
                let place = (text * positions + position) * hidden;
                let cell_before = match position {
                    0 => &first_cell[text * hidden..][..hidden],
                    _ => &cells[place - hidden..][..hidden],
                };
                let cells = [cell_before, &cells[place..][..hidden]];
                let of_output = [&grad_output[place..][..hidden], of_state];
                step_backward(&gates[4 * place..][..4 * hidden], cells, of_output, of_cell, of_gates);
                gradient[position * 4 * hidden..][..4 * hidden].copy_from_slice(of_gates);
            });
            let of_gates = tensor(of_gates, [batch, 4 * hidden]);
            of_state = whole_f32(Flex::float_matmul(of_gates, self.weight.clone())); // [batch, hidden]
        }
        tensor(gradient, [batch, positions, 4 * hidden])
    }

    /// The gradient of the recurrent weight.
    fn grad_weight(&self, grad_projected: &FlexTensor) -> FlexTensor {
        let &Self { batch, positions, hidden, .. } = self;
        let mut before: Buffer<f32> = Buffer::new(batch * positions * hidden);
        let (first, output) = (f32::slice(&self.before[0]), f32::slice(&self.output));
        for (text, row) in before.chunks_mut(positions * hidden).enumerate() {
            row[..hidden].copy_from_slice(&first[text * hidden..][..hidden]);
            let states = &output[text * positions * hidden..][..(positions - 1) * hidden];
            row[hidden..].copy_from_slice(states);
        }
        let shape = ConvShape {
            batch,
            height: positions,
            width: 1,
            in_channels: hidden,
            out_channels: 4 * hidden,
            kernel: [1, 1],
            stride: [1, 1],
            padding: Padding::all(0),
            groups: 1,
        };
        let mut gradient: Buffer<f32> = Buffer::new(4 * hidden * hidden);
        conv::conv2d_backward_weight(isa(), &shape, &before[..], f32::slice(grad_projected), &mut gradient);
        tensor(gradient, [4 * hidden, hidden])
    }
}

/// One position of one text: gates `[4 hidden]` become what is behind their nonlinearities, `cell` moves on,
/// `state` is what the position gives.
fn step(gates: &mut [f32], recurrent: &[f32], cell: &mut [f32], state: &mut [f32]) {
    let hidden = cell.len();
    for (gate, recurrent) in gates.iter_mut().zip(recurrent) {
        *gate += recurrent;
    }
    let (input, rest) = gates.split_at_mut(hidden);
    let (forget, rest) = rest.split_at_mut(hidden);
    let (candidate, output) = rest.split_at_mut(hidden);
    for i in 0..hidden {
        input[i] = sigmoid(input[i]);
        forget[i] = sigmoid(forget[i]);
        candidate[i] = candidate[i].tanh();
        output[i] = sigmoid(output[i]);
        cell[i] = forget[i] * cell[i] + input[i] * candidate[i];
        state[i] = output[i] * cell[i].tanh();
    }
}

/// The gradients of one position's gates before their nonlinearities, given both gradients of its output; that of
/// the cell moves one position back.
fn step_backward(
    gates: &[f32],
    [cell_before, cell]: [&[f32]; 2],
    [from_above, from_behind]: [&[f32]; 2],
    of_cell: &mut [f32],
    of_gates: &mut [f32],
) {
    let hidden = cell.len();
    for i in 0..hidden {
        let [input, forget, candidate, output] = [0, 1, 2, 3].map(|gate| gates[gate * hidden + i]);
        let of_state = from_above[i] + from_behind[i];
        let bent = cell[i].tanh();
        let through = of_cell[i] + of_state * output * (1.0 - bent * bent);
        of_gates[i] = through * candidate * input * (1.0 - input);
        of_gates[hidden + i] = through * cell_before[i] * forget * (1.0 - forget);
        of_gates[2 * hidden + i] = through * input * (1.0 - candidate * candidate);
        of_gates[3 * hidden + i] = of_state * bent * output * (1.0 - output);
        of_cell[i] = through * forget;
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Of what is projected and of the recurrent weight.
#[derive(Debug)]
struct LstmBackward;

impl Backward<Flex, 2> for LstmBackward {
    type State = Lstm;

    fn backward(self, ops: Ops<Lstm, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let lstm = ops.state;
        let grad_projected = lstm.grad_projected(&whole_f32(grads.consume::<Flex>(&ops.node)));
        let [projected, weight] = ops.parents;
        if let Some(weight) = weight {
            grads.register::<Flex>(weight.id, lstm.grad_weight(&grad_projected));
        }
        if let Some(projected) = projected {
            grads.register::<Flex>(projected.id, grad_projected);
        }
    }
}
