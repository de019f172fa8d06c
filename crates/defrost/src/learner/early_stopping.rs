//! Ending a phase when validation no longer improves.

use super::{EpochRecord, Flow, Observer, Resumed};
use crate::recipe::ResolvedPhase;

/// Ends a phase after some epochs without a better one (Keras and fastai: `EarlyStopping`).
#[derive(Clone, Debug)]
pub struct EarlyStopping {
    patience: usize,
    monitored: Option<String>,
    best: Option<EpochRecord>,
    waited: usize,
}

impl EarlyStopping {
    /// Ends a phase after `patience` epochs, at least 1, none of which was better than those before, as this
    /// metric, or else the validation loss, judges it: see [`Learner::monitored_metric`](super::Learner::monitored_metric).
    pub fn new(patience: usize, monitored: Option<&str>) -> Self {
        let monitored = monitored.map(str::to_owned);
        Self { patience: patience.max(1), monitored, best: None, waited: 0 }
    }

    /// Whether training goes on after these epochs of a phase.
    pub(super) fn after(mut self, epochs: &[EpochRecord]) -> Flow {
        epochs.iter().fold(Flow::Continue, |_, record| self.epoch_ended(record))
    }
}

impl Observer for EarlyStopping {
    fn phase_started(&mut self, _phase: &ResolvedPhase) {
        (self.best, self.waited) = (None, 0);
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        for record in event.epochs {
            self.epoch_ended(record);
        }
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        if self.best.as_ref().is_none_or(|best| record.is_better_than(best, self.monitored.as_deref())) {
            (self.best, self.waited) = (Some(record.clone()), 0);
        } else {
            self.waited += 1;
        }
        if self.waited < self.patience { Flow::Continue } else { Flow::EndPhase }
    }
}
