//! Four lanes of WebAssembly's SIMD128, where the module is compiled with it: a browser without it does not load such a module.

use std::arch::wasm32::*;

use half::bf16;

use super::Simd;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

impl Simd for Portable {
    type V = v128;

    const LANES: usize = 4;

    #[inline(always)]
    unsafe fn load_f32(self, from: *const f32) -> v128 {
        // SAFETY: the caller's: LANES values are readable.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const bf16) -> v128 {
        // SAFETY: the caller's: LANES values are readable.
        i32x4_shl(unsafe { u32x4_load_extend_u16x4(from.cast()) }, 16)
    }

    #[inline(always)]
    unsafe fn store_f32(self, to: *mut f32, value: v128) {
        // SAFETY: the caller's: LANES values are writable.
        unsafe { v128_store(to.cast(), value) }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16, value: v128) {
        let high = u32x4_shr(value, 16);
        // Half of the last place kept, less one if that place is even: ties go to even.
        let odd = v128_and(high, i32x4_splat(1));
        let half = i32x4_add(odd, i32x4_splat(0x7fff));
        let rounded = u32x4_shr(i32x4_add(value, half), 16);
        let quiet = v128_or(high, i32x4_splat(0x40));
        let wide = v128_bitselect(quiet, rounded, f32x4_ne(value, value));
        let packed = u16x8_narrow_i32x4(wide, wide);
        // SAFETY: the caller's: LANES values are writable.
        unsafe { v128_store64_lane::<0>(packed, to.cast()) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> v128 {
        f32x4_splat(value)
    }

    #[inline(always)]
    fn add(self, a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }

    #[inline(always)]
    fn sub(self, a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }

    #[inline(always)]
    fn mul(self, a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }

    #[inline(always)]
    fn div(self, a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }

    #[inline(always)]
    fn sqrt(self, a: v128) -> v128 {
        f32x4_sqrt(a)
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128, c: v128) -> v128 {
        f32x4_add(f32x4_mul(a, b), c)
    }

    #[inline(always)]
    fn max(self, a: v128, b: v128) -> v128 {
        f32x4_pmax(b, a)
    }

    #[inline(always)]
    fn min(self, a: v128, b: v128) -> v128 {
        f32x4_pmin(b, a)
    }

    #[inline(always)]
    fn where_greater(self, a: v128, b: v128, value: v128) -> v128 {
        v128_and(f32x4_gt(a, b), value)
    }

    #[inline(always)]
    fn round(self, a: v128) -> v128 {
        f32x4_nearest(a)
    }

    #[inline(always)]
    fn power_of_two(self, n: v128) -> v128 {
        i32x4_shl(i32x4_add(i32x4_trunc_sat_f32x4(n), i32x4_splat(127)), 23)
    }
}
