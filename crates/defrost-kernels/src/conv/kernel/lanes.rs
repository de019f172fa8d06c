//! The microkernel of all instruction sets that multiply vectors.
//!
//! ```text
//! sums[row][vector] = 0
//! for each segment, for each step along the depth:
//!     load the panel's vectors
//!     for each row: broadcast its value, multiply it with each vector, add to sums
//! ```
//!
//! All sums stay in registers. So do the addresses of the rows: with one base for every three rows they are
//! `base`, `base + step` and `base + 2 * step`, which the processor adds up while it loads.

use super::{Rows, TILE};

/// Vectors of sums per row.
pub(super) const VECTORS: usize = 2;

/// Rows of the largest tile.
const MOST_ROWS: usize = 14;

/// One instruction set's vectors.
pub(super) trait Lanes: Copy {
    /// The factors.
    type Product: Copy;
    /// A vector of sums, or of as many groups of `INTERLEAVE` products.
    type Sums: Copy;
    type Products: Copy;

    /// Sums in a vector.
    const LANES: usize;
    /// Products that add to one sum in one step.
    const INTERLEAVE: usize;

    fn zero(self) -> Self::Sums;
    /// # Safety
    /// `LANES * INTERLEAVE` products can be read from `from`.
    unsafe fn load(self, from: *const Self::Product) -> Self::Products;
    /// The same `INTERLEAVE` products for every sum.
    ///
    /// # Safety
    /// They can be read from `from`.
    unsafe fn broadcast(self, from: *const Self::Product) -> Self::Products;
    fn multiply_add(self, a: Self::Products, b: Self::Products, sums: Self::Sums) -> Self::Sums;
    /// # Safety
    /// `LANES` values can be written to `to`.
    unsafe fn store(self, to: *mut f32, sums: Self::Sums);
}

/// # Safety
///
/// [`Rows::check`] has passed, and `ROWS` is `rows.count`.
#[inline(always)]
pub(super) unsafe fn multiply<L: Lanes, const ROWS: usize>(
    lanes: L,
    rows: Rows<L::Product>,
    panel: &[L::Product],
    tile: &mut [f32; TILE],
) {
    let mut sums = [[lanes.zero(); VECTORS]; MOST_ROWS];
    let mut weights = panel.as_ptr();
    let (step, along) = (rows.step, rows.along * L::INTERLEAVE);
    for &segment in rows.segments {
        // SAFETY: row `r` of the segment begins at `segment + r * step` and has `depth` elements, `along` apart, all of
        // which lie in `data`, and side by side where they interleave; bases of rows beyond the last are not read. The
        // panel has `LANES * VECTORS * depth` elements for each segment.
        unsafe {
            let first = rows.data.as_ptr().wrapping_add(segment);
            let mut bases: [*const L::Product; 5] =
                std::array::from_fn(|base| opaque(first.wrapping_add(3 * base * step)));
            let mut left = rows.depth / L::INTERLEAVE;
            while left > 0 {
                let vectors: [L::Products; VECTORS] =
                    std::array::from_fn(|vector| lanes.load(weights.add(vector * L::LANES * L::INTERLEAVE)));
                weights = weights.add(VECTORS * L::LANES * L::INTERLEAVE);
                // Written out, because a loop this large would not be unrolled, and sums would live in memory.
                macro_rules! rows {
                    ($($row:literal)*) => {$(
                        if $row < ROWS {
                            let value = lanes.broadcast(bases[$row / 3].wrapping_add($row % 3 * step));
                            sums[$row][0] = lanes.multiply_add(value, vectors[0], sums[$row][0]);
                            sums[$row][1] = lanes.multiply_add(value, vectors[1], sums[$row][1]);
                        }
                    )*};
                }
                rows!(0 1 2 3 4 5 6 7 8 9 10 11 12 13);
                bases = bases.map(|base| opaque(base.wrapping_add(along)));
                left -= 1;
            }
        }
    }
    // Written out as well, or sums would go through memory to be picked in a loop.
    macro_rules! store {
        ($($row:literal)*) => {$(
            if $row < ROWS {
                // SAFETY: `count * LANES * VECTORS` elements fit the tile.
                unsafe {
                    let row = tile.as_mut_ptr().add($row * VECTORS * L::LANES);
                    lanes.store(row, sums[$row][0]);
                    lanes.store(row.add(L::LANES), sums[$row][1]);
                }
            }
        )*};
    }
    store!(0 1 2 3 4 5 6 7 8 9 10 11 12 13);
}

/// Keeps the compiler from deriving one base from another, for which it would run out of registers.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn opaque<T>(mut pointer: *const T) -> *const T {
    // SAFETY: no instructions.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) pointer, options(pure, readonly, nostack, preserves_flags));
    }
    pointer
}

/// WebAssembly has no registers to run out of.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn opaque<T>(pointer: *const T) -> *const T {
    pointer
}
