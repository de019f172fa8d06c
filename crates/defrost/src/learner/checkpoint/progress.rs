//! The position of training in a run.

use serde::{Deserialize, Serialize};

use crate::learner::Flow;
use crate::recipe::ResolvedPhase;

/// A progress between two batches. All that is drawn follows from it and the epochs in the history.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::learner) struct Progress {
    /// The phase, from 0.
    pub phase: usize,
    /// Epochs of the phase that are over.
    pub epoch: usize,
    /// Batches of the epoch that are over.
    pub batch: usize,
    /// Sum of their losses.
    pub losses: f64,
    /// The factor of all rates of the phase, after a loss was NaN.
    pub rate_factor: f64,
    /// What the observers decided after the last epoch.
    pub flow: Flow,
    /// Seconds the phase has taken.
    pub phase_seconds: f64,
    /// Seconds the epoch has taken.
    pub epoch_seconds: f64,
}

impl Progress {
    /// Before the first batch of a phase.
    pub fn at_start_of(phase: usize) -> Self {
        Self {
            phase,
            epoch: 0,
            batch: 0,
            losses: 0.0,
            rate_factor: 1.0,
            flow: Flow::Continue,
            phase_seconds: 0.0,
            epoch_seconds: 0.0,
        }
    }

    /// Before the first batch of the epoch.
    pub fn at_start_of_epoch(self) -> Self {
        Self { batch: 0, losses: 0.0, epoch_seconds: 0.0, ..self }
    }

    /// After a batch with this loss.
    pub fn after_batch(self, loss: f64) -> Self {
        Self { batch: self.batch + 1, losses: self.losses + loss, ..self }
    }

    /// After the epoch, if the observers want this now.
    pub fn after_epoch(self, flow: Flow) -> Self {
        Self { epoch: self.epoch + 1, flow, ..self.at_start_of_epoch() }
    }

    /// Mean loss of the epoch so far.
    pub fn mean_loss(&self) -> f64 {
        self.losses / self.batch as f64
    }

    /// Whether these phases have such a progress.
    pub fn is_in(&self, phases: &[ResolvedPhase]) -> bool {
        let epochs = phases.get(self.phase).map(|phase| phase.epochs);
        let numbers = [self.losses, self.phase_seconds, self.epoch_seconds];
        epochs.is_some_and(|epochs| self.epoch < epochs || (self.epoch == epochs && self.batch == 0))
            && numbers.iter().all(|number| number.is_finite())
            && self.rate_factor > 0.0
            && self.rate_factor <= 1.0
    }
}
