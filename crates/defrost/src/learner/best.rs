//! The best epoch of a run, over all its phases.

use super::{EpochRecord, Evaluation, Learner, LearnerError};
use crate::stage::Network;
use crate::weights::{self, Tensors};

/// The best epoch so far and the weights it ended with.
#[derive(Clone, Debug)]
pub(super) struct Best {
    /// What was measured.
    pub(super) record: EpochRecord,
    /// The epoch, counted over all phases from 0.
    pub(super) epoch: usize,
    pub(super) tensors: Tensors,
    /// What was made of the validation items; none after a run has been taken up.
    pub(super) evaluation: Option<Evaluation>,
}

impl<N: Network> Learner<N> {
    /// The best epoch of the run so far, or of the last one, which ended with its weights. None after `fit`, which keeps
    /// the weights that training left.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.best.as_ref().map(|best| &best.record)
    }

    /// What the best epoch's network makes of the validation items: as it was measured then or, in a run that was
    /// taken up after that epoch, measured anew.
    ///
    /// # Errors
    ///
    /// If it has to be measured anew and an item can't be read.
    pub fn best_evaluation(&mut self) -> Result<Evaluation, LearnerError> {
        if let Some(evaluation) = self.best.as_ref().and_then(|best| best.evaluation.clone()) {
            return Ok(evaluation);
        }
        let evaluation = self.evaluate()?;
        if let Some(best) = &mut self.best {
            best.evaluation = Some(evaluation.clone());
        }
        Ok(evaluation)
    }

    /// Keeps the weights as they are, if this epoch is the best.
    pub(super) fn keep_if_best(&mut self, record: &EpochRecord, evaluation: Evaluation) {
        let monitored = self.monitored_metric();
        if self.best.as_ref().is_none_or(|best| record.is_better_than(&best.record, monitored)) {
            let (epoch, tensors) = (self.history.epochs(), weights::collect(self.network()));
            self.best = Some(Best { record: record.clone(), epoch, tensors, evaluation: Some(evaluation) });
        }
    }

    /// Goes back to the best epoch's weights.
    pub(super) fn restore_best(&mut self) {
        if let Some(best) = self.best.take() {
            self.load_tensors(&best.tensors);
            self.best = Some(best);
        }
    }
}
