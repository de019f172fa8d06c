//! The forward pass and the input's gradient: both are a [`Plan`] whose target is written block by block.

use rayon::prelude::*;

use super::{POSITIONS, Patches, transform};
use crate::conv::geometry::Plan;
use crate::conv::kernel::{Microkernel, Rows, TILE, Work};
use crate::conv::pack;
use crate::conv::statistics::UnitStatistics;
use crate::conv::units::{Unit, cut, over_units, tile_rows};
use crate::conv::write::Line;
use crate::simd::Simd;
use crate::{Buffer, ChannelStatistics, Element, Epilogue};

/// A unit's patches should stay in the second-level cache, next to a panel of weights.
const UNIT_BYTES: usize = 1 << 20;

/// Where weights are this large, units are twice as large: each of them reads all weights anew.
const LARGE_WEIGHTS: usize = 8 << 20;

/// Units for as many threads, half as many of the larger ones.
const UNITS: usize = 8;

/// Blocks whose products are mapped back at a time.
const BATCH: usize = 56;

/// Computes the whole target of a plan that it [`applies`] to.
pub(in crate::conv) fn run<K: Microkernel, T: Element>(
    kernel: K,
    plan: &Plan,
    source: &[T],
    weight: &[f32],
    epilogue: &Epilogue<T>,
    target: &mut [T],
    statistics: Option<&mut ChannelStatistics>,
) {
    if target.is_empty() {
        return;
    }
    let panels = panels(kernel, plan, weight);
    let blocks = plan.grid.map(|pixels| pixels.div_ceil(2));
    let block_bytes = POSITIONS * plan.reduced() * size_of::<K::Product>();
    let larger = if size_of_val(&*panels) > LARGE_WEIGHTS { 2 } else { 1 };
    let share = (plan.images * blocks[0] * blocks[1] * larger).div_ceil(UNITS);
    let most = (larger * UNIT_BYTES / block_bytes).min(share).max(16);
    let job = Job { kernel, plan, source, panels: &panels, epilogue, statistics: statistics.is_some() };
    let in_pixels = |unit: Unit| {
        let rows = 2 * unit.rows.start..plan.grid[0].min(2 * unit.rows.end);
        Unit { rows, columns: 0..plan.grid[1], ..unit }
    };
    let units = cut(plan.images, blocks, most).into_iter().map(in_pixels).collect();
    over_units(plan, units, target, statistics, |unit, part| kernel.vectorize(UnitWork(&job, unit, part)));
}

/// The weights' images, `[panel][position][reduced channel][column]`.
fn panels<K: Microkernel>(kernel: K, plan: &Plan, weight: &[f32]) -> Buffer<K::Product> {
    let pass = &plan.passes[0];
    let len = POSITIONS * plan.reduced() * K::COLUMNS;
    let mut panels = Buffer::new(pack::panels::<K>(plan) * len);
    panels.par_chunks_exact_mut(len).enumerate().for_each(|(index, images)| {
        let mut taps = Buffer::new(pack::panel_len::<K>(plan, pass));
        pack::pack_panel(kernel, plan, pass, weight, index, &mut taps);
        kernel.vectorize(KernelImages { kernel, taps: &taps, images });
    });
    panels
}

/// From `[tap][reduced channel][column]` to `[position][reduced channel][column]`.
struct KernelImages<'a, K: Microkernel> {
    kernel: K,
    taps: &'a [K::Product],
    images: &'a mut [K::Product],
}

impl<K: Microkernel> Work for KernelImages<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let s = self.kernel.simd();
        let len = self.taps.len() / 9;
        for at in (0..len).step_by(K::Simd::LANES) {
            let mut taps = [[s.splat(0.0); 3]; 3];
            for tap in 0..9 {
                taps[tap / 3][tap % 3] = s.load(&self.taps[tap * len + at..]);
            }
            let images = transform::kernel(s, taps);
            for position in 0..POSITIONS {
                s.store(&mut self.images[position * len + at..], images[position / 4][position % 4]);
            }
        }
    }
}

/// The part that all units share.
struct Job<'a, K: Microkernel, T> {
    kernel: K,
    plan: &'a Plan,
    source: &'a [T],
    panels: &'a [K::Product],
    epilogue: &'a Epilogue<'a, T>,
    statistics: bool,
}

/// One unit and its part of the target.
struct UnitWork<'a, K: Microkernel, T>(&'a Job<'a, K, T>, Unit, &'a mut [T]);

impl<K: Microkernel, T: Element> Work for UnitWork<'_, K, T> {
    type Output = UnitStatistics;

    #[inline(always)]
    fn run(self) -> UnitStatistics {
        let Self(job, unit, target) = self;
        let plan = job.plan;
        let mut statistics = UnitStatistics::new(if job.statistics { plan.target_channels } else { 0 });
        statistics.count = unit.images.len() * unit.rows.len() * unit.columns.len();
        let patches = Patches::of(job.kernel, plan, job.source, &unit);
        let residual =
            job.epilogue.residual.map(|residual| &residual[unit.target_start(plan) * plan.target_channels..]);
        let epilogue = Epilogue { residual, ..*job.epilogue };
        let panel_len = POSITIONS * plan.reduced() * K::COLUMNS;
        // A whole tile is lent to the microkernel, even for the last rows.
        let mut products = Buffer::<f32>::new(POSITIONS * BATCH * K::COLUMNS + TILE);
        let mut lines = Buffer::<f32>::new(2 * 2 * BATCH * K::COLUMNS);
        for (panel, weights) in job.panels.chunks_exact(panel_len).enumerate() {
            let first = panel * K::COLUMNS;
            let channels = first..plan.target_channels.min(first + K::COLUMNS);
            let mut start = 0;
            while start < patches.count {
                let count = BATCH.min(patches.count - start);
                job.multiply(&patches, start, count, weights, &mut products);
                let mut done = 0;
                while done < count {
                    // Blocks of one row lie side by side.
                    let [rows, columns] = patches.blocks;
                    let (row, column) = ((start + done) / columns, (start + done) % columns);
                    let len = (count - done).min(columns - column);
                    job.blocks(&products[done * K::COLUMNS..], len, &mut lines);
                    let (image, row) = (row / rows, row % rows);
                    for pixel_row in 2 * row..unit.rows.len().min(2 * row + 2) {
                        let pixel = (image * unit.rows.len() + pixel_row) * unit.columns.len() + 2 * column;
                        let line = Line {
                            sums: &lines[(pixel_row - 2 * row) * 2 * BATCH * K::COLUMNS..],
                            columns: K::COLUMNS,
                            count: (2 * len).min(unit.columns.len() - 2 * column),
                            start: pixel * plan.target_channels + channels.start,
                            step: plan.target_channels,
                            channels: channels.clone(),
                        };
                        if job.statistics {
                            line.gather(job.kernel.simd(), pixel == 0, target, &mut statistics);
                        } else {
                            line.finish(job.kernel.simd(), &epilogue, target);
                        }
                    }
                    done += len;
                }
                start += count;
            }
        }
        statistics
    }
}

impl<K: Microkernel, T: Element> Job<'_, K, T> {
    /// The products of some blocks with a panel, `[position][block][column]`.
    #[inline(always)]
    fn multiply(
        &self,
        patches: &Patches<K::Product>,
        start: usize,
        count: usize,
        weights: &[K::Product],
        products: &mut [f32],
    ) {
        let channels = self.plan.reduced();
        for (position, weights) in weights.chunks_exact(channels * K::COLUMNS).enumerate() {
            let data = patches.position(position);
            let products = &mut products[position * BATCH * K::COLUMNS..];
            let mut first = 0;
            while first < count {
                let rows = tile_rows::<K>(count - first);
                let rows = Rows {
                    data: &data[(start + first) * patches.step..],
                    step: patches.step,
                    count: rows,
                    segments: &[0],
                    depth: channels,
                    along: 1,
                };
                let tile = products[first * K::COLUMNS..].first_chunk_mut::<TILE>();
                self.kernel.multiply(rows, weights, tile.expect("a whole tile fits behind the last row"));
                first += rows.count;
            }
        }
    }

    /// Maps the products of `count` blocks side by side to two lines of pixels, `[row][pixel][column]`.
    #[inline(always)]
    fn blocks(&self, products: &[f32], count: usize, lines: &mut [f32]) {
        let s = self.kernel.simd();
        let (upper, lower) = lines.split_at_mut(2 * BATCH * K::COLUMNS);
        for at in (0..K::COLUMNS).step_by(K::Simd::LANES) {
            for block in 0..count {
                let mut sums = [[s.splat(0.0); 4]; 4];
                for position in 0..POSITIONS {
                    let products = &products[(position * BATCH + block) * K::COLUMNS + at..];
                    sums[position / 4][position % 4] = s.load(products);
                }
                let [[a, b], [c, d]] = transform::block(s, sums);
                let left = 2 * block * K::COLUMNS + at;
                s.store(&mut upper[left..], a);
                s.store(&mut upper[left + K::COLUMNS..], b);
                s.store(&mut lower[left..], c);
                s.store(&mut lower[left + K::COLUMNS..], d);
            }
        }
    }
}
