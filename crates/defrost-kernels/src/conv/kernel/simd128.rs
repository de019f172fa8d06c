//! Four lanes of WebAssembly's SIMD128: 4 rows of 2 vectors leave registers for the weights and the products.

use std::arch::wasm32::*;

use super::lanes::{Lanes, multiply};
use super::{Microkernel, Rows, TILE, Work};
use crate::simd;

/// Products of `f32`.
#[derive(Clone, Copy)]
pub(in crate::conv) struct Portable;

impl Lanes for Portable {
    type Product = f32;
    type Sums = v128;
    type Products = v128;
    const LANES: usize = 4;
    const INTERLEAVE: usize = 1;

    #[inline(always)]
    fn zero(self) -> v128 {
        f32x4_splat(0.0)
    }

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> v128 {
        // SAFETY: the caller's.
        unsafe { v128_load(from.cast()) }
    }

    #[inline(always)]
    unsafe fn broadcast(self, from: *const f32) -> v128 {
        // SAFETY: the caller's.
        unsafe { v128_load32_splat(from.cast()) }
    }

    #[inline(always)]
    fn multiply_add(self, a: v128, b: v128, sums: v128) -> v128 {
        f32x4_add(sums, f32x4_mul(a, b))
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, sums: v128) {
        // SAFETY: the caller's.
        unsafe { v128_store(to.cast(), sums) }
    }
}

impl Microkernel for Portable {
    type Product = f32;
    type Simd = simd::Portable;
    const ROWS: usize = 4;
    const COLUMNS: usize = 8;
    const DEPTH: usize = 1;
    const INTERLEAVE: usize = 1;

    fn multiply(self, rows: Rows<f32>, panel: &[f32], tile: &mut [f32; TILE]) {
        rows.check::<Self>(panel, tile);
        // SAFETY: checked.
        unsafe {
            match rows.count {
                1 => multiply::<Self, 1>(self, rows, panel, tile),
                2 => multiply::<Self, 2>(self, rows, panel, tile),
                3 => multiply::<Self, 3>(self, rows, panel, tile),
                _ => multiply::<Self, 4>(self, rows, panel, tile),
            }
        }
    }

    fn simd(self) -> simd::Portable {
        simd::Portable
    }

    fn vectorize<W: Work>(self, work: W) -> W::Output {
        work.run()
    }
}
