//! Sixteen lanes of AVX-512, with or without its instruction that rounds to `bf16`.
//!
//! That instruction treats subnormal numbers as zero. It rounds all others like the integer arithmetic that replaces it
//! on other processors, four times as fast.

use std::arch::x86_64::*;

use half::bf16;

use super::{Kernel, Simd};
use crate::Element;
use crate::isa::{IsaLevel, Level};

/// Proof, by existing, that the processor has AVX-512, and AVX-512 BF16 if `BF16`.
#[derive(Clone, Copy)]
pub(crate) struct Avx512<const BF16: bool>(());

impl<const BF16: bool> Avx512<BF16> {
    pub(crate) fn new(isa: IsaLevel) -> Option<Self> {
        let needed = if BF16 { Level::Avx512Bf16 } else { Level::Avx512 };
        (isa.level() >= needed).then_some(Self(()))
    }
}

impl Avx512<false> {
    /// Runs a kernel with AVX-512.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
        fn with<K: Kernel>(simd: Avx512<false>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` proves the instructions.
        unsafe { with(self, kernel) }
    }
}

impl Avx512<true> {
    /// Runs a kernel with AVX-512 and AVX-512 BF16.
    pub(super) fn run<K: Kernel>(self, kernel: K) -> K::Output {
        #[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]
        fn with<K: Kernel>(simd: Avx512<true>, kernel: K) -> K::Output {
            kernel.run(simd)
        }
        // SAFETY: `self` proves the instructions.
        unsafe { with(self, kernel) }
    }
}

impl<const BF16: bool> Avx512<BF16> {
    /// As `bf16`.
    #[inline(always)]
    fn rounded(self, value: __m512) -> __m256i {
        // SAFETY: `self` proves the instructions; a vector of bf16 is 32 bytes of any value.
        unsafe {
            if BF16 {
                return std::mem::transmute::<__m256bh, __m256i>(_mm512_cvtneps_pbh(value));
            }
            let bits = _mm512_castps_si512(value);
            let high = _mm512_srli_epi32::<16>(bits);
            // Half of the last place kept, less one if that place is even: ties go to even.
            let odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
            let half = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
            let rounded = _mm512_srli_epi32::<16>(_mm512_add_epi32(bits, half));
            let nan = _mm512_cmp_ps_mask::<_CMP_UNORD_Q>(value, value);
            let wide = _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40));
            _mm512_cvtepi32_epi16(wide)
        }
    }
}

/// The first `count` lanes, at most all.
#[inline(always)]
fn first_lanes(count: usize) -> __mmask16 {
    ((1u32 << count.min(16)) - 1) as __mmask16
}

impl<const BF16: bool> Simd for Avx512<BF16> {
    type V = __m512;

    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn load_f32(self, from: *const f32) -> __m512 {
        // SAFETY: the caller's: LANES values are readable. `self` proves the instruction.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const bf16) -> __m512 {
        // SAFETY: the caller's: LANES values are readable. `self` proves the instructions.
        unsafe {
            let bits = _mm512_cvtepu16_epi32(_mm256_loadu_si256(from.cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits))
        }
    }

    #[inline(always)]
    unsafe fn store_f32(self, to: *mut f32, value: __m512) {
        // SAFETY: the caller's: LANES values are writable. `self` proves the instruction.
        unsafe { _mm512_storeu_ps(to, value) }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16, value: __m512) {
        // SAFETY: the caller's: LANES values are writable. `self` proves the instruction.
        unsafe { _mm256_storeu_si256(to.cast(), self.rounded(value)) }
    }

    #[inline(always)]
    fn load_part_or<T: Element>(self, from: &[T], rest: __m512) -> __m512 {
        let lanes = first_lanes(from.len());
        let from = from.as_ptr();
        // SAFETY: lanes beyond the slice are not read. Element is sealed to f32 and bf16, told apart by size. `self` proves
        // the instructions.
        unsafe {
            if size_of::<T>() == size_of::<f32>() {
                return _mm512_mask_loadu_ps(rest, lanes, from.cast());
            }
            let bits = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, from.cast()));
            _mm512_mask_mov_ps(rest, lanes, _mm512_castsi512_ps(_mm512_slli_epi32::<16>(bits)))
        }
    }

    #[inline(always)]
    fn store_part<T: Element>(self, to: &mut [T], value: __m512) {
        let lanes = first_lanes(to.len());
        let to = to.as_mut_ptr();
        // SAFETY: lanes beyond the slice are not written. Element is sealed to f32 and bf16, told apart by size. `self`
        // proves the instructions.
        unsafe {
            if size_of::<T>() == size_of::<f32>() {
                _mm512_mask_storeu_ps(to.cast(), lanes, value);
            } else {
                _mm256_mask_storeu_epi16(to.cast(), lanes, self.rounded(value));
            }
        }
    }

    #[inline(always)]
    fn prefetch<T>(self, address: *const T) {
        // SAFETY: a hint, which reads nothing; x86-64 has it.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }

    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_set1_ps(value) }
    }

    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_add_ps(a, b) }
    }

    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_sub_ps(a, b) }
    }

    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_mul_ps(a, b) }
    }

    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_div_ps(a, b) }
    }

    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_sqrt_ps(a) }
    }

    #[inline(always)]
    fn mul_add(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }

    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_max_ps(a, b) }
    }

    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_min_ps(a, b) }
    }

    #[inline(always)]
    fn where_greater(self, a: __m512, b: __m512, value: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe { _mm512_maskz_mov_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), value) }
    }

    #[inline(always)]
    fn round(self, a: __m512) -> __m512 {
        // SAFETY: `self` proves the instruction.
        unsafe { _mm512_roundscale_ps::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a) }
    }

    #[inline(always)]
    fn power_of_two(self, n: __m512) -> __m512 {
        // SAFETY: `self` proves the instructions.
        unsafe {
            let exponent = _mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127));
            _mm512_castsi512_ps(_mm512_slli_epi32::<23>(exponent))
        }
    }
}
