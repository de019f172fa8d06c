//! An LSTM layer over whole texts, with its gradients through time.
//!
//! One operation rather than a graph of steps: what a step needs is kept in three arrays, and the gradient of the
//! recurrent weight is one product over all positions instead of a sum of as many.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::tensor::{Device, Tensor, activation};
use defrost_kernels::{Buffer, ConvShape, Padding, conv};
use rayon::prelude::*;

use super::flex::{self, Format, Forward, Operation, dims, tensor, whole_f32};
use super::isa::isa;

/// The state of an LSTM layer after earlier positions, `[batch, hidden]` each.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// The output at the last position.
    pub hidden: Tensor<2>,
    /// The memory behind it.
    pub cell: Tensor<2>,
}

impl LstmState {
    /// Nothing.
    pub fn zeros(batch: usize, hidden: usize, device: &Device) -> Self {
        let zeros = || Tensor::zeros([batch, hidden], device);
        Self { hidden: zeros(), cell: zeros() }
    }

    /// The same numbers with no gradient graph behind them, on the same device.
    pub fn without_past(self) -> Self {
        Self { hidden: self.hidden.detach(), cell: self.cell.detach() }
    }
}

/// An LSTM layer behind the projection of its input: at each position the gates are `projected + state · weightᵀ`,
/// `cell = σ(forget) · cell + σ(input) · tanh(candidate)` and `state = σ(output) · tanh(cell)`, which is what the
/// position gives. Returned with the outputs is the state behind the last position. No gradient goes through the
/// state given.
///
/// # Shapes
///
/// - `projected` `[batch, positions, 4 hidden]` with at least one position, gates in PyTorch's order: input, forget,
///   candidate, output
/// - `weight` `[4 hidden, hidden]`
/// - output `[batch, positions, hidden]`
pub fn lstm(projected: Tensor<3>, weight: Tensor<2>, state: LstmState) -> (Tensor<3>, LstmState) {
    if !flex::takes(&projected) {
        return plain(projected, weight, state);
    }
    let LstmState { hidden, cell } = state.without_past();
    let inputs =
        [projected.into_dispatch(), weight.into_dispatch(), hidden.into_dispatch(), cell.into_dispatch()];
    let [output, cell] = flex::apply_with_constants(Unrolled, inputs);
    let output = Tensor::from_dispatch(output);
    let hidden = last_position(Tensor::clone(&output));
    (output, LstmState { hidden, cell: Tensor::from_dispatch(cell) })
}

/// [`lstm`] in plain Burn.
pub fn plain(projected: Tensor<3>, weight: Tensor<2>, state: LstmState) -> (Tensor<3>, LstmState) {
    let ([batch, positions, gates], [_, hidden]) = (projected.dims(), weight.dims());
    let (mut h, mut c) = (state.hidden.detach(), state.cell.detach());
    let weight = weight.transpose();
    let mut outputs = vec![];
    for position in 0..positions {
        let x = projected.clone().narrow(1, position, 1).reshape([batch, gates]) + h.matmul(weight.clone());
        let gate = |index: usize| x.clone().narrow(1, index * hidden, hidden);
        let [input, forget, output] = [0, 1, 3].map(|index| activation::sigmoid(gate(index)));
        c = forget * c + input * gate(2).tanh();
        h = output * c.clone().tanh();
        outputs.push(h.clone().unsqueeze_dim(1)); // [batch, 1, hidden]
    }
    let output = Tensor::cat(outputs, 1);
    (output.clone(), LstmState { hidden: last_position(output), cell: c.detach() })
}

/// `[batch, positions, features]` to `[batch, features]`.
fn last_position(x: Tensor<3>) -> Tensor<2> {
    let [batch, positions, features] = x.dims();
    x.narrow(1, positions - 1, 1).reshape([batch, features])
}

/// Of what is projected, the recurrent weight, and the state, which has no gradient.
struct Unrolled;

impl Operation<4> for Unrolled {
    type Saved = Lstm;

    fn forward(self, inputs: [FlexTensor; 4], _: [bool; 4]) -> Forward<Lstm> {
        let lstm = Lstm::forward(inputs);
        Forward { output: lstm.output.clone(), constants: vec![lstm.last_cell()], saved: lstm }
    }

    fn backward(lstm: Lstm, grad_output: FlexTensor, tracked: [bool; 4]) -> [Option<FlexTensor>; 4] {
        let grad_projected = lstm.grad_projected(&whole_f32(grad_output));
        let grad_weight = tracked[1].then(|| lstm.grad_weight(&grad_projected));
        [Some(grad_projected), grad_weight, None, None]
    }
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
    /// Of what is projected, the recurrent weight, and the state before: hidden and cell.
    fn forward(inputs: [FlexTensor; 4]) -> Self {
        let [projected, weight, first, cell] = inputs.map(whole_f32);
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
