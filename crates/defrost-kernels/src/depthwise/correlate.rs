//! The correlation itself.
//!
//! ```text
//! for each image and band of output rows, in parallel:
//!   for each channel block:
//!     for each output row:
//!       bring the source rows under it into the ring
//!       for each vector of channels, for each block of PIXELS output pixels:
//!         sums = Σ over taps of source · weight, in registers
//!         store activation(sums + bias + residual)
//! ```

use rayon::prelude::*;

use super::rows::{GROUP, Geometry, PIXELS, Rows};
use crate::{
    Buffer, Element, Epilogue, IsaLevel,
    simd::{self, Kernel, Simd},
};

/// Correlates `source` with `weight` `[channels, taps]`, and returns what `after` made of each finished
/// band of output, in order.
pub(super) fn correlate<T: Element, R: Send>(
    isa: IsaLevel,
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
    let image_len = geometry.output[0] * row_len;
    if output.is_empty() {
        return Vec::new();
    }
    let band = geometry.band(output.len() / image_len);
    let mut tasks = Vec::new();
    for (index, image) in output.chunks_mut(image_len).enumerate() {
        for (number, rows) in image.chunks_mut(band * row_len).enumerate() {
            tasks.push((index, number * band, rows));
        }
    }
    tasks
        .into_par_iter()
        .map_init(
            || Rows::new(geometry, band),
            |rows, (image, first_row, output)| {
                let start = image * image_len + first_row * row_len;
                let residual = epilogue.residual.map(|residual| &residual[start..][..output.len()]);
                let epilogue = Epilogue { residual, ..epilogue };
                let source = &source[image * source_len..];
                simd::run(
                    isa,
                    Band { geometry, rows, weights, epilogue, source, first_row, output: &mut *output },
                );
                after(output)
            },
        )
        .collect()
}

/// Some rows of one image's output.
struct Band<'a, T> {
    geometry: &'a Geometry,
    rows: &'a mut Rows,
    weights: &'a [Buffer<f32>],
    epilogue: Epilogue<'a, T>,
    /// From the image on.
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
            self.rows.restart();
            for (number, output) in self.output.chunks_exact_mut(row_len).enumerate() {
                self.rows.advance(s, geometry, self.source, block, self.first_row + number);
                let residual = self.epilogue.residual.map(|r| &r[number * row_len..][..row_len]);
                let epilogue = Epilogue { residual, ..self.epilogue };
                for offset in (0..block.1).step_by(S::LANES) {
                    let channel = block.0 + offset;
                    let lanes = S::LANES.min(block.1 - offset);
                    let vector =
                        Vector { geometry, rows: &*self.rows, weights, epilogue, offset, channel, lanes };
                    vector.row::<S, K, STRIDE>(s, output);
                }
            }
        }
    }
}

/// One vector of channels of a row.
struct Vector<'a, T> {
    geometry: &'a Geometry,
    rows: &'a Rows,
    /// `[groups, taps, GROUP]`
    weights: &'a [f32],
    epilogue: Epilogue<'a, T>,
    /// The first channel, counted from the block's.
    offset: usize,
    /// The first channel.
    channel: usize,
    /// Channels that exist.
    lanes: usize,
}

impl<T: Element> Vector<'_, T> {
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(self, s: S, output: &mut [T]) {
        let geometry = self.geometry;
        let (columns, channels) = (geometry.output[1], geometry.channels);
        let (kernel, stride) = if K > 0 { (K, STRIDE) } else { (geometry.kernel[1], geometry.stride[1]) };
        let (group, lane) = (self.offset / GROUP, self.offset % GROUP);
        let (source, row_len) = self.rows.group(geometry, group);
        let weights = &self.weights[group * geometry.taps() * GROUP..][..geometry.taps() * GROUP];
        let bias = self.epilogue.bias.map(|bias| s.load_up_to(&bias[self.channel..][..self.lanes]));
        for x in (0..columns).step_by(PIXELS) {
            let mut sums = [bias.unwrap_or(s.splat(0.0)); PIXELS];
            for (ky, slot) in self.rows.under() {
                let source = &source[slot * row_len + x * stride * GROUP..];
                let source = &source[..((PIXELS - 1) * stride + kernel) * GROUP];
                let weights = &weights[ky * kernel * GROUP..][..kernel * GROUP];
                for kx in 0..kernel {
                    // SAFETY: kx < kernel, and LANES from `lane` lie in one of the slice's groups.
                    let weight = unsafe { s.load_f32(weights.as_ptr().add(kx * GROUP + lane)) };
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        let at = (pixel * stride + kx) * GROUP + lane;
                        // SAFETY: pixel < PIXELS and kx < kernel, so the group lies in the slice.
                        let value = unsafe { s.load_f32(source.as_ptr().add(at)) };
                        *sum = s.mul_add(value, weight, *sum);
                    }
                }
            }
            let first = x * channels + self.channel;
            if x + PIXELS <= columns && self.lanes == S::LANES {
                if let Some(residual) = self.epilogue.residual {
                    for (pixel, sum) in sums.iter_mut().enumerate() {
                        *sum = s.add(*sum, s.load(&residual[first + pixel * channels..]));
                    }
                }
                assert!(first + (PIXELS - 1) * channels + S::LANES <= output.len());
                for (pixel, sum) in sums.into_iter().enumerate() {
                    let value = s.activate(self.epilogue.activation, sum);
                    // SAFETY: pixel < PIXELS, so it ends where the last one does, or before.
                    unsafe { s.store_to(output.as_mut_ptr().add(first + pixel * channels), value) };
                }
            } else {
                for (pixel, sum) in sums.into_iter().enumerate().take(columns - x) {
                    let at = first + pixel * channels;
                    let sum = match self.epilogue.residual {
                        Some(residual) => s.add(sum, s.load_up_to(&residual[at..][..self.lanes])),
                        None => sum,
                    };
                    let value = s.activate(self.epilogue.activation, sum);
                    s.store_up_to(&mut output[at..][..self.lanes], value);
                }
            }
        }
    }
}
