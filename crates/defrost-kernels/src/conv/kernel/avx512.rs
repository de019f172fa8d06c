//! Sixteen lanes of AVX-512: 14 rows of 2 vectors leave registers for the weights.

use std::arch::x86_64::*;

use half::bf16;

use super::lanes::{Lanes, multiply};
use super::{Microkernel, Rows, SIDE, Square, TILE, Work};
use crate::tier::{Level, Tier};

/// Products of `f32`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Avx512(());

/// Products of pairs of `bf16`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Avx512Bf16(());

impl Avx512 {
    pub(in crate::conv) fn new(tier: Tier) -> Option<Self> {
        (tier.level() >= Level::Avx512).then_some(Self(()))
    }
}

impl Avx512Bf16 {
    pub(in crate::conv) fn new(tier: Tier) -> Option<Self> {
        (tier.level() >= Level::Avx512Bf16).then_some(Self(()))
    }
}

impl Lanes for Avx512 {
    type Product = f32;
    type Sums = __m512;
    type Products = __m512;
    const LANES: usize = 16;
    const INTERLEAVE: usize = 1;

    #[inline(always)]
    fn zero(self) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const f32) -> __m512 {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm512_set1_ps(*from) }
    }

    #[inline(always)]
    fn multiply_add(self, a: __m512, b: __m512, sums: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_fmadd_ps(a, b, sums) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, sums: __m512) {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm512_storeu_ps(to, sums) }
    }
}

impl Lanes for Avx512Bf16 {
    type Product = bf16;
    type Sums = __m512;
    type Products = __m512bh;
    const LANES: usize = 16;
    const INTERLEAVE: usize = 2;

    #[inline(always)]
    fn zero(self) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const bf16) -> __m512bh {
        // SAFETY: the caller's; both are 64 bytes of any value. `self` proves the instruction.
        unsafe { std::mem::transmute(_mm512_loadu_si512(from.cast())) }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const bf16) -> __m512bh {
        // SAFETY: the caller's: two `bf16`, read as 32 bits. `self` proves the instruction.
        unsafe { std::mem::transmute(_mm512_set1_epi32(from.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    fn multiply_add(self, a: __m512bh, b: __m512bh, sums: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_dpbf16_ps(sums, a, b) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, sums: __m512) {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm512_storeu_ps(to, sums) }
    }
}

/// The microkernel of one of the two, with its instructions.
macro_rules! microkernel {
    ($name:ident, $product:ty, $transpose:ident, $features:literal) => {
        impl Microkernel for $name {
            type Product = $product;
            const ROWS: usize = 14;
            const COLUMNS: usize = 32;
            const DEPTH: usize = <Self as Lanes>::INTERLEAVE;
            const INTERLEAVE: usize = <Self as Lanes>::INTERLEAVE;

            #[inline(always)]
            fn multiply(self, rows: Rows<$product>, panel: &[$product], tile: &mut [f32; TILE]) {
                /// # Safety
                ///
                /// [`Rows::check`] has passed, and `ROWS` is `rows.count`.
                #[target_feature(enable = $features)]
                unsafe fn of<const ROWS: usize>(
                    lanes: $name,
                    rows: Rows<$product>,
                    panel: &[$product],
                    tile: &mut [f32; TILE],
                ) {
                    // SAFETY: the caller's.
                    unsafe { multiply::<$name, ROWS>(lanes, rows, panel, tile) }
                }
                const OF: [unsafe fn($name, Rows<$product>, &[$product], &mut [f32; TILE]); 14] = [
                    of::<1>, of::<2>, of::<3>, of::<4>, of::<5>, of::<6>, of::<7>, of::<8>, of::<9>,
                    of::<10>, of::<11>, of::<12>, of::<13>, of::<14>,
                ];
                rows.check::<Self>(panel, tile);
                // SAFETY: checked, and `self` proves the instructions.
                unsafe { OF[rows.count - 1](self, rows, panel, tile) }
            }

            #[inline(always)]
            fn transpose(self, block: &Square<$product>) -> Square<$product> {
                // SAFETY: `self` proves the instructions.
                unsafe { $transpose(block) }
            }

            #[inline(always)]
            fn vectorize<W: Work>(self, work: W) -> W::Output {
                #[target_feature(enable = $features)]
                fn with<W: Work>(work: W) -> W::Output {
                    work.run()
                }
                // SAFETY: `self` proves the instructions.
                unsafe { with(work) }
            }
        }
    };
}

microkernel!(Avx512, f32, transpose_f32, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl");
microkernel!(Avx512Bf16, bf16, transpose_bf16, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16");

/// Zipping row `i` with row `i + 8` for all `i`, four times over, transposes a square of 16: each time moves one bit of an
/// element's row number to its column number.
macro_rules! transpose {
    ($name:ident, $element:ty, $vector:ty, $features:literal, $load:expr, $zip:expr, $low:expr, $high:expr) => {
        /// # Safety
        ///
        /// The processor has the instructions.
        #[inline]
        #[target_feature(enable = $features)]
        unsafe fn $name(block: &Square<$element>) -> Square<$element> {
            let (low, high) = ($low, $high);
            let mut rows: [$vector; SIDE] = std::array::from_fn(|row| {
                // SAFETY: a row is a vector's size.
                unsafe { $load(block[row].as_ptr().cast()) }
            });
            for _ in 0..4 {
                let mut zipped = rows;
                for row in 0..SIDE / 2 {
                    zipped[2 * row] = $zip(rows[row], low, rows[row + SIDE / 2]);
                    zipped[2 * row + 1] = $zip(rows[row], high, rows[row + SIDE / 2]);
                }
                rows = zipped;
            }
            // SAFETY: both are 16 rows of 16 elements of any value.
            unsafe { std::mem::transmute(rows) }
        }
    };
}

transpose!(
    transpose_f32,
    f32,
    __m512,
    "avx512f",
    _mm512_loadu_ps,
    _mm512_permutex2var_ps,
    _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0),
    _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8)
);
transpose!(
    transpose_bf16,
    bf16,
    __m256i,
    "avx512f,avx512bw,avx512vl",
    _mm256_loadu_si256,
    _mm256_permutex2var_epi16,
    _mm256_set_epi16(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0),
    _mm256_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8)
);
