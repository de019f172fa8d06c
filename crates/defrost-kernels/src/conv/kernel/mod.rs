//! The innermost product, one file per instruction set.

#[cfg(target_arch = "x86_64")]
mod amx;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(target_arch = "x86_64", all(target_arch = "wasm32", target_feature = "simd128")))]
mod lanes;
// What every processor of the target has.
#[cfg_attr(all(target_arch = "wasm32", target_feature = "simd128"), path = "simd128.rs")]
mod portable;

pub(super) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(super) use {
    amx::Amx,
    avx2::Avx2,
    avx512::{Avx512, Avx512Bf16},
};

use crate::Plain;
use crate::{Element, simd::Simd};

/// The largest tile of any microkernel, in elements.
pub(super) const TILE: usize = 1024;

/// The most columns of any tile.
pub(super) const MOST_COLUMNS: usize = 32;

/// Side of a [`Square`].
pub(super) const SIDE: usize = 16;

/// The block that is transposed at once.
pub(super) type Square<P> = [[P; SIDE]; SIDE];

/// Rows of pixels (or channels) to be multiplied along the reduction.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a, P> {
    /// Where row 0's segments are counted from.
    pub data: &'a [P],
    /// Elements from a row to the next.
    pub step: usize,
    /// How many rows.
    pub count: usize,
    /// Where each segment begins in `data`, for row 0.
    pub segments: &'a [usize],
    /// Elements of each segment, a multiple of the microkernel's `DEPTH`.
    pub depth: usize,
    /// From an element of a segment to the next; 1 where the microkernel interleaves.
    pub along: usize,
}

impl<P> Rows<'_, P> {
    /// Panics unless every element of every row lies in `data`, and the panel and the tile are large enough: what
    /// the microkernels' pointers rely on.
    #[inline(always)]
    fn check<K: Microkernel>(&self, panel: &[P], tile: &[f32; TILE]) {
        let last = self.segments.iter().copied().max().unwrap_or(0);
        let reach = last + (self.count - 1) * self.step + self.depth.saturating_sub(1) * self.along + 1;
        assert!(
            self.segments.is_empty() || self.depth == 0 || reach <= self.data.len(),
            "rows reach {reach}"
        );
        assert!(panel.len() >= self.segments.len() * self.depth * K::COLUMNS, "the panel is short");
        assert!(1 <= self.count && self.count <= K::ROWS && K::ROWS * K::COLUMNS <= tile.len());
        assert!(self.depth.is_multiple_of(K::DEPTH) && (self.along == 1 || K::INTERLEAVE == 1));
    }
}

/// Something to be compiled for a microkernel's instructions. [`Work::run`] is `#[inline(always)]`, and so is what it
/// calls; a closure in its place would be a function of its own, compiled without them.
pub(super) trait Work {
    type Output;

    fn run(self) -> Self::Output;
}

/// Multiplies a tile: `tile[row][column] = sum over segments and depth of rows[row] * panel[..][column]`.
///
/// A value of an implementation proves that the processor has its instructions.
pub(super) trait Microkernel: Copy + Send + Sync {
    /// The format that is multiplied.
    type Product: Element + Plain;
    /// The vectors that tiles are written with.
    type Simd: Simd;
    /// Rows of the largest tile.
    const ROWS: usize;
    /// Rows cost as many as the next multiple of this. Tiles have at least this many where they can.
    const GRANULE: usize = 1;
    /// Columns of a tile.
    const COLUMNS: usize;
    /// Segments are padded to a multiple of this, with weights of zero.
    const DEPTH: usize;
    /// Neighbours along the depth that lie side by side in a panel: `[depth / INTERLEAVE][COLUMNS][INTERLEAVE]`.
    const INTERLEAVE: usize;

    /// Called inside [`Self::vectorize`], on its thread. Overwrites the first `rows.count * COLUMNS` elements of the tile.
    fn multiply(self, rows: Rows<Self::Product>, panel: &[Self::Product], tile: &mut [f32; TILE]);

    /// For use inside [`Self::vectorize`].
    fn simd(self) -> Self::Simd;

    /// Turns rows into columns. Called inside [`Self::vectorize`].
    #[inline(always)]
    fn transpose(self, block: &Square<Self::Product>) -> Square<Self::Product> {
        std::array::from_fn(|row| std::array::from_fn(|column| block[column][row]))
    }

    /// Lays the first `COLUMNS` values of `INTERLEAVE` rows side by side. Called inside [`Self::vectorize`].
    #[inline(always)]
    fn interleave(self, rows: &[[Self::Product; MOST_COLUMNS]; 2], out: &mut [Self::Product]) {
        for (column, out) in out.chunks_exact_mut(Self::INTERLEAVE).enumerate() {
            out.iter_mut().zip(rows).for_each(|(out, row)| *out = row[column]);
        }
    }

    /// Does the work, compiled for the microkernel's instructions.
    fn vectorize<W: Work>(self, work: W) -> W::Output;
}

/// Evaluates an expression with the microkernel that an instruction-set level uses for an element.
macro_rules! with_kernel {
    ($isa:expr, $element:ty, $kernel:ident => $body:expr) => {{
        #[cfg(target_arch = "x86_64")]
        {
            use $crate::conv::kernel::{Amx, Avx2, Avx512, Avx512Bf16};
            let is_bf16 = std::any::TypeId::of::<$element>() == std::any::TypeId::of::<half::bf16>();
            if let Some($kernel) = Amx::new($isa).filter(|_| is_bf16) {
                $body
            } else if let Some($kernel) = Avx512Bf16::new($isa).filter(|_| is_bf16) {
                $body
            } else if let Some($kernel) = Avx512::new($isa) {
                $body
            } else if let Some($kernel) = Avx2::new($isa) {
                $body
            } else {
                let $kernel = $crate::conv::kernel::Portable;
                $body
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            let $kernel = $crate::conv::kernel::Portable;
            $body
        }
    }};
}
pub(super) use with_kernel;
