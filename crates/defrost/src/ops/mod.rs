//! Tensor operations that the networks are made of, over NHWC images.
//!
//! A convolution, what follows it, and a step of Adam are each one operation with one hand-written
//! backward pass on the CPU (`flex`), and plain Burn on every other device. `plain` is also what the
//! fast path is tested against.

mod count;
mod flex;
mod isa;
pub mod plain;

use burn::tensor::{DType, Device, FloatDType, Tensor};
pub use count::count_multiply_adds;
pub use defrost_kernels::{ActivationFn, IsaLevel, Padding, SpinGuard, release_memory};
pub use isa::{IsaError, isa_level};

/// The window of a convolution or a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowConfig {
    /// Its size in pixels, `[height, width]`.
    pub kernel: [usize; 2],
    /// Its step, `[height, width]`.
    pub stride: [usize; 2],
    /// What surrounds the image.
    pub padding: PaddingRule,
}

/// How much is added around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingRule {
    /// As many pixels on each side.
    Fixed(usize),
    /// TensorFlow's `SAME`: the output is the input over the stride, rounded up.
    Same,
    /// Nothing, but the last window may reach beyond the lower and right edge: PyTorch's `ceil_mode`.
    CeilMode,
}

impl WindowConfig {
    /// A square window padded so that stride 1 keeps the size, as PyTorch models do.
    pub fn centered(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: PaddingRule::Fixed(kernel / 2) }
    }

    /// A square window padded as TensorFlow does.
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { padding: PaddingRule::Same, ..Self::centered(kernel, stride) }
    }

    /// A window without padding.
    pub fn inside(kernel: usize, stride: usize) -> Self {
        Self { padding: PaddingRule::Fixed(0), ..Self::centered(kernel, stride) }
    }

    /// Windows side by side, without padding.
    pub fn tiles(size: usize) -> Self {
        Self::inside(size, size)
    }

    /// The size of what an image of this size becomes, `[height, width]`.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        let Padding { top, bottom, left, right } = self.padding_for(size);
        let steps =
            |axis: usize, around: usize| (size[axis] + around - self.kernel[axis]) / self.stride[axis];
        [steps(0, top + bottom) + 1, steps(1, left + right) + 1]
    }

    /// The padding for an image of this size, `[height, width]`.
    pub fn padding_for(&self, size: [usize; 2]) -> Padding {
        match self.padding {
            PaddingRule::Fixed(pixels) => Padding::all(pixels),
            PaddingRule::Same => Padding::same(size, self.kernel, self.stride),
            PaddingRule::CeilMode => {
                let beyond = |axis: usize| {
                    let steps = size[axis].saturating_sub(self.kernel[axis]).div_ceil(self.stride[axis]);
                    (steps * self.stride[axis] + self.kernel[axis]).saturating_sub(size[axis])
                };
                Padding { bottom: beyond(0), right: beyond(1), ..Padding::default() }
            }
        }
    }
}

/// A convolution followed by bias, residual sum and nonlinearity:
/// `f(conv(input, weight) + bias + residual)`.
///
/// # Shapes
///
/// - `input` `[batch, height, width, in_channels]`, f32 or bf16
/// - `weight` `[out_channels, in_channels / groups, kernel height, kernel width]`, f32
/// - `bias` `[out_channels]`, f32
/// - `residual` and output `[batch, out height, out width, out_channels]`, as the input's format
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> Tensor<4> {
    if let Some(output) = count::conv2d(&input, &weight, window) {
        output
    } else if flex::takes(&input) {
        flex::conv2d(input, weight, bias, residual, window, nonlinearity)
    } else {
        plain::conv2d(input, weight, bias, residual, window, nonlinearity)
    }
}

/// What [`conv2d_batch_norm`] gives.
pub struct BatchNormed {
    /// `[batch, out height, out width, out_channels]`
    pub output: Tensor<4>,
    /// The convolution's mean per channel over the batch, `[out_channels]`, without gradient.
    pub mean: Tensor<1>,
    /// Its biased variance, `[out_channels]`, without gradient.
    pub variance: Tensor<1>,
}

/// A norm's scale and shift, `[channels]` each.
pub struct Affine {
    /// Multiplied with the normalised value.
    pub scale: Tensor<1>,
    /// Added to it.
    pub shift: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// A convolution followed by a norm over the batch's statistics, residual sum and nonlinearity.
///
/// # Shapes
///
/// As [`conv2d`].
pub fn conv2d_batch_norm(
    input: Tensor<4>,
    weight: Tensor<4>,
    affine: Affine,
    residual: Option<Tensor<4>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> BatchNormed {
    if flex::takes(&input) {
        flex::conv2d_batch_norm(input, weight, affine, residual, window, nonlinearity)
    } else {
        plain::conv2d_batch_norm(input, weight, affine, residual, window, nonlinearity)
    }
}

/// Each filter of `weight` `[out_channels, …]` times its factor of `[out_channels]`: what folds a norm into
/// the convolution before it.
pub fn scale_filters(weight: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    if count::counting() {
        weight
    } else if flex::takes(&weight) {
        flex::scale_filters(weight, factors)
    } else {
        plain::scale_filters(weight, factors)
    }
}

/// The same tensor twice, for a block and the shortcut around it: as two clones, but the gradients that come
/// back are added faster. Both must lead to the loss, or neither brings a gradient back.
pub fn fork(input: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
    if flex::takes(&input) { flex::fork(input) } else { (input.clone(), input) }
}

/// As [`fork`] where a block has a shortcut; where it has none, the tensor alone.
pub fn fork_if(shortcut: bool, input: Tensor<4>) -> (Tensor<4>, Option<Tensor<4>>) {
    if !shortcut {
        return (input, None);
    }
    let (block, around) = fork(input);
    (block, Some(around))
}

/// The highest value in each window, channel by channel: `[batch, height, width, channels]` to
/// `[batch, out height, out width, channels]`. Padding never wins.
pub fn max_pool2d(input: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    if flex::takes(&input) { flex::max_pool2d(input, window) } else { plain::max_pool2d(input, window) }
}

/// Over all pixels the maximum of each channel, then the average of each: `[batch, height, width,
/// channels]` to `[batch, 2 channels]` in f32 (fastai's `AdaptiveConcatPool2d`).
pub fn concat_pool(input: Tensor<4>) -> Tensor<2> {
    if flex::takes(&input) { flex::concat_pool(input) } else { plain::concat_pool(input) }
}

/// Over all pixels the average of each channel: `[batch, height, width, channels]` to `[batch, channels]`
/// in f32.
pub fn average_pool(input: Tensor<4>) -> Tensor<2> {
    if flex::takes(&input) { flex::average_pool(input) } else { plain::average_pool(input) }
}

/// The same numbers in another format: any shape, the same shape; the gradient comes back in the input's format.
pub fn in_format<const D: usize>(input: Tensor<D>, format: FloatDType) -> Tensor<D> {
    if input.dtype() == DType::from(format) {
        input
    } else if flex::takes(&input) && matches!(format, FloatDType::F32 | FloatDType::BF16) {
        flex::cast(input, format)
    } else {
        input.cast(format)
    }
}

/// `x · Φ(x)`, Φ the normal distribution (arXiv 1606.08415): any shape, the same shape.
pub fn gelu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if flex::takes(&input) { flex::gelu(input) } else { plain::gelu(input) }
}

/// `x · min(max(x + 3, 0), 6) / 6` (arXiv 1905.02244): any shape, the same shape.
pub fn hardswish<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if flex::takes(&input) { flex::hardswish(input) } else { plain::hardswish(input) }
}

/// Softmax over the last dimension: any shape, the same shape.
pub fn softmax_rows<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    if flex::takes(&input) { flex::softmax_rows(input) } else { plain::softmax_rows(input) }
}

/// `(x - mean) / sqrt(variance + epsilon) * scale + shift`, each over the last dimension: any shape, the same
/// shape; `scale` and `shift` are as long as that dimension.
pub fn layer_norm<const D: usize>(
    input: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    if flex::takes(&input) {
        flex::layer_norm(input, scale, shift, epsilon)
    } else {
        plain::layer_norm(input, scale, shift, epsilon)
    }
}

/// Added to the score of a position that is not there: its weight becomes exactly 0.
const ABSENT: f64 = -1e9;

/// `softmax(query · keyᵀ / √width) · value` in each of `heads` heads, which share the features evenly: `[batch,
/// positions, features]` three times, the same shape. `mask` `[batch, positions]` is 1 where there is something to
/// attend to and 0 where there is nothing.
pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    mask: Tensor<2>,
    heads: usize,
) -> Tensor<3> {
    let absent = (mask - 1.0) * -ABSENT;
    if let Some(output) = count::attention(&query) {
        output
    } else if flex::takes(&query) {
        flex::attention(query, key, value, absent, heads)
    } else {
        plain::attention(query, key, value, absent, heads)
    }
}

/// What an LSTM layer knows of the positions before, `[batch, hidden]` each.
#[derive(Clone, Debug)]
pub struct LstmState {
    /// What the last position gave.
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
    if flex::takes(&projected) {
        flex::lstm(projected, weight, state)
    } else {
        plain::lstm(projected, weight, state)
    }
}

/// `[batch, positions, features]` to `[batch, features]`.
fn last_position(x: Tensor<3>) -> Tensor<2> {
    let [batch, positions, features] = x.dims();
    x.narrow(1, positions - 1, 1).reshape([batch, features])
}

/// The constants of one step of Adam for one parameter.
#[derive(Clone, Debug)]
pub struct AdamStep {
    /// The learning rate.
    pub rate: f64,
    /// Momentum of the gradient average.
    pub beta1: f64,
    /// Momentum of the average of squares.
    pub beta2: f64,
    /// Added to the root of the average of squares.
    pub epsilon: f64,
    /// The value shrinks by rate × this before the step.
    pub weight_decay: f64,
    /// How many steps this one makes, from 1.
    pub steps: u32,
    /// The gradient is multiplied by this first.
    pub gradient_scale: f64,
}

/// One step of Adam on a flat parameter: new value, gradient average and average of squares, all
/// `[elements]`.
///
/// As fastai: averages are `m·a + (1-m)·g`, both corrected by `1 - m^steps` with the momentum of this
/// step, decay is decoupled.
pub fn adam_step(
    value: Tensor<1>,
    gradient: Tensor<1>,
    average: Tensor<1>,
    square_average: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    if flex::takes(&value) {
        flex::adam_step(value, gradient, average, square_average, step)
    } else {
        plain::adam_step(value, gradient, average, square_average, step)
    }
}
