//! The walk over units, panels and tiles that turns a [`Plan`] into an output.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::{Pass, Plan};
use super::kernel::{Microkernel, Rows, TILE, Work};
use super::stage::{Stage, in_place};
use super::statistics::UnitStatistics;
use super::write::Line;
use super::{ChannelStatistics, Epilogue, pack, winograd};
use crate::Buffer;
use crate::Element;

/// What a unit reads and writes should stay in the second-level cache, next to a panel of weights.
const UNIT_BYTES: usize = 512 << 10;

/// Fewer units than this are split further where they can: work for as many threads.
const UNITS: usize = 8;

/// A box of grid pixels whose target is contiguous: whole images, or rows of one, or columns of a single row.
pub(super) struct Unit {
    pub images: Range<usize>,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
}

/// Packed weights and the offsets of one pass.
struct Packed<'a, P> {
    pass: &'a Pass,
    panels: &'a [P],
    panel_len: usize,
    depth: usize,
}

/// Computes the whole target.
pub(super) fn run<K: Microkernel, T: Element>(
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
    if winograd::applies::<K>(plan) {
        return winograd::run(kernel, plan, source, weight, epilogue, target, statistics);
    }
    let units = units(plan, size_of::<T>(), UNIT_BYTES, UNITS);
    let lens: Vec<usize> = plan.passes.iter().map(|pass| pack::packed_len::<K>(plan, pass)).collect();
    let mut buffer = Buffer::<K::Product>::new(lens.iter().sum());
    let mut free = &mut *buffer;
    let mut packed = Vec::new();
    for (pass, &len) in plan.passes.iter().zip(&lens) {
        let (panels, rest) = free.split_at_mut(len);
        free = rest;
        pack::pack(kernel, plan, pass, weight, panels);
        packed.push(Packed {
            pass,
            panels,
            panel_len: pack::panel_len::<K>(plan, pass),
            depth: pack::padded_depth::<K>(plan, pass),
        });
    }
    let job = Job { kernel, plan, source, packed: &packed, epilogue, statistics: statistics.is_some() };
    over_units(plan, units, target, statistics, |unit, part| kernel.vectorize(UnitWork(&job, unit, part)));
}

/// Has each unit compute its part of the target, in parallel, and combines their statistics.
pub(super) fn over_units<T: Send>(
    plan: &Plan,
    units: Vec<Unit>,
    target: &mut [T],
    statistics: Option<&mut ChannelStatistics>,
    compute: impl Fn(Unit, &mut [T]) -> UnitStatistics + Sync,
) {
    let mut parts = Vec::with_capacity(units.len());
    let mut rest = target;
    for unit in units {
        let (part, others) = rest.split_at_mut(unit.target_len(plan));
        rest = others;
        parts.push((unit, part));
    }
    let of_units: Vec<UnitStatistics> =
        parts.into_par_iter().map(|(unit, part)| compute(unit, part)).collect();
    if let Some(statistics) = statistics {
        statistics.combine(&of_units);
    }
}

/// Cuts the grid into units of at most so many bytes, and into at least `least` of them if it has the pixels.
pub(super) fn units(plan: &Plan, element: usize, bytes: usize, least: usize) -> Vec<Unit> {
    let [rows, columns] = plan.grid;
    let pixel_bytes = element
        * (plan.source_channels * plan.step[0] * plan.step[1]
            + plan.target_channels * plan.spread[0] * plan.spread[1]);
    let total = plan.images * rows * columns;
    let pixels = (bytes / pixel_bytes).min(total.div_ceil(least)).max(16);
    let mut units = Vec::new();
    if plan.pointwise {
        let mut first = 0;
        while first < columns {
            let last = columns.min(first + pixels);
            units.push(Unit { images: 0..1, rows: 0..1, columns: first..last });
            first = last;
        }
    } else {
        units = cut(plan.images, plan.grid, pixels);
    }
    units
}

/// Cuts grids into units of about so many pixels: whole images, or rows of one.
pub(super) fn cut(images: usize, [rows, columns]: [usize; 2], pixels: usize) -> Vec<Unit> {
    let mut units = Vec::new();
    if pixels >= rows * columns {
        let whole = pixels / (rows * columns);
        for first in (0..images).step_by(whole) {
            let images = first..images.min(first + whole);
            units.push(Unit { images, rows: 0..rows, columns: 0..columns });
        }
    } else {
        let strip = rows.div_ceil(rows.div_ceil((pixels / columns).max(1)));
        for image in 0..images {
            for first in (0..rows).step_by(strip) {
                let rows = first..rows.min(first + strip);
                units.push(Unit { images: image..image + 1, rows, columns: 0..columns });
            }
        }
    }
    units
}

impl Unit {
    /// Target rows that each image of the unit has in it.
    #[inline(always)]
    fn target_rows(&self, plan: &Plan) -> usize {
        plan.target[0].min(self.rows.end * plan.spread[0]) - self.rows.start * plan.spread[0]
    }

    #[inline(always)]
    fn target_columns(&self, plan: &Plan) -> usize {
        if plan.pointwise { self.columns.len() } else { plan.target[1] }
    }

    /// The first target pixel.
    #[inline(always)]
    pub(super) fn target_start(&self, plan: &Plan) -> usize {
        (self.images.start * plan.target[0] + self.rows.start * plan.spread[0]) * plan.target[1]
            + self.columns.start * plan.spread[1]
    }

    /// Elements of the target.
    fn target_len(&self, plan: &Plan) -> usize {
        self.images.len() * self.target_rows(plan) * self.target_columns(plan) * plan.target_channels
    }
}

/// What all units share.
struct Job<'a, K: Microkernel, T> {
    kernel: K,
    plan: &'a Plan,
    source: &'a [T],
    packed: &'a [Packed<'a, K::Product>],
    epilogue: &'a Epilogue<'a, T>,
    statistics: bool,
}

/// One unit and its part of the target.
struct UnitWork<'a, K: Microkernel, T>(&'a Job<'a, K, T>, Unit, &'a mut [T]);

impl<K: Microkernel, T: Element> Work for UnitWork<'_, K, T> {
    type Output = UnitStatistics;

    #[inline(always)]
    fn run(self) -> UnitStatistics {
        self.0.unit(&self.1, self.2)
    }
}

/// A run of flat grid pixels of one image, from grid row `row`.
struct Run {
    image: usize,
    row: usize,
    len: usize,
}

/// Which flat pixels a tile holds, and where the first goes.
struct Position {
    image: usize,
    /// Flat grid pixel, counted over `flat_width`.
    flat: usize,
    count: usize,
    /// First channel and how many.
    channel: usize,
    channels: usize,
}

impl<K: Microkernel, T: Element> Job<'_, K, T> {
    /// Computes one unit's part of the target.
    #[inline(always)]
    fn unit(&self, unit: &Unit, target: &mut [T]) -> UnitStatistics {
        let plan = self.plan;
        let channels = if self.statistics { plan.target_channels } else { 0 };
        let mut statistics = UnitStatistics::new(channels);
        statistics.count = unit.images.len() * unit.rows.len() * unit.columns.len();
        let in_place = if plan.pointwise && plan.groups == 1 && plan.reduced().is_multiple_of(K::DEPTH) {
            in_place::<T, K::Product>(self.source)
        } else {
            None
        };
        if let Some(source) = in_place {
            let source = &source[unit.columns.start * plan.reduced()..unit.columns.end * plan.reduced()];
            let flat = Flat { data: source, width: unit.columns.len(), image_step: 0 };
            self.pass(&self.packed[0], &[0], flat, 0, unit, target, &mut statistics);
            return statistics;
        }
        let stage = Stage::new(plan, unit.rows.len(), unit.columns.len());
        let images = unit.images.len();
        let mut data = Buffer::<K::Product>::new(stage.len(plan, images));
        for group in 0..plan.groups {
            let first = [unit.rows.start, unit.columns.start];
            stage.fill(plan, self.source, unit.images.clone(), first, group, &mut data);
            for packed in self.packed {
                let segments: Vec<usize> = packed
                    .pass
                    .segments
                    .iter()
                    .map(|segment| stage.segment(plan, images, segment.row, segment.column))
                    .collect();
                let flat = Flat { data: &data, width: stage.flat_width, image_step: stage.image(plan, 1) };
                self.pass(packed, &segments, flat, group, unit, target, &mut statistics);
            }
        }
        statistics
    }

    /// One pass over one group of one unit.
    #[inline(always)]
    #[allow(clippy::too_many_arguments)]
    fn pass(
        &self,
        packed: &Packed<K::Product>,
        segments: &[usize],
        flat: Flat<K::Product>,
        group: usize,
        unit: &Unit,
        target: &mut [T],
        statistics: &mut UnitStatistics,
    ) {
        let plan = self.plan;
        let rows = packed.pass.grid[0].min(unit.rows.end).saturating_sub(unit.rows.start);
        let columns = packed.pass.grid[1].min(unit.columns.end) - unit.columns.start;
        if rows == 0 || columns == 0 {
            return;
        }
        let runs = runs::<K>(unit.images.len(), rows, columns, flat.width);
        let panels = pack::panels::<K>(plan);
        let mut tile = Tile([0.0; TILE]);
        for panel in 0..panels {
            let weights = &packed.panels[(group * panels + panel) * packed.panel_len..][..packed.panel_len];
            let channel = group * plan.written() + panel * K::COLUMNS;
            let channels = K::COLUMNS.min(plan.written() - panel * K::COLUMNS);
            for run in &runs {
                let mut first = 0;
                while first < run.len {
                    let count = tile_rows::<K>(run.len - first);
                    let place = Position {
                        image: run.image,
                        flat: run.row * flat.width + first,
                        count,
                        channel,
                        channels,
                    };
                    let step = plan.step[1] * plan.reduced();
                    let start = place.image * flat.image_step + place.flat * step;
                    let rows = Rows {
                        // Where a phase of the stride meets no taps, there may be no stage either.
                        data: flat.data.get(start..).unwrap_or_default(),
                        step,
                        count,
                        segments,
                        depth: packed.depth,
                        along: 1,
                    };
                    self.kernel.multiply(rows, weights, &mut tile.0);
                    let write =
                        Write { place: &place, columns, flat_width: flat.width, unit, pass: packed.pass };
                    self.write(&write, &tile.0, target, statistics);
                    first += count;
                }
            }
        }
    }

    /// Writes those pixels of a tile that the target has.
    #[inline(always)]
    fn write(&self, write: &Write, tile: &[f32; TILE], target: &mut [T], statistics: &mut UnitStatistics) {
        let (plan, place, unit) = (self.plan, write.place, write.unit);
        let [target_rows, target_columns] = [unit.target_rows(plan), unit.target_columns(plan)];
        let residual = self
            .epilogue
            .residual
            .map(|residual| &residual[unit.target_start(plan) * plan.target_channels..]);
        let epilogue = &Epilogue { residual, ..*self.epilogue };
        let mut done = 0;
        while done < place.count {
            let flat = place.flat + done;
            let (row, column) = (flat / write.flat_width, flat % write.flat_width);
            let len = (write.flat_width - column).min(place.count - done);
            // Pixels of the border between two rows have no place in the target.
            let count = len.min(write.columns.saturating_sub(column));
            if count > 0 {
                let target_row = place.image * target_rows + row * plan.spread[0] + write.pass.offset[0];
                let pixel = target_row * target_columns + column * plan.spread[1] + write.pass.offset[1];
                let line = Line {
                    sums: &tile[done * K::COLUMNS..],
                    columns: K::COLUMNS,
                    count,
                    start: pixel * plan.target_channels + place.channel,
                    step: plan.spread[1] * plan.target_channels,
                    channels: place.channel..place.channel + place.channels,
                };
                if self.statistics {
                    let first = place.image == 0 && flat == 0;
                    line.gather(self.kernel.simd(), first, target, statistics);
                } else {
                    line.finish(self.kernel.simd(), epilogue, target);
                }
            }
            done += len;
        }
    }
}

/// The source as tiles see it: grid pixels evenly spaced.
#[derive(Clone, Copy)]
struct Flat<'a, P> {
    data: &'a [P],
    /// Grid pixels from a row to the next.
    width: usize,
    /// Elements from an image to the next.
    image_step: usize,
}

/// Everything about a tile's target that is not the tile.
struct Write<'a> {
    place: &'a Position,
    columns: usize,
    flat_width: usize,
    unit: &'a Unit,
    pass: &'a Pass,
}

#[repr(align(64))]
pub(super) struct Tile(pub [f32; TILE]);

/// Chains the rows of an image into one run, pixels between them included, or leaves them apart: whichever
/// multiplies less. A tile is charged a few rows for its weights.
fn runs<K: Microkernel>(images: usize, rows: usize, columns: usize, flat_width: usize) -> Vec<Run> {
    let cost = |len: usize| len.next_multiple_of(K::GRANULE) + len.div_ceil(K::ROWS) * (K::ROWS / 8);
    let chained = (rows - 1) * flat_width + columns;
    let mut runs = Vec::new();
    for image in 0..images {
        if cost(chained) <= rows * cost(columns) {
            runs.push(Run { image, row: 0, len: chained });
        } else {
            runs.extend((0..rows).map(|row| Run { image, row, len: columns }));
        }
    }
    runs
}

/// How many of `left` rows the next tile takes: evenly spread over tiles, none of them with less than a granule.
#[inline(always)]
pub(super) fn tile_rows<K: Microkernel>(left: usize) -> usize {
    let granules = left.div_ceil(K::GRANULE);
    let tiles = left.div_ceil(K::ROWS);
    let rows = (granules.div_ceil(tiles) * K::GRANULE).min(left);
    if left - rows > 0 && left - rows < K::GRANULE { left - K::GRANULE } else { rows }
}
