//! Keeping the best epoch over all phases.

use super::{EpochRecord, Learner};
use crate::stage::Network;
use crate::weights::{self, Tensors};

/// The best epoch so far and the weights it ended with.
#[derive(Clone, Debug)]
pub struct Best {
    /// What was measured.
    pub record: EpochRecord,
    /// The epoch, counted over all phases from 0.
    pub(super) epoch: usize,
    pub(super) tensors: Tensors,
}

impl<N: Network> Learner<N> {
    /// The best epoch so far.
    pub fn best(&self) -> Option<&EpochRecord> {
        self.best.as_ref().map(|best| &best.record)
    }

    /// Keeps the weights as they are, if this epoch is the best.
    pub(super) fn keep_if_best(&mut self, record: &EpochRecord) {
        let deciding = self.options.loss.deciding_metric();
        if self.best.as_ref().is_none_or(|best| record.is_better_than(&best.record, deciding)) {
            let (epoch, tensors) = (self.history.epochs(), weights::collect(self.network()));
            self.best = Some(Best { record: record.clone(), epoch, tensors });
        }
    }

    /// Goes back to the best epoch's weights.
    pub(super) fn restore_best(&mut self) {
        if let Some(best) = self.best.take() {
            self.load(&best.tensors);
            self.best = Some(best);
        }
    }
}
