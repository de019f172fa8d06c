//! Batch norm with the batch's own statistics, as it follows a convolution.
//!
//! ```text
//! x̂ = (x - mean) / √(variance + eps)
//! y  = activation(x̂·gamma + beta + residual)
//! ```
//!
//! With `d` the gradient before the activation and `n` the pixels, the backward pass is
//! `grad_beta = Σ d`, `grad_gamma = Σ d·x̂`, `grad_x = gamma/√(variance + eps) ·
//! (d - grad_beta/n - x̂·grad_gamma/n)`: one pass over memory for the sums, one for `grad_x`.

use rayon::prelude::*;

use crate::{
    Activation, Element, Tier,
    channels::{Period, add_to, round_to},
    conv::ChannelStatistics,
    simd::{self, Kernel, Simd},
};

/// A batch norm's numbers and what follows it.
#[derive(Clone, Copy, Debug)]
pub struct BatchNorm<'a> {
    /// Of the input, over the batch.
    pub statistics: &'a ChannelStatistics,
    /// Scale, `[channels]`.
    pub gamma: &'a [f32],
    /// Shift, `[channels]`.
    pub beta: &'a [f32],
    /// Added to the variance.
    pub eps: f32,
    /// Applied last.
    pub activation: Activation,
}

impl BatchNorm<'_> {
    fn inverse_deviation(&self) -> Vec<f32> {
        self.statistics.variance.iter().map(|variance| 1.0 / (variance + self.eps).sqrt()).collect()
    }
}

/// Normalises `x`, adds `residual`, activates.
///
/// # Shapes
///
/// `x`, `residual`, `y`: `[…, channels]`
///
/// # Panics
///
/// If the lengths disagree.
pub fn batch_norm_forward<T: Element>(
    tier: Tier,
    norm: &BatchNorm,
    x: &[T],
    residual: Option<&[T]>,
    y: &mut [T],
) {
    let period = Period::of(norm.gamma.len(), x.len());
    assert!(x.len() == y.len() && residual.is_none_or(|r| r.len() == x.len()), "lengths differ");
    let scale: Vec<f32> =
        norm.inverse_deviation().iter().zip(norm.gamma).map(|(inverse, gamma)| inverse * gamma).collect();
    let mean = &period.spread(&norm.statistics.mean);
    let (scale, shift) = (&period.spread(&scale), &period.spread(norm.beta));
    let len = period.chunk_len();
    y.par_chunks_mut(len).zip(x.par_chunks(len)).enumerate().for_each(|(chunk, (y, x))| {
        let residual = residual.map(|residual| &residual[chunk * len..][..y.len()]);
        simd::run(tier, Forward { mean, scale, shift, activation: norm.activation, x, residual, y });
    });
}

struct Forward<'a, T> {
    mean: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    activation: Activation,
    x: &'a [T],
    residual: Option<&'a [T]>,
    y: &'a mut [T],
}

impl<T: Element> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.mean.len();
        let (mean, scale, shift) = (self.mean, &self.scale[..len], &self.shift[..len]);
        for (block, (x, y)) in self.x.chunks(len).zip(self.y.chunks_mut(len)).enumerate() {
            for at in (0..x.len()).step_by(S::LANES) {
                let centred = s.sub(s.load_up_to(&x[at..]), s.load(&mean[at..]));
                let mut value = s.mul_add(centred, s.load(&scale[at..]), s.load(&shift[at..]));
                if let Some(residual) = self.residual {
                    value = s.add(value, s.load_up_to(&residual[block * len + at..]));
                }
                s.store_up_to(&mut y[at..], s.activate(self.activation, value));
            }
        }
    }
}

/// The gradients of [`batch_norm_forward`], given its input `x`, its output `y` and `grad_y`.
///
/// `grad_residual` is the gradient before the activation: of the residual, if there was one. `beta` is
/// not read, nor is `y` if there is no activation.
///
/// # Shapes
///
/// - `x`, `y`, `grad_y`, `grad_x`, `grad_residual`: `[…, channels]`
/// - `grad_gamma`, `grad_beta`: `[channels]`
///
/// # Panics
///
/// If the lengths disagree.
#[expect(clippy::too_many_arguments, reason = "three tensors in, four out")]
pub fn batch_norm_backward<T: Element>(
    tier: Tier,
    norm: &BatchNorm,
    x: &[T],
    y: &[T],
    grad_y: &[T],
    grad_x: &mut [T],
    mut grad_residual: Option<&mut [T]>,
    grad_gamma: &mut [f32],
    grad_beta: &mut [f32],
) {
    let channels = norm.gamma.len();
    let period = Period::of(channels, x.len());
    assert!(x.len() == y.len() && x.len() == grad_y.len() && x.len() == grad_x.len(), "lengths differ");
    assert!(grad_residual.as_ref().is_none_or(|r| r.len() == x.len()), "lengths differ");
    let len = period.chunk_len();
    let mean = &period.spread(&norm.statistics.mean);
    let inverse = norm.inverse_deviation();

    let reduce = |(chunk, grad_pre): (usize, Option<&mut [T]>)| {
        let part = |whole: &'_ [T]| chunk * len..whole.len().min((chunk + 1) * len);
        let (x, y, grad_y) = (&x[part(x)], &y[part(y)], &grad_y[part(grad_y)]);
        let (mut sums, mut products) = (vec![0.0; period.len()], vec![0.0; period.len()]);
        let activation = norm.activation;
        simd::run(
            tier,
            Reduce { mean, activation, x, y, grad_y, grad_pre, sums: &mut sums, products: &mut products },
        );
        (period.fold(&sums), period.fold(&products))
    };
    let parts: Vec<_> = match grad_residual.as_deref_mut() {
        Some(grad_pre) => {
            grad_pre.par_chunks_mut(len).enumerate().map(|(i, part)| reduce((i, Some(part)))).collect()
        }
        None => (0..x.len().div_ceil(len)).into_par_iter().map(|i| reduce((i, None))).collect(),
    };
    let (mut sums, mut products) = (vec![0.0; channels], vec![0.0; channels]);
    for (sum, product) in parts {
        add_to(&mut sums, sum);
        add_to(&mut products, product);
    }
    products.iter_mut().zip(&inverse).for_each(|(product, inverse)| *product *= f64::from(*inverse));
    round_to(grad_beta, &sums);
    round_to(grad_gamma, &products);

    // grad_x = d·scale + (x - mean)·slope + shift
    let pixels = (x.len() / channels).max(1) as f64;
    let per_channel =
        |f: &dyn Fn(usize) -> f64| period.spread(&(0..channels).map(|c| f(c) as f32).collect::<Vec<_>>());
    let scale_of = |c: usize| f64::from(norm.gamma[c]) * f64::from(inverse[c]);
    let scale = &per_channel(&scale_of);
    let slope = &per_channel(&|c| -scale_of(c) * f64::from(inverse[c]) * products[c] / pixels);
    let shift = &per_channel(&|c| -scale_of(c) * sums[c] / pixels);
    let grad_residual = grad_residual.as_deref();
    grad_x.par_chunks_mut(len).zip(x.par_chunks(len)).enumerate().for_each(|(chunk, (grad_x, x))| {
        let part = chunk * len..chunk * len + x.len();
        // The gradient before the activation is either a 0 or grad_y, so storing it lost nothing.
        let (activation, grad_y) = match grad_residual {
            Some(grad_pre) => (Activation::Identity, &grad_pre[part.clone()]),
            None => (norm.activation, &grad_y[part.clone()]),
        };
        let y = &y[part];
        simd::run(tier, Input { mean, scale, slope, shift, activation, x, y, grad_y, grad_x });
    });
}

/// `sums = Σ d`, `products = Σ d·(x - mean)`, and `d` itself if it is wanted.
struct Reduce<'a, T> {
    mean: &'a [f32],
    activation: Activation,
    x: &'a [T],
    y: &'a [T],
    grad_y: &'a [T],
    grad_pre: Option<&'a mut [T]>,
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl<T: Element> Kernel for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let len = self.mean.len();
        let (mean, sums, products) = (self.mean, &mut self.sums[..len], &mut self.products[..len]);
        let blocks = self.x.chunks(len).zip(self.y.chunks(len)).zip(self.grad_y.chunks(len));
        for (block, ((x, y), g)) in blocks.enumerate() {
            for at in (0..x.len()).step_by(S::LANES) {
                let g = s.load_up_to(&g[at..]);
                let gradient = match self.activation {
                    Activation::Identity => g,
                    activation => s.activation_gradient(activation, s.load_up_to(&y[at..]), g),
                };
                let centred = s.sub(s.load_up_to(&x[at..]), s.load(&mean[at..]));
                let sum = s.add(s.load(&sums[at..]), gradient);
                s.store(&mut sums[at..], sum);
                let product = s.mul_add(gradient, centred, s.load(&products[at..]));
                s.store(&mut products[at..], product);
                if let Some(grad_pre) = &mut self.grad_pre {
                    s.store_up_to(&mut grad_pre[block * len + at..], gradient);
                }
            }
        }
    }
}

/// `grad_x = d·scale + (x - mean)·slope + shift`
struct Input<'a, T> {
    mean: &'a [f32],
    scale: &'a [f32],
    slope: &'a [f32],
    shift: &'a [f32],
    activation: Activation,
    x: &'a [T],
    y: &'a [T],
    grad_y: &'a [T],
    grad_x: &'a mut [T],
}

impl<T: Element> Kernel for Input<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.mean.len();
        let (mean, scale) = (self.mean, &self.scale[..len]);
        let (slope, shift) = (&self.slope[..len], &self.shift[..len]);
        let blocks = self.x.chunks(len).zip(self.y.chunks(len)).zip(self.grad_y.chunks(len));
        for (((x, y), g), to) in blocks.zip(self.grad_x.chunks_mut(len)) {
            for at in (0..x.len()).step_by(S::LANES) {
                let g = s.load_up_to(&g[at..]);
                let gradient = match self.activation {
                    Activation::Identity => g,
                    activation => s.activation_gradient(activation, s.load_up_to(&y[at..]), g),
                };
                let centred = s.sub(s.load_up_to(&x[at..]), s.load(&mean[at..]));
                let value = s.mul_add(centred, s.load(&slope[at..]), s.load(&shift[at..]));
                s.store_up_to(&mut to[at..], s.mul_add(gradient, s.load(&scale[at..]), value));
            }
        }
    }
}
