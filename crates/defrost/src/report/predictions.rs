//! `predictions.csv` in a run's folder: the best epoch's prediction for each validation item.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::RecordError;
use super::suspects::write_suspects;
use crate::bundle::RunFiles;
use crate::data::Target;
use crate::files;
use crate::interpret::item_losses;
use crate::learner::{Learner, LearnerError};
use crate::stage::Network;

const FILE: &str = "predictions.csv";
/// A file larger than this was not written here.
const LIMIT: u64 = 4 << 30;

/// The prediction for a validation item: a line of `predictions.csv`, whose columns are called like these fields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PredictedItem {
    /// The item's name.
    pub item: String,
    /// Its class, its labels with `|` between them, or its number.
    pub label: String,
    /// The same as predicted.
    pub prediction: String,
    /// The probability of the predicted class; none for labels and numbers.
    pub probability: Option<f32>,
    /// Its loss.
    pub loss: f64,
}

impl PredictedItem {
    /// Those of a learner's validation items, in their order; `thresholds` are the probabilities from which on each label is said to be
    /// there.
    ///
    /// # Errors
    ///
    /// If the validation items have to be measured anew and one can't be read.
    pub fn all<N: Network>(learner: &mut Learner<N>, thresholds: &[f32]) -> Result<Vec<Self>, LearnerError> {
        let loss = learner.loss().clone();
        let mut evaluation = learner.best_evaluation()?;
        if !thresholds.is_empty() {
            evaluation = evaluation.at(thresholds);
        }
        let losses = item_losses(&*loss, &evaluation);
        let evaluation = evaluation.calibrated(learner.reliability().temperature);
        let classes = learner.classes();
        let line = |(place, target): (usize, &Target)| {
            let (predicted, probability) = evaluation.predicted(place);
            let (label, prediction) = (target.to_cell(&classes), predicted.to_cell(&classes));
            let (item, loss) = (learner.valid().name(place), losses[place]);
            Self { item, label, prediction, probability, loss }
        };
        Ok(evaluation.targets.iter().enumerate().map(line).collect())
    }

    /// How right it is: 1 or 0 for a class and for all labels together; for a number, minus its error.
    pub(super) fn score(&self, is_number: bool) -> f64 {
        let number = |text: &str| text.parse().unwrap_or(f64::NAN);
        match is_number {
            true => -(number(&self.prediction) - number(&self.label)).abs(),
            false => f64::from(u8::from(self.label == self.prediction)),
        }
    }
}

/// Writes `predictions.csv` into a run's folder, and `suspects.csv` where items are files of their own.
///
/// # Errors
///
/// If one can't be written.
pub fn write_predictions<N: Network>(
    folder: &Path,
    learner: &Learner<N>,
    items: &[PredictedItem],
) -> Result<(), RecordError> {
    write_items(folder, items)?;
    write_suspects(folder, learner, items)
}

fn write_items(folder: &Path, items: &[PredictedItem]) -> Result<(), RecordError> {
    let path = folder.join(FILE);
    files::write_atomically(&path, |file| {
        let mut table = csv::Writer::from_writer(file);
        for item in items {
            table.serialize(item).map_err(std::io::Error::other)?;
        }
        table.flush()
    })?;
    Ok(())
}

/// Reads the predictions that a run has kept.
///
/// # Errors
///
/// If it has kept none, or they are damaged.
pub fn read_predictions(run: &Path) -> Result<Vec<PredictedItem>, RecordError> {
    let mut files = RunFiles::open(run)?;
    let path = files.path(FILE);
    let damaged = |reason: String| RecordError::Damaged { path: path.clone(), reason };
    match files.size(FILE) {
        None => return Err(RecordError::NoPredictions(run.to_owned())),
        Some(bytes) if bytes > LIMIT => {
            return Err(damaged(format!("it has {bytes} bytes, and {LIMIT} at most")));
        }
        Some(_) => {}
    }
    let bytes = files.read(FILE)?;
    let rows = csv::Reader::from_reader(&bytes[..]).into_deserialize().collect::<Result<_, _>>();
    rows.map_err(|error: csv::Error| damaged(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("bundle.json"), "{}").unwrap();
        assert!(matches!(read_predictions(folder.path()), Err(RecordError::NoPredictions(_))));
        let items = [
            PredictedItem {
                item: "a, \"b\"\nc.jpg".into(),
                label: "cat|dog".into(),
                prediction: String::new(),
                probability: None,
                loss: 0.1 + 0.2,
            },
            PredictedItem {
                item: "d".into(),
                label: "cat".into(),
                prediction: "cat".into(),
                probability: Some(0.7),
                loss: 0.0,
            },
        ];
        write_items(folder.path(), &items).unwrap();
        assert_eq!(read_predictions(folder.path()).unwrap(), items);
        std::fs::write(folder.path().join(FILE), "item,label\na,b\n").unwrap();
        assert!(matches!(read_predictions(folder.path()), Err(RecordError::Damaged { .. })));
    }
}
