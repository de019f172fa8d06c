//! `suspects.csv` in a run's folder: all items and their labels, those first whose label the network doubts most.
//!
//! It is a table of labels: with its column `label` corrected, training reads it in place of the labels it had. Items that validate come first,
//! by their loss, as the network has not seen their labels; those that it was trained on follow, and have no prediction.

use std::path::Path;

use serde::Serialize;

use super::{PredictedItem, RecordError};
use crate::files;
use crate::learner::Learner;
use crate::stage::Network;

const FILE: &str = "suspects.csv";

/// A line; the columns are called like these fields.
#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    label: &'a str,
    part: &'static str,
    prediction: &'a str,
    probability: Option<f32>,
    loss: Option<f64>,
}

/// Writes `suspects.csv` into a run's folder, from the predictions for all validation items. Nothing is written where items are
/// not files of their own: their labels are corrected in the file that they come from.
///
/// # Errors
///
/// If it can't be written.
pub(super) fn write_suspects<N: Network>(
    folder: &Path,
    learner: &Learner<N>,
    predicted: &[PredictedItem],
) -> Result<(), RecordError> {
    let (train, valid) = (learner.train_data(), learner.valid());
    let are_files = (0..train.len()).all(|item| train.file(item).is_some())
        && (0..valid.len()).all(|item| valid.file(item).is_some());
    if !are_files || predicted.is_empty() {
        return Ok(());
    }
    let mut doubted: Vec<&PredictedItem> = predicted.iter().collect();
    doubted.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    let classes = learner.classes();
    let path = folder.join(FILE);
    files::write_atomically(&path, |file| {
        let mut table = csv::Writer::from_writer(file);
        for PredictedItem { item, label, prediction, probability, loss } in doubted {
            let line = Line {
                file: item,
                label,
                part: "valid",
                prediction,
                probability: *probability,
                loss: Some(*loss),
            };
            table.serialize(line).map_err(std::io::Error::other)?;
        }
        for item in 0..train.len() {
            let (file, label) = (train.name(item), train.target(item).to_cell(&classes));
            let line = Line {
                file: &file,
                label: &label,
                part: "train",
                prediction: "",
                probability: None,
                loss: None,
            };
            table.serialize(line).map_err(std::io::Error::other)?;
        }
        table.flush()
    })?;
    Ok(())
}
