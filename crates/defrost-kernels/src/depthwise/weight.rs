//! The gradient of the weight.
//!
//! ```text
//! for each image (or some) and band of output rows, in parallel:
//!   for each channel block:
//!     for each output row:
//!       bring the input rows under it into the ring
//!       for each vector of channels:
//!         sums of all taps, in registers, += Σ over pixels of input · gradient
//! add up the bands in order
//! ```
//!
//! Taps over rows of padding are summed, too: over a row of zeros.

use rayon::prelude::*;

use super::{
    check,
    rows::{GROUP, Geometry, Rows, grouped},
};
use crate::{
    Buffer, ConvShape, Element, IsaLevel,
    simd::{self, Kernel, Simd},
};

/// Fewer tasks than this would be too few for the threads of most processors.
const TASKS: usize = 8;

/// The gradient of the weight, `[channels, 1, kernel[0], kernel[1]]`.
///
/// # Panics
///
/// If `shape` is not depthwise or a length disagrees with it.
pub fn conv2d_backward_weight<T: Element>(
    isa: IsaLevel,
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
    // Small images share a task and its sums.
    let images = if bands == 1 { shape.batch.div_ceil(TASKS) } else { 1 };
    let row_len = columns * geometry.channels;
    let input_len = shape.height * shape.width * geometry.channels;
    let taps = geometry.taps();
    // Every block but the last is of whole groups, so channels are grouped as if there were no blocks.
    let sums_len = geometry.channels.next_multiple_of(GROUP) * taps;
    let parts: Vec<Buffer<f32>> = (0..shape.batch.div_ceil(images.max(1)) * bands)
        .into_par_iter()
        .map_init(
            || Rows::new(geometry, band),
            |ring, task| {
                let (first_image, first_row) = (task / bands * images, task % bands * band);
                let mut sums = Buffer::zeroed(sums_len);
                for image in first_image..shape.batch.min(first_image + images) {
                    let grad_output = &grad_output[(image * rows + first_row) * row_len..];
                    let input = &input[image * input_len..];
                    let count = band.min(rows - first_row);
                    let (rows, sums) = (&mut *ring, &mut sums[..]);
                    simd::run(
                        isa,
                        Band { geometry, rows, input, grad_output, band: (first_row, count), sums },
                    );
                }
                sums
            },
        )
        .collect();
    let totals = sum_parts(sums_len, &parts);
    for (channel, filter) in grad_weight.chunks_exact_mut(taps).enumerate() {
        for (tap, to) in filter.iter_mut().enumerate() {
            *to = totals[grouped(channel, tap, taps)] as f32;
        }
    }
}

/// Adds up the bands in their order.
fn sum_parts(len: usize, parts: &[Buffer<f32>]) -> Vec<f64> {
    const CHUNK: usize = 1 << 12;
    let mut totals = vec![0.0; len];
    totals.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, totals)| {
        for part in parts {
            let part = &part[chunk * CHUNK..][..totals.len()];
            totals.iter_mut().zip(part).for_each(|(total, sum)| *total += f64::from(*sum));
        }
    });
    totals
}

/// Some rows of one image's output.
struct Band<'a, T> {
    geometry: &'a Geometry,
    rows: &'a mut Rows,
    /// From the image on.
    input: &'a [T],
    /// From the first row on.
    grad_output: &'a [T],
    /// The first row and their number.
    band: (usize, usize),
    /// `[groups, taps, GROUP]`
    sums: &'a mut [f32],
}

impl<T: Element> Kernel for Band<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        match (self.geometry.kernel, self.geometry.stride[1]) {
            ([3, 3], 1) => self.rows::<S, 3, 1>(s),
            ([3, 3], 2) => self.rows::<S, 3, 2>(s),
            ([5, 5], 1) => self.rows::<S, 5, 1>(s),
            ([5, 5], 2) => self.rows::<S, 5, 2>(s),
            _ => self.rows::<S, 0, 0>(s),
        }
    }
}

impl<T: Element> Band<'_, T> {
    /// `K` is the kernel's rows and columns and `STRIDE` the stride's columns, or both are 0 for any.
    #[inline(always)]
    fn rows<S: Simd, const K: usize, const STRIDE: usize>(self, s: S) {
        let geometry = self.geometry;
        let (taps, row_len) = (geometry.taps(), geometry.output[1] * geometry.channels);
        let (first, count) = self.band;
        for (start, channels) in geometry.blocks() {
            self.rows.restart();
            let sums = &mut self.sums[start * taps..];
            for (number, row) in self.grad_output.chunks_exact(row_len).take(count).enumerate() {
                self.rows.advance(s, geometry, self.input, (start, channels), first + number);
                geometry.prefetch(s, self.grad_output, number + count, row_len, (start, channels));
                for offset in (0..channels).step_by(S::LANES) {
                    let (channel, lanes) = (start + offset, S::LANES.min(channels - offset));
                    let vector = Vector { geometry, rows: &*self.rows, row, offset, channel, lanes };
                    vector.row::<S, K, STRIDE>(s, sums);
                }
            }
        }
    }
}

/// One vector of channels of a row.
struct Vector<'a, T> {
    geometry: &'a Geometry,
    rows: &'a Rows,
    /// Of the output's gradient.
    row: &'a [T],
    /// The first channel, counted from the block's.
    offset: usize,
    /// The first channel.
    channel: usize,
    /// Channels that exist.
    lanes: usize,
}

impl<T: Element> Vector<'_, T> {
    /// Adds to `sums` `[groups, taps, GROUP]`.
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(self, s: S, sums: &mut [f32]) {
        let geometry = self.geometry;
        let (group, lane) = (self.offset / GROUP, self.offset % GROUP);
        let (source, row_len) = self.rows.group(geometry, group);
        let taps = geometry.taps();
        let sums = &mut sums[group * taps * GROUP..][..taps * GROUP];
        if K > 0 && self.lanes == S::LANES {
            return self.all_taps::<S, K, STRIDE>(s, (source, row_len), lane, sums);
        }
        let gradients = self.row.chunks_exact(geometry.channels);
        for (ky, slot) in self.rows.under() {
            for kx in 0..geometry.kernel[1] {
                let source = &source[slot * row_len + kx * GROUP..];
                let sum = &mut sums[(ky * geometry.kernel[1] + kx) * GROUP + lane..];
                let mut total = s.load(sum);
                for (pixel, gradient) in gradients.clone().enumerate() {
                    let value = s.load(&source[pixel * geometry.stride[1] * GROUP + lane..]);
                    let gradient = s.load_up_to(&gradient[self.channel..][..self.lanes]);
                    total = s.mul_add(value, gradient, total);
                }
                s.store(sum, total);
            }
        }
    }

    /// The sums of `K` times `K` taps, in registers.
    #[inline(always)]
    fn all_taps<S: Simd, const K: usize, const STRIDE: usize>(
        &self,
        s: S,
        (source, row_len): (&[f32], usize),
        lane: usize,
        sums: &mut [f32],
    ) {
        let (columns, channels) = (self.geometry.output[1], self.geometry.channels);
        assert!((columns - 1) * channels + self.channel + S::LANES <= self.row.len());
        let mut rows = [&source[..0]; K];
        for (row, slot) in rows.iter_mut().zip(self.rows.slots()) {
            *row = &source[slot * row_len..][..((columns - 1) * STRIDE + K) * GROUP];
        }
        let mut totals = [[s.splat(0.0); K]; K];
        for pixel in 0..columns {
            // SAFETY: LANES channels of the last pixel lie in the row; this is no later one.
            let gradient = unsafe { s.load_from(self.row.as_ptr().add(pixel * channels + self.channel)) };
            for (row, totals) in rows.iter().zip(&mut totals) {
                for (kx, total) in totals.iter_mut().enumerate() {
                    let at = (pixel * STRIDE + kx) * GROUP + lane;
                    // SAFETY: pixel < columns and kx < K, so the group lies in the slice.
                    let value = unsafe { s.load_f32(row.as_ptr().add(at)) };
                    *total = s.mul_add(value, gradient, *total);
                }
            }
        }
        for (total, sum) in totals.as_flattened().iter().zip(sums.chunks_exact_mut(GROUP)) {
            let total = s.add(s.load(&sum[lane..]), *total);
            s.store(&mut sum[lane..], total);
        }
    }
}
