//! Why training can't start or go on.

use thiserror::Error;

use super::CheckpointError;
use crate::data::{DataError, Target};
use crate::groups::GroupsError;
use crate::loss::LossError;
use crate::metrics::NotANumber;
use crate::plan::PlanError;
use crate::rates::RatesError;
use crate::recipe::RecipeError;
use crate::remedy::Remedy;

/// Training can't start or go on.
#[derive(Debug, Error)]
pub enum LearnerError {
    /// The stages can't be grouped so.
    #[error(transparent)]
    Groups(#[from] GroupsError),
    /// The freeze position or group does not exist.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The rates don't fit.
    #[error(transparent)]
    Rates(#[from] RatesError),
    /// The recipe doesn't fit.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A phase was resolved for another network.
    #[error("phase {phase} was made for a network of other layer groups; resolve its recipe for this one")]
    OtherNetwork {
        /// The phase's name.
        phase: String,
    },
    /// An item can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A label is of another kind than the loss, or names a class there is no score for.
    #[error(
        "{item}: it is labelled {target:?}, and this loss is for items with {expected}, over {outputs} outputs"
    )]
    Target {
        /// The item's name.
        item: String,
        /// Its label.
        target: Target,
        /// The kind of targets that the loss is for.
        expected: &'static str,
        /// How many scores the network gives.
        outputs: usize,
    },
    /// The network gives no scores for an item.
    #[error("{item}: {source}")]
    Scores {
        /// The item's name.
        item: String,
        /// The reason.
        source: NotANumber,
    },
    /// No metric of this name is measured.
    #[error("the metric {name} is not measured of these items; there are {known}")]
    Monitored {
        /// The name.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A custom metric has the name of another.
    #[error("two metrics are called {0}; give your own another name")]
    MetricName(String),
    /// An option does not fit the loss.
    #[error(transparent)]
    Loss(#[from] LossError),
    /// A checkpoint can't be read, or belongs to another run.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A head can't be solved for.
    #[error(
        "the head can't be computed directly: it must be one dense layer, and everything before it frozen"
    )]
    NoDenseHead,
    /// A stop was requested, by [`Learner::stop_on`](super::Learner::stop_on).
    #[error("training was stopped between two batches")]
    Interrupted,
    /// There is nothing to train on.
    #[error("there are no training items")]
    NoItems,
    /// The loss left the numbers.
    #[error(
        "the loss is {loss} in phase {phase}, epoch {epoch}, batch {batch}, and was NaN at twice and four times \
         the rate: try a tenth of it"
    )]
    NotFinite {
        /// The loss.
        loss: f64,
        /// The phase's name.
        phase: String,
        /// The epoch in it, from 1.
        epoch: usize,
        /// The batch in that, from 1.
        batch: usize,
    },
}

impl LearnerError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Groups(error) => error.remedy(),
            Self::Checkpoint(error) => error.remedy(),
            _ => None,
        }
    }
}
