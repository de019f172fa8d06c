//! The gradient of the weight.
//!
//! ```text
//! for each picture and band of output rows, in parallel:
//!   for each channel block:
//!     for each output row:
//!       bring the input rows under it into the ring, and its gradients beside them
//!       for each block of PIXELS output pixels, for each vector of channels, for each tap:
//!         sum of the tap += Σ over pixels of input · gradient
//! add up the bands in order
//! ```

use rayon::prelude::*;

use super::{
    check,
    rows::{Geometry, PIXELS, Rows, pack},
};
use crate::{
    ConvShape, Element, Tier,
    simd::{self, Kernel, Simd},
};

/// The gradient of the weight, `[channels, 1, kernel[0], kernel[1]]`.
///
/// # Panics
///
/// If `shape` is not depthwise or a length disagrees with it.
pub fn conv2d_backward_weight<T: Element>(
    tier: Tier,
    shape: &ConvShape,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) {
    check(shape, input.len(), grad_weight.len(), grad_output.len());
    let geometry = &Geometry::forward(shape);
    let [rows, columns] = geometry.output;
    let band = geometry.band(shape.batch);
    let bands = rows.div_ceil(band);
    let row_len = columns * geometry.channels;
    let input_len = shape.height * shape.width * geometry.channels;
    let parts: Vec<Vec<f32>> = (0..shape.batch * bands)
        .into_par_iter()
        .map(|task| {
            let (picture, first_row) = (task / bands, task % bands * band);
            let grad_output = &grad_output[(picture * rows + first_row) * row_len..];
            let grad_output = &grad_output[..band.min(rows - first_row) * row_len];
            let input = &input[picture * input_len..][..input_len];
            let mut sums = vec![0.0; grad_weight.len()];
            simd::run(tier, Band { geometry, input, grad_output, first_row, sums: &mut sums });
            sums
        })
        .collect();
    grad_weight.par_iter_mut().enumerate().for_each(|(at, to)| {
        *to = parts.iter().map(|part| f64::from(part[at])).sum::<f64>() as f32;
    });
}

/// Some rows of one picture's output.
struct Band<'a, T> {
    geometry: &'a Geometry,
    input: &'a [T],
    grad_output: &'a [T],
    first_row: usize,
    /// `[channels, taps]`
    sums: &'a mut [f32],
}

impl<T: Element> Kernel for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match (self.geometry.kernel[1], self.geometry.stride[1]) {
            (3, 1) => self.rows::<S, 3, 1>(s),
            (3, 2) => self.rows::<S, 3, 2>(s),
            (5, 1) => self.rows::<S, 5, 1>(s),
            (5, 2) => self.rows::<S, 5, 2>(s),
            _ => self.rows::<S, 0, 0>(s),
        }
    }
}

impl<T: Element> Band<'_, T> {
    /// `K` and `STRIDE` are the kernel's and the stride's columns, or 0 if they are not known.
    #[inline(always)]
    fn rows<S: Simd, const K: usize, const STRIDE: usize>(self, s: S) {
        let geometry = self.geometry;
        let (taps, pixel) = (geometry.taps(), geometry.channels);
        for (start, channels) in geometry.blocks() {
            let mut rows = Rows::new(geometry, channels);
            let block = rows.block();
            // Columns past the picture stay 0 and add nothing.
            let mut gradients = vec![0.0; geometry.blocked_columns() * block];
            let mut sums = vec![0.0; taps * block];
            for (number, row) in self.grad_output.chunks_exact(geometry.output[1] * pixel).enumerate() {
                let y = self.first_row + number;
                rows.advance(s, geometry, self.input, (start, channels), y);
                for (from, to) in row.chunks_exact(pixel).zip(gradients.chunks_exact_mut(block)) {
                    pack(s, &from[start..start + channels], to);
                }
                for x in (0..geometry.output[1]).step_by(PIXELS) {
                    let gradients = &gradients[x * block..][..PIXELS * block];
                    let pixels = Pixels { geometry, rows: &rows, gradients, y, x };
                    pixels.accumulate::<S, K, STRIDE>(s, &mut sums);
                }
            }
            for channel in 0..channels {
                for tap in 0..taps {
                    self.sums[(start + channel) * taps + tap] = sums[tap * block + channel];
                }
            }
        }
    }
}

/// A block of neighbouring output pixels.
struct Pixels<'a> {
    geometry: &'a Geometry,
    rows: &'a Rows,
    /// `[PIXELS, block]`
    gradients: &'a [f32],
    y: usize,
    x: usize,
}

impl Pixels<'_> {
    /// Adds to `sums` `[taps, block]`.
    #[inline(always)]
    fn accumulate<S: Simd, const K: usize, const STRIDE: usize>(self, s: S, sums: &mut [f32]) {
        let geometry = self.geometry;
        let known = K > 0;
        let kernel = if known { K } else { geometry.kernel[1] };
        let stride = if known { STRIDE } else { geometry.stride[1] };
        let block = self.rows.block();
        let first = self.x * stride * block;
        for channel in (0..block).step_by(S::LANES) {
            let gradients: [S::V; PIXELS] =
                std::array::from_fn(|pixel| s.load(&self.gradients[pixel * block + channel..]));
            for ky in 0..geometry.kernel[0] {
                let Some(row) = self.rows.row(geometry, self.y, ky) else { continue };
                let source = &row[first + channel..];
                let sums = &mut sums[ky * kernel * block + channel..];
                assert!(source.len() > ((PIXELS - 1) * stride + kernel - 1) * block);
                assert!(sums.len() > (kernel - 1) * block);
                for kx in 0..kernel {
                    // SAFETY: the first lane lies in the slice by the assertion above; as slices end with
                    // a whole block and channels are taken by whole vectors, so do the others.
                    let mut sum = unsafe { s.load_f32(sums.as_ptr().add(kx * block)) };
                    for (pixel, gradient) in gradients.into_iter().enumerate() {
                        let at = (pixel * stride + kx) * block;
                        // SAFETY: as above.
                        let value = unsafe { s.load_f32(source.as_ptr().add(at)) };
                        sum = s.mul_add(value, gradient, sum);
                    }
                    // SAFETY: as above.
                    unsafe { s.store_f32(sums.as_mut_ptr().add(kx * block), sum) };
                }
            }
        }
    }
}
