//! How much an advice may compute: passes, counted the same on every machine.

use serde::{Deserialize, Serialize};

use super::advisor::Advisor;
use crate::data::Draws;
use crate::learner::LearnerError;
use crate::platform::Instant;
use crate::prefix::{Cache, CacheLimits};
use crate::stage::Network;

/// A training step costs as much as this many forward passes.
pub(super) const STEP: u64 = 3;
/// The part of a time that passes get; solving for heads, which goes with the items that passes allow, reading and measuring
/// get the rest.
const FOR_PASSES: f64 = 0.5;

/// How much an advice may compute.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Budget {
    /// About as much as the training that it is for.
    #[default]
    OneTraining,
    /// Seconds, turned into passes once.
    Seconds(f64),
    /// Passes: one is an item's way through the whole network, forward.
    Passes(u64),
}

/// The allowed and the used budget of an advice. The same number of passes gives the same advice again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// The seconds asked for, if it was a time.
    pub seconds: Option<f64>,
    /// The seconds of a pass when a time was turned into passes.
    pub seconds_per_pass: Option<f64>,
    /// Passes that were allowed.
    pub passes: u64,
    /// The passes used so far. A cached pass counts like a computed one.
    pub passes_used: u64,
    /// Seconds it took.
    pub seconds_used: f64,
}

impl Spent {
    /// Passes that are left.
    pub(super) fn left(&self) -> u64 {
        self.passes.saturating_sub(self.passes_used)
    }
}

impl<N: Network> Advisor<'_, N> {
    /// The budget in passes.
    pub(super) fn budgeted(&mut self, budget: Budget) -> Result<Spent, LearnerError> {
        match budget {
            Budget::Passes(passes) => Ok(Spent { passes, ..Spent::default() }),
            Budget::OneTraining => Ok(Spent { passes: self.one_training()?, ..Spent::default() }),
            Budget::Seconds(seconds) => {
                let started = Instant::now();
                let each = self.seconds_per_pass()?;
                let left = (seconds - started.elapsed().as_secs_f64()).max(0.0);
                let passes = (FOR_PASSES * left / each.max(1e-9)) as u64;
                Ok(Spent { seconds: Some(seconds), seconds_per_pass: Some(each), passes, ..Spent::default() })
            }
        }
    }

    /// Passes of the training that the advice is for.
    fn one_training(&mut self) -> Result<u64, LearnerError> {
        let phases = self.bench.resolve(self.usual())?;
        let items = self.train.len();
        Ok(self.head_passes(items) + self.cost(&phases, items))
    }

    /// The dearer of a pass forward and a third of a training step, with everything thawed and nothing kept.
    fn seconds_per_pass(&mut self) -> Result<f64, LearnerError> {
        let plan = self.bench.plan().unfreeze();
        self.bench.set_plan(plan.into());
        let cached = std::mem::replace(&mut self.bench.cache, Cache::new(CacheLimits::none()));
        let timing = self.bench.timing(Draws { seed: self.bench.options.seed, epoch: 0 });
        self.bench.cache = cached;
        self.start_over();
        let timing = timing?;
        let items = self.bench.options.step_size().min(self.train.len()) as f64;
        Ok(timing.valid.max(timing.step / items / STEP as f64))
    }
}
