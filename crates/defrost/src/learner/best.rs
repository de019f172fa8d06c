//! The best epochs of a run: one of a frozen body, one of phases that train more; and which weights are kept.

use super::{EpochRecord, Evaluation, Learner, LearnerError};
use crate::stage::Network;
use crate::weights::{self, Tensors};

/// Weights worth keeping, and what was measured of them.
#[derive(Clone, Debug)]
pub(super) struct Best {
    /// The measurements.
    pub(super) record: EpochRecord,
    /// The epoch they are of, or end at, counted over all phases from 0.
    pub(super) epoch: usize,
    pub(super) tensors: Tensors,
    /// The predictions for the validation items; none after a run was resumed.
    pub(super) evaluation: Option<Evaluation>,
}

/// The best so far, in a run or in the last one.
#[derive(Clone, Debug, Default)]
pub(super) struct Bests {
    /// Of the epochs in which only the head trained.
    pub(super) frozen: Option<Best>,
    /// Of all others.
    pub(super) thawed: Option<Best>,
    /// The final choice of the run, once it is made.
    pub(super) kept: Option<Best>,
}

impl Bests {
    /// The candidate that is kept, or would be by the monitored metric.
    pub(super) fn best(&self, monitored: Option<&str>) -> Option<&Best> {
        let better = |thawed: &&Best| match &self.frozen {
            Some(frozen) => thawed.record.is_better_than(&frozen.record, monitored),
            None => true,
        };
        let kept = self.kept.as_ref();
        kept.or_else(|| self.thawed.as_ref().filter(better)).or(self.frozen.as_ref())
    }
}

impl<N: Network> Learner<N> {
    /// The best epoch of the run so far, or of the last one, which ended with its weights. None after `fit`, which keeps
    /// the weights that training left. Where weights between two epochs were kept, its phase is `between`.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.bests.best(self.monitored_metric()).map(|best| &best.record)
    }

    /// The best epoch's predictions for the validation items: those measured then or, in a run that was
    /// resumed after that epoch, new ones.
    ///
    /// # Errors
    ///
    /// If it has to be measured anew and an item can't be read.
    pub fn best_evaluation(&mut self) -> Result<Evaluation, LearnerError> {
        let best = self.bests.best(self.monitored_metric());
        if let Some(evaluation) = best.and_then(|best| best.evaluation.clone()) {
            return Ok(evaluation);
        }
        let evaluation = self.evaluate()?;
        if let Some(kept) = &mut self.bests.kept {
            kept.evaluation = Some(evaluation.clone());
        }
        Ok(evaluation)
    }

    /// Keeps the weights as they are, if this epoch is the best of its kind.
    pub(super) fn keep_if_best(&mut self, record: &EpochRecord, evaluation: Evaluation) {
        let monitored = self.monitored_metric();
        let best = if self.plan.trains_head_alone() { &self.bests.frozen } else { &self.bests.thawed };
        if best.as_ref().is_some_and(|best| !record.is_better_than(&best.record, monitored)) {
            return;
        }
        let (epoch, tensors) = (self.history.epochs(), weights::collect(self.network()));
        let best = Some(Best { record: record.clone(), epoch, tensors, evaluation: Some(evaluation) });
        match self.plan.trains_head_alone() {
            true => self.bests.frozen = best,
            false => self.bests.thawed = best,
        }
    }

    /// Goes back to the best epoch's weights.
    pub(super) fn restore_best(&mut self) {
        if let Some(tensors) = self.bests.best(self.monitored_metric()).map(|best| best.tensors.clone()) {
            self.load_tensors(&tensors);
        }
    }
}
