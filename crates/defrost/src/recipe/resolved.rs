//! A phase that knows its network: the input of training, estimates, summaries and reports.

use std::sync::Arc;

use super::{Method, Patience};
use crate::optim::StepOptions;
use crate::plan::{FreezePlan, NormMode};
use crate::schedule::Schedule;

/// A phase for one network: which of its parameters train, at which rate each group. Made by
/// [`Recipe::resolve`](super::Recipe::resolve).
#[derive(Clone, Debug, PartialEq)]
pub struct ResolvedPhase {
    /// Its name in tables and records.
    pub name: String,
    /// The frozen groups.
    pub plan: Arc<FreezePlan>,
    /// The highest rate of each layer group.
    pub rates: Vec<f64>,
    /// How rate and momentum move.
    pub schedule: Schedule,
    /// Passes over the training data.
    pub epochs: usize,
    /// How it finds better weights.
    pub method: Method,
    /// Whether what it ends with has to prove better than the frozen head before it.
    pub compared: bool,
    /// The penalty on the weights of a dense head that is computed anew before it, if it is.
    pub head_penalty: Option<f64>,
    /// The rule that ends it before its last epoch, if there is one.
    pub patience: Option<Patience>,
}

impl ResolvedPhase {
    /// The hyper-parameters after `done` of `total` batches of the phase.
    pub fn step(&self, done: usize, total: usize) -> StepOptions {
        let hyper = self.schedule.at(done as f64 / total as f64);
        StepOptions {
            rates: self.rates.iter().map(|rate| rate * hyper.rate_factor).collect(),
            momentum: hyper.momentum,
        }
    }

    /// What it computes again and again because norms of its frozen groups train, if it does.
    pub fn cost_of_adapting(&self) -> Option<String> {
        let constant = self.plan.with_norm(NormMode::Keep).constant_stages();
        (self.plan.norm() == NormMode::Adapt && constant > 0).then(|| {
            format!(
                "{}: the norms of frozen groups train (norm mode adapt), so nothing is constant: each epoch runs all {} stages \
                 forward and back for every item; under keep, {constant} of them would run once for each item, without gradients, \
                 and be kept",
                self.name,
                self.plan.groups().stages().len()
            )
        })
    }

    /// A warning, if it leaves groups of new weights as they are.
    pub fn frozen_new_groups(&self) -> Option<String> {
        let groups = self.plan.groups();
        let frozen_new = self.plan.frozen_groups().into_iter().filter(|&group| groups.is_new(group));
        let names: Vec<&str> = frozen_new.map(|group| groups.groups()[group].name.as_str()).collect();
        (!names.is_empty()).then(|| {
            format!("{}: {} is new and frozen: its weights stay random", self.name, names.join(", "))
        })
    }
}
