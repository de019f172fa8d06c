//! The correlation itself.
//!
//! ```text
//! for each picture and band of output rows, in parallel:
//!   for each channel block:
//!     for each output row:
//!       bring the source rows under it into the ring
//!       for each block of PIXELS output pixels, for each vector of channels:
//!         sums = Σ over taps of source · weight, in registers
//!         store activation(sums + bias + residual)
//! ```

use rayon::prelude::*;

use super::rows::{Geometry, PIXELS, Rows};
use crate::{
    Element, Tier,
    conv::Epilogue,
    simd::{self, Kernel, Simd},
};

/// Correlates `source` with `weight` `[channels, taps]`, and returns what `after` made of each finished
/// band of output, in order.
pub(super) fn correlate<T: Element, R: Send>(
    tier: Tier,
    geometry: &Geometry,
    source: &[T],
    weight: &[f32],
    epilogue: Epilogue<T>,
    output: &mut [T],
    after: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    assert!(epilogue.bias.is_none_or(|bias| bias.len() == geometry.channels), "one bias per channel");
    assert!(epilogue.residual.is_none_or(|r| r.len() == output.len()), "residual and output differ");
    let weights = &geometry.pack_weights(weight);
    let source_len = geometry.source[0] * geometry.source[1] * geometry.channels;
    let row_len = geometry.output[1] * geometry.channels;
    let picture_len = geometry.output[0] * row_len;
    if output.is_empty() {
        return Vec::new();
    }
    let band = geometry.band(output.len() / picture_len);
    let mut tasks = Vec::new();
    for (index, picture) in output.chunks_mut(picture_len).enumerate() {
        for (number, rows) in picture.chunks_mut(band * row_len).enumerate() {
            tasks.push((index, number * band, rows));
        }
    }
    tasks
        .into_par_iter()
        .map(|(picture, first_row, output)| {
            let start = picture * picture_len + first_row * row_len;
            let residual = epilogue.residual.map(|residual| &residual[start..][..output.len()]);
            let epilogue = Epilogue { residual, ..epilogue };
            let source = &source[picture * source_len..][..source_len];
            simd::run(tier, Band { geometry, weights, epilogue, source, first_row, output: &mut *output });
            after(output)
        })
        .collect()
}

/// Some rows of one picture's output.
struct Band<'a, T> {
    geometry: &'a Geometry,
    weights: &'a [Vec<f32>],
    epilogue: Epilogue<'a, T>,
    source: &'a [T],
    first_row: usize,
    output: &'a mut [T],
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
        let row_len = geometry.output[1] * geometry.channels;
        for (block, weights) in geometry.blocks().zip(self.weights) {
            let mut rows = Rows::new(geometry, block.1);
            for (number, output) in self.output.chunks_exact_mut(row_len).enumerate() {
                let y = self.first_row + number;
                rows.advance(s, geometry, self.source, block, y);
                let residual = self.epilogue.residual.map(|r| &r[number * row_len..][..row_len]);
                let epilogue = Epilogue { residual, ..self.epilogue };
                for x in (0..geometry.output[1]).step_by(PIXELS) {
                    let pixels = Pixels { geometry, rows: &rows, weights, epilogue, block, y, x };
                    pixels.correlate::<S, K, STRIDE>(s, output);
                }
            }
        }
    }
}

/// A block of neighbouring output pixels.
struct Pixels<'a, T> {
    geometry: &'a Geometry,
    rows: &'a Rows,
    weights: &'a [f32],
    epilogue: Epilogue<'a, T>,
    /// First channel, channels.
    block: (usize, usize),
    y: usize,
    x: usize,
}

impl<T: Element> Pixels<'_, T> {
    #[inline(always)]
    fn correlate<S: Simd, const K: usize, const STRIDE: usize>(self, s: S, output: &mut [T]) {
        let geometry = self.geometry;
        let known = K > 0;
        let kernel = if known { K } else { geometry.kernel[1] };
        let stride = if known { STRIDE } else { geometry.stride[1] };
        let block = self.rows.block();
        let first = self.x * stride * block;
        let (start, channels) = self.block;
        for channel in (0..channels).step_by(S::LANES) {
            let mut sums = [s.splat(0.0); PIXELS];
            for ky in 0..geometry.kernel[0] {
                let Some(row) = self.rows.row(geometry, self.y, ky) else { continue };
                let source = &row[first + channel..];
                let weights = &self.weights[ky * kernel * block + channel..];
                assert!(source.len() > ((PIXELS - 1) * stride + kernel - 1) * block);
                assert!(weights.len() > (kernel - 1) * block);
                for kx in 0..kernel {
                    // SAFETY: the first lane lies in the slice by the assertion above; as slices end with
                    // a whole block and channels are taken by whole vectors, so do the others.
                    let weight = unsafe { s.load_f32(weights.as_ptr().add(kx * block)) };
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        let at = (pixel * stride + kx) * block;
                        // SAFETY: as above.
                        let value = unsafe { s.load_f32(source.as_ptr().add(at)) };
                        *sum = s.mul_add(value, weight, *sum);
                    }
                }
            }
            let lanes = S::LANES.min(channels - channel);
            for (pixel, sum) in sums.into_iter().enumerate().take(geometry.output[1] - self.x) {
                let at = (self.x + pixel) * geometry.channels + start + channel;
                let value = self.finish(s, sum, start + channel, at, lanes);
                s.store_up_to(&mut output[at..at + lanes], value);
            }
        }
    }

    /// Bias, residual, activation.
    #[inline(always)]
    fn finish<S: Simd>(&self, s: S, sum: S::V, channel: usize, at: usize, lanes: usize) -> S::V {
        let mut value = sum;
        if let Some(bias) = self.epilogue.bias {
            value = s.add(value, s.load_up_to(&bias[channel..channel + lanes]));
        }
        if let Some(residual) = self.epilogue.residual {
            value = s.add(value, s.load_up_to(&residual[at..at + lanes]));
        }
        s.activate(self.epilogue.activation, value)
    }
}
