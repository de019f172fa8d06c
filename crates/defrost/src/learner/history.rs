//! The measurements during training.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::events::Position;
use super::{BatchLosses, PhaseEstimate};
use crate::metrics::{Metrics, is_error};

/// One epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The phase's name.
    pub phase: String,
    /// The epoch in the phase, from 1.
    pub epoch: usize,
    /// Mean loss over the epoch's batches, as training saw them.
    pub train_loss: f64,
    /// Mean loss over the validation items.
    pub valid_loss: f64,
    /// What else was measured on the validation items, by name.
    pub metrics: Metrics,
    /// Seconds the epoch took, validation included.
    pub seconds: f64,
}

impl EpochRecord {
    /// Whether this epoch ended better: with more of the monitored metric (less of an error), or as much of it at a lower loss.
    pub fn is_better_than(&self, other: &Self, monitored: Option<&str>) -> bool {
        // What is not a number is worse than any that is.
        let number = |value: f64| if value.is_nan() { f64::NEG_INFINITY } else { value };
        let score = |record: &Self| {
            let measured = monitored.map_or(0.0, |name| match record.metrics.get(name) {
                Some(&value) if is_error(name) => -value,
                Some(&value) => value,
                None => f64::NAN,
            });
            (number(measured), number(-record.valid_loss))
        };
        score(self) > score(other)
    }
}

/// All epochs, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    records: Vec<EpochRecord>,
    phases: usize,
    estimates: Vec<PhaseEstimate>,
    #[serde(default)]
    batch_losses: BatchLosses,
}

impl History {
    /// The epochs.
    pub fn records(&self) -> &[EpochRecord] {
        &self.records
    }

    /// How many epochs have been trained, over all phases.
    pub fn epochs(&self) -> usize {
        self.records.len()
    }

    /// How many phases have begun.
    pub fn phases(&self) -> usize {
        self.phases
    }

    /// The phases' estimates and actual times; empty without an estimate.
    pub fn estimates(&self) -> &[PhaseEstimate] {
        &self.estimates
    }

    /// The losses of the batches that were trained on, by their places in epochs.
    pub fn batch_losses(&self) -> &BatchLosses {
        &self.batch_losses
    }

    /// Notes the loss of a batch of the epoch that is running.
    pub(super) fn push_loss(&mut self, position: &Position, loss: f64) {
        let place = self.epochs() as f64 + position.batch as f64 / position.batches.max(1) as f64;
        self.batch_losses.push(place, loss);
    }

    /// Forgets the losses of the epoch that is running.
    pub(super) fn forget_losses(&mut self) {
        self.batch_losses.forget_after(self.records.len() as f64);
    }

    pub(super) fn set_estimates(&mut self, estimates: Vec<PhaseEstimate>) {
        self.estimates = estimates;
    }

    pub(super) fn begin_phase(&mut self) {
        self.phases += 1;
    }

    /// Notes what a whole phase has taken.
    pub(super) fn end_phase(&mut self, name: &str, seconds: f64) {
        let open =
            |estimate: &&mut PhaseEstimate| estimate.phase == name && estimate.actual_seconds.is_none();
        if let Some(estimate) = self.estimates.iter_mut().find(open) {
            estimate.actual_seconds = Some(seconds);
        }
    }

    pub(super) fn push(&mut self, record: EpochRecord) {
        self.records.push(record);
    }

    /// As CSV, a line an epoch.
    pub fn to_csv(&self) -> String {
        let names: BTreeSet<&String> = self.records.iter().flat_map(|record| record.metrics.keys()).collect();
        let heads: String = names.iter().map(|name| format!(",{name}")).collect();
        let mut text = format!("phase,epoch,train_loss,valid_loss{heads},seconds\n");
        for record in &self.records {
            let cell = |name: &&String| record.metrics.get(*name).map_or(",".into(), |v| format!(",{v:.6}"));
            text.push_str(&format!(
                "{},{},{:.6},{:.6}{},{:.2}\n",
                record.phase.replace(',', ";"),
                record.epoch,
                record.train_loss,
                record.valid_loss,
                names.iter().map(cell).collect::<String>(),
                record.seconds
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(metrics: &[(&str, f64)], valid_loss: f64) -> EpochRecord {
        EpochRecord {
            phase: "thawed".to_owned(),
            epoch: 1,
            train_loss: 0.0,
            valid_loss,
            metrics: metrics.iter().map(|&(name, value)| (name.to_owned(), value)).collect(),
            seconds: 0.0,
        }
    }

    #[test]
    fn a_metric_is_to_be_high_and_an_error_low() {
        let (low, high) =
            (record(&[("f1", 0.2), ("rmse", 2.0)], 1.0), record(&[("f1", 0.6), ("rmse", 6.0)], 1.0));
        assert!(high.is_better_than(&low, Some("f1")) && !low.is_better_than(&high, Some("f1")));
        assert!(low.is_better_than(&high, Some("rmse")) && !high.is_better_than(&low, Some("rmse")));
        // What was not measured is worse than anything that was; the loss decides what is as good.
        let none = record(&[], 0.1);
        assert!(high.is_better_than(&none, Some("rmse")) && none.is_better_than(&high, None));
        assert!(none.is_better_than(&record(&[], 0.2), Some("f1")));
    }
}
