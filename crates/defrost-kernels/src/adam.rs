//! Adam, as fastai steps it.
//!
//! ```text
//! p   ← p · (1 - lr·weight_decay)
//! avg ← momentum·avg + (1 - momentum)·g
//! sqr ← sqr_momentum·sqr + (1 - sqr_momentum)·g²
//! p   ← p - lr / (1 - momentum^step) · avg / (√(sqr / (1 - sqr_momentum^step)) + eps)
//! ```
//!
//! The decay is decoupled and comes first; `eps` is added outside the root; the debiasing uses this
//! step's momentum, although earlier steps may have used another.

use rayon::prelude::*;

use crate::{
    Tier,
    simd::{self, Kernel, Simd},
};

/// Parameters a thread takes at a time.
const CHUNK: usize = 1 << 14;

/// One step's hyper-parameters.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamStep {
    /// Learning rate.
    pub lr: f64,
    /// Decay of the gradients' average.
    pub momentum: f64,
    /// Decay of the squared gradients' average.
    pub sqr_momentum: f64,
    /// Added to the denominator.
    pub eps: f64,
    /// Decoupled weight decay: the parameter shrinks by `lr * weight_decay` of itself.
    pub weight_decay: f64,
    /// Steps taken, this one included: 1 for the first.
    pub step: u32,
}

/// Steps `parameter` and its two averages.
///
/// # Panics
///
/// If the lengths differ or `step` is 0.
pub fn adam_step(
    tier: Tier,
    step: AdamStep,
    parameter: &mut [f32],
    gradient: &[f32],
    average: &mut [f32],
    sqr_average: &mut [f32],
) {
    let len = parameter.len();
    assert!(len == gradient.len() && len == average.len() && len == sqr_average.len(), "lengths differ");
    assert!(step.step > 0, "steps are counted from 1");
    let factors = Factors::of(&step);
    (
        parameter.par_chunks_mut(CHUNK),
        gradient.par_chunks(CHUNK),
        average.par_chunks_mut(CHUNK),
        sqr_average.par_chunks_mut(CHUNK),
    )
        .into_par_iter()
        .for_each(|(parameter, gradient, average, sqr_average)| {
            simd::run(tier, Step { factors, parameter, gradient, average, sqr_average });
        });
}

/// What is the same for all parameters, worked out in `f64` as fastai's Python does.
#[derive(Clone, Copy)]
struct Factors {
    shrink: f32,
    keep: f32,
    take: f32,
    sqr_keep: f32,
    sqr_take: f32,
    sqr_debias: f32,
    eps: f32,
    rate: f32,
}

impl Factors {
    fn of(step: &AdamStep) -> Self {
        let debias = |momentum: f64| 1.0 - momentum.powf(f64::from(step.step));
        Self {
            shrink: (1.0 - step.lr * step.weight_decay) as f32,
            keep: step.momentum as f32,
            take: (1.0 - step.momentum) as f32,
            sqr_keep: step.sqr_momentum as f32,
            sqr_take: (1.0 - step.sqr_momentum) as f32,
            sqr_debias: (1.0 / debias(step.sqr_momentum)) as f32,
            eps: step.eps as f32,
            rate: (-step.lr / debias(step.momentum)) as f32,
        }
    }
}

struct Step<'a> {
    factors: Factors,
    parameter: &'a mut [f32],
    gradient: &'a [f32],
    average: &'a mut [f32],
    sqr_average: &'a mut [f32],
}

impl Kernel for Step<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, s: S) {
        let len = self.gradient.len();
        let f = self.factors;
        let (parameter, average) = (&mut self.parameter[..len], &mut self.average[..len]);
        let sqr_average = &mut self.sqr_average[..len];
        for at in (0..len).step_by(S::LANES) {
            let g = s.load_up_to(&self.gradient[at..]);
            let avg = s.mul(s.load_up_to(&average[at..]), s.splat(f.keep));
            let avg = s.mul_add(g, s.splat(f.take), avg);
            let sqr = s.mul(s.load_up_to(&sqr_average[at..]), s.splat(f.sqr_keep));
            let sqr = s.mul_add(s.mul(g, g), s.splat(f.sqr_take), sqr);
            let denominator = s.add(s.sqrt(s.mul(sqr, s.splat(f.sqr_debias))), s.splat(f.eps));
            let p = s.mul(s.load_up_to(&parameter[at..]), s.splat(f.shrink));
            let p = s.mul_add(s.div(avg, denominator), s.splat(f.rate), p);
            s.store_up_to(&mut average[at..], avg);
            s.store_up_to(&mut sqr_average[at..], sqr);
            s.store_up_to(&mut parameter[at..], p);
        }
    }
}
