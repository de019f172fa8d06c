//! From a table to a learner over its rows, and from a row to its prediction.

use std::collections::BTreeMap;

use burn::tensor::Device;
use thiserror::Error;

use super::bundle::{LoadedTable, TableModelConfig};
use super::dataset::batch;
use super::network::TabularNetwork;
use super::pretrained::{PretrainedTable, PretrainedTableError};
use super::row::ReadRow;
use super::schema::Encoded;
use super::table_data::{TableData, TableError};
use crate::bundle::{ContinueError, Continued, ModelConfig as _, NamedPrediction, in_batches};
use crate::data::Dataset as _;
use crate::learner::{Learner, LearnerError, LearnerOptions};
use crate::metrics::NotANumber;
use crate::pretrained::Pretrained;

/// A learner of table rows.
pub type TableLearner = Learner<TabularNetwork>;

/// A table can't be learned from.
#[derive(Debug, Error)]
pub enum TableLearnerError {
    /// The table can't be used.
    #[error(transparent)]
    Data(#[from] TableError),
    /// The network can't be set up.
    #[error(transparent)]
    Network(#[from] PretrainedTableError),
    /// The run to go on from does not fit the rows.
    #[error(transparent)]
    Continue(#[from] ContinueError),
    /// They don't fit each other.
    #[error(transparent)]
    Learner(#[from] LearnerError),
}

impl TableData {
    /// Encodes the rows and sets up a learner over a new network, or over the body of an earlier run, with a loss that fits
    /// the label.
    ///
    /// ```
    /// use defrost::csv_table::CsvTable;
    /// use defrost::prelude::*;
    ///
    /// let row = |n: usize| [("age", (20 + n % 40).to_string()), ("group", ["young", "old"][n % 40 / 20].to_owned())];
    /// let rows = CsvTable::from_rows((0..120).map(row))?;
    /// let mut learner = TableData::from_table(rows).label("group").learner(Pretrained::default())?;
    /// learner.train_for(1)?;
    /// let prediction = learner.predict([("age", "44")])?;
    /// assert!(["young", "old"].contains(&prediction.class().unwrap()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there are no rows to learn from, or the earlier run does not fit them.
    pub fn learner(self, pretrained: impl Into<Pretrained>) -> Result<TableLearner, TableLearnerError> {
        self.learner_by(pretrained, |usual| usual)
    }

    /// As [`learner`](Self::learner), with these options: the loss is theirs, and new weights are drawn from their seed.
    ///
    /// # Errors
    ///
    /// As [`learner`](Self::learner), or if a label does not fit the loss.
    pub fn learner_with(
        self,
        pretrained: impl Into<Pretrained>,
        options: LearnerOptions,
    ) -> Result<TableLearner, TableLearnerError> {
        self.learner_by(pretrained, |_| options)
    }

    /// As [`learner_with`](Self::learner_with), with options that are made of the usual ones for this many rows.
    ///
    /// # Errors
    ///
    /// As [`learner_with`](Self::learner_with).
    pub fn learner_by(
        mut self,
        pretrained: impl Into<Pretrained>,
        options: impl FnOnce(LearnerOptions) -> LearnerOptions,
    ) -> Result<TableLearner, TableLearnerError> {
        let (seed, pretrained) = (self.split_seed(), pretrained.into());
        let earlier = PretrainedTable::of(&pretrained)?;
        if let Some(earlier) = &earlier {
            self = self.schema(earlier.schema.clone());
        }
        let data = self.read()?;
        let batch_size = data.model(earlier.is_some()).batch_size(data.train.len());
        let options = options(LearnerOptions { seed, batch_size, ..LearnerOptions::default() });
        let (network, model) = data.network(earlier, options.seed, &Device::flex())?;
        let run = pretrained.continued_run();
        let Continued { network, is_trained, note } =
            Continued::of::<TableModelConfig, _>(run, network, &data)?;
        let options = LearnerOptions { is_trained, ..options };
        Ok(data.learner(network, options)?.with_notes(note).with_model(model))
    }
}

/// A learner or a run can't say anything about a row.
#[derive(Debug, Error)]
pub enum RowPredictError {
    /// The row can't be encoded.
    #[error("{0}")]
    Row(String),
    /// The network's scores are not numbers.
    #[error(transparent)]
    Scores(#[from] NotANumber),
    /// The learner does not know how rows are encoded.
    #[error(
        "the learner does not know how rows are encoded for its network; say so with Learner::with_model"
    )]
    NoModel,
}

fn by_column<C: Into<String>, V: Into<String>>(
    row: impl IntoIterator<Item = (C, V)>,
) -> BTreeMap<String, String> {
    row.into_iter().map(|(column, cell)| (column.into(), cell.into())).collect()
}

impl TableLearner {
    /// The network's prediction for a row now, given as columns and cells; an empty cell is missing.
    ///
    /// # Errors
    ///
    /// If a column is not there or a cell is not what its column holds, or the learner has no
    /// [model](Learner::with_model).
    pub fn predict<C: Into<String>, V: Into<String>>(
        &self,
        row: impl IntoIterator<Item = (C, V)>,
    ) -> Result<NamedPrediction, RowPredictError> {
        self.predict_rows(&[by_column(row)]).remove(0)
    }

    /// The same for each of these rows, given by column; why not for those that can't be encoded.
    pub fn predict_rows(
        &self,
        rows: &[BTreeMap<String, String>],
    ) -> Vec<Result<NamedPrediction, RowPredictError>> {
        let Some(TableModelConfig { schema, .. }) = self.model() else {
            return rows.iter().map(|_| Err(RowPredictError::NoModel)).collect();
        };
        let encode = |row| schema.encode_row(row).map_err(RowPredictError::Row);
        let predict = |rows: &[&ReadRow]| {
            let encoded: Vec<&Encoded> = rows.iter().map(|(encoded, _)| encoded).collect();
            let found = self.predict_batch(batch(schema, &encoded, self.device()));
            let remarked = |(found, (_, remarks)): (Result<NamedPrediction, _>, &&ReadRow)| {
                let mut found = found?;
                found.notes.splice(..0, remarks.iter().map(|remark| remark.text.clone()));
                Ok(found)
            };
            found.into_iter().zip(rows).map(remarked).collect()
        };
        in_batches(rows.iter().map(encode).collect(), |_| 0, predict)
    }
}

impl LoadedTable {
    /// The network's prediction for a row, with class names.
    ///
    /// # Errors
    ///
    /// If a column is not there, or a cell is not what its column holds.
    pub fn predict_one<C: Into<String>, V: Into<String>>(
        &self,
        row: impl IntoIterator<Item = (C, V)>,
    ) -> Result<NamedPrediction, RowPredictError> {
        let answer = self.predict_rows(&[by_column(row)]).remove(0).map_err(RowPredictError::Row)?;
        Ok(self.named(answer))
    }
}
