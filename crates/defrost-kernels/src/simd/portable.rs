//! Eight lanes in plain Rust, for any processor.

use half::bf16;

use super::Simd;
use crate::Element;

const LANES: usize = 8;

#[derive(Clone, Copy)]
pub(crate) struct Portable;

#[inline(always)]
fn map(mut a: [f32; LANES], f: impl Fn(f32) -> f32) -> [f32; LANES] {
    // Loops, which compilers make vectors of where they leave `std::array::from_fn` a call for each lane.
    for a in &mut a {
        *a = f(*a);
    }
    a
}

#[inline(always)]
fn zip(mut a: [f32; LANES], b: [f32; LANES], f: impl Fn(f32, f32) -> f32) -> [f32; LANES] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = f(*a, b);
    }
    a
}

impl Simd for Portable {
    type V = [f32; LANES];

    const LANES: usize = LANES;

    #[inline(always)]
    unsafe fn load_f32(self, from: *const f32) -> Self::V {
        // SAFETY: the caller's: LANES values are readable.
        unsafe { from.cast::<[f32; LANES]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn load_bf16(self, from: *const bf16) -> Self::V {
        // SAFETY: the caller's: LANES values are readable.
        let bits = unsafe { from.cast::<[u16; LANES]>().read_unaligned() };
        bits.map(|bits| f32::from_bits(u32::from(bits) << 16))
    }

    #[inline(always)]
    unsafe fn store_f32(self, to: *mut f32, value: Self::V) {
        // SAFETY: the caller's: LANES values are writable.
        unsafe { to.cast::<[f32; LANES]>().write_unaligned(value) }
    }

    #[inline(always)]
    unsafe fn store_bf16(self, to: *mut bf16, value: Self::V) {
        // SAFETY: the caller's: LANES values are writable.
        unsafe { to.cast::<[bf16; LANES]>().write_unaligned(value.map(<bf16 as Element>::from_f32)) }
    }

    #[inline(always)]
    fn splat(self, value: f32) -> Self::V {
        [value; LANES]
    }

    #[inline(always)]
    fn add(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a + b)
    }

    #[inline(always)]
    fn sub(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a - b)
    }

    #[inline(always)]
    fn mul(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a * b)
    }

    #[inline(always)]
    fn div(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| a / b)
    }

    #[inline(always)]
    fn sqrt(self, a: Self::V) -> Self::V {
        map(a, f32::sqrt)
    }

    #[inline(always)]
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Two roundings: without an instruction for it, `f32::mul_add` is a slow library call.
        zip(zip(a, b, |a, b| a * b), c, |product, c| product + c)
    }

    #[inline(always)]
    fn max(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }

    #[inline(always)]
    fn min(self, a: Self::V, b: Self::V) -> Self::V {
        zip(a, b, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    fn where_greater(self, a: Self::V, b: Self::V, value: Self::V) -> Self::V {
        let mut chosen = value;
        for lane in 0..LANES {
            chosen[lane] = if a[lane] > b[lane] { value[lane] } else { 0.0 };
        }
        chosen
    }

    #[inline(always)]
    fn round(self, a: Self::V) -> Self::V {
        // Adding and subtracting 1.5·2^23 drops the fraction; |a| < 2^22 wherever this is used.
        map(a, |a| (a + 12_582_912.0) - 12_582_912.0)
    }

    #[inline(always)]
    fn power_of_two(self, n: Self::V) -> Self::V {
        map(n, |n| f32::from_bits(((n as i32 + 127) as u32) << 23))
    }
}
