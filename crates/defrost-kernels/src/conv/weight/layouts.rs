//! How the two factors of the weight's gradient are laid out.
//!
//! Pieces of a fixed length are read even where fewer elements count, because a length that is known is one
//! instruction; elements beyond the end go to rows or columns that are never used.

use super::{CHANNELS, Layout, Product};
use crate::Element;
use crate::conv::kernel::{MOST_COLUMNS, Microkernel, SIDE, Work};
use crate::conv::stage::convert;
use crate::conv::units::Unit;
use crate::simd::Simd;

/// How many pixels ahead memory is prefetched: it hands out pixels with gaps between them, which the processor does
/// not foresee.
const AHEAD: usize = 24;

/// `[channel][flat pixel]` of one phase, from one channel on.
pub(super) struct Transpose<'a, K: Microkernel, T> {
    pub product: &'a Product<'a, K>,
    pub unit: &'a Unit,
    pub layout: &'a Layout,
    /// Phase and first channel.
    pub place: (usize, usize),
    pub input: &'a [T],
    pub transposed: &'a mut [K::Product],
}

impl<K: Microkernel, T: Element> Work for Transpose<'_, K, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { product, unit, layout, place: (phase, first_channel), input, transposed } = self;
        let plan = product.plan;
        for channel in transposed.chunks_exact_mut(layout.channel_len) {
            channel[layout.filled(plan, unit)..].fill(K::Product::default());
        }
        let phase_columns = plan.step[1].min(plan.span[1]);
        let phase = [phase / phase_columns, phase % phase_columns];
        let count = CHANNELS.min(plan.reduced().saturating_sub(first_channel));
        let mut block = [[K::Product::default(); SIDE]; SIDE];
        for (index, image) in unit.images.clone().enumerate() {
            // Rows below the last grid row that taps reach.
            for row in 0..unit.rows.len() + (plan.span[0] - 1) / plan.step[0] {
                let source_row =
                    ((unit.rows.start + row) * plan.step[0] + phase[0]) as isize + plan.origin[0];
                if source_row < 0 || source_row as usize >= plan.source[0] {
                    continue;
                }
                let flat = (index * layout.rows + row) * layout.width;
                let width = layout.width.min(layout.channel_len.saturating_sub(flat));
                // Columns of the grid that lie on a source pixel.
                let origin = (unit.columns.start * plan.step[1] + phase[1]) as isize + plan.origin[1];
                let skipped = origin.min(0).unsigned_abs().div_ceil(plan.step[1]);
                let source_column = |column: usize| (origin + (column * plan.step[1]) as isize) as usize;
                let mut column = skipped;
                while column < width && source_column(column) < plan.source[1] {
                    let inside = (plan.source[1] - source_column(column)).div_ceil(plan.step[1]);
                    let columns = SIDE.min(width - column).min(inside);
                    let place = (image * plan.source[0] + source_row as usize) * plan.source[1]
                        + source_column(column);
                    let start = place * plan.source_channels + product.group * plan.reduced() + first_channel;
                    let pixel_step = plan.step[1] * plan.source_channels;
                    for (offset, pixel) in block.iter_mut().enumerate().take(columns) {
                        let start = start + offset * pixel_step;
                        copy(input, start, count, pixel);
                        let ahead = input.as_ptr().wrapping_add(start + AHEAD * pixel_step);
                        product.kernel.simd().prefetch(ahead);
                    }
                    let turned = product.kernel.transpose(&block);
                    for (channel, values) in turned.iter().enumerate().take(count) {
                        let start = channel * layout.channel_len + flat + column;
                        if columns == SIDE {
                            transposed[start..start + SIDE].copy_from_slice(values);
                        } else {
                            transposed[start..start + columns].copy_from_slice(&values[..columns]);
                        }
                    }
                    column += columns;
                }
            }
        }
    }
}

/// One panel of the output's gradient, `[flat pixel][column]`, interleaved.
pub(super) struct Pack<'a, K: Microkernel, T> {
    pub product: &'a Product<'a, K>,
    pub unit: &'a Unit,
    pub layout: &'a Layout,
    pub panel: usize,
    pub grad_output: &'a [T],
    pub packed: &'a mut [K::Product],
}

impl<K: Microkernel, T: Element> Work for Pack<'_, K, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { product, unit, layout, panel, grad_output, packed } = self;
        let plan = product.plan;
        let filled = layout.filled(plan, unit) / K::INTERLEAVE * K::INTERLEAVE;
        packed[filled * K::COLUMNS..].fill(K::Product::default());
        let columns = K::COLUMNS.min(plan.written() - panel * K::COLUMNS);
        let mut values = [[K::Product::default(); MOST_COLUMNS]; 2];
        for (index, image) in unit.images.clone().enumerate() {
            for (row, target_row) in unit.rows.clone().enumerate() {
                let first = (image * plan.target[0] + target_row) * plan.target[1] + unit.columns.start;
                let flat = (index * layout.rows + row) * layout.width;
                let mut column = 0;
                while column < unit.columns.len() {
                    // The pixels that lie side by side in the panel: all of them, but at a row's ends.
                    let place = (flat + column) % K::INTERLEAVE;
                    let pixels = (K::INTERLEAVE - place).min(unit.columns.len() - column);
                    for (pixel, values) in values[place..].iter_mut().enumerate().take(pixels) {
                        let start = (first + column + pixel) * plan.target_channels
                            + product.group * plan.written()
                            + panel * K::COLUMNS;
                        copy(grad_output, start, columns, values);
                        let ahead = grad_output.as_ptr().wrapping_add(start + AHEAD * plan.target_channels);
                        product.kernel.simd().prefetch(ahead);
                    }
                    let out =
                        &mut packed[(flat + column - place) * K::COLUMNS..][..K::INTERLEAVE * K::COLUMNS];
                    if pixels == K::INTERLEAVE {
                        product.kernel.interleave(&values, out);
                    } else {
                        for (out, value) in out.chunks_exact_mut(K::INTERLEAVE).zip(&values[place]) {
                            out[place] = *value;
                        }
                    }
                    column += pixels;
                }
            }
        }
    }
}

/// Copies at least `count` elements, and `N` where the source has as many.
#[inline(always)]
fn copy<T: Element, P: Element, const N: usize>(source: &[T], start: usize, count: usize, to: &mut [P; N]) {
    match source[start..].first_chunk::<N>() {
        Some(source) => convert(source, to),
        None => copy_last(&source[start..start + count], to),
    }
}

/// Apart, or the compiler makes one copy of either length out of both: a call for every pixel.
#[cold]
#[inline(never)]
fn copy_last<T: Element, P: Element>(source: &[T], to: &mut [P]) {
    convert(source, &mut to[..source.len()]);
}
