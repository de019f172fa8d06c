//! Plain Rust, for any processor, in a shape that compilers vectorise.

use super::{Microkernel, Rows, TILE, Work};
use crate::simd;

/// See the module.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Portable;

impl Microkernel for Portable {
    type Product = f32;
    type Simd = simd::Portable;
    const ROWS: usize = 4;
    const COLUMNS: usize = 8;
    const DEPTH: usize = 1;
    const INTERLEAVE: usize = 1;

    fn multiply(self, rows: Rows<f32>, panel: &[f32], tile: &mut [f32; TILE]) {
        rows.check::<Self>(panel, tile);
        match rows.count {
            1 => multiply::<1>(rows, panel, tile),
            2 => multiply::<2>(rows, panel, tile),
            3 => multiply::<3>(rows, panel, tile),
            _ => multiply::<4>(rows, panel, tile),
        }
    }

    fn simd(self) -> simd::Portable {
        simd::Portable
    }

    fn vectorize<W: Work>(self, work: W) -> W::Output {
        work.run()
    }
}

/// Adds the products of a segment: `sums[row][column] += values[row][depth · along] · weights[depth][column]`.
#[inline(always)]
fn add<const ROWS: usize, const COLUMNS: usize>(
    sums: &mut [[f32; COLUMNS]; ROWS],
    values: [&[f32]; ROWS],
    weights: &[[f32; COLUMNS]],
    along: usize,
) {
    for (depth, weights) in weights.iter().enumerate() {
        for row in 0..ROWS {
            let value = values[row][depth * along];
            for column in 0..COLUMNS {
                sums[row][column] += value * weights[column];
            }
        }
    }
}

#[inline(always)]
fn multiply<const ROWS: usize>(rows: Rows<f32>, panel: &[f32], tile: &mut [f32; TILE]) {
    const COLUMNS: usize = Portable::COLUMNS;
    let mut sums = [[0.0f32; COLUMNS]; ROWS];
    for (&segment, weights) in rows.segments.iter().zip(panel.chunks_exact((rows.depth * COLUMNS).max(1))) {
        let reach = (rows.depth * rows.along).saturating_sub(rows.along - 1);
        let values: [&[f32]; ROWS] =
            std::array::from_fn(|row| &rows.data[segment + row * rows.step..][..reach]);
        let weights = weights.as_chunks().0;
        // Neighbours are the usual case, and one without checks of the bounds.
        match rows.along {
            1 => add(&mut sums, values.map(|values| &values[..weights.len()]), weights, 1),
            along => add(&mut sums, values, weights, along),
        }
    }
    for (out, sums) in tile.chunks_exact_mut(COLUMNS).zip(&sums) {
        out.copy_from_slice(sums);
    }
}
