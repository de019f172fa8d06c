//! The walk over units, panels and tiles that turns a [`Plan`] into an output.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::{Pass, Plan};
use super::kernel::{Microkernel, Rows, TILE};
use super::stage::{Stage, in_place};
use super::statistics::UnitStatistics;
use super::{ChannelStatistics, Epilogue, pack, scratch};
use crate::{Activation, Element};

/// What a unit reads and writes should stay in the second-level cache, next to a panel of weights.
const UNIT_BYTES: usize = 512 << 10;

/// Fewer units than this are split further where they can: work for as many threads.
const UNITS: usize = 8;

/// A box of grid pixels whose target is contiguous: whole pictures, or rows of one, or columns of a single row.
struct Unit {
    images: Range<usize>,
    rows: Range<usize>,
    columns: Range<usize>,
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
    let units = units::<T>(plan);
    let lens: Vec<usize> = plan.passes.iter().map(|pass| pack::packed_len::<K>(plan, pass)).collect();
    scratch::with(lens.iter().sum(), |mut buffer: &mut [K::Product]| {
        let mut packed = Vec::new();
        for (pass, &len) in plan.passes.iter().zip(&lens) {
            let (panels, rest) = buffer.split_at_mut(len);
            buffer = rest;
            pack::pack(kernel, plan, pass, weight, panels);
            packed.push(Packed {
                pass,
                panels,
                panel_len: pack::panel_len::<K>(plan, pass),
                depth: pack::padded_depth::<K>(plan, pass),
            });
        }
        let job = Job { kernel, plan, source, packed: &packed, epilogue, statistics: statistics.is_some() };
        let mut parts = Vec::with_capacity(units.len());
        let mut rest = target;
        for unit in units {
            let (part, others) = rest.split_at_mut(unit.target_len(plan));
            rest = others;
            parts.push((unit, part));
        }
        let of_units: Vec<UnitStatistics> =
            parts.into_par_iter().map(|(unit, part)| kernel.vectorize(|| job.unit(&unit, part))).collect();
        if let Some(statistics) = statistics {
            statistics.combine(&of_units);
        }
    });
}

/// Cuts the grid so that a unit fits the cache and every thread gets some.
fn units<T>(plan: &Plan) -> Vec<Unit> {
    let [rows, columns] = plan.grid;
    let pixel_bytes = size_of::<T>()
        * (plan.source_channels * plan.step[0] * plan.step[1]
            + plan.target_channels * plan.spread[0] * plan.spread[1]);
    let total = plan.images * rows * columns;
    let pixels = (UNIT_BYTES / pixel_bytes).min(total.div_ceil(UNITS)).max(16);
    let mut units = Vec::new();
    if plan.pointwise {
        let mut first = 0;
        while first < columns {
            let last = columns.min(first + pixels);
            units.push(Unit { images: 0..1, rows: 0..1, columns: first..last });
            first = last;
        }
    } else if pixels >= rows * columns {
        let images = pixels / (rows * columns);
        for first in (0..plan.images).step_by(images) {
            let images = first..plan.images.min(first + images);
            units.push(Unit { images, rows: 0..rows, columns: 0..columns });
        }
    } else {
        let strip = rows.div_ceil(rows.div_ceil((pixels / columns).max(1)));
        for image in 0..plan.images {
            for first in (0..rows).step_by(strip) {
                let rows = first..rows.min(first + strip);
                units.push(Unit { images: image..image + 1, rows, columns: 0..columns });
            }
        }
    }
    units
}

impl Unit {
    /// Target rows that each picture of the unit has in it.
    fn target_rows(&self, plan: &Plan) -> usize {
        plan.target[0].min(self.rows.end * plan.spread[0]) - self.rows.start * plan.spread[0]
    }

    fn target_columns(&self, plan: &Plan) -> usize {
        if plan.pointwise { self.columns.len() } else { plan.target[1] }
    }

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

/// A run of flat grid pixels of one picture, from grid row `row`.
struct Run {
    image: usize,
    row: usize,
    len: usize,
}

/// Which flat pixels a tile holds, and where the first goes.
struct Place {
    image: usize,
    /// Flat grid pixel, counted over `flat_width`.
    flat: usize,
    count: usize,
    /// First channel and how many.
    channel: usize,
    channels: usize,
}

impl<K: Microkernel, T: Element> Job<'_, K, T> {
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
        scratch::with(stage.len(plan, images), |data: &mut [K::Product]| {
            for group in 0..plan.groups {
                stage.fill(
                    plan,
                    self.source,
                    unit.images.clone(),
                    unit.rows.start,
                    unit.columns.start,
                    group,
                    data,
                );
                for packed in self.packed {
                    let segments: Vec<usize> = packed
                        .pass
                        .segments
                        .iter()
                        .map(|segment| stage.segment(plan, images, segment.row, segment.column))
                        .collect();
                    let flat = Flat { data, width: stage.flat_width, image_step: stage.image(plan, 1) };
                    self.pass(packed, &segments, flat, group, unit, target, &mut statistics);
                }
            }
        });
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
                let tiles = run.len.div_ceil(K::ROWS);
                for index in 0..tiles {
                    let first = run.len * index / tiles;
                    let count = run.len * (index + 1) / tiles - first;
                    let place = Place {
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
                    };
                    self.kernel.multiply(rows, weights, &mut tile.0);
                    let write =
                        Write { place: &place, columns, flat_width: flat.width, unit, pass: packed.pass };
                    self.write(&write, &tile.0, target, statistics);
                }
            }
        }
    }

    /// Writes those pixels of a tile that the target has.
    #[inline(always)]
    fn write(&self, write: &Write, tile: &[f32; TILE], target: &mut [T], statistics: &mut UnitStatistics) {
        let (plan, place) = (self.plan, write.place);
        let target_rows = write.unit.target_rows(plan);
        let target_columns = write.unit.target_columns(plan);
        let target_start = (write.unit.images.start * plan.target[0]
            + write.unit.rows.start * plan.spread[0])
            * plan.target[1]
            + write.unit.columns.start * plan.spread[1];
        let mut row = place.flat / write.flat_width;
        let mut column = place.flat % write.flat_width;
        let channels = place.channel..place.channel + place.channels;
        let bias = self.epilogue.bias.map(|bias| &bias[channels.clone()]);
        for values in tile.chunks_exact(K::COLUMNS).take(place.count) {
            if column < write.columns {
                let target_row = place.image * target_rows + row * plan.spread[0] + write.pass.offset[0];
                let pixel = target_row * target_columns + column * plan.spread[1] + write.pass.offset[1];
                let start = pixel * plan.target_channels + place.channel;
                let out = &mut target[start..start + place.channels];
                let residual = self.epilogue.residual.map(|residual| {
                    &residual[target_start * plan.target_channels + start..][..place.channels]
                });
                write_pixel(&values[..place.channels], bias, residual, self.epilogue.activation, out);
                if self.statistics {
                    if place.image == 0 && row == 0 && column == 0 {
                        statistics.shift[channels.clone()]
                            .iter_mut()
                            .zip(&*out)
                            .for_each(|(shift, value)| *shift = value.to_f32());
                    }
                    add_pixel(statistics, channels.clone(), out);
                }
            }
            column += 1;
            if column == write.flat_width {
                (row, column) = (row + 1, 0);
            }
        }
    }
}

/// The source as tiles see it: grid pixels evenly spaced.
#[derive(Clone, Copy)]
struct Flat<'a, P> {
    data: &'a [P],
    /// Grid pixels from a row to the next.
    width: usize,
    /// Elements from a picture to the next.
    image_step: usize,
}

/// Everything about a tile's target that is not the tile.
struct Write<'a> {
    place: &'a Place,
    columns: usize,
    flat_width: usize,
    unit: &'a Unit,
    pass: &'a Pass,
}

#[repr(align(64))]
struct Tile([f32; TILE]);

/// Chains the rows of a picture into one run, pixels between them included, or leaves them apart: whichever
/// multiplies less. A tile is charged a few rows for its weights.
fn runs<K: Microkernel>(images: usize, rows: usize, columns: usize, flat_width: usize) -> Vec<Run> {
    let cost = |len: usize| len + len.div_ceil(K::ROWS) * (K::ROWS / 8);
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

#[inline(always)]
fn write_pixel<T: Element>(
    values: &[f32],
    bias: Option<&[f32]>,
    residual: Option<&[T]>,
    activation: Activation,
    out: &mut [T],
) {
    let mut sums = [0.0f32; TILE];
    let sums = &mut sums[..values.len()];
    sums.copy_from_slice(values);
    if let Some(bias) = bias {
        sums.iter_mut().zip(bias).for_each(|(sum, bias)| *sum += bias);
    }
    if let Some(residual) = residual {
        sums.iter_mut().zip(residual).for_each(|(sum, residual)| *sum += residual.to_f32());
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = T::from_f32(activation.apply(*sum));
    }
}

#[inline(always)]
fn add_pixel<T: Element>(statistics: &mut UnitStatistics, channels: Range<usize>, values: &[T]) {
    let shift = &statistics.shift[channels.clone()];
    let sum = &mut statistics.sum[channels.clone()];
    let square = &mut statistics.square[channels];
    for (((value, shift), sum), square) in values.iter().zip(shift).zip(sum).zip(square) {
        let distance = value.to_f32() - shift;
        *sum += distance;
        *square += distance * distance;
    }
}
