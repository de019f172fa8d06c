//! Convolution: forward, with batch statistics, and the gradients of its input and its weight.
//!
//! | array | shape |
//! |---|---|
//! | input, `grad_input` | `[batch, height, width, in_channels]`, `f32` or `bf16` |
//! | weight, `grad_weight` | `[out_channels, in_channels / groups, kernel height, kernel width]`, `f32` |
//! | output, residual, `grad_output` | `[batch, out_height, out_width, out_channels]`, as the input |
//!
//! Work is spread over the current rayon pool. Results depend on the arguments alone: not on timing, and not on
//! the number of threads. Where the instruction set has no product of `bf16`, they are widened and multiplied as `f32`;
//! where it has, weights are rounded to `bf16` before they multiply. Sums are `f32` everywhere.
//!
//! # Algorithm
//!
//! All four are the same matrix product, tile by tile, in registers:
//!
//! ```text
//! for each unit of output rows, in parallel:
//!     copy the input rows it reads into a zero-bordered stage, in the format that is multiplied
//!     for each panel of output channels:
//!         for each tile of pixels:
//!             for each kernel row:                            the pixels under it are contiguous in the stage
//!                 tile += stage pixels x packed weights       Microkernel
//!             write the tile: bias, residual, activation, statistics
//! ```
//!
//! The gradient of the input is the same with the roles of input and output swapped, once for each phase of the
//! stride, so that no product with an inserted zero is ever made. The gradient of the weight is a product over
//! pixels of the transposed stage with the output's gradient.
//!
//! Of 3×3 kernels with stride 1, `f32` are multiplied by Winograd's algorithm instead, in fewer than half as many
//! products (`winograd`).

mod geometry;
mod kernel;
mod pack;
pub mod reference;
mod run;
mod stage;
mod statistics;
mod units;
mod weight;
mod winograd;
mod write;

use crate::{ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, depthwise};
use geometry::Plan;
use kernel::with_kernel;

/// `output = activation(conv(input, weight) + bias + residual)`
///
/// # Panics
///
/// If a slice's length is not what `shape` says.
pub fn conv2d<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    input: &[T],
    weight: &[f32],
    epilogue: Epilogue<T>,
    output: &mut [T],
) {
    check(shape);
    check_len("input", input.len(), shape.input_len());
    check_len("weight", weight.len(), shape.weight_len());
    check_len("output", output.len(), shape.output_len());
    if let Some(bias) = epilogue.bias {
        check_len("bias", bias.len(), shape.out_channels);
    }
    if let Some(residual) = epilogue.residual {
        check_len("residual", residual.len(), shape.output_len());
    }
    if shape.is_depthwise() {
        return depthwise::conv2d(isa, shape, input, weight, epilogue, output);
    }
    let plan = Plan::forward(shape);
    with_kernel!(isa, T, kernel => run::run(kernel, &plan, input, weight, &epilogue, output, None));
}

/// `output = conv(input, weight)`, and the mean and variance of each output channel over batch and pixels, taken
/// while the output is written. They are those of the values as written, after rounding to `T`.
///
/// # Panics
///
/// If a slice's length is not what `shape` says.
pub fn conv2d_with_statistics<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    input: &[T],
    weight: &[f32],
    output: &mut [T],
    statistics: &mut ChannelStatistics,
) {
    check(shape);
    check_len("input", input.len(), shape.input_len());
    check_len("weight", weight.len(), shape.weight_len());
    check_len("output", output.len(), shape.output_len());
    check_len("mean", statistics.mean.len(), shape.out_channels);
    check_len("variance", statistics.variance.len(), shape.out_channels);
    if shape.is_depthwise() {
        return depthwise::conv2d_with_statistics(isa, shape, input, weight, output, statistics);
    }
    let plan = Plan::forward(shape);
    let epilogue = Epilogue::NONE;
    with_kernel!(isa, T, kernel => {
        run::run(kernel, &plan, input, weight, &epilogue, output, Some(statistics));
    });
}

/// The gradient of the input, given the output's. Overwrites `grad_input`.
///
/// # Panics
///
/// If a slice's length is not what `shape` says.
pub fn conv2d_backward_input<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    grad_output: &[T],
    weight: &[f32],
    grad_input: &mut [T],
) {
    check(shape);
    check_len("grad_output", grad_output.len(), shape.output_len());
    check_len("weight", weight.len(), shape.weight_len());
    check_len("grad_input", grad_input.len(), shape.input_len());
    if shape.is_depthwise() {
        return depthwise::conv2d_backward_input(isa, shape, grad_output, weight, grad_input);
    }
    let plan = Plan::backward_input(shape);
    let epilogue = Epilogue::NONE;
    with_kernel!(isa, T, kernel => {
        run::run(kernel, &plan, grad_output, weight, &epilogue, grad_input, None);
    });
}

/// The gradient of the weight, given the output's. Overwrites `grad_weight`.
///
/// # Panics
///
/// If a slice's length is not what `shape` says.
pub fn conv2d_backward_weight<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) {
    check(shape);
    check_len("input", input.len(), shape.input_len());
    check_len("grad_output", grad_output.len(), shape.output_len());
    check_len("grad_weight", grad_weight.len(), shape.weight_len());
    if shape.is_depthwise() {
        return depthwise::conv2d_backward_weight(isa, shape, input, grad_output, grad_weight);
    }
    with_kernel!(isa, T, kernel => weight::gradient(kernel, shape, input, grad_output, grad_weight));
}

fn check_len(name: &str, found: usize, expected: usize) {
    assert!(found == expected, "{name} has {found} elements, its shape says {expected}");
}

fn check(shape: &ConvShape) {
    assert!(shape.groups > 0 && shape.out_channels > 0, "{shape:?} has no channels or groups");
    assert!(
        shape.in_channels.is_multiple_of(shape.groups) && shape.out_channels.is_multiple_of(shape.groups),
        "channels are no multiple of the groups in {shape:?}"
    );
    assert!(shape.stride[0] > 0 && shape.stride[1] > 0, "{shape:?} has stride 0");
    assert!(shape.kernel[0] > 0 && shape.kernel[1] > 0, "{shape:?} has an empty kernel");
    let padding = shape.padding;
    assert!(
        shape.kernel[0] <= shape.height + padding.top + padding.bottom
            && shape.kernel[1] <= shape.width + padding.left + padding.right,
        "the kernel is larger than the padded input in {shape:?}"
    );
}
