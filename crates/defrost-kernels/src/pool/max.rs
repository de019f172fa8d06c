//! Max pooling, remembering where each maximum came from.
//!
//! Invariants: padding never wins; of equal values the first in row order wins; NaN wins over all, as in
//! PyTorch. The gradient is gathered by input pixel, so every sum has one order.

use rayon::prelude::*;

use crate::{
    Element, IsaLevel, Padding,
    simd::{self, Kernel, Simd},
};

/// Channels that are pooled together, their best values in registers or the first cache.
const BLOCK: usize = 64;

/// A pooling's geometry.
///
/// # Shapes
///
/// - input `[batch, height, width, channels]`
/// - output `[batch, out_height, out_width, channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolShape {
    /// Images in the batch.
    pub batch: usize,
    /// Input rows.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Channels.
    pub channels: usize,
    /// Window size, `[height, width]`.
    pub kernel: [usize; 2],
    /// Step of the window, `[height, width]`.
    pub stride: [usize; 2],
    /// Pixels around the input that never win.
    pub padding: Padding,
}

impl PoolShape {
    /// Output rows.
    pub fn out_height(&self) -> usize {
        (self.height + self.padding.top + self.padding.bottom - self.kernel[0]) / self.stride[0] + 1
    }

    /// Output columns.
    pub fn out_width(&self) -> usize {
        (self.width + self.padding.left + self.padding.right - self.kernel[1]) / self.stride[1] + 1
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.channels
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height() * self.out_width() * self.channels
    }

    /// Every window must hold at least one pixel, or it has no maximum.
    fn check(&self) {
        let [rows, columns] = self.kernel;
        let Padding { top, bottom, left, right } = self.padding;
        assert!(
            top < rows && bottom < rows && left < columns && right < columns,
            "padding {:?} leaves windows of {rows} by {columns} empty",
            self.padding
        );
        assert!(
            self.channels > 0 && self.stride[0] > 0 && self.stride[1] > 0,
            "channels and stride are 1 at least"
        );
    }
}

/// Where each maximum came from: its offset in the window, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argmax {
    /// Windows of up to 256 pixels.
    Small(Vec<u8>),
    /// Larger windows.
    Large(Vec<u32>),
}

/// The largest value of each window.
///
/// # Panics
///
/// If a length disagrees with `shape`, or the padding is as wide as the window.
pub fn max_pool<T: Element>(isa: IsaLevel, shape: &PoolShape, input: &[T], output: &mut [T]) -> Argmax {
    shape.check();
    assert!(
        input.len() == shape.input_len() && output.len() == shape.output_len(),
        "lengths differ from {shape:?}"
    );
    if shape.kernel[0] * shape.kernel[1] <= 256 {
        Argmax::Small(forward(isa, shape, input, output))
    } else {
        Argmax::Large(forward(isa, shape, input, output))
    }
}

/// The gradient by the input: each output's gradient goes to its maximum.
///
/// # Panics
///
/// If a length disagrees with `shape`.
pub fn max_pool_backward<T: Element>(
    isa: IsaLevel,
    shape: &PoolShape,
    grad_output: &[T],
    argmax: &Argmax,
    grad_input: &mut [T],
) {
    shape.check();
    assert!(
        grad_input.len() == shape.input_len() && grad_output.len() == shape.output_len(),
        "lengths differ from {shape:?}"
    );
    match argmax {
        Argmax::Small(offsets) => backward(isa, shape, grad_output, offsets, grad_input),
        Argmax::Large(offsets) => backward(isa, shape, grad_output, offsets, grad_input),
    }
}

/// An offset in a window.
trait Offset: Copy + Default + PartialEq + Send + Sync {
    /// Of an offset that fits.
    fn of(offset: usize) -> Self;
}

impl Offset for u8 {
    #[inline(always)]
    fn of(offset: usize) -> Self {
        offset as u8
    }
}

impl Offset for u32 {
    #[inline(always)]
    fn of(offset: usize) -> Self {
        offset as u32
    }
}

fn forward<T: Element, O: Offset>(isa: IsaLevel, shape: &PoolShape, input: &[T], output: &mut [T]) -> Vec<O> {
    let mut offsets = vec![O::default(); output.len()];
    let row_len = shape.out_width() * shape.channels;
    output.par_chunks_mut(row_len).zip(offsets.par_chunks_mut(row_len)).enumerate().for_each(
        |(row, (output, offsets))| {
            let (image, row) = (row / shape.out_height(), row % shape.out_height());
            let image_len = shape.height * shape.width * shape.channels;
            let input = &input[image * image_len..][..image_len];
            simd::run(isa, ForwardRow { shape, row, input, output, offsets });
        },
    );
    offsets
}

/// One row of outputs.
struct ForwardRow<'a, T, O> {
    shape: &'a PoolShape,
    row: usize,
    input: &'a [T],
    output: &'a mut [T],
    offsets: &'a mut [O],
}

impl<T: Element, O: Offset> Kernel for ForwardRow<'_, T, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let shape = self.shape;
        let channels = shape.channels;
        let [kernel_rows, kernel_columns] = shape.kernel;
        let pixels = self.output.chunks_exact_mut(channels).zip(self.offsets.chunks_exact_mut(channels));
        for (column, (output, offsets)) in pixels.enumerate() {
            for (start, (output, offsets)) in
                (0..).step_by(BLOCK).zip(output.chunks_mut(BLOCK).zip(offsets.chunks_mut(BLOCK)))
            {
                let mut best = [f32::NEG_INFINITY; BLOCK];
                let mut best_at = [O::default(); BLOCK];
                let mut first = true;
                for ky in 0..kernel_rows {
                    let y = (self.row * shape.stride[0] + ky).wrapping_sub(shape.padding.top);
                    for kx in 0..kernel_columns {
                        let x = (column * shape.stride[1] + kx).wrapping_sub(shape.padding.left);
                        if y >= shape.height || x >= shape.width {
                            continue;
                        }
                        let at = (y * shape.width + x) * channels + start;
                        let offset = O::of(ky * kernel_columns + kx);
                        let values = &self.input[at..at + output.len()];
                        if std::mem::take(&mut first) {
                            best_at.fill(offset);
                        }
                        for ((best, best_at), value) in best.iter_mut().zip(&mut best_at).zip(values) {
                            let value = value.to_f32();
                            let larger = value > *best || value.is_nan();
                            *best = if larger { value } else { *best };
                            *best_at = if larger { offset } else { *best_at };
                        }
                    }
                }
                output.iter_mut().zip(best).for_each(|(to, best)| *to = T::from_f32(best));
                let len = offsets.len();
                offsets.copy_from_slice(&best_at[..len]);
            }
        }
    }
}

fn backward<T: Element, O: Offset>(
    isa: IsaLevel,
    shape: &PoolShape,
    grad_output: &[T],
    offsets: &[O],
    grad_input: &mut [T],
) {
    assert_eq!(offsets.len(), grad_output.len(), "lengths differ");
    let image_len = shape.out_height() * shape.out_width() * shape.channels;
    grad_input.par_chunks_mut(shape.width * shape.channels).enumerate().for_each(|(row, grad_input)| {
        let (image, row) = (row / shape.height, row % shape.height);
        let part = image * image_len..(image + 1) * image_len;
        let (grad_output, offsets) = (&grad_output[part.clone()], &offsets[part]);
        simd::run(isa, BackwardRow { shape, row, grad_output, offsets, grad_input });
    });
}

/// One row of input gradients.
struct BackwardRow<'a, T, O> {
    shape: &'a PoolShape,
    row: usize,
    grad_output: &'a [T],
    offsets: &'a [O],
    grad_input: &'a mut [T],
}

impl<T: Element, O: Offset> Kernel for BackwardRow<'_, T, O> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        let shape = self.shape;
        let channels = shape.channels;
        let rows =
            windows(self.row + shape.padding.top, shape.kernel[0], shape.stride[0], shape.out_height());
        for (column, to) in self.grad_input.chunks_exact_mut(channels).enumerate() {
            let columns =
                windows(column + shape.padding.left, shape.kernel[1], shape.stride[1], shape.out_width());
            for (start, to) in (0..).step_by(BLOCK).zip(to.chunks_mut(BLOCK)) {
                let mut sums = [0.0f32; BLOCK];
                for y in rows.clone() {
                    let ky = self.row + shape.padding.top - y * shape.stride[0];
                    for x in columns.clone() {
                        let kx = column + shape.padding.left - x * shape.stride[1];
                        let offset = O::of(ky * shape.kernel[1] + kx);
                        let at = (y * shape.out_width() + x) * channels + start;
                        let gradients = &self.grad_output[at..at + to.len()];
                        let offsets = &self.offsets[at..at + to.len()];
                        for ((sum, gradient), at) in sums.iter_mut().zip(gradients).zip(offsets) {
                            *sum += if *at == offset { gradient.to_f32() } else { 0.0 };
                        }
                    }
                }
                to.iter_mut().zip(sums).for_each(|(to, sum)| *to = T::from_f32(sum));
            }
        }
    }
}

/// The windows that hold the pixel `at`, counted with the padding.
fn windows(at: usize, kernel: usize, stride: usize, count: usize) -> std::ops::Range<usize> {
    (at + 1).saturating_sub(kernel).div_ceil(stride)..(at / stride + 1).min(count)
}
