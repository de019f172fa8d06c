//! Depthwise convolution: one filter per channel.
//!
//! Memory bounds these kernels, not arithmetic, so all three passes are one simple correlation over
//! rows that were widened to `f32` and padded with zeros on their way into the cache (`rows`): no
//! pixel is at a border, no tap is tested. The gradient of the input is the same correlation over the
//! output's gradient, spread out by the stride, with the filter turned round.
//!
//! # Shapes
//!
//! - `input`, `grad_input`: `[batch, height, width, channels]`
//! - `weight`, `grad_weight`: `[channels, 1, kernel[0], kernel[1]]`
//! - `output`, `grad_output`: `[batch, out_height, out_width, channels]`
//!
//! Results do not depend on the number of threads. Weights and sums are `f32` on every level.

mod correlate;
mod rows;
mod statistics;
mod weight;

use crate::{ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, channels::Period};
use correlate::correlate;
use rows::Geometry;
use statistics::Moments;

pub use weight::conv2d_backward_weight;

/// The convolution, with `epilogue` applied to its sums.
///
/// # Panics
///
/// If `shape` is not depthwise or a length disagrees with it.
pub fn conv2d<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    input: &[T],
    weight: &[f32],
    epilogue: Epilogue<T>,
    output: &mut [T],
) {
    check(shape, input.len(), weight.len(), output.len());
    correlate(isa, &Geometry::forward(shape), input, weight, epilogue, output, |_| ());
}

/// The convolution alone, and the statistics of its output, taken while it is in the cache.
///
/// # Panics
///
/// As [`conv2d`].
pub fn conv2d_with_statistics<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    input: &[T],
    weight: &[f32],
    output: &mut [T],
    statistics: &mut ChannelStatistics,
) {
    check(shape, input.len(), weight.len(), output.len());
    let period = Period::of(shape.out_channels, output.len());
    let moments = |band: &[T]| Moments::of(isa, &period, band);
    let parts = correlate(isa, &Geometry::forward(shape), input, weight, Epilogue::NONE, output, moments);
    *statistics = Moments::combine(shape.out_channels, &parts);
}

/// The gradient of the input.
///
/// # Panics
///
/// As [`conv2d`].
pub fn conv2d_backward_input<T: Element>(
    isa: IsaLevel,
    shape: &ConvShape,
    grad_output: &[T],
    weight: &[f32],
    grad_input: &mut [T],
) {
    check(shape, grad_input.len(), weight.len(), grad_output.len());
    let taps = shape.kernel[0] * shape.kernel[1];
    let turned: Vec<f32> =
        weight.chunks_exact(taps).flat_map(|filter| filter.iter().rev().copied()).collect();
    let geometry = Geometry::backward(shape);
    correlate(isa, &geometry, grad_output, &turned, Epilogue::NONE, grad_input, |_| ());
}

fn check(shape: &ConvShape, input: usize, weight: usize, output: usize) {
    assert!(
        shape.groups == shape.in_channels && shape.in_channels == shape.out_channels,
        "not a depthwise convolution: {shape:?}"
    );
    assert_eq!(input, shape.input_len(), "input length of {shape:?}");
    assert_eq!(weight, shape.weight_len(), "weight length of {shape:?}");
    assert_eq!(output, shape.output_len(), "output length of {shape:?}");
}
