//! The gradient of the weight.
//!
//! ```text
//! for each picture and band of output rows, in parallel:
//!   for each channel block:
//!     for each output row:
//!       bring the input rows under it into the ring, and its gradients beside them
//!       for each vector of channels, for each row of taps, for each block of PIXELS output pixels:
//!         sums of the taps += Σ over pixels of input · gradient
//! add up the bands in order
//! ```

use rayon::prelude::*;

use super::{
    check,
    rows::{GROUP, Geometry, PIXELS, Rows, grouped, pack},
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
    let taps = geometry.taps();
    // Every block but the last is of whole groups, so channels are grouped as if there were no blocks.
    let sums_len = geometry.channels.next_multiple_of(GROUP) * taps;
    let parts: Vec<Vec<f32>> = (0..shape.batch * bands)
        .into_par_iter()
        .map_init(
            || Rows::new(geometry),
            |ring, task| {
                let (picture, first_row) = (task / bands, task % bands * band);
                let grad_output = &grad_output[(picture * rows + first_row) * row_len..];
                let grad_output = &grad_output[..band.min(rows - first_row) * row_len];
                let input = &input[picture * input_len..][..input_len];
                let mut sums = vec![0.0; sums_len];
                simd::run(
                    tier,
                    Band { geometry, rows: ring, input, grad_output, first_row, sums: &mut sums },
                );
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
fn sum_parts(len: usize, parts: &[Vec<f32>]) -> Vec<f64> {
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

/// Some rows of one picture's output.
struct Band<'a, T> {
    geometry: &'a Geometry,
    rows: &'a mut Rows,
    input: &'a [T],
    grad_output: &'a [T],
    first_row: usize,
    /// `[groups, taps, GROUP]`
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
        let (taps, pixel, columns) = (geometry.taps(), geometry.channels, geometry.blocked_columns());
        // Columns past the picture stay 0 and add nothing.
        let mut gradients = vec![0.0; columns * geometry.block()];
        for (start, channels) in geometry.blocks() {
            self.rows.restart();
            let sums = &mut self.sums[start * taps..];
            for (number, row) in self.grad_output.chunks_exact(geometry.output[1] * pixel).enumerate() {
                self.rows.advance(s, geometry, self.input, (start, channels), self.first_row + number);
                for (column, from) in row.chunks_exact(pixel).enumerate() {
                    let to = &mut gradients[column * GROUP..];
                    pack(s, &from[start..start + channels], to, columns * GROUP);
                }
                for offset in (0..channels).step_by(S::LANES) {
                    let vector = Vector { geometry, rows: &*self.rows, gradients: &gradients, offset };
                    vector.row::<S, K, STRIDE>(s, sums);
                }
            }
        }
    }
}

/// One vector of channels of a row.
struct Vector<'a> {
    geometry: &'a Geometry,
    rows: &'a Rows,
    /// `[groups, columns, GROUP]`
    gradients: &'a [f32],
    /// The first channel, counted from the block's.
    offset: usize,
}

impl Vector<'_> {
    /// Adds to `sums` `[groups, taps, GROUP]`.
    #[inline(always)]
    fn row<S: Simd, const K: usize, const STRIDE: usize>(self, s: S, sums: &mut [f32]) {
        let geometry = self.geometry;
        let (group, lane) = (self.offset / GROUP, self.offset % GROUP);
        let (source, row_len) = self.rows.group(geometry, group);
        let columns = geometry.blocked_columns();
        let gradients = &self.gradients[group * columns * GROUP..][..columns * GROUP];
        let taps = geometry.taps();
        let sums = &mut sums[group * taps * GROUP..][..taps * GROUP];
        for (ky, slot) in self.rows.under() {
            let source = &source[slot * row_len..][..row_len];
            let kernel = geometry.kernel[1];
            let sums = &mut sums[ky * kernel * GROUP..][..kernel * GROUP];
            if K > 0 {
                taps_of_row::<S, K, STRIDE>(s, source, gradients, lane, sums);
            } else {
                for kx in 0..kernel {
                    tap_of_row(
                        s,
                        geometry.stride[1],
                        &source[kx * GROUP..],
                        gradients,
                        lane,
                        &mut sums[kx * GROUP..],
                    );
                }
            }
        }
    }
}

/// A row's sums of `K` neighbouring taps, which stay in registers.
#[inline(always)]
fn taps_of_row<S: Simd, const K: usize, const STRIDE: usize>(
    s: S,
    source: &[f32],
    gradients: &[f32],
    lane: usize,
    sums: &mut [f32],
) {
    let mut totals: [S::V; K] = std::array::from_fn(|kx| s.load(&sums[kx * GROUP + lane..]));
    for (block, gradients) in gradients.chunks_exact(PIXELS * GROUP).enumerate() {
        let source = &source[block * PIXELS * STRIDE * GROUP..][..((PIXELS - 1) * STRIDE + K) * GROUP];
        for pixel in 0..PIXELS {
            // SAFETY: LANES from `lane` lie in one of the slice's PIXELS groups.
            let gradient = unsafe { s.load_f32(gradients.as_ptr().add(pixel * GROUP + lane)) };
            for (kx, total) in totals.iter_mut().enumerate() {
                let at = (pixel * STRIDE + kx) * GROUP + lane;
                // SAFETY: pixel < PIXELS and kx < K, so the group lies in the slice.
                let value = unsafe { s.load_f32(source.as_ptr().add(at)) };
                *total = s.mul_add(value, gradient, *total);
            }
        }
    }
    for (kx, total) in totals.into_iter().enumerate() {
        s.store(&mut sums[kx * GROUP + lane..], total);
    }
}

/// A row's sum of one tap, for any stride.
#[inline(always)]
fn tap_of_row<S: Simd>(s: S, stride: usize, source: &[f32], gradients: &[f32], lane: usize, sum: &mut [f32]) {
    let mut total = s.load(&sum[lane..]);
    for (pixel, gradient) in gradients.chunks_exact(GROUP).enumerate() {
        let value = s.load(&source[pixel * stride * GROUP + lane..]);
        total = s.mul_add(value, s.load(&gradient[lane..]), total);
    }
    s.store(&mut sum[lane..], total);
}
