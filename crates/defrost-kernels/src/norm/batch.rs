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
    ActivationFn, ChannelStatistics, Element, IsaLevel,
    channels::{Group, Period, add_to, last_group, round_to},
    simd::{self, Kernel, Simd},
};

/// How many bytes ahead memory is prefetched: a loop that does this little is over before the next numbers come.
const AHEAD: usize = 2048;

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
    pub activation: ActivationFn,
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
    isa: IsaLevel,
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
        simd::run(isa, Forward { mean, scale, shift, activation: norm.activation, x, residual, y });
    });
}

struct Forward<'a, T> {
    mean: &'a [f32],
    scale: &'a [f32],
    shift: &'a [f32],
    activation: ActivationFn,
    x: &'a [T],
    residual: Option<&'a [T]>,
    y: &'a mut [T],
}

impl<T: Element> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.mean.len();
        for (block, (x, y)) in self.x.chunks(len).zip(self.y.chunks_mut(len)).enumerate() {
            let (xs, x_rest) = x.as_chunks();
            let (ys, y_rest) = y.as_chunks_mut();
            let residual = self.residual.map(|residual| residual[block * len..][..x.len()].as_chunks());
            let params = [self.mean, self.scale, self.shift].map(|params| params.as_chunks().0);
            forward(s, self.activation, params, xs, residual.map(|(groups, _)| groups), ys);
            if !x_rest.is_empty() {
                let params = params.map(|params| &params[xs.len()..]);
                let residual = residual.map(|(_, rest)| last_group(rest));
                let mut last = last_group(y_rest);
                let residual = residual.as_ref().map(<[_; 1]>::as_slice);
                forward(s, self.activation, params, &last_group(x_rest), residual, &mut last);
                y_rest.copy_from_slice(&last[0][..y_rest.len()]);
            }
        }
    }
}

/// Groups of channels: `params` are mean, scale, shift.
#[inline(always)]
fn forward<S: Simd, T: Element>(
    s: S,
    activation: ActivationFn,
    [mean, scale, shift]: [&[Group<f32>]; 3],
    x: &[Group<T>],
    residual: Option<&[Group<T>]>,
    y: &mut [Group<T>],
) {
    let groups = x.len();
    let (mean, scale, shift, y) = (&mean[..groups], &scale[..groups], &shift[..groups], &mut y[..groups]);
    let residual = residual.map(|residual| &residual[..groups]);
    for group in 0..groups {
        s.prefetch(x[group].as_ptr().wrapping_byte_add(AHEAD));
        for at in (0..x[group].len()).step_by(S::LANES) {
            let centred = s.sub(s.load(&x[group][at..]), s.load(&mean[group][at..]));
            let mut value = s.mul_add(centred, s.load(&scale[group][at..]), s.load(&shift[group][at..]));
            if let Some(residual) = residual {
                value = s.add(value, s.load(&residual[group][at..]));
            }
            s.store(&mut y[group][at..], s.activate(activation, value));
        }
    }
}

/// Where [`batch_norm_backward`] writes the gradients.
#[derive(Debug)]
pub struct BatchNormGradients<'a, T> {
    /// Of the input, `[…, channels]`.
    pub x: &'a mut [T],
    /// Of the residual, `[…, channels]`: the gradient before the activation.
    pub residual: Option<&'a mut [T]>,
    /// Of the scale, `[channels]`.
    pub gamma: &'a mut [f32],
    /// Of the shift, `[channels]`.
    pub beta: &'a mut [f32],
}

/// The gradients of [`batch_norm_forward`], given its input `x`, its output `y` and `grad_y`.
///
/// Where there was no residual, `y` may be left out, and the activation's slope follows from `x`: less memory to read.
///
/// # Shapes
///
/// `x`, `y`, `grad_y`: `[…, channels]`
///
/// # Panics
///
/// If the lengths disagree.
pub fn batch_norm_backward<T: Element>(
    isa: IsaLevel,
    norm: &BatchNorm,
    x: &[T],
    y: Option<&[T]>,
    grad_y: &[T],
    gradients: BatchNormGradients<T>,
) {
    let BatchNormGradients { x: grad_x, residual: mut grad_residual, gamma: grad_gamma, beta: grad_beta } =
        gradients;
    let channels = norm.gamma.len();
    let period = Period::of(channels, x.len());
    assert!(x.len() == grad_y.len() && x.len() == grad_x.len(), "lengths differ");
    assert!(y.is_none_or(|y| y.len() == x.len()), "lengths differ");
    assert!(grad_residual.as_ref().is_none_or(|r| r.len() == x.len()), "lengths differ");
    let len = period.chunk_len();
    let mean = &period.spread(&norm.statistics.mean);
    let inverse = norm.inverse_deviation();
    let scale: Vec<f32> = inverse.iter().zip(norm.gamma).map(|(inverse, gamma)| inverse * gamma).collect();
    let (scale, beta) = (&period.spread(&scale), &period.spread(norm.beta));
    let slopes = Slopes { activation: norm.activation, mean, scale, beta };

    let reduce = |(chunk, grad_pre): (usize, Option<&mut [T]>)| {
        let part = |whole: &'_ [T]| chunk * len..whole.len().min((chunk + 1) * len);
        let (x, y, grad_y) = (&x[part(x)], y.map(|y| &y[part(y)]), &grad_y[part(grad_y)]);
        let (mut sums, mut products) = (period.zeros(), period.zeros());
        let reduce = Reduce { slopes, x, y, grad_y, grad_pre, sums: &mut sums, products: &mut products };
        simd::run(isa, reduce);
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
    let slope = &per_channel(&|c| -scale_of(c) * f64::from(inverse[c]) * products[c] / pixels);
    let shift = &per_channel(&|c| -scale_of(c) * sums[c] / pixels);
    let grad_residual = grad_residual.as_deref();
    grad_x.par_chunks_mut(len).zip(x.par_chunks(len)).enumerate().for_each(|(chunk, (grad_x, x))| {
        let part = chunk * len..chunk * len + x.len();
        // The gradient before the activation is either a 0 or grad_y, so storing it lost nothing.
        let (activation, grad_y) = match grad_residual {
            Some(grad_pre) => (ActivationFn::Identity, &grad_pre[part.clone()]),
            None => (norm.activation, &grad_y[part.clone()]),
        };
        let slopes = Slopes { activation, ..slopes };
        simd::run(isa, Input { slopes, slope, shift, x, y: y.map(|y| &y[part]), grad_y, grad_x });
    });
}

/// The values from which the gradient before the activation, `d`, is computed.
#[derive(Clone, Copy)]
struct Slopes<'a> {
    activation: ActivationFn,
    mean: &'a [f32],
    /// `gamma/√(variance + eps)`
    scale: &'a [f32],
    beta: &'a [f32],
}

impl<'a> Slopes<'a> {
    /// Mean, scale, beta.
    fn groups(&self) -> [&'a [Group<f32>]; 3] {
        [self.mean, self.scale, self.beta].map(|params| params.as_chunks().0)
    }
}

/// `d`, given `x - mean`, `grad_y`, and `y` where it was kept.
#[inline(always)]
fn before<S: Simd>(
    s: S,
    activation: ActivationFn,
    [centred, grad_y]: [S::V; 2],
    y: Option<S::V>,
    [scale, beta]: [S::V; 2],
) -> S::V {
    match activation {
        ActivationFn::Identity => grad_y,
        bent => s.activation_gradient(bent, y.unwrap_or_else(|| s.mul_add(centred, scale, beta)), grad_y),
    }
}

/// `sums = Σ d`, `products = Σ d·(x - mean)`, and `d` itself if it is wanted.
struct Reduce<'a, T> {
    slopes: Slopes<'a>,
    x: &'a [T],
    y: Option<&'a [T]>,
    grad_y: &'a [T],
    grad_pre: Option<&'a mut [T]>,
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl<T: Element> Kernel for Reduce<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(mut self, s: S) {
        let len = self.slopes.mean.len();
        let params = self.slopes.groups();
        let activation = self.slopes.activation;
        let (sums, products) = (self.sums.as_chunks_mut().0, self.products.as_chunks_mut().0);
        for (block, (x, g)) in self.x.chunks(len).zip(self.grad_y.chunks(len)).enumerate() {
            let part = block * len..block * len + x.len();
            let ((xs, x_rest), (gs, g_rest)) = (x.as_chunks(), g.as_chunks());
            let y = self.y.map(|y| y[part.clone()].as_chunks());
            let mut pre = self.grad_pre.as_mut().map(|pre| pre[part].as_chunks_mut());
            let pres = pre.as_mut().map(|(groups, _)| &mut **groups);
            reduce(s, activation, params, [xs, gs], y.map(|(groups, _)| groups), pres, [sums, products]);
            if !x_rest.is_empty() {
                let params = params.map(|params| &params[xs.len()..]);
                let sums = [&mut sums[xs.len()..], &mut products[xs.len()..]];
                let (x, g) = (last_group(x_rest), last_group(g_rest));
                let y = y.map(|(_, rest)| last_group(rest));
                let mut last = [[T::default(); _]; 1];
                let y = y.as_ref().map(<[_; 1]>::as_slice);
                reduce(s, activation, params, [&x, &g], y, Some(&mut last), sums);
                if let Some((_, rest)) = pre {
                    rest.copy_from_slice(&last[0][..rest.len()]);
                }
            }
        }
    }
}

/// Groups of channels: `params` are mean, scale, beta.
#[inline(always)]
fn reduce<S: Simd, T: Element>(
    s: S,
    activation: ActivationFn,
    params: [&[Group<f32>]; 3],
    [x, grad_y]: [&[Group<T>]; 2],
    y: Option<&[Group<T>]>,
    grad_pre: Option<&mut [Group<T>]>,
    [sums, products]: [&mut [Group<f32>]; 2],
) {
    let groups = x.len();
    let [mean, scale, beta] = params.map(|params| &params[..groups]);
    let (grad_y, y) = (&grad_y[..groups], y.map(|y| &y[..groups]));
    let (sums, products) = (&mut sums[..groups], &mut products[..groups]);
    let mut grad_pre = grad_pre.map(|pre| &mut pre[..groups]);
    for group in 0..groups {
        s.prefetch(x[group].as_ptr().wrapping_byte_add(AHEAD));
        s.prefetch(grad_y[group].as_ptr().wrapping_byte_add(AHEAD));
        for at in (0..x[group].len()).step_by(S::LANES) {
            let centred = s.sub(s.load(&x[group][at..]), s.load(&mean[group][at..]));
            let affine = [s.load(&scale[group][at..]), s.load(&beta[group][at..])];
            let y = y.map(|y| s.load(&y[group][at..]));
            let gradient = before(s, activation, [centred, s.load(&grad_y[group][at..])], y, affine);
            let sum = s.add(s.load(&sums[group][at..]), gradient);
            s.store(&mut sums[group][at..], sum);
            let product = s.mul_add(gradient, centred, s.load(&products[group][at..]));
            s.store(&mut products[group][at..], product);
            if let Some(grad_pre) = &mut grad_pre {
                s.store(&mut grad_pre[group][at..], gradient);
            }
        }
    }
}

/// `grad_x = d·scale + (x - mean)·slope + shift`
struct Input<'a, T> {
    slopes: Slopes<'a>,
    slope: &'a [f32],
    shift: &'a [f32],
    x: &'a [T],
    y: Option<&'a [T]>,
    grad_y: &'a [T],
    grad_x: &'a mut [T],
}

impl<T: Element> Kernel for Input<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.slopes.mean.len();
        let [mean, scale, beta] = self.slopes.groups();
        let params = [mean, scale, beta, self.slope.as_chunks().0, self.shift.as_chunks().0];
        let activation = self.slopes.activation;
        let blocks = self.x.chunks(len).zip(self.grad_y.chunks(len)).zip(self.grad_x.chunks_mut(len));
        for (block, ((x, g), to)) in blocks.enumerate() {
            let ((xs, x_rest), (gs, g_rest)) = (x.as_chunks(), g.as_chunks());
            let (tos, to_rest) = to.as_chunks_mut();
            let y = self.y.map(|y| y[block * len..][..x.len()].as_chunks());
            input(s, activation, params, [xs, gs], y.map(|(groups, _)| groups), tos);
            if !x_rest.is_empty() {
                let params = params.map(|params| &params[xs.len()..]);
                let (x, g, mut last) = (last_group(x_rest), last_group(g_rest), last_group(to_rest));
                let y = y.map(|(_, rest)| last_group(rest));
                let y = y.as_ref().map(<[_; 1]>::as_slice);
                input(s, activation, params, [&x, &g], y, &mut last);
                to_rest.copy_from_slice(&last[0][..to_rest.len()]);
            }
        }
    }
}

/// Groups of channels: `params` are mean, scale, beta, slope, shift.
#[inline(always)]
fn input<S: Simd, T: Element>(
    s: S,
    activation: ActivationFn,
    params: [&[Group<f32>]; 5],
    [x, grad_y]: [&[Group<T>]; 2],
    y: Option<&[Group<T>]>,
    grad_x: &mut [Group<T>],
) {
    let groups = x.len();
    let [mean, scale, beta, slope, shift] = params.map(|params| &params[..groups]);
    let (grad_y, y, grad_x) = (&grad_y[..groups], y.map(|y| &y[..groups]), &mut grad_x[..groups]);
    for group in 0..groups {
        s.prefetch(x[group].as_ptr().wrapping_byte_add(AHEAD));
        s.prefetch(grad_y[group].as_ptr().wrapping_byte_add(AHEAD));
        for at in (0..x[group].len()).step_by(S::LANES) {
            let centred = s.sub(s.load(&x[group][at..]), s.load(&mean[group][at..]));
            let affine = [s.load(&scale[group][at..]), s.load(&beta[group][at..])];
            let y = y.map(|y| s.load(&y[group][at..]));
            let gradient = before(s, activation, [centred, s.load(&grad_y[group][at..])], y, affine);
            let value = s.mul_add(centred, s.load(&slope[group][at..]), s.load(&shift[group][at..]));
            s.store(&mut grad_x[group][at..], s.mul_add(gradient, affine[0], value));
        }
    }
}
