//! Watching training.

use super::history::EpochRecord;
use crate::plan::FreezePlan;

/// A batch has been trained on.
#[derive(Clone, Debug)]
pub struct BatchReport {
    /// The epoch in the phase, from 1.
    pub epoch: usize,
    /// Epochs in the phase.
    pub epochs: usize,
    /// The batch in the epoch, from 1.
    pub batch: usize,
    /// Batches in the epoch.
    pub batches: usize,
    /// The batch's loss.
    pub loss: f64,
}

/// Something that watches training. Every method does nothing unless implemented.
pub trait Observer {
    /// A phase begins under this plan, at these highest rates.
    fn phase_started(&mut self, _name: &str, _plan: &FreezePlan, _rates: &[f64], _epochs: usize) {}

    /// A batch has been trained on.
    fn batch_ended(&mut self, _report: &BatchReport) {}

    /// An epoch has been trained and evaluated.
    fn epoch_ended(&mut self, _record: &EpochRecord) {}
}
