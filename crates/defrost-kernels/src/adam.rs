//! Adam, as fastai steps it.
//!
//! ```text
//! p   ← p · (1 - lr·weight_decay)
//! avg ← beta1·avg + (1 - beta1)·g
//! sqr ← beta2·sqr + (1 - beta2)·g²
//! p   ← p - lr / (1 - beta1^step) · avg / (√(sqr / (1 - beta2^step)) + eps)
//! ```
//!
//! The decay is decoupled and comes first; `eps` is added outside the root; the debiasing uses this
//! step's beta1, although earlier steps may have used another.

use rayon::prelude::*;

use crate::{
    IsaLevel,
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
    pub beta1: f64,
    /// Decay of the squared gradients' average.
    pub beta2: f64,
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
    isa: IsaLevel,
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
            simd::run(isa, Step { factors, parameter, gradient, average, sqr_average });
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
        let debias = |beta1: f64| 1.0 - beta1.powf(f64::from(step.step));
        Self {
            shrink: (1.0 - step.lr * step.weight_decay) as f32,
            keep: step.beta1 as f32,
            take: (1.0 - step.beta1) as f32,
            sqr_keep: step.beta2 as f32,
            sqr_take: (1.0 - step.beta2) as f32,
            sqr_debias: (1.0 / debias(step.beta2)) as f32,
            eps: step.eps as f32,
            rate: (-step.lr / debias(step.beta1)) as f32,
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Three weights (weight decay 0.01, first rate) and a bias (none, second rate) of a trajectory that
    /// fastai 2.8.12 stepped.
    const START: [f32; 4] = [0.80327606, 0.17483339, 0.0889781, 0.3374951];

    /// Both rates, beta1, gradients, the parameters after the step.
    type Recorded = (f64, f64, f64, [f32; 4], [f32; 4]);
    const STEPS: [Recorded; 8] = [
        (
            0.01,
            0.03,
            0.95,
            [0.9774318, 0.52204996, 1.2379167, -0.079854324],
            [0.79319584, 0.1648161, 0.078969285, 0.36749133],
        ),
        (
            0.009,
            0.027,
            0.94,
            [0.495189, -0.16431698, -0.6779622, -0.39215022],
            [0.78556377, 0.16186287, 0.077604234, 0.38980198],
        ),
        (
            0.008,
            0.024,
            0.93,
            [0.5343607, -1.4510227, -0.629374, 0.012091091],
            [0.7792262, 0.16584991, 0.078874096, 0.4028197],
        ),
        (
            0.007,
            0.021,
            0.92,
            [0.43616098, 1.0170135, -2.1925268, -1.0547109],
            [0.7740442, 0.16582575, 0.08255412, 0.41677043],
        ),
        (
            0.006,
            0.018,
            0.91,
            [0.81072587, -0.8045926, -1.0500642, -0.95087886],
            [0.7694379, 0.16708374, 0.08597804, 0.42995718],
        ),
        (
            0.005,
            0.015,
            0.9,
            [-1.2132863, 1.0946735, -0.4956853, 0.61130756],
            [0.76867616, 0.16656864, 0.088649526, 0.43501204],
        ),
        (
            0.004,
            0.012,
            0.89,
            [0.026112664, -0.028180778, 1.4627517, -0.6148446],
            [0.768149, 0.16625933, 0.08925727, 0.44030344],
        ),
        (
            0.003,
            0.009,
            0.88,
            [-1.9673153, -2.026338, 0.56501186, 0.1656629],
            [0.7690333, 0.16716045, 0.089354336, 0.44308868],
        ),
    ];

    fn levels() -> impl Iterator<Item = IsaLevel> {
        IsaLevel::NAMES.into_iter().filter_map(IsaLevel::named)
    }

    fn step(lr: f64, beta1: f64, weight_decay: f64, step: u32) -> AdamStep {
        AdamStep { lr, beta1, beta2: 0.99, eps: 1e-5, weight_decay, step }
    }

    #[test]
    fn steps_as_fastai_does() {
        for isa in levels() {
            let (mut parameter, mut average, mut sqr_average) = (START, [0.0; 4], [0.0; 4]);
            for (count, (weight_lr, bias_lr, beta1, gradient, expected)) in (1..).zip(STEPS) {
                for (part, lr, decay) in [(0..3, weight_lr, 0.01), (3..4, bias_lr, 0.0)] {
                    adam_step(
                        isa,
                        step(lr, beta1, decay, count),
                        &mut parameter[part.clone()],
                        &gradient[part.clone()],
                        &mut average[part.clone()],
                        &mut sqr_average[part],
                    );
                }
                for (found, expected) in parameter.iter().zip(expected) {
                    let error = (found - expected).abs() / expected.abs();
                    assert!(error <= 1e-6, "{} step {count}: {found}, not {expected}", isa.name());
                }
            }
        }
    }

    #[test]
    fn every_length_steps_alike_on_every_level() {
        // Every rest of a vector, and more than a chunk. Levels differ by fused roundings alone.
        for len in (0..40).chain([CHUNK, CHUNK + 17]) {
            let wave = |scale: f32| (0..len).map(|i| (i as f32 * scale).sin()).collect::<Vec<f32>>();
            let run = |isa| {
                let (mut parameter, mut average) = (wave(0.7), wave(0.3));
                let mut sqr_average: Vec<f32> = wave(0.9).iter().map(|x| x * x).collect();
                let step = step(1e-3, 0.9, 0.01, 3);
                adam_step(isa, step, &mut parameter, &wave(0.2), &mut average, &mut sqr_average);
                [parameter, average, sqr_average].concat()
            };
            let expected = run(IsaLevel::PORTABLE);
            for isa in levels() {
                for (found, expected) in run(isa).iter().zip(&expected) {
                    assert!((found - expected).abs() <= 1e-6, "{}: {found}, not {expected}", isa.name());
                }
            }
        }
    }
}
