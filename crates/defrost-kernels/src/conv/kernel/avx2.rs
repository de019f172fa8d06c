//! Eight lanes of AVX2 with fused multiply-add: 6 rows of 2 vectors leave registers for the weights.

use std::arch::x86_64::*;

use super::lanes::{Lanes, multiply};
use super::{Microkernel, Rows, TILE, Work};
use crate::isa::IsaLevel;
use crate::simd;

/// Products of `f32`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Avx2(simd::Avx2);

impl Avx2 {
    pub(in crate::conv) fn new(isa: IsaLevel) -> Option<Self> {
        simd::Avx2::new(isa).map(Self)
    }
}

impl Lanes for Avx2 {
    type Product = f32;
    type Sums = __m256;
    type Products = __m256;
    const LANES: usize = 8;
    const INTERLEAVE: usize = 1;

    #[inline(always)]
    fn zero(self) -> __m256 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm256_setzero_ps() }
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const f32) -> __m256 {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm256_set1_ps(*from) }
    }

    #[inline(always)]
    fn multiply_add(self, a: __m256, b: __m256, sums: __m256) -> __m256 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm256_fmadd_ps(a, b, sums) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, sums: __m256) {
        // SAFETY: the caller's; `self` proves the instruction.
        unsafe { _mm256_storeu_ps(to, sums) }
    }
}

impl Microkernel for Avx2 {
    type Product = f32;
    type Simd = simd::Avx2;
    const ROWS: usize = 6;
    const COLUMNS: usize = 16;
    const DEPTH: usize = 1;
    const INTERLEAVE: usize = 1;

    #[inline(always)]
    fn multiply(self, rows: Rows<f32>, panel: &[f32], tile: &mut [f32; TILE]) {
        /// # Safety
        ///
        /// [`Rows::check`] has passed, and `ROWS` is `rows.count`.
        #[target_feature(enable = "avx2,fma")]
        unsafe fn of<const ROWS: usize>(lanes: Avx2, rows: Rows<f32>, panel: &[f32], tile: &mut [f32; TILE]) {
            // SAFETY: the caller's.
            unsafe { multiply::<Avx2, ROWS>(lanes, rows, panel, tile) }
        }
        type Of = unsafe fn(Avx2, Rows<f32>, &[f32], &mut [f32; TILE]);
        const OF: [Of; 6] = [of::<1>, of::<2>, of::<3>, of::<4>, of::<5>, of::<6>];
        rows.check::<Self>(panel, tile);
        // SAFETY: checked, and `self` proves the instructions.
        unsafe { OF[rows.count - 1](self, rows, panel, tile) }
    }

    #[inline(always)]
    fn simd(self) -> simd::Avx2 {
        self.0
    }

    #[inline(always)]
    fn vectorize<W: Work>(self, work: W) -> W::Output {
        #[target_feature(enable = "avx2,fma")]
        fn with<W: Work>(work: W) -> W::Output {
            work.run()
        }
        // SAFETY: `self` proves the instructions.
        unsafe { with(work) }
    }
}
