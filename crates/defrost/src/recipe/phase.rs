//! A phase before it knows its network: positions, rates and a schedule.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Patience, RecipeError, ResolvedPhase};
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
    /// The plan with these groups unfrozen.
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

/// How a phase finds better weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Step by step along gradients of batches, under the phase's rates and schedule.
    #[default]
    Steps,
    /// At once: the head is one dense layer on frozen features, and its best weights are solved for. There are no
    /// rates, and one epoch is all.
    SolveHead,
    /// Not at all: the weights that the network begins with are measured, so that training has to prove better. One epoch
    /// is all.
    Measure,
}

/// A stretch of training under one freeze plan and one schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Its name in tables and records.
    pub name: String,
    /// Which groups train.
    pub thaw: Thaw,
    /// Passes over the training data.
    pub epochs: usize,
    /// The highest rate of each group.
    pub rates: Rates,
    /// How rate and momentum move.
    pub schedule: Schedule,
    /// How it finds better weights.
    pub method: Method,
    /// Whether what it ends with has to prove better than the frozen head, or the start, before it: see
    /// [`Decision`](crate::learner::Decision). Else the run ends with its best epoch.
    pub compared: bool,
    /// The penalty on the weights of a dense head that is computed anew before the phase, if it is. See
    /// [`FineTune::head_penalty`](super::FineTune::head_penalty).
    pub head_penalty: Option<f64>,
    /// The rule that ends it before its last epoch, if there is one.
    pub patience: Option<Patience>,
}

impl Phase {
    /// A phase that trains all groups from a position on.
    pub fn from_position(position: isize, epochs: usize, rates: Rates, schedule: Schedule) -> Self {
        let name = match position {
            0 => "thawed".to_owned(),
            -1 => "frozen".to_owned(),
            other => format!("freeze_to({other})"),
        };
        Self {
            name,
            thaw: Thaw::From(position),
            epochs,
            rates,
            schedule,
            method: Method::Steps,
            compared: false,
            head_penalty: None,
            patience: None,
        }
    }

    /// A phase that trains the named groups only.
    pub fn only(names: Vec<String>, epochs: usize, rates: Rates, schedule: Schedule) -> Self {
        let name = format!("only {}", names.join(", "));
        Self { name, thaw: Thaw::Only(names), ..Self::from_position(0, epochs, rates, schedule) }
    }

    /// The same until this patience ends, at rates that stay as they are; nothing changes where there is none.
    #[must_use]
    pub fn with_patience(self, patience: Option<Patience>) -> Self {
        let schedule = if patience.is_some() { Schedule::Constant } else { self.schedule };
        Self { schedule, patience, ..self }
    }

    /// A phase that solves for a dense head on frozen features.
    pub fn solved_head() -> Self {
        let phase = Self::from_position(-1, 1, Rates::One(0.0), Schedule::Constant);
        Self { method: Method::SolveHead, ..phase }
    }

    /// A phase that trains nothing and measures the weights the network begins with.
    pub fn start() -> Self {
        Self { name: "start".to_owned(), method: Method::Measure, ..Self::solved_head() }
    }

    /// The phase for a network of the plan's groups.
    pub(super) fn resolve(&self, plan: &FreezePlan) -> Result<ResolvedPhase, RecipeError> {
        let plan = self.thaw.apply(plan).map_err(|source| RecipeError::Plan {
            phase: self.name.clone(),
            thaw: self.thaw.clone(),
            source,
        })?;
        let groups = plan.groups().count();
        let rates = match self.method {
            Method::SolveHead | Method::Measure => vec![0.0; groups],
            Method::Steps => self.rates.for_groups(groups).map_err(|source| RecipeError::Rates {
                phase: self.name.clone(),
                rates: self.rates.clone(),
                source,
            })?,
        };
        Ok(ResolvedPhase {
            name: self.name.clone(),
            plan: Arc::new(plan),
            rates,
            schedule: self.schedule.clone(),
            epochs: self.epochs,
            method: self.method,
            compared: self.compared,
            head_penalty: self.head_penalty,
            patience: self.patience,
        })
    }
}
