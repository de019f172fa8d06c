//! Recipes: training as a list of phases, each with its own freezing, rates and schedule.
//!
//! A recipe is data. The learner runs it, `defrost plan` prints it, a run's files keep it.

use crate::plan::{FreezePlan, PlanError};
use crate::rates::Rates;
use crate::schedule::Schedule;

/// Which groups a phase trains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thaw {
    /// All from this position on; negative counts from the end, 0 is all.
    From(isize),
    /// These and no others, by name or index.
    Only(Vec<String>),
}

impl Thaw {
    /// The plan with these groups thawed.
    ///
    /// # Errors
    ///
    /// If the position or a group does not exist, or nothing would train.
    pub fn apply(&self, plan: &FreezePlan) -> Result<FreezePlan, PlanError> {
        let plan = match self {
            Self::From(position) => plan.freeze_to(*position)?,
            Self::Only(names) => plan.train_only(names)?,
        };
        plan.require_training()?;
        Ok(plan)
    }
}

/// A stretch of training under one freeze plan and one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// What tables and records call it.
    pub name: String,
    /// Which groups train.
    pub thaw: Thaw,
    /// Passes over the training data.
    pub epochs: usize,
    /// The highest rate of each group.
    pub rates: Rates,
    /// How rate and momentum move.
    pub schedule: Schedule,
}

impl Phase {
    /// A phase that thaws from a position on.
    pub fn from_position(position: isize, epochs: usize, rates: Rates, schedule: Schedule) -> Self {
        let name = match position {
            0 => "thawed".to_owned(),
            -1 => "frozen".to_owned(),
            other => format!("freeze_to({other})"),
        };
        Self { name, thaw: Thaw::From(position), epochs, rates, schedule }
    }

    /// A phase that trains the named groups only.
    pub fn only(names: Vec<String>, epochs: usize, rates: Rates, schedule: Schedule) -> Self {
        Self { name: format!("only {}", names.join(", ")), thaw: Thaw::Only(names), epochs, rates, schedule }
    }
}

/// fastai's `fine_tune`: train the head on frozen features, then everything, gently.
#[derive(Clone, Debug, PartialEq)]
pub struct FineTune {
    /// Epochs with everything thawed.
    pub epochs: usize,
    /// Epochs with all groups but the last frozen, before.
    pub freeze_epochs: usize,
    /// The frozen phase's rate. The thawed phase halves it for the last group and spreads it down to a
    /// [`rate_spread`](Self::rate_spread)th of that for the first. Rates that name the groups are taken
    /// as they are for the frozen phase, halved for the thawed one.
    pub rates: Rates,
    /// fastai's `lr_mult`.
    pub rate_spread: f64,
    /// The fraction of the thawed phase that warms up.
    pub pct_start: f64,
    /// The thawed phase's first rate is its highest over this.
    pub div_factor: f64,
}

impl FineTune {
    /// fastai's defaults for this many epochs.
    pub fn new(epochs: usize) -> Self {
        Self {
            epochs,
            freeze_epochs: 1,
            rates: Rates::One(2e-3),
            rate_spread: 100.0,
            pct_start: 0.3,
            div_factor: 5.0,
        }
    }

    /// What `defrost train` does with images: as fastai, but the first group thaws at a third of the head's
    /// rate, not at a hundredth. With a head that has no norms, and the body's held still, that is safe, and
    /// what a few epochs reach is better (`docs/benchmarks.md`).
    pub fn brisk(epochs: usize) -> Self {
        Self { rates: Rates::Between(6e-4, 2e-3), ..Self::new(epochs) }
    }

    /// The phases; one without epochs is left out.
    pub fn phases(&self) -> Vec<Phase> {
        let Schedule::OneCycle { div_factor, final_div_factor, momentum, .. } = Schedule::ONE_CYCLE else {
            unreachable!("ONE_CYCLE is a one-cycle schedule")
        };
        let (frozen_rates, thawed_rates) = match &self.rates {
            Rates::One(base) => {
                (Rates::UpTo(*base), Rates::Between(base / 2.0 / self.rate_spread, base / 2.0))
            }
            spread => (spread.clone(), spread.scaled(0.5)),
        };
        let frozen = Schedule::OneCycle { div_factor, final_div_factor, pct_start: 0.99, momentum };
        let thawed = Schedule::OneCycle {
            div_factor: self.div_factor,
            final_div_factor,
            pct_start: self.pct_start,
            momentum,
        };
        let phases = [
            Phase::from_position(-1, self.freeze_epochs, frozen_rates, frozen),
            Phase::from_position(0, self.epochs, thawed_rates, thawed),
        ];
        phases.into_iter().filter(|phase| phase.epochs > 0).collect()
    }
}

/// ULMFiT's gradual unfreezing (arXiv 1801.06146), for any network: one group more a phase, the rate halved
/// from phase to phase, then everything at a twentieth of it. Within a phase each group's rate is 2.6
/// times the one before it over four groups' distance. Momentum goes from .8 to .7 and back, as fastai's for
/// texts.
pub fn gradual(groups: usize, epochs: usize, epochs_a_group: usize, rate: f64) -> Vec<Phase> {
    let spread = 2.6f64.powi(4);
    let Schedule::OneCycle { div_factor, final_div_factor, pct_start, .. } = Schedule::ONE_CYCLE else {
        unreachable!("ONE_CYCLE is a one-cycle schedule")
    };
    let schedule = Schedule::OneCycle { div_factor, final_div_factor, pct_start, momentum: [0.8, 0.7, 0.8] };
    let partial = (1..groups as isize).map(|thawed| {
        let rate = rate / 2f64.powi(thawed as i32 - 1);
        let rates = if thawed == 1 { Rates::One(rate) } else { Rates::Between(rate / spread, rate) };
        Phase::from_position(-thawed, epochs_a_group, rates, schedule.clone())
    });
    let last = rate / 20.0;
    let whole = Phase::from_position(0, epochs, Rates::Between(last / spread, last), schedule.clone());
    partial.chain([whole]).filter(|phase| phase.epochs > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fine_tune_leaves_out_phases_without_epochs() {
        assert_eq!(FineTune { freeze_epochs: 0, ..FineTune::new(2) }.phases().len(), 1);
        assert_eq!(FineTune::new(0).phases()[0].thaw, Thaw::From(-1));
    }

    #[test]
    fn gradual_thaws_one_group_a_phase() {
        let positions: Vec<_> = gradual(4, 2, 1, 2e-2).into_iter().map(|phase| phase.thaw).collect();
        assert_eq!(positions, [-1, -2, -3, 0].map(Thaw::From));
        let rates: Vec<_> = gradual(4, 2, 1, 2e-2).iter().map(|phase| phase.rates.highest()).collect();
        assert_eq!(rates, [2e-2, 1e-2, 5e-3, 1e-3]);
        // Of fastai's recipe: slice(1e-2/(2.6**4), 1e-2) in the second phase.
        let second = &gradual(4, 2, 1, 2e-2)[1];
        assert_eq!(second.rates, Rates::Between(1e-2 / 2.6f64.powi(4), 1e-2));
        assert_eq!([0.0, 0.25, 1.0].map(|position| second.schedule.at(position).momentum), [0.8, 0.7, 0.8]);
    }
}
