//! The walk over units, panels and tiles that turns a [`Plan`] into an output.

use super::geometry::{Pass, Plan};
use super::kernel::{Microkernel, Rows, TILE, Work};
use super::stage::{Stage, in_place};
use super::statistics::UnitStatistics;
use super::units::{Tile, Unit, over_units, tile_rows, units};
use super::write::Line;
use super::{pack, winograd};
use crate::{Buffer, ChannelStatistics, Element, Epilogue};

/// What a unit reads and writes should stay in the second-level cache, next to a panel of weights.
const UNIT_BYTES: usize = 512 << 10;

/// Fewer units than this are split further where they can: work for as many threads.
const UNITS: usize = 8;

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

/// The part that all units share.
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
            let flat = Flat { data: source, width: unit.columns.len(), image_step: 0, segments: &[0] };
            self.pass(&self.packed[0], flat, 0, unit, target, &mut statistics);
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
                let flat = Flat {
                    data: &data,
                    width: stage.flat_width,
                    image_step: stage.image(plan, 1),
                    segments: &segments,
                };
                self.pass(packed, flat, group, unit, target, &mut statistics);
            }
        }
        statistics
    }

    /// One pass over one group of one unit.
    #[inline(always)]
    fn pass(
        &self,
        packed: &Packed<K::Product>,
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
                        segments: flat.segments,
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
    /// Where each segment of the pass begins for the first grid pixel.
    segments: &'a [usize],
}

/// Everything about a tile's target that is not the tile.
struct Write<'a> {
    place: &'a Position,
    columns: usize,
    flat_width: usize,
    unit: &'a Unit,
    pass: &'a Pass,
}

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
