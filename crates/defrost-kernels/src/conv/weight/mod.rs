//! The gradient of the weight: for each tap, a matrix product over pixels.
//!
//! ```text
//! gradient[out][in][tap] = sum over output pixels p of grad_output[p][out] * input[p under tap][in]
//! ```
//!
//! The sum runs over pixels, so both factors are laid out with pixels along the depth: the input *transposed*,
//! `[phase][channel][flat pixel]`, and the output's gradient in panels, `[out / COLUMNS][flat pixel][out]`. Both count
//! pixels over the same flat grid, borders included, so a tap is a shift of the first against the second. Pixels
//! of the grid that no output has are zero in the second.
//!
//! A pointwise product is symmetric, so that its thinner factor is the one that is transposed.
//!
//! Units are summed in a few runs of units, runs in their order: which they are depends on the shape alone.

mod layouts;

use rayon::prelude::*;

use super::geometry::Plan;
use super::kernel::{Microkernel, Rows, SIDE, TILE, Work};
use super::units::{Tile, Unit, tile_rows, units};
use super::winograd;
use crate::Buffer;
use crate::{ConvShape, Element};
use layouts::{Pack, Transpose};

/// Bytes that a unit reads, in both layouts.
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
    let mut plan = &Plan::forward(shape);
    if winograd::applies::<K>(plan) {
        return winograd::gradient(kernel, shape, input, grad_output, grad_weight);
    }
    let swapped = &ConvShape { in_channels: shape.out_channels, out_channels: shape.in_channels, ..*shape };
    let swapped_plan = &Plan::forward(swapped);
    let (mut shape, mut input, mut grad_output) = (shape, input, grad_output);
    let swap = plan.pointwise && plan.groups == 1 && shape.in_channels > shape.out_channels;
    if swap {
        (plan, shape, input, grad_output) = (swapped_plan, swapped, grad_output, input);
    }
    let units = units(plan, size_of::<K::Product>(), UNIT_BYTES, RUNS);
    let taps = shape.kernel[0] * shape.kernel[1];
    let sums_len = plan.written().div_ceil(K::COLUMNS) * taps * plan.reduced() * K::COLUMNS;
    let runs = if sums_len * size_of::<f32>() > RUN_BYTES { 1 } else { RUNS.min(units.len()) };
    let group_len = grad_weight.len() / plan.groups;
    for (group, grad_weight) in grad_weight.chunks_exact_mut(group_len).enumerate() {
        let product = Product { kernel, shape, plan, group };
        let mut sums = Buffer::<f32>::new(runs * sums_len);
        let units_of_run = units.len().div_ceil(runs);
        let runs = units.len().div_ceil(units_of_run);
        let sums = &mut sums[..runs * sums_len];
        sums.par_chunks_exact_mut(sums_len).zip(units.par_chunks(units_of_run)).for_each(|(sums, units)| {
            for (index, unit) in units.iter().enumerate() {
                product.unit(unit, input, grad_output, index == 0, sums);
            }
        });
        if swap {
            product.finish_swapped(sums, sums_len, grad_weight);
        } else {
            product.finish(sums, sums_len, grad_weight);
        }
    }
}

/// The metrics of a unit in both layouts.
struct Layout {
    /// Grid pixels from a row to the next.
    width: usize,
    /// Grid rows from an image to the next.
    rows: usize,
    /// Grid pixels, a multiple of the microkernel's depth.
    pixels: usize,
    /// Elements of a transposed channel: its shifted pixels, too.
    channel_len: usize,
    /// Transposed channels.
    channels: usize,
}

impl Layout {
    /// Grid pixels before which every one is written; zeros come first elsewhere, for borders.
    #[inline(always)]
    fn filled(&self, plan: &Plan, unit: &Unit) -> usize {
        if plan.pointwise { unit.columns.len() } else { 0 }
    }
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
        // Where a row (an image) need not be followed by its own border, because the next one's does as well.
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
        let mut transposed = Buffer::<K::Product>::new(phases * phase_len);
        for (phase, transposed) in transposed.chunks_exact_mut(phase_len).enumerate() {
            transposed.par_chunks_mut(CHANNELS * layout.channel_len).enumerate().for_each(|(block, part)| {
                let place = (phase, block * CHANNELS);
                kernel.vectorize(Transpose { product: self, unit, layout, place, input, transposed: part });
            });
        }
        let mut packed = Buffer::<K::Product>::new(panels * panel_len);
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

    /// Adds the runs' sums where the factors of a pointwise product have been swapped: `[column][channel]`.
    fn finish_swapped(&self, sums: &[f32], sums_len: usize, grad_weight: &mut [f32]) {
        let (channels, columns) = (self.plan.reduced(), self.plan.written());
        grad_weight.par_chunks_mut(CHANNELS * columns).enumerate().for_each(|(block, gradient)| {
            for (row, gradient) in gradient.chunks_exact_mut(columns).enumerate() {
                gradient.fill(0.0);
                for sums in sums.chunks_exact(sums_len) {
                    for (panel, gradient) in gradient.chunks_mut(K::COLUMNS).enumerate() {
                        let sums = &sums[(panel * channels + block * CHANNELS + row) * K::COLUMNS..];
                        gradient.iter_mut().zip(sums).for_each(|(gradient, sum)| *gradient += sum);
                    }
                }
            }
        });
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
                    along: 1,
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
