//! What has been measured during training.

use serde::{Deserialize, Serialize};

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
    /// Share of validation items classified right, `0.0..=1.0`.
    pub accuracy: f64,
    /// Seconds the epoch took, validation included.
    pub seconds: f64,
}

impl EpochRecord {
    /// Whether this epoch ended better: more accurate, or as accurate at a lower loss.
    pub fn is_better_than(&self, other: &Self) -> bool {
        (self.accuracy, -self.valid_loss) > (other.accuracy, -other.valid_loss)
    }
}

/// All epochs, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    records: Vec<EpochRecord>,
    phases: usize,
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

    pub(super) fn begin_phase(&mut self) {
        self.phases += 1;
    }

    pub(super) fn push(&mut self, record: EpochRecord) {
        self.records.push(record);
    }

    /// As CSV, a line an epoch.
    pub fn to_csv(&self) -> String {
        let mut text = String::from("phase,epoch,train_loss,valid_loss,accuracy,seconds\n");
        for record in &self.records {
            text.push_str(&format!(
                "{},{},{:.6},{:.6},{:.6},{:.2}\n",
                record.phase.replace(',', ";"),
                record.epoch,
                record.train_loss,
                record.valid_loss,
                record.accuracy,
                record.seconds
            ));
        }
        text
    }
}
