//! From a table to a learner over its rows, and from a row to its prediction.

use std::collections::BTreeMap;

use burn::tensor::Device;
use thiserror::Error;

use super::bundle::{LoadedTable, TableModelConfig};
use super::dataset::batch;
use super::network::TabularNetwork;
use super::pretrained::{PretrainedTable, PretrainedTableError};
use super::table_data::{TableData, TableError};
use crate::bundle::{ContinueError, Continued, ModelConfig as _, NamedPrediction};
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
        self.set_up(&pretrained.into(), None)
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
        self.set_up(&pretrained.into(), Some(options))
    }

    fn set_up(
        mut self,
        pretrained: &Pretrained,
        options: Option<LearnerOptions>,
    ) -> Result<TableLearner, TableLearnerError> {
        let split_seed = self.split_seed();
        let earlier = PretrainedTable::of(pretrained)?;
        if let Some(earlier) = &earlier {
            self = self.schema(earlier.schema.clone());
        }
        let data = self.read()?;
        let seed = options.as_ref().map_or(split_seed, |options| options.seed);
        let (network, model) = data.network(earlier, seed, &Device::flex())?;
        let run = pretrained.continued_run();
        let Continued { network, is_trained, note } =
            Continued::of::<TableModelConfig, _>(run, network, &data)?;
        let options = options.unwrap_or_else(|| LearnerOptions {
            seed,
            batch_size: model.batch_size(data.train.len()),
            ..LearnerOptions::default()
        });
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
        let TableModelConfig { schema, .. } = self.model().ok_or(RowPredictError::NoModel)?;
        let (encoded, _) = schema.encode_row(&by_column(row)).map_err(RowPredictError::Row)?;
        Ok(self.predict_batch(batch(schema, &[&encoded], self.device())).remove(0)?)
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
