//! Functions of single elements, and their gradients.

use rayon::prelude::*;

use crate::{
    ActivationFn, Element, IsaLevel,
    channels::{Group, Period, last_group, round_to, sum_parts},
    simd::{self, Kernel, Simd},
};

/// Elements a thread takes at a time.
const CHUNK: usize = 1 << 15;

/// The gradient before a fused bias and activation, in one pass over memory.
///
/// `grad_pre` becomes `grad_output` where the activation's slope at `output` is 1, else 0, and
/// `grad_bias` its sum per channel.
///
/// # Shapes
///
/// - `output`, `grad_output`, `grad_pre`: `[…, channels]`
/// - `grad_bias`: `[channels]`
///
/// # Panics
///
/// If the lengths disagree.
pub fn activation_backward<T: Element>(
    isa: IsaLevel,
    activation: ActivationFn,
    output: &[T],
    grad_output: &[T],
    grad_pre: &mut [T],
    grad_bias: &mut [f32],
) {
    let channels = grad_bias.len();
    let period = Period::of(channels, output.len());
    assert!(output.len() == grad_output.len() && output.len() == grad_pre.len(), "lengths differ");
    let len = period.chunk_len();
    let parts: Vec<_> = (output.par_chunks(len), grad_output.par_chunks(len), grad_pre.par_chunks_mut(len))
        .into_par_iter()
        .map(|(output, grad_output, grad_pre)| {
            let mut sums = period.zeros();
            simd::run(isa, ActivationBackward { activation, output, grad_output, grad_pre, sums: &mut sums });
            period.fold(&sums)
        })
        .collect();
    round_to(grad_bias, &sum_parts(channels, &parts));
}

struct ActivationBackward<'a, T> {
    activation: ActivationFn,
    output: &'a [T],
    grad_output: &'a [T],
    grad_pre: &'a mut [T],
    sums: &'a mut [f32],
}

impl<T: Element> Kernel for ActivationBackward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.sums.len();
        let sums = self.sums.as_chunks_mut().0;
        let blocks = self.output.chunks(len).zip(self.grad_output.chunks(len));
        for ((y, g), to) in blocks.zip(self.grad_pre.chunks_mut(len)) {
            let ((ys, y_rest), (gs, g_rest)) = (y.as_chunks(), g.as_chunks());
            let (tos, to_rest) = to.as_chunks_mut();
            before(s, self.activation, ys, gs, tos, sums);
            if !y_rest.is_empty() {
                let (y, g, mut last) = (last_group(y_rest), last_group(g_rest), last_group(to_rest));
                before(s, self.activation, &y, &g, &mut last, &mut sums[ys.len()..]);
                to_rest.copy_from_slice(&last[0][..to_rest.len()]);
            }
        }
    }
}

/// Groups of channels.
#[inline(always)]
fn before<S: Simd, T: Element>(
    s: S,
    activation: ActivationFn,
    y: &[Group<T>],
    grad_y: &[Group<T>],
    grad_pre: &mut [Group<T>],
    sums: &mut [Group<f32>],
) {
    let groups = y.len();
    let (grad_y, grad_pre, sums) = (&grad_y[..groups], &mut grad_pre[..groups], &mut sums[..groups]);
    for group in 0..groups {
        for at in (0..y[group].len()).step_by(S::LANES) {
            let gradient =
                s.activation_gradient(activation, s.load(&y[group][at..]), s.load(&grad_y[group][at..]));
            let sum = s.add(s.load(&sums[group][at..]), gradient);
            s.store(&mut sums[group][at..], sum);
            s.store(&mut grad_pre[group][at..], gradient);
        }
    }
}

/// `out = a + b`
///
/// # Panics
///
/// If the lengths differ.
pub fn add<T: Element>(isa: IsaLevel, a: &[T], b: &[T], out: &mut [T]) {
    map2(isa, Add, a, b, out);
}

/// `out = x · Φ(x)` with the normal distribution function Φ: the exact form, not the tanh one.
///
/// # Panics
///
/// If the lengths differ.
pub fn gelu<T: Element>(isa: IsaLevel, x: &[T], out: &mut [T]) {
    map2(isa, Gelu, x, x, out);
}

/// The gradient of [`gelu`] by its input `x`.
///
/// # Panics
///
/// If the lengths differ.
pub fn gelu_backward<T: Element>(isa: IsaLevel, x: &[T], grad_output: &[T], grad_input: &mut [T]) {
    map2(isa, GeluBackward, x, grad_output, grad_input);
}

/// `out = x · min(max(x + 3, 0), 6) / 6` (arXiv 1905.02244)
///
/// # Panics
///
/// If the lengths differ.
pub fn hardswish<T: Element>(isa: IsaLevel, x: &[T], out: &mut [T]) {
    map2(isa, Hardswish, x, x, out);
}

/// The gradient of [`hardswish`] by its input `x`; at the kinks -3 and 3 it is 0 and 1, as in PyTorch.
///
/// # Panics
///
/// If the lengths differ.
pub fn hardswish_backward<T: Element>(isa: IsaLevel, x: &[T], grad_output: &[T], grad_input: &mut [T]) {
    map2(isa, HardswishBackward, x, grad_output, grad_input);
}

/// The same numbers in another format.
///
/// # Panics
///
/// If the lengths differ.
pub fn convert<A: Element, B: Element>(isa: IsaLevel, from: &[A], to: &mut [B]) {
    assert!(from.len() == to.len(), "lengths differ");
    (from.par_chunks(CHUNK), to.par_chunks_mut(CHUNK))
        .into_par_iter()
        .for_each(|(from, to)| simd::run(isa, Convert { from, to }));
}

struct Convert<'a, A, B> {
    from: &'a [A],
    to: &'a mut [B],
}

impl<A: Element, B: Element> Kernel for Convert<'_, A, B> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.to.len();
        let from = &self.from[..len];
        for at in (0..len).step_by(S::LANES) {
            s.store_up_to(&mut self.to[at..], s.load_up_to(&from[at..]));
        }
    }
}

/// A function of two elements. Must be `#[inline(always)]`.
trait Function: Copy + Send + Sync {
    fn apply<S: Simd>(self, s: S, a: S::V, b: S::V) -> S::V;
}

#[derive(Clone, Copy)]
struct Add;

impl Function for Add {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, a: S::V, b: S::V) -> S::V {
        s.add(a, b)
    }
}

#[derive(Clone, Copy)]
struct Gelu;

impl Function for Gelu {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::V, _: S::V) -> S::V {
        s.mul(x, normal_distribution(s, x))
    }
}

#[derive(Clone, Copy)]
struct GeluBackward;

impl Function for GeluBackward {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::V, gradient: S::V) -> S::V {
        let density = s.mul(s.exp(s.mul(s.mul(x, x), s.splat(-0.5))), s.splat(0.398_942_3));
        s.mul(gradient, s.mul_add(x, density, normal_distribution(s, x)))
    }
}

#[derive(Clone, Copy)]
struct Hardswish;

impl Function for Hardswish {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::V, _: S::V) -> S::V {
        let fraction = s.mul_add(x, s.splat(1.0 / 6.0), s.splat(0.5));
        // NaN is lost in min and max, and comes back with the product.
        s.mul(x, s.min(s.max(fraction, s.splat(0.0)), s.splat(1.0)))
    }
}

#[derive(Clone, Copy)]
struct HardswishBackward;

impl Function for HardswishBackward {
    #[inline(always)]
    fn apply<S: Simd>(self, s: S, x: S::V, gradient: S::V) -> S::V {
        let (three, one) = (s.splat(3.0), s.splat(1.0));
        let between = s.where_greater(x, s.splat(-3.0), s.mul_add(x, s.splat(1.0 / 3.0), s.splat(0.5)));
        let below = s.where_greater(three, x, one);
        s.mul(gradient, s.add(s.where_greater(three, x, between), s.sub(one, below)))
    }
}

/// Φ to 1e-7 (Abramowitz and Stegun 7.1.26: the tail `Q(|x|)` as a polynomial in `1/(1+p|x|)` times
/// the density).
#[inline(always)]
fn normal_distribution<S: Simd>(s: S, x: S::V) -> S::V {
    let (zero, one) = (s.splat(0.0), s.splat(1.0));
    let z = s.mul(s.max(s.sub(zero, x), x), s.splat(std::f32::consts::FRAC_1_SQRT_2));
    let t = s.div(one, s.mul_add(z, s.splat(0.327_591_1), one));
    let mut sum = s.splat(1.061_405_4);
    for coefficient in [-1.453_152, 1.421_413_8, -0.284_496_74, 0.254_829_6] {
        sum = s.mul_add(sum, t, s.splat(coefficient));
    }
    let density = s.exp(s.sub(zero, s.mul(z, z)));
    let tail = s.mul(s.mul(s.mul(sum, t), density), s.splat(0.5));
    // The tail where x <= 0, 1 - tail where x > 0.
    let above = s.where_greater(x, zero, s.sub(one, s.add(tail, tail)));
    s.add(tail, above)
}

fn map2<T: Element>(isa: IsaLevel, function: impl Function, a: &[T], b: &[T], out: &mut [T]) {
    assert!(a.len() == b.len() && a.len() == out.len(), "lengths differ");
    (a.par_chunks(CHUNK), b.par_chunks(CHUNK), out.par_chunks_mut(CHUNK))
        .into_par_iter()
        .for_each(|(a, b, out)| simd::run(isa, Map2 { function, a, b, out }));
}

struct Map2<'a, F, T> {
    function: F,
    a: &'a [T],
    b: &'a [T],
    out: &'a mut [T],
}

impl<F: Function, T: Element> Kernel for Map2<'_, F, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.out.len();
        let (a, b) = (&self.a[..len], &self.b[..len]);
        for at in (0..len).step_by(S::LANES) {
            let value = self.function.apply(s, s.load_up_to(&a[at..]), s.load_up_to(&b[at..]));
            s.store_up_to(&mut self.out[at..], value);
        }
    }
}
