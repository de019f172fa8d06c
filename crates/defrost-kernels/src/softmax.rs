//! Softmax over rows.

use rayon::prelude::*;

use crate::{
    Element, IsaLevel,
    simd::{self, Kernel, Simd},
};

/// Elements a thread takes at a time, in whole rows.
const CHUNK: usize = 1 << 14;

/// `y = e^(x - max) / Σ e^(x - max)` over each row of `width` elements.
///
/// A row that holds NaN becomes NaN.
///
/// # Panics
///
/// If the lengths differ or are not whole rows.
pub fn softmax<T: Element>(isa: IsaLevel, x: &[T], width: usize, y: &mut [T]) {
    assert!(x.len() == y.len() && width > 0 && x.len().is_multiple_of(width), "not rows of {width}");
    let len = width * (CHUNK / width).max(1);
    (x.par_chunks(len), y.par_chunks_mut(len))
        .into_par_iter()
        .for_each(|(x, y)| simd::run(isa, Forward { x, width, y }));
}

/// The gradient by the input, from the output: `grad_x = y · (grad_y - Σ grad_y·y)`.
///
/// # Panics
///
/// If the lengths differ or are not whole rows.
pub fn softmax_backward<T: Element>(isa: IsaLevel, y: &[T], grad_y: &[T], width: usize, grad_x: &mut [T]) {
    assert!(y.len() == grad_y.len() && y.len() == grad_x.len(), "lengths differ");
    assert!(width > 0 && y.len().is_multiple_of(width), "not rows of {width}");
    let len = width * (CHUNK / width).max(1);
    (y.par_chunks(len), grad_y.par_chunks(len), grad_x.par_chunks_mut(len))
        .into_par_iter()
        .for_each(|(y, grad_y, grad_x)| simd::run(isa, Backward { y, grad_y, width, grad_x }));
}

struct Forward<'a, T> {
    x: &'a [T],
    width: usize,
    y: &'a mut [T],
}

impl<T: Element> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let mut exponentials = vec![0.0f32; self.width];
        for (x, y) in self.x.chunks_exact(self.width).zip(self.y.chunks_exact_mut(self.width)) {
            let lowest = s.splat(f32::NEG_INFINITY);
            let mut largest = lowest;
            for at in (0..x.len()).step_by(S::LANES) {
                let value = if x.len() - at >= S::LANES {
                    s.load(&x[at..])
                } else {
                    s.load_part_or(&x[at..], lowest)
                };
                largest = s.max(value, largest);
            }
            let largest = s.to_array(largest)[..S::LANES].iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
            let mut sum = s.splat(0.0);
            for at in (0..x.len()).step_by(S::LANES) {
                let value = if x.len() - at >= S::LANES {
                    s.load(&x[at..])
                } else {
                    s.load_part_or(&x[at..], lowest)
                };
                let exponential = s.exp(s.sub(value, s.splat(largest)));
                s.store_up_to(&mut exponentials[at..], exponential);
                sum = s.add(sum, exponential);
            }
            let scale = s.splat(1.0 / s.sum(sum));
            for at in (0..x.len()).step_by(S::LANES) {
                s.store_up_to(&mut y[at..], s.mul(s.load_up_to(&exponentials[at..]), scale));
            }
        }
    }
}

struct Backward<'a, T> {
    y: &'a [T],
    grad_y: &'a [T],
    width: usize,
    grad_x: &'a mut [T],
}

impl<T: Element> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let rows = self.y.chunks_exact(self.width).zip(self.grad_y.chunks_exact(self.width));
        for ((y, g), to) in rows.zip(self.grad_x.chunks_exact_mut(self.width)) {
            let mut sum = s.splat(0.0);
            for at in (0..y.len()).step_by(S::LANES) {
                sum = s.mul_add(s.load_up_to(&y[at..]), s.load_up_to(&g[at..]), sum);
            }
            let sum = s.splat(s.sum(sum));
            for at in (0..y.len()).step_by(S::LANES) {
                let difference = s.sub(s.load_up_to(&g[at..]), sum);
                s.store_up_to(&mut to[at..], s.mul(s.load_up_to(&y[at..]), difference));
            }
        }
    }
}
