//! Layer norm over the last dimension.
//!
//! `y = (x - mean) / √(variance + eps) · gamma + beta`, with each row's mean and biased variance.

use rayon::prelude::*;

use crate::{
    Element, IsaLevel,
    channels::{add_to, round_to},
    simd::{self, Kernel, Simd},
};

/// Elements a thread takes at a time, in whole rows.
const CHUNK: usize = 1 << 14;

/// Normalises each row of `x` `[rows, width]`.
///
/// # Shapes
///
/// - `gamma`, `beta`: `[width]`
/// - `y`: `[rows, width]`
///
/// # Panics
///
/// If the lengths disagree.
pub fn layer_norm_forward<T: Element>(
    isa: IsaLevel,
    x: &[T],
    gamma: &[f32],
    beta: &[f32],
    eps: f32,
    y: &mut [T],
) {
    let width = gamma.len();
    assert!(width > 0 && x.len().is_multiple_of(width) && beta.len() == width, "not rows of {width}");
    assert!(x.len() == y.len(), "lengths differ");
    let len = width * (CHUNK / width).max(1);
    (x.par_chunks(len), y.par_chunks_mut(len))
        .into_par_iter()
        .for_each(|(x, y)| simd::run(isa, Forward { x, gamma, beta, eps, y }));
}

struct Forward<'a, T> {
    x: &'a [T],
    gamma: &'a [f32],
    beta: &'a [f32],
    eps: f32,
    y: &'a mut [T],
}

impl<T: Element> Kernel for Forward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let width = self.gamma.len();
        for (x, y) in self.x.chunks_exact(width).zip(self.y.chunks_exact_mut(width)) {
            let (mean, inverse) = moments(s, x, self.eps);
            let (mean, inverse) = (s.splat(mean), s.splat(inverse));
            for at in (0..width).step_by(S::LANES) {
                let normal = s.mul(s.sub(s.load_up_to(&x[at..]), mean), inverse);
                let (gamma, beta) = (s.load_up_to(&self.gamma[at..]), s.load_up_to(&self.beta[at..]));
                s.store_up_to(&mut y[at..], s.mul_add(normal, gamma, beta));
            }
        }
    }
}

/// A row's mean, and one over its standard deviation.
#[inline(always)]
fn moments<S: Simd, T: Element>(s: S, x: &[T], eps: f32) -> (f32, f32) {
    let width = x.len() as f32;
    let mut sum = s.splat(0.0);
    for at in (0..x.len()).step_by(S::LANES) {
        sum = s.add(sum, s.load_up_to(&x[at..]));
    }
    let mean = s.sum(sum) / width;
    let centre = s.splat(mean);
    let mut squares = s.splat(0.0);
    for at in (0..x.len()).step_by(S::LANES) {
        let value =
            if x.len() - at >= S::LANES { s.load(&x[at..]) } else { s.load_part_or(&x[at..], centre) };
        let distance = s.sub(value, centre);
        squares = s.mul_add(distance, distance, squares);
    }
    (mean, 1.0 / (s.sum(squares) / width + eps).sqrt())
}

/// Where [`layer_norm_backward`] writes the gradients.
#[derive(Debug)]
pub struct LayerNormGradients<'a, T> {
    /// Of the input, `[rows, width]`.
    pub x: &'a mut [T],
    /// Of the scale, `[width]`.
    pub gamma: &'a mut [f32],
    /// Of the shift, `[width]`.
    pub beta: &'a mut [f32],
}

/// The gradients of [`layer_norm_forward`]. Each row's statistics are taken again from `x`: the row is
/// in the cache anyway.
///
/// # Shapes
///
/// - `x`, `grad_y`: `[rows, width]`
/// - `gamma`: `[width]`
///
/// # Panics
///
/// If the lengths disagree.
pub fn layer_norm_backward<T: Element>(
    isa: IsaLevel,
    x: &[T],
    gamma: &[f32],
    eps: f32,
    grad_y: &[T],
    gradients: LayerNormGradients<T>,
) {
    let LayerNormGradients { x: grad_x, gamma: grad_gamma, beta: grad_beta } = gradients;
    let width = gamma.len();
    assert!(width > 0 && x.len().is_multiple_of(width), "not rows of {width}");
    assert!(x.len() == grad_y.len() && x.len() == grad_x.len(), "lengths differ");
    let len = width * (CHUNK / width).max(1);
    let parts: Vec<_> = (x.par_chunks(len), grad_y.par_chunks(len), grad_x.par_chunks_mut(len))
        .into_par_iter()
        .map(|(x, grad_y, grad_x)| {
            let (mut grad_gamma, mut grad_beta) = (vec![0.0; width], vec![0.0; width]);
            let (sums, products) = (&mut grad_beta, &mut grad_gamma);
            simd::run(isa, Backward { x, gamma, eps, grad_y, grad_x, sums, products });
            (grad_gamma, grad_beta)
        })
        .collect();
    let (mut products, mut sums) = (vec![0.0; width], vec![0.0; width]);
    for (product, sum) in parts {
        add_to(&mut products, product.into_iter().map(f64::from));
        add_to(&mut sums, sum.into_iter().map(f64::from));
    }
    round_to(grad_gamma, &products);
    round_to(grad_beta, &sums);
}

struct Backward<'a, T> {
    x: &'a [T],
    gamma: &'a [f32],
    eps: f32,
    grad_y: &'a [T],
    grad_x: &'a mut [T],
    sums: &'a mut [f32],
    products: &'a mut [f32],
}

impl<T: Element> Kernel for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let width = self.gamma.len();
        let (sums, products) = (&mut self.sums[..width], &mut self.products[..width]);
        let rows = self.x.chunks_exact(width).zip(self.grad_y.chunks_exact(width));
        for ((x, g), to) in rows.zip(self.grad_x.chunks_exact_mut(width)) {
            let (mean, inverse) = moments(s, x, self.eps);
            let (centre, inverse) = (s.splat(mean), s.splat(inverse));
            let (mut sum, mut product) = (s.splat(0.0), s.splat(0.0));
            for at in (0..width).step_by(S::LANES) {
                let g = s.load_up_to(&g[at..]);
                let normal = s.mul(s.sub(s.load_up_to(&x[at..]), centre), inverse);
                let scaled = s.mul(g, s.load_up_to(&self.gamma[at..]));
                sum = s.add(sum, scaled);
                product = s.mul_add(scaled, normal, product);
                let total = s.add(s.load_up_to(&sums[at..]), g);
                s.store_up_to(&mut sums[at..], total);
                let total = s.mul_add(g, normal, s.load_up_to(&products[at..]));
                s.store_up_to(&mut products[at..], total);
            }
            let mean_sum = s.splat(s.sum(sum) / width as f32);
            let mean_product = s.splat(s.sum(product) / width as f32);
            for at in (0..width).step_by(S::LANES) {
                let normal = s.mul(s.sub(s.load_up_to(&x[at..]), centre), inverse);
                let scaled = s.mul(s.load_up_to(&g[at..]), s.load_up_to(&self.gamma[at..]));
                let value = s.sub(s.sub(scaled, mean_sum), s.mul(normal, mean_product));
                s.store_up_to(&mut to[at..], s.mul(value, inverse));
            }
        }
    }
}
