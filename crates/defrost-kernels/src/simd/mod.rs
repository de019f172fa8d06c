//! Vectors of `f32`: each kernel is written once over [`Simd`] and compiled for every instruction set.
//!
//! Invariants: a value of a [`Simd`] type above portable comes from the [`IsaLevel`] that proves its
//! instructions. Everything from [`run`] down to the vector operations is `#[inline(always)]`, so that
//! it is compiled with those instructions switched on. `bf16` lanes are rounded exactly as `half` rounds
//! them, on every level, but for subnormal numbers, which levels from AVX-512 BF16 on round to zero.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
// What every processor of the target has.
#[cfg_attr(all(target_arch = "wasm32", target_feature = "simd128"), path = "simd128.rs")]
mod portable;

use half::bf16;

use crate::{ActivationFn, Element, IsaLevel};

pub(crate) use portable::Portable;
#[cfg(target_arch = "x86_64")]
pub(crate) use {avx2::Avx2, avx512::Avx512};

/// No instruction set has more lanes: the size of buffers for part of a vector.
const MOST_LANES: usize = 16;

/// One instruction set's vectors.
pub(crate) trait Simd: Copy {
    /// `LANES` values of `f32`.
    type V: Copy;

    const LANES: usize;

    /// # Safety
    /// `LANES` values can be read from `from`.
    unsafe fn load_f32(self, from: *const f32) -> Self::V;
    /// # Safety
    /// `LANES` values can be read from `from`.
    unsafe fn load_bf16(self, from: *const bf16) -> Self::V;
    /// # Safety
    /// `LANES` values can be written to `to`.
    unsafe fn store_f32(self, to: *mut f32, value: Self::V);
    /// # Safety
    /// `LANES` values can be written to `to`.
    unsafe fn store_bf16(self, to: *mut bf16, value: Self::V);

    /// Asks for the cache line at an address that will be read soon, if there is one.
    #[inline(always)]
    fn prefetch<T>(self, _address: *const T) {}

    fn splat(self, value: f32) -> Self::V;
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a · b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The larger; `b` if either is NaN.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// The smaller; `b` if either is NaN.
    fn min(self, a: Self::V, b: Self::V) -> Self::V;
    /// `value` in the lanes where `a > b`, 0 in the others.
    fn where_greater(self, a: Self::V, b: Self::V, value: Self::V) -> Self::V;
    /// To the nearest integer.
    fn round(self, a: Self::V) -> Self::V;
    /// `2^n` of integers between -126 and 127.
    fn power_of_two(self, n: Self::V) -> Self::V;

    /// Of either format, widened.
    ///
    /// # Safety
    /// `LANES` values can be read from `from`.
    #[inline(always)]
    unsafe fn load_from<T: Element>(self, from: *const T) -> Self::V {
        // SAFETY: the caller's. Element is sealed to f32 and bf16, told apart by size.
        unsafe {
            if size_of::<T>() == size_of::<f32>() {
                self.load_f32(from.cast())
            } else {
                self.load_bf16(from.cast())
            }
        }
    }

    /// Rounds to either format.
    ///
    /// # Safety
    /// `LANES` values can be written to `to`.
    #[inline(always)]
    unsafe fn store_to<T: Element>(self, to: *mut T, value: Self::V) {
        // SAFETY: the caller's. Element is sealed to f32 and bf16, told apart by size.
        unsafe {
            if size_of::<T>() == size_of::<f32>() {
                self.store_f32(to.cast(), value)
            } else {
                self.store_bf16(to.cast(), value)
            }
        }
    }

    /// The first `LANES` values of a slice, widened.
    #[inline(always)]
    fn load<T: Element>(self, from: &[T]) -> Self::V {
        assert!(from.len() >= Self::LANES);
        // SAFETY: the slice has LANES values.
        unsafe { self.load_from(from.as_ptr()) }
    }

    /// A slice shorter than a vector, followed by zeros.
    #[inline(always)]
    fn load_part<T: Element>(self, from: &[T]) -> Self::V {
        self.load_part_or(from, self.splat(0.0))
    }

    /// A slice shorter than a vector, followed by the last lanes of `rest`.
    #[inline(always)]
    fn load_part_or<T: Element>(self, from: &[T], rest: Self::V) -> Self::V {
        let mut lanes = self.to_array(rest);
        lanes.iter_mut().zip(from).for_each(|(lane, value)| *lane = value.to_f32());
        self.load(&lanes)
    }

    /// Up to `LANES` values.
    #[inline(always)]
    fn load_up_to<T: Element>(self, from: &[T]) -> Self::V {
        if from.len() >= Self::LANES { self.load(from) } else { self.load_part(from) }
    }

    /// Rounds to the first `LANES` values of a slice.
    #[inline(always)]
    fn store<T: Element>(self, to: &mut [T], value: Self::V) {
        assert!(to.len() >= Self::LANES);
        // SAFETY: the slice has LANES values.
        unsafe { self.store_to(to.as_mut_ptr(), value) }
    }

    /// Rounds the first lanes to a slice shorter than a vector.
    #[inline(always)]
    fn store_part<T: Element>(self, to: &mut [T], value: Self::V) {
        let mut lanes = [T::default(); MOST_LANES];
        self.store(&mut lanes, value);
        to.iter_mut().zip(lanes).for_each(|(to, lane)| *to = lane);
    }

    /// Rounds to up to `LANES` values.
    #[inline(always)]
    fn store_up_to<T: Element>(self, to: &mut [T], value: Self::V) {
        if to.len() >= Self::LANES { self.store(to, value) } else { self.store_part(to, value) }
    }

    /// [`ActivationFn::apply`] of each lane, without a branch.
    #[inline(always)]
    fn activate(self, activation: ActivationFn, x: Self::V) -> Self::V {
        let (lowest, highest) = activation.range();
        self.min(self.splat(highest), self.max(self.splat(lowest), x))
    }

    /// `gradient` where [`ActivationFn::slope_at_output`] is 1, 0 elsewhere (even if it is NaN).
    #[inline(always)]
    fn activation_gradient(self, activation: ActivationFn, y: Self::V, gradient: Self::V) -> Self::V {
        let zero = self.splat(0.0);
        match activation {
            ActivationFn::Identity => gradient,
            ActivationFn::Relu => self.where_greater(y, zero, gradient),
            ActivationFn::Relu6 => {
                self.where_greater(y, zero, self.where_greater(self.splat(6.0), y, gradient))
            }
        }
    }

    /// `e^x` to 2 units in the last place; 0 below -87.3, 2.4e38 above 88.3; NaN stays NaN.
    #[inline(always)]
    fn exp(self, x: Self::V) -> Self::V {
        // x = n·ln 2 + r with |r| <= ln 2 / 2; ln 2 in two parts keeps r exact. Taylor's series to r^7.
        let clamped = self.min(self.splat(88.376_26), self.max(self.splat(-87.336_54), x));
        let n = self.round(self.mul(clamped, self.splat(std::f32::consts::LOG2_E)));
        let r = self.mul_add(n, self.splat(-0.693_359_4), clamped);
        let r = self.mul_add(n, self.splat(2.121_944_4e-4), r);
        let mut sum = self.splat(1.0 / 5040.0);
        for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
            sum = self.mul_add(sum, r, self.splat(coefficient));
        }
        // n can be 128 at the top, which is not a normal exponent: half of it is taken twice.
        let half = self.round(self.mul(n, self.splat(0.5)));
        let product = self.mul(self.mul(sum, self.power_of_two(half)), self.power_of_two(self.sub(n, half)));
        self.add(self.where_greater(x, self.splat(-87.336_54), product), self.mul(self.splat(0.0), clamped))
    }

    /// The lanes in memory order, the unused ones 0.
    #[inline(always)]
    fn to_array(self, value: Self::V) -> [f32; MOST_LANES] {
        let mut lanes = [0.0; MOST_LANES];
        self.store(&mut lanes, value);
        lanes
    }

    /// The sum of all lanes, in a fixed order.
    #[inline(always)]
    fn sum(self, value: Self::V) -> f32 {
        self.to_array(value).iter().sum()
    }
}

/// A computation written over any instruction set.
pub(crate) trait Kernel {
    type Output;

    /// Must be `#[inline(always)]`, and so must everything hot that it calls.
    fn run<S: Simd>(self, simd: S) -> Self::Output;
}

/// Runs a kernel with the level's instructions.
pub(crate) fn run<K: Kernel>(isa: IsaLevel, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(simd) = Avx512::<true>::new(isa) {
            return simd.run(kernel);
        }
        if let Some(simd) = Avx512::<false>::new(isa) {
            return simd.run(kernel);
        }
        if let Some(simd) = Avx2::new(isa) {
            return simd.run(kernel);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    debug_assert_eq!(isa.level(), crate::isa::Level::Portable, "there is no other level for this processor");
    kernel.run(Portable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::Level;

    fn levels() -> impl Iterator<Item = IsaLevel> {
        IsaLevel::NAMES.into_iter().filter_map(IsaLevel::named)
    }

    /// Loads, applies [`Simd::exp`] if asked, and stores.
    struct Through<'a, A, B> {
        from: &'a [A],
        exp: bool,
        to: &'a mut [B],
    }

    impl<A: Element, B: Element> Kernel for Through<'_, A, B> {
        type Output = ();

        #[inline(always)]
        fn run<S: Simd>(self, s: S) {
            for at in (0..self.from.len()).step_by(S::LANES) {
                let value = s.load_up_to(&self.from[at..]);
                let value = if self.exp { s.exp(value) } else { value };
                s.store_up_to(&mut self.to[at..], value);
            }
        }
    }

    #[test]
    fn bf16_is_rounded_as_half_rounds_it() {
        // Every sign, exponent and kept mantissa, with what decides the rounding: subnormals, infinities and
        // NaN among them.
        let decisive = [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff];
        let from: Vec<f32> =
            (0..1 << 16).flat_map(|high| decisive.map(|low| f32::from_bits(high << 16 | low))).collect();
        for isa in levels() {
            let mut to = vec![bf16::ZERO; from.len()];
            run(isa, Through { from: &from, exp: false, to: &mut to });
            let flushes = isa.level() >= Level::Avx512Bf16;
            for (from, to) in from.iter().zip(&to) {
                let from = if flushes && from.is_subnormal() { 0f32.copysign(*from) } else { *from };
                let expected = bf16::from_f32(from).to_bits();
                assert_eq!(to.to_bits(), expected, "{} {:#x}", isa.name(), from.to_bits());
            }
        }
    }

    #[test]
    fn bf16_is_widened_exactly() {
        let from: Vec<bf16> = (0..=u16::MAX).map(bf16::from_bits).collect();
        for isa in levels() {
            let mut to = vec![0.0f32; from.len()];
            run(isa, Through { from: &from, exp: false, to: &mut to });
            for (from, to) in from.iter().zip(&to) {
                assert_eq!(to.to_bits(), u32::from(from.to_bits()) << 16, "{}", isa.name());
            }
        }
    }

    #[test]
    fn exp_is_good_to_two_units_in_the_last_place() {
        let from: Vec<f32> = (-8733..=8837).map(|x| x as f32 * 0.01).collect();
        for isa in levels() {
            let mut to = vec![0.0f32; from.len()];
            run(isa, Through { from: &from, exp: true, to: &mut to });
            for (x, found) in from.iter().zip(&to) {
                let error = f64::from(*found) / f64::from(*x).exp() - 1.0;
                assert!(error.abs() <= 2f64.powi(-22), "{}: e^{x} is off by {error}", isa.name());
            }
            let mut special = [0.0f32; 3];
            run(isa, Through { from: &[f32::NEG_INFINITY, -100.0, f32::NAN], exp: true, to: &mut special });
            assert!(special[0] == 0.0 && special[1] == 0.0 && special[2].is_nan(), "{special:?}");
        }
    }
}
