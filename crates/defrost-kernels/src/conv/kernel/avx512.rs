//! Sixteen lanes of AVX-512: 14 rows of 2 vectors leave registers for the weights.

use std::arch::x86_64::*;

use half::bf16;

use super::lanes::{Lanes, multiply};
use super::{MOST_COLUMNS, Microkernel, Rows, SIDE, Square, TILE, Work};
use crate::isa::IsaLevel;
use crate::simd;

/// Products of `f32`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Avx512(simd::Avx512<false>);

/// Products of pairs of `bf16`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Avx512Bf16(simd::Avx512<true>);

impl Avx512 {
    pub(in crate::conv) fn new(isa: IsaLevel) -> Option<Self> {
        simd::Avx512::new(isa).map(Self)
    }
}

impl Avx512Bf16 {
    pub(in crate::conv) fn new(isa: IsaLevel) -> Option<Self> {
        simd::Avx512::new(isa).map(Self)
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
    ($name:ident, $product:ty, $bf16:literal, $transpose:ident, $interleave:ident, $features:literal) => {
        impl Microkernel for $name {
            type Product = $product;
            type Simd = simd::Avx512<$bf16>;
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
            fn simd(self) -> Self::Simd {
                self.0
            }

            #[inline(always)]
            fn transpose(self, block: &Square<$product>) -> Square<$product> {
                // SAFETY: `self` proves the instructions.
                unsafe { $transpose(block) }
            }

            #[inline(always)]
            fn interleave(self, rows: &[[$product; MOST_COLUMNS]; 2], out: &mut [$product]) {
                let out = out.first_chunk_mut().expect("room for the columns of all rows");
                // SAFETY: `self` proves the instructions.
                unsafe { $interleave(rows, out) }
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

microkernel!(Avx512, f32, false, transpose_f32, copy_f32, "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl");
microkernel!(
    Avx512Bf16,
    bf16,
    true,
    transpose_bf16,
    interleave_bf16,
    "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"
);

/// Zipping row `i` with row `i + 8` for all `i`, four times over, transposes a square of 16: each time moves one bit of an
/// element's row number to its column number.
///
/// # Safety
///
/// The processor has the instructions.
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn transpose_f32(block: &Square<f32>) -> Square<f32> {
    let low = _mm512_set_epi32(23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    let high = _mm512_set_epi32(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8);
    let mut rows: [__m512; SIDE] = std::array::from_fn(|row| {
        // SAFETY: a row is a vector's size.
        unsafe { _mm512_loadu_ps(block[row].as_ptr()) }
    });
    for _ in 0..4 {
        let mut zipped = rows;
        for row in 0..SIDE / 2 {
            zipped[2 * row] = _mm512_permutex2var_ps(rows[row], low, rows[row + SIDE / 2]);
            zipped[2 * row + 1] = _mm512_permutex2var_ps(rows[row], high, rows[row + SIDE / 2]);
        }
        rows = zipped;
    }
    // SAFETY: both are 16 rows of 16 elements of any value.
    unsafe { std::mem::transmute(rows) }
}

/// Vector `i` holds rows `i` and `i + 8`. Zipping the halves of 128 bits of vectors whose numbers differ in bit 0, 1, then 2
/// exchanges that bit of the row number with bit 2, 1, then 0 of the column's.
///
/// # Safety
///
/// The processor has the instructions.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn transpose_bf16(block: &Square<bf16>) -> Square<bf16> {
    let mut vectors: [__m512i; SIDE / 2] = std::array::from_fn(|row| {
        // SAFETY: a row is 32 bytes.
        let [first, second] =
            [row, row + SIDE / 2].map(|row| unsafe { _mm256_loadu_si256(block[row].as_ptr().cast()) });
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(first), second)
    });
    macro_rules! zip {
        ($bit:literal, $low:ident, $high:ident) => {
            for first in (0..SIDE / 2).filter(|vector| vector & $bit == 0) {
                let (a, b) = (vectors[first], vectors[first | $bit]);
                (vectors[first], vectors[first | $bit]) = ($low(a, b), $high(a, b));
            }
        };
    }
    zip!(1, _mm512_unpacklo_epi16, _mm512_unpackhi_epi16);
    zip!(2, _mm512_unpacklo_epi32, _mm512_unpackhi_epi32);
    zip!(4, _mm512_unpacklo_epi64, _mm512_unpackhi_epi64);
    let mut turned = [[bf16::ZERO; SIDE]; SIDE];
    for (number, vector) in vectors.into_iter().enumerate() {
        // Quarters are rows 0 to 7 of a column and of the column 8 beyond, then rows 8 to 15 of both.
        let ordered = _mm512_shuffle_i64x2::<0b11_01_10_00>(vector, vector);
        let column = (number & 1) << 2 | number & 2 | number >> 2;
        // SAFETY: a row is 32 bytes.
        unsafe {
            _mm256_storeu_si256(turned[column].as_mut_ptr().cast(), _mm512_castsi512_si256(ordered));
            let second = _mm512_extracti64x4_epi64::<1>(ordered);
            _mm256_storeu_si256(turned[column + SIDE / 2].as_mut_ptr().cast(), second);
        }
    }
    turned
}

/// Lays two rows side by side.
///
/// # Safety
///
/// The processor has the instructions.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl")]
unsafe fn interleave_bf16(rows: &[[bf16; MOST_COLUMNS]; 2], out: &mut [bf16; 2 * MOST_COLUMNS]) {
    // SAFETY: a row is a vector's size, and the result is two.
    unsafe {
        let [a, b] = [0, 1].map(|row: usize| _mm512_loadu_si512(rows[row].as_ptr().cast()));
        // Of each four pairs of eight columns, the lower and the upper.
        let (low, high) = (_mm512_unpacklo_epi16(a, b), _mm512_unpackhi_epi16(a, b));
        let first = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0);
        let second = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
        let out = out.as_mut_ptr();
        _mm512_storeu_si512(out.cast(), _mm512_permutex2var_epi64(low, first, high));
        _mm512_storeu_si512(out.add(MOST_COLUMNS).cast(), _mm512_permutex2var_epi64(low, second, high));
    }
}

/// Nothing lies beside a row.
#[inline]
#[target_feature(enable = "avx512f")]
fn copy_f32(rows: &[[f32; MOST_COLUMNS]; 2], out: &mut [f32; MOST_COLUMNS]) {
    *out = rows[0];
}
