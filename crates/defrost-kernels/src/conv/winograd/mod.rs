//! Convolution with a 3×3 kernel and stride 1 in 4 instead of 9 products per pixel (Winograd 1980; Lavin, Gray 2016).
//!
//! A *block* of 2×2 target pixels reads a *patch* of 4×4 source pixels. Both the patch and the kernel are mapped to
//! 16 numbers whose products, mapped back, are the block: what costs 36 products becomes 16, and since the maps are
//! linear, sums over channels come between:
//!
//! ```text
//! for each unit of rows of blocks, in parallel:
//!     copy the source rows it reads into a zero-bordered stage
//!     patches[position][block][reduced channel] = image of the block's patch      transform::patch
//!     for each panel of target channels:
//!         for each batch of blocks:
//!             for each of 16 positions:
//!                 products[block][column] = patches x packed weights              Microkernel
//!             map back to pixels, write lines of them                             transform::block
//! ```
//!
//! The gradient of the weight saves products in the same way, with the maps' transposes ([`weight`]).
//!
//! Images are sums of up to 16 pixels or taps, which `bf16` would round too coarsely. So the algorithm is used where `f32`
//! are multiplied, and where channels are many enough for the maps to cost little beside the products.

mod run;
mod transform;
mod weight;

pub(super) use run::run;
pub(super) use weight::gradient;

use super::geometry::Plan;
use super::kernel::Microkernel;
use super::stage::Stage;
use super::units::Unit;
use crate::simd::Simd;
use crate::{Buffer, Element, Plain};

/// Positions of a patch.
const POSITIONS: usize = 16;

/// Fewer channels do not pay for the maps.
const LEAST_CHANNELS: usize = 32;

/// Whether a plan's products can be saved this way, and should.
pub(super) fn applies<K: Microkernel>(plan: &Plan) -> bool {
    K::INTERLEAVE == 1
        && plan.groups == 1
        && plan.span == [3, 3]
        && plan.step == [1, 1]
        && plan.spread == [1, 1]
        && plan.passes[0].segments.len() == 3
        && plan.passes[0].segments.iter().all(|segment| segment.taps.len() == 3)
        && [plan.reduced(), plan.written()]
            .iter()
            .all(|channels| *channels >= LEAST_CHANNELS && channels.is_multiple_of(K::Simd::LANES))
}

/// The images of a unit's patches.
struct Patches<P: Plain> {
    /// `[position][block][channel]`, with gaps.
    data: Buffer<P>,
    /// Elements from a position to the next.
    pitch: usize,
    /// Elements from a block to the next.
    step: usize,
    /// Blocks of an image, `[rows, columns]`.
    blocks: [usize; 2],
    /// Blocks of all images.
    count: usize,
}

impl<P: Element + Plain> Patches<P> {
    /// The elements of a position.
    #[inline(always)]
    fn position(&self, position: usize) -> &[P] {
        &self.data[position * self.pitch..][..self.count * self.step]
    }

    /// Those that a unit's pixels read. To be called inside [`Microkernel::vectorize`].
    #[inline(always)]
    fn of<K: Microkernel<Product = P>, T: Element>(
        kernel: K,
        plan: &Plan,
        source: &[T],
        unit: &Unit,
    ) -> Self {
        let s = kernel.simd();
        let channels = plan.reduced();
        let blocks = [unit.rows.len().div_ceil(2), unit.columns.len().div_ceil(2)];
        let count = unit.images.len() * blocks[0] * blocks[1];
        // The last block's patch reaches one row and column further where they are odd. The row is there; what it
        // finds in place of the column adds to pixels only that the target has not.
        let stage = Stage::new(plan, 2 * blocks[0], unit.columns.len());
        let mut staged = Buffer::<P>::new(stage.len(plan, unit.images.len()));
        stage.fill(plan, source, unit.images.clone(), [unit.rows.start, 0], 0, &mut staged);
        let row_len = stage.flat_width * channels;
        // An odd number of cache lines from a block to the next, so that they do not share cache sets; nor do positions.
        let line = 64 / size_of::<P>();
        let step = channels.next_multiple_of(2 * line) + line;
        let pitch = (count * step).next_multiple_of(2 * line) + line;
        let mut data = Buffer::<P>::new(POSITIONS * pitch);
        for block in 0..count {
            let (row, column) = (block / blocks[1], block % blocks[1]);
            let (image, row) = (row / blocks[0], row % blocks[0]);
            let corner = stage.image(plan, image) + 2 * row * row_len + 2 * column * channels;
            for at in (0..channels).step_by(K::Simd::LANES) {
                let mut patch = [[s.splat(0.0); 4]; 4];
                for position in 0..POSITIONS {
                    let (row, column) = (position / 4, position % 4);
                    patch[row][column] = s.load(&staged[corner + row * row_len + column * channels + at..]);
                }
                let images = transform::patch(s, patch);
                for position in 0..POSITIONS {
                    let image = &mut data[position * pitch + block * step + at..];
                    s.store(image, images[position / 4][position % 4]);
                }
            }
        }
        Self { data, pitch, step, blocks, count }
    }
}
