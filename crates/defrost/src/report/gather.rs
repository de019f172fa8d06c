//! From a learner whose run has ended to its report.

use super::training_batch::training_batch;
use super::{Report, State, ValidationReport};
use crate::bundle::ModelConfig;
use crate::interpret::movements;
use crate::learner::{Learner, LearnerError};
use crate::stage::Network;
use crate::weights::{self, Tensors};

/// Facts about the end of a run that the learner does not know.
#[derive(Clone, Copy, Debug)]
pub struct Ended<'a> {
    /// Seconds it took, setting up included.
    pub seconds: f64,
    /// Why it ended before its last phase did, if it did.
    pub early: Option<&'a str>,
    /// The weights it began with.
    pub start: &'a Tensors,
    /// The probability from which on each label is said to be there; none where items are of one class or have numbers.
    pub thresholds: &'a [f32],
}

impl Report {
    /// The same, with the result of the run. Measuring again is only needed if the run was resumed after its best
    /// epoch; what it costs is reading the items that are shown, and a pass back through the head for them.
    ///
    /// # Errors
    ///
    /// If the validation items have to be measured anew and one can't be read.
    pub fn ended<N: Network, M: ModelConfig<Network = N>>(
        self,
        learner: &mut Learner<N>,
        model: &M,
        end: &Ended<'_>,
    ) -> Result<Self, LearnerError> {
        let validation = ValidationReport::of(learner, model, &self.about.classes, end.thresholds)?;
        let now = weights::collect(learner.network());
        let seconds = end.seconds;
        Ok(Self {
            state: match end.early {
                Some(reason) => State::EndedEarly { seconds, reason: reason.to_owned() },
                None => State::Finished { seconds },
            },
            epochs: learner.history().records().to_vec(),
            monitored: learner.monitored_metric().map(str::to_owned),
            estimates: learner.history().estimates().to_vec(),
            movements: movements(learner.plan().groups().stages(), end.start, &now),
            decision: learner.decision().cloned(),
            validation,
            batch_losses: learner.history().batch_losses().clone(),
            batch: training_batch(learner, model, &self.about.classes),
            ..self
        })
    }
}
