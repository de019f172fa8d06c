//! How rate and momentum move during a phase: pure functions of the position in it.
//!
//! A position is batches done over batches in all, `0.0..1.0`; hyper-parameters are set before each batch.
//! The shapes and constants are fastai's (`fit_one_cycle`, `fit_flat_cos`, `fit_sgdr`).

use std::f64::consts::PI;
use std::fmt;
use std::sync::Arc;

/// The optimizer's hyper-parameters for one batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HyperParameters {
    /// The factor of each group's highest rate.
    pub rate_factor: f64,
    /// How much of the previous updates carries over.
    pub momentum: f64,
}

/// A course of rate and momentum.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// The rate as given, from start to end.
    Constant,
    /// Warm up to the highest rate, anneal to almost nothing; momentum goes the other way.
    OneCycle {
        /// The first rate is the highest over this.
        div_factor: f64,
        /// The last rate is the highest over this.
        final_div_factor: f64,
        /// The fraction of the phase that warms up, `0.0..1.0`.
        pct_start: f64,
        /// Momentum at the start, at the highest rate, at the end.
        momentum: [f64; 3],
    },
    /// Flat, then a cosine down to almost nothing.
    FlatCos {
        /// The fraction of the phase that stays flat, `0.0..1.0`.
        flat: f64,
        /// The last rate is the highest over this.
        final_div_factor: f64,
    },
    /// Cosine cycles from the highest rate to 0, each longer than the one before.
    Restarts {
        /// The cycles.
        cycles: u32,
        /// How many times as long as the one before each cycle is.
        factor: f64,
    },
    /// A custom function.
    Own(OwnSchedule),
}

type Function = dyn Fn(f64) -> HyperParameters + Send + Sync;

/// A custom schedule: see [`Schedule::own`]. Two with the same name count as equal.
#[derive(Clone)]
pub struct OwnSchedule {
    name: String,
    at: Arc<Function>,
}

impl PartialEq for OwnSchedule {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for OwnSchedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Momentum where a schedule does not move it.
pub(crate) const MOMENTUM: f64 = 0.9;

impl Schedule {
    /// fastai's `fit_one_cycle` with its defaults.
    pub const ONE_CYCLE: Self = Self::one_cycle(25.0, 0.25, [0.95, 0.85, 0.95]);

    /// fastai's `fit_one_cycle` with another first rate, warm-up or momentum.
    pub const fn one_cycle(div_factor: f64, pct_start: f64, momentum: [f64; 3]) -> Self {
        Self::OneCycle { div_factor, final_div_factor: 1e5, pct_start, momentum }
    }

    /// fastai's `fit_flat_cos` with its defaults.
    pub const FLAT_COS: Self = Self::FlatCos { flat: 0.75, final_div_factor: 1e5 };

    /// A pure function of the position in the phase, `0.0..1.0`. Its name stands for it in checkpoints: a function that
    /// computes something else needs another.
    ///
    /// ```
    /// use defrost::{HyperParameters, Schedule};
    ///
    /// let linear = Schedule::own("linear", |position| HyperParameters {
    ///     rate_factor: 1.0 - position,
    ///     momentum: 0.9,
    /// });
    /// assert_eq!(linear.at(0.25).rate_factor, 0.75);
    /// ```
    pub fn own(name: impl Into<String>, at: impl Fn(f64) -> HyperParameters + Send + Sync + 'static) -> Self {
        Self::Own(OwnSchedule { name: name.into(), at: Arc::new(at) })
    }

    /// The hyper-parameters at `position`.
    pub fn at(&self, position: f64) -> HyperParameters {
        match *self {
            Self::Own(ref own) => (own.at)(position),
            Self::Constant => HyperParameters { rate_factor: 1.0, momentum: MOMENTUM },
            Self::OneCycle { div_factor, final_div_factor, pct_start, momentum } => HyperParameters {
                rate_factor: two_cosines(
                    pct_start,
                    [1.0 / div_factor, 1.0, 1.0 / final_div_factor],
                    position,
                ),
                momentum: two_cosines(pct_start, momentum, position),
            },
            Self::FlatCos { flat, final_div_factor } => HyperParameters {
                rate_factor: two_cosines(flat, [1.0, 1.0, 1.0 / final_div_factor], position),
                momentum: MOMENTUM,
            },
            Self::Restarts { cycles, factor } => {
                HyperParameters { rate_factor: restarts(cycles, factor, position), momentum: MOMENTUM }
            }
        }
    }

    /// The epochs of cosine restarts whose first cycle takes `first` epochs.
    pub fn restart_epochs(first: usize, cycles: u32, factor: usize) -> usize {
        (0..cycles).map(|cycle| first * factor.pow(cycle)).sum()
    }
}

/// Half a cosine from `start` to `end`; `fraction` is how much of the way is done, `0.0..=1.0`.
fn cosine(start: f64, end: f64, fraction: f64) -> f64 {
    start + (1.0 + (PI * (1.0 - fraction)).cos()) * (end - start) / 2.0
}

/// A cosine from the first value to the second until `turn`, then one to the third.
fn two_cosines(turn: f64, [start, middle, end]: [f64; 3], position: f64) -> f64 {
    if position < turn {
        cosine(start, middle, position / turn)
    } else {
        cosine(middle, end, (position - turn) / (1.0 - turn))
    }
}

fn restarts(cycles: u32, factor: f64, position: f64) -> f64 {
    let total: f64 = (0..cycles).map(|cycle| factor.powi(cycle as i32)).sum();
    // fastai works out the fraction of a cycle that is done in f32.
    let position = position as f32;
    let mut begin = 0.0f32;
    for cycle in 0..cycles {
        let end = begin + (factor.powi(cycle as i32) / total) as f32;
        if position < end || cycle + 1 == cycles {
            return cosine(1.0, 0.0, f64::from((position - begin) / (end - begin)));
        }
        begin = end;
    }
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_warm_up_of_nothing_or_everything_stays_finite() {
        for pct_start in [0.0, 1.0] {
            let schedule = Schedule::OneCycle {
                div_factor: 25.0,
                final_div_factor: 1e5,
                pct_start,
                momentum: [0.95, 0.85, 0.95],
            };
            for position in [0.0, 0.5, 0.999] {
                assert!(schedule.at(position).rate_factor.is_finite(), "{pct_start} {position}");
            }
        }
    }

    proptest! {
        #[test]
        fn factors_stay_between_nothing_and_the_highest_rate(position in 0.0..1.0f64) {
            let restarts = Schedule::Restarts { cycles: 3, factor: 2.0 };
            for schedule in [Schedule::Constant, Schedule::ONE_CYCLE, Schedule::FLAT_COS, restarts] {
                let hyper = schedule.at(position);
                prop_assert!((0.0..=1.0 + 1e-12).contains(&hyper.rate_factor), "{schedule:?}");
                prop_assert!((0.85..=0.95).contains(&hyper.momentum), "{schedule:?}");
            }
        }
    }
}
