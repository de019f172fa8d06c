//! The gradient of the weight: for each position, a matrix product over blocks.
//!
//! ```text
//! sums[position][in][out] = sum over blocks of patches[position][block][in] * gradients[position][block][out]
//! ```
//!
//! `gradients` are the images of the blocks of the output's gradient, in panels; the kernel's gradient is the map of its
//! position's sums. Blocks are summed in a few runs where the sums are small, else all threads share each position's:
//! which they are depends on the shape alone.

use rayon::prelude::*;

use super::{POSITIONS, Patches, transform};
use crate::conv::geometry::Plan;
use crate::conv::kernel::{Microkernel, Rows, SIDE, TILE, Work};
use crate::conv::stage::convert;
use crate::conv::units::{Tile, Unit, cut, tile_rows};
use crate::simd::Simd;
use crate::{Buffer, ConvShape, Element};

/// Blocks of a unit: enough that adding up its products is cheap beside making them.
const UNIT: std::ops::RangeInclusive<usize> = 64..=128;

/// Bytes that a unit maps, if it has the blocks.
const UNIT_BYTES: usize = 2 << 20;

/// Units that are mapped before they are multiplied where sums are shared: work for as many threads.
const TOGETHER: usize = 4;

/// Runs of units that have sums of their own, where those are small.
const RUNS: usize = 4;

/// Sums larger than this are shared.
const RUN_BYTES: usize = 1 << 20;

/// The gradient of a weight whose forward plan the algorithm [applies](super::applies) to. Overwrites `grad_weight`.
pub(in crate::conv) fn gradient<K: Microkernel, T: Element>(
    kernel: K,
    shape: &ConvShape,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) {
    let plan = &Plan::forward(shape);
    let panel_len = plan.reduced() * K::COLUMNS;
    let panels = plan.written().div_ceil(K::COLUMNS);
    let sums_len = panels * POSITIONS * panel_len;
    let block_bytes = POSITIONS * (plan.reduced() + plan.written()) * size_of::<K::Product>();
    let blocks = (UNIT_BYTES / block_bytes).clamp(*UNIT.start(), *UNIT.end());
    let units = cut(plan.images, plan.grid.map(|pixels| pixels.div_ceil(2)), blocks);
    let runs = if sums_len * size_of::<f32>() > RUN_BYTES { 1 } else { RUNS.min(units.len()) };
    let units_of_run = units.len().div_ceil(runs);
    let runs = units.len().div_ceil(units_of_run);
    let together = if runs == 1 { TOGETHER } else { 1 };
    let job = Job { kernel, plan, input, grad_output };
    let mut sums = Buffer::<f32>::new(runs * sums_len);
    sums.par_chunks_exact_mut(sums_len).zip(units.par_chunks(units_of_run)).for_each(|(sums, units)| {
        for (index, units) in units.chunks(together).enumerate() {
            let mapped: Vec<Mapped<K>> =
                units.par_iter().map(|unit| kernel.vectorize(Map { job: &job, unit })).collect();
            sums.par_chunks_exact_mut(panel_len).enumerate().for_each(|(product, sums)| {
                let (panel, position) = (product / POSITIONS, product % POSITIONS);
                kernel.vectorize(Multiply {
                    job: &job,
                    mapped: &mapped,
                    position,
                    panel,
                    first: index == 0,
                    sums,
                });
            });
        }
    });
    grad_weight.par_chunks_mut(K::COLUMNS * plan.reduced() * 9).enumerate().for_each(|(panel, gradient)| {
        kernel.vectorize(Finish { job: &job, sums: &sums, sums_len, panel, gradient });
    });
}

/// The part that all units share.
struct Job<'a, K, T> {
    kernel: K,
    plan: &'a Plan,
    input: &'a [T],
    grad_output: &'a [T],
}

/// A unit's patches and blocks of gradients, mapped.
struct Mapped<K: Microkernel> {
    patches: Patches<K::Product>,
    /// `[position][panel][block][column]`.
    gradients: Buffer<K::Product>,
}

struct Map<'a, K, T> {
    job: &'a Job<'a, K, T>,
    unit: &'a Unit,
}

impl<K: Microkernel, T: Element> Work for Map<'_, K, T> {
    type Output = Mapped<K>;

    #[inline(always)]
    fn run(self) -> Mapped<K> {
        let Self { job: &Job { kernel, plan, input, grad_output }, unit } = self;
        let s = kernel.simd();
        let channels = plan.target_channels;
        let [rows, columns] = plan.grid;
        let unit = Unit {
            images: unit.images.clone(),
            rows: 2 * unit.rows.start..rows.min(2 * unit.rows.end),
            columns: 0..columns,
        };
        let patches = Patches::of(kernel, plan, input, &unit);
        let panel_len = patches.count * K::COLUMNS;
        let position_len = channels.div_ceil(K::COLUMNS) * panel_len;
        let mut gradients = Buffer::<K::Product>::new(POSITIONS * position_len);
        for block in 0..patches.count {
            let (row, column) = (block / patches.blocks[1], 2 * (block % patches.blocks[1]));
            let image = unit.images.start + row / patches.blocks[0];
            let row = unit.rows.start + 2 * (row % patches.blocks[0]);
            let corner = ((image * rows + row) * columns + column) * channels;
            for at in (0..channels).step_by(K::Simd::LANES) {
                let mut pixels = [[s.splat(0.0); 2]; 2];
                for place in 0..4 {
                    let (down, right) = (place / 2, place % 2);
                    if row + down < rows && column + right < columns {
                        let pixel = corner + (down * columns + right) * channels;
                        pixels[down][right] = s.load(&grad_output[pixel + at..]);
                    }
                }
                let images = transform::block_gradient(s, pixels);
                let place = at / K::COLUMNS * panel_len + block * K::COLUMNS + at % K::COLUMNS;
                for position in 0..POSITIONS {
                    let image = &mut gradients[position * position_len + place..];
                    s.store(image, images[position / 4][position % 4]);
                }
            }
        }
        Mapped { patches, gradients }
    }
}

/// One position's product with one panel: adds to `[in][column]`, or sets it first.
struct Multiply<'a, K: Microkernel, T> {
    job: &'a Job<'a, K, T>,
    mapped: &'a [Mapped<K>],
    position: usize,
    panel: usize,
    first: bool,
    sums: &'a mut [f32],
}

impl<K: Microkernel, T: Element> Work for Multiply<'_, K, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { job, mapped, position, panel, first, sums } = self;
        let panels = job.plan.written().div_ceil(K::COLUMNS);
        let mut tile = Tile([0.0; TILE]);
        for (index, Mapped { patches, gradients }) in mapped.iter().enumerate() {
            let panel_len = patches.count * K::COLUMNS;
            let gradients = &gradients[(position * panels + panel) * panel_len..][..panel_len];
            let data = patches.position(position);
            let mut channel = 0;
            while channel < job.plan.reduced() {
                let rows = Rows {
                    data: &data[channel..],
                    step: 1,
                    count: tile_rows::<K>(job.plan.reduced() - channel),
                    segments: &[0],
                    depth: patches.count,
                    along: patches.step,
                };
                job.kernel.multiply(rows, gradients, &mut tile.0);
                let sums = &mut sums[channel * K::COLUMNS..][..rows.count * K::COLUMNS];
                if first && index == 0 {
                    sums.copy_from_slice(&tile.0[..sums.len()]);
                } else {
                    sums.iter_mut().zip(&tile.0).for_each(|(sum, value)| *sum += value);
                }
                channel += rows.count;
            }
        }
    }
}

/// Adds the runs' sums of one panel and maps them to kernels' gradients, in the order of the weight.
struct Finish<'a, K, T> {
    job: &'a Job<'a, K, T>,
    sums: &'a [f32],
    sums_len: usize,
    panel: usize,
    /// `[column][in][tap]`.
    gradient: &'a mut [f32],
}

impl<K: Microkernel, T: Element> Work for Finish<'_, K, T> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { job: &Job { kernel, plan, .. }, sums, sums_len, panel, gradient } = self;
        let s = kernel.simd();
        let channels = plan.reduced();
        let columns = gradient.len() / (channels * 9);
        let position_len = channels * K::COLUMNS;
        // The gradients of a few channels, `[channel][tap][column]`: what the cache holds.
        let mut part = Buffer::<K::Product>::new(SIDE * 9 * K::COLUMNS);
        for start in (0..channels).step_by(SIDE) {
            let len = SIDE.min(channels - start);
            for channel in 0..len {
                for at in (0..K::COLUMNS).step_by(K::Simd::LANES) {
                    let mut images = [[s.splat(0.0); 4]; 4];
                    for sums in sums.chunks_exact(sums_len) {
                        let first = panel * POSITIONS * position_len + (start + channel) * K::COLUMNS + at;
                        for position in 0..POSITIONS {
                            let image = &mut images[position / 4][position % 4];
                            *image = s.add(*image, s.load(&sums[first + position * position_len..]));
                        }
                    }
                    let taps = transform::kernel_gradient(s, images);
                    for tap in 0..9 {
                        s.store(&mut part[(channel * 9 + tap) * K::COLUMNS + at..], taps[tap / 3][tap % 3]);
                    }
                }
            }
            let rows = len * 9;
            for first_column in (0..columns).step_by(SIDE) {
                for first_row in (0..rows).step_by(SIDE) {
                    let width = SIDE.min(rows - first_row);
                    let side = SIDE.min(K::COLUMNS);
                    let mut square = [[K::Product::default(); SIDE]; SIDE];
                    for (row, values) in square.iter_mut().take(width).enumerate() {
                        let part = &part[(first_row + row) * K::COLUMNS + first_column..];
                        values[..side].copy_from_slice(&part[..side]);
                    }
                    let square = kernel.transpose(&square);
                    let columns = columns - first_column;
                    for (column, values) in square.iter().take(columns).enumerate() {
                        let first = ((first_column + column) * channels + start) * 9 + first_row;
                        convert(&values[..width], &mut gradient[first..first + width]);
                    }
                }
            }
        }
    }
}
