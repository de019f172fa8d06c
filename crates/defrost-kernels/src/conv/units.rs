//! Units of work: which part of a target one thread computes at a time, and in tiles of how many rows.
//!
//! Invariants: a unit's part of the target is contiguous; units depend on the plan alone, never on the number of
//! threads, and lie in the target's order.

use std::ops::Range;

use rayon::prelude::*;

use super::geometry::Plan;
use super::kernel::{Microkernel, TILE};
use super::statistics::UnitStatistics;
use crate::ChannelStatistics;

/// A box of grid pixels whose target is contiguous: whole images, or rows of one, or columns of a single row.
pub(super) struct Unit {
    pub images: Range<usize>,
    pub rows: Range<usize>,
    pub columns: Range<usize>,
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
        UnitStatistics::combine(&of_units, statistics);
    }
}

/// Cuts the grid into units of at most this many bytes, and into at least `least` of them if it has the pixels.
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

/// Cuts grids into units of about this many pixels: whole images, or rows of one.
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
    pub(super) fn target_rows(&self, plan: &Plan) -> usize {
        plan.target[0].min(self.rows.end * plan.spread[0]) - self.rows.start * plan.spread[0]
    }

    #[inline(always)]
    pub(super) fn target_columns(&self, plan: &Plan) -> usize {
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

/// The sums of one tile, aligned as the microkernels load them.
#[repr(align(64))]
pub(super) struct Tile(pub [f32; TILE]);

/// How many of `left` rows the next tile takes: evenly spread over tiles, none of them with less than a granule.
#[inline(always)]
pub(super) fn tile_rows<K: Microkernel>(left: usize) -> usize {
    let granules = left.div_ceil(K::GRANULE);
    let tiles = left.div_ceil(K::ROWS);
    let rows = (granules.div_ceil(tiles) * K::GRANULE).min(left);
    if left - rows > 0 && left - rows < K::GRANULE { left - K::GRANULE } else { rows }
}
