//! The gradient of the weight: for each tap, a matrix product over pixels.
//!
//! ```text
//! gradient[out][in][tap] = sum over output pixels p of grad_output[p][out] * input[p under tap][in]
//! ```
//!
//! Pixels are what is summed, so both factors are laid out with pixels along the depth: the input *transposed*,
//! `[phase][channel][flat pixel]`, and the output's gradient in panels, `[out / COLUMNS][flat pixel][out]`. Both count
//! pixels over the same flat grid, borders included, so a tap is a shift of the first against the second. Pixels
//! of the grid that no output has are zero in the second.
//!
//! Units are summed in a few runs of units, runs in their order: which they are depends on the shape alone.

use rayon::prelude::*;

use super::geometry::Plan;
use super::kernel::{Microkernel, Rows, SIDE, TILE, Work};
use super::run::{MOST_COLUMNS, Tile, Unit, tile_rows, units};
use super::scratch::Scratch;
use super::stage::convert;
use crate::{ConvShape, Element};

/// What a unit reads, in both layouts.
const UNIT_BYTES: usize = 1 << 20;

/// Runs of units that have sums of their own, where those are small.
const RUNS: usize = 4;

/// Sums larger than this are shared: threads take parts of them instead of runs.
const RUN_BYTES: usize = 512 << 10;

/// Pixels a tile adds up before the next tile: its panel stays in the second-level cache.
const BLOCK: usize = 1024;

/// Transposed channels that one task fills.
const CHANNELS: usize = SIDE;

/// See [`conv2d_backward_weight`](super::conv2d_backward_weight).
pub(super) fn gradient<K: Microkernel, T: Element>(
    kernel: K,
    shape: &ConvShape,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) {
    if input.is_empty() || grad_output.is_empty() {
        grad_weight.fill(0.0);
        return;
    }
    let plan = &Plan::forward(shape);
    let units = units(plan, size_of::<K::Product>(), UNIT_BYTES, RUNS);
    let taps = shape.kernel[0] * shape.kernel[1];
    let sums_len = plan.written().div_ceil(K::COLUMNS) * taps * plan.reduced() * K::COLUMNS;
    let runs = if sums_len * size_of::<f32>() > RUN_BYTES { 1 } else { RUNS.min(units.len()) };
    let group_len = grad_weight.len() / plan.groups;
    for (group, grad_weight) in grad_weight.chunks_exact_mut(group_len).enumerate() {
        let product = Product { kernel, shape, plan, group };
        let mut sums = Scratch::<f32>::new(runs * sums_len);
        let units_of_run = units.len().div_ceil(runs);
        let runs = units.len().div_ceil(units_of_run);
        let sums = &mut sums[..runs * sums_len];
        sums.par_chunks_exact_mut(sums_len).zip(units.par_chunks(units_of_run)).for_each(|(sums, units)| {
            for (index, unit) in units.iter().enumerate() {
                product.unit(unit, input, grad_output, index == 0, sums);
            }
        });
        product.finish(sums, sums_len, grad_weight);
    }
}

/// The measures of a unit in both layouts.
struct Layout {
    /// Grid pixels from a row to the next.
    width: usize,
    /// Grid rows from a picture to the next.
    rows: usize,
    /// Grid pixels, a multiple of the microkernel's depth.
    pixels: usize,
    /// Elements of a transposed channel: its shifted pixels, too.
    channel_len: usize,
    /// Transposed channels.
    channels: usize,
}

#[derive(Clone, Copy)]
struct Product<'a, K> {
    kernel: K,
    shape: &'a ConvShape,
    plan: &'a Plan,
    group: usize,
}

impl<K: Microkernel> Product<'_, K> {
    fn layout(&self, unit: &Unit) -> Layout {
        let plan = self.plan;
        // Where a row (a picture) need not be followed by its own border, because the next one's does as well.
        let pitch = |axis: usize, count: usize, whole: bool| {
            let needed = count + (plan.span[axis] - 1) / plan.step[axis];
            let border = plan.origin[axis].min(0).unsigned_abs();
            let shared = (plan.source[axis] + border).max(needed.saturating_sub(border)).max(count);
            if plan.step[axis] == 1 && whole { needed.min(shared) } else { needed }
        };
        let width = pitch(1, unit.columns.len(), !plan.pointwise);
        let rows = pitch(0, unit.rows.len(), unit.rows.len() == plan.grid[0]);
        let pixels = (unit.images.len() * rows * width).next_multiple_of(K::DEPTH);
        let shift = (plan.span[0] - 1) / plan.step[0] * width + (plan.span[1] - 1) / plan.step[1];
        // An odd number of cache lines, so that channels do not share cache sets.
        let line = 64 / size_of::<K::Product>();
        let channel_len = (pixels + shift).next_multiple_of(2 * line) + line;
        Layout { width, rows, pixels, channel_len, channels: plan.reduced().max(K::GRANULE) }
    }

    /// Adds one unit's products to `sums`, `[panel][tap][channel][column]`.
    fn unit<T: Element>(&self, unit: &Unit, input: &[T], grad_output: &[T], first: bool, sums: &mut [f32]) {
        let Self { kernel, plan, .. } = *self;
        let layout = &self.layout(unit);
        let phase_len = layout.channels * layout.channel_len;
        let phases = plan.step[0].min(plan.span[0]) * plan.step[1].min(plan.span[1]);
        let panel_len = layout.pixels * K::COLUMNS;
        let panels = plan.written().div_ceil(K::COLUMNS);
        let mut transposed = Scratch::<K::Product>::new(phases * phase_len);
        for (phase, transposed) in transposed.chunks_exact_mut(phase_len).enumerate() {
            transposed.par_chunks_mut(CHANNELS * layout.channel_len).enumerate().for_each(|(block, part)| {
                let place = (phase, block * CHANNELS);
                kernel.vectorize(Transpose { product: self, unit, layout, place, input, transposed: part });
            });
        }
        let mut packed = Scratch::<K::Product>::new(panels * panel_len);
        packed.par_chunks_exact_mut(panel_len).enumerate().for_each(|(panel, part)| {
            kernel.vectorize(Pack { product: self, unit, layout, panel, grad_output, packed: part });
        });
        let (transposed, packed) = (&*transposed, &*packed);
        let taps = self.shape.kernel[0] * self.shape.kernel[1];
        sums.par_chunks_exact_mut(plan.reduced() * K::COLUMNS).enumerate().for_each(|(index, sums)| {
            let (panel, tap) = (index / taps, index % taps);
            let panel = &packed[panel * panel_len..][..panel_len];
            kernel.vectorize(Multiply { product: self, layout, tap, transposed, panel, first, sums });
        });
    }

    /// Adds the runs' sums, in the order of the weight.
    fn finish(&self, sums: &[f32], sums_len: usize, grad_weight: &mut [f32]) {
        let channels = self.plan.reduced();
        let taps = self.shape.kernel[0] * self.shape.kernel[1];
        grad_weight.par_chunks_mut(K::COLUMNS * channels * taps).enumerate().for_each(|(panel, gradient)| {
            gradient.fill(0.0);
            for sums in sums.chunks_exact(sums_len) {
                let sums = &sums[panel * taps * channels * K::COLUMNS..];
                // A few channels at a time: their sums stay in the cache while all columns are picked from them.
                for first in (0..channels).step_by(CHANNELS) {
                    let last = channels.min(first + CHANNELS);
                    for (column, gradient) in gradient.chunks_exact_mut(channels * taps).enumerate() {
                        for tap in 0..taps {
                            let sums =
                                &sums[(tap * channels + first) * K::COLUMNS..][..(last - first) * K::COLUMNS];
                            let gradient = gradient[first * taps + tap..].iter_mut().step_by(taps);
                            for (gradient, sums) in gradient.zip(sums.chunks_exact(K::COLUMNS)) {
                                *gradient += sums[column];
                            }
                        }
                    }
                }
            }
        });
    }
}

/// `[channel][flat pixel]` of one phase, from one channel on.
struct Transpose<'a, K: Microkernel, T> {
    product: &'a Product<'a, K>,
    unit: &'a Unit,
    layout: &'a Layout,
    /// Phase and first channel.
    place: (usize, usize),
    input: &'a [T],
    transposed: &'a mut [K::Product],
}

impl<K: Microkernel, T: Element> Work for Transpose<'_, K, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { product, unit, layout, place: (phase, first_channel), input, transposed } = self;
        let plan = product.plan;
        transposed.fill(K::Product::default());
        let phase_columns = plan.step[1].min(plan.span[1]);
        let phase = [phase / phase_columns, phase % phase_columns];
        let count = CHANNELS.min(plan.reduced().saturating_sub(first_channel));
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
                    let mut block = [[K::Product::default(); SIDE]; SIDE];
                    let inside = (plan.source[1] - source_column(column)).div_ceil(plan.step[1]);
                    let columns = SIDE.min(width - column).min(inside);
                    for (offset, pixel) in block.iter_mut().enumerate().take(columns) {
                        let place = (image * plan.source[0] + source_row as usize) * plan.source[1]
                            + source_column(column + offset);
                        let start =
                            place * plan.source_channels + product.group * plan.reduced() + first_channel;
                        convert(&input[start..start + count], &mut pixel[..count]);
                    }
                    let block = product.kernel.transpose(&block);
                    for (channel, values) in block.iter().enumerate().take(count) {
                        transposed[channel * layout.channel_len + flat + column..][..columns]
                            .copy_from_slice(&values[..columns]);
                    }
                    column += columns;
                }
            }
        }
    }
}

/// One panel of the output's gradient, `[flat pixel][column]`, interleaved.
struct Pack<'a, K: Microkernel, T> {
    product: &'a Product<'a, K>,
    unit: &'a Unit,
    layout: &'a Layout,
    panel: usize,
    grad_output: &'a [T],
    packed: &'a mut [K::Product],
}

impl<K: Microkernel, T: Element> Work for Pack<'_, K, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { product, unit, layout, panel, grad_output, packed } = self;
        let plan = product.plan;
        packed.fill(K::Product::default());
        let columns = K::COLUMNS.min(plan.written() - panel * K::COLUMNS);
        for (index, image) in unit.images.clone().enumerate() {
            for (row, target_row) in unit.rows.clone().enumerate() {
                let first = (image * plan.target[0] + target_row) * plan.target[1] + unit.columns.start;
                let flat = (index * layout.rows + row) * layout.width;
                let mut column = 0;
                while column < unit.columns.len() {
                    // The pixels that lie side by side in the panel: all of them, but at a row's ends.
                    let place = (flat + column) % K::INTERLEAVE;
                    let pixels = (K::INTERLEAVE - place).min(unit.columns.len() - column);
                    let mut values = [[K::Product::default(); MOST_COLUMNS]; 2];
                    for pixel in 0..pixels {
                        let start = (first + column + pixel) * plan.target_channels
                            + product.group * plan.written()
                            + panel * K::COLUMNS;
                        convert(&grad_output[start..start + columns], &mut values[place + pixel][..columns]);
                    }
                    let out =
                        &mut packed[(flat + column - place) * K::COLUMNS..][..K::INTERLEAVE * K::COLUMNS];
                    if pixels == 2 {
                        for ((out, a), b) in out.chunks_exact_mut(2).zip(&values[0]).zip(&values[1]) {
                            (out[0], out[1]) = (*a, *b);
                        }
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

/// One tap against one panel: adds to `[channel][column]`, or sets it first.
struct Multiply<'a, K: Microkernel> {
    product: &'a Product<'a, K>,
    layout: &'a Layout,
    tap: usize,
    transposed: &'a [K::Product],
    panel: &'a [K::Product],
    first: bool,
    sums: &'a mut [f32],
}

impl<K: Microkernel> Work for Multiply<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { product, layout, tap, transposed, panel, first, sums } = self;
        let plan = product.plan;
        let tap = [tap / product.shape.kernel[1], tap % product.shape.kernel[1]];
        let phase = tap[0] % plan.step[0] * plan.step[1].min(plan.span[1]) + tap[1] % plan.step[1];
        let transposed = &transposed[phase * layout.channels * layout.channel_len..]
            [..layout.channels * layout.channel_len];
        let shift = tap[0] / plan.step[0] * layout.width + tap[1] / plan.step[1];
        let mut tile = Tile([0.0; TILE]);
        for start in (0..layout.pixels).step_by(BLOCK) {
            let depth = BLOCK.min(layout.pixels - start);
            let panel = &panel[start * K::COLUMNS..][..depth * K::COLUMNS];
            let mut channel = 0;
            while channel < layout.channels {
                let count = tile_rows::<K>(layout.channels - channel);
                let rows = Rows {
                    data: &transposed[channel * layout.channel_len..],
                    step: layout.channel_len,
                    count,
                    segments: &[start + shift],
                    depth,
                };
                product.kernel.multiply(rows, panel, &mut tile.0);
                // Channels beyond the last fill a tile, no more.
                let end = (channel + count).min(plan.reduced());
                let sums = &mut sums[channel.min(end) * K::COLUMNS..end * K::COLUMNS];
                if first && start == 0 {
                    sums.copy_from_slice(&tile.0[..sums.len()]);
                } else {
                    sums.iter_mut().zip(&tile.0).for_each(|(sum, value)| *sum += value);
                }
                channel += count;
            }
        }
    }
}
