//! A saved table network.

use std::collections::BTreeMap;
use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::cell_value::CellValue;
use super::dataset::{Named, Table, batch};
use super::known::{open_known, open_unlabelled};
use super::network::{TabularNetwork, embedding_size};
use super::row::ReadRow;
use super::schema::{Column, Design, Encoded, Encoding, Schema};
use super::table_data::TableError;
use crate::batch::Batch;
use crate::bundle::{ExportItem, InputForm, Loaded, ModelConfig, in_batches};
use crate::data::Skipped;
use crate::graph::{Graph, NoGraph, Value};
use crate::metrics::Answer;
use crate::rates::Rates;
use crate::recipe::{FineTune, Patience};

/// What ends training where nothing is said of epochs, and how many there are at most.
const PATIENCE: Patience = Patience { epochs: 20, average: 0.99 };
const MOST_EPOCHS: usize = 150;

/// What is needed to build and feed a table network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableModelConfig {
    /// The input columns.
    pub schema: Schema,
    /// The column predicted.
    pub label: String,
    /// Whether the body came with weights.
    pub pretrained: bool,
}

/// A manifest is damaged.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct SchemaError(String);

impl ModelConfig for TableModelConfig {
    const TASK: &'static str = "table";
    type Network = TabularNetwork;
    type Error = SchemaError;

    fn name(&self) -> &str {
        "tabular"
    }

    fn network(&self, outputs: usize, device: &Device) -> Result<TabularNetwork, SchemaError> {
        self.schema.check().map_err(SchemaError)?;
        Ok(TabularNetwork::new(&self.schema, outputs, self.pretrained, device))
    }

    fn least_numbers(&self, outputs: usize) -> u64 {
        let embedded = |things: usize| (things * embedding_size(things)) as u64;
        let dense = (self.schema.numbers() * self.schema.design.widths()[0]) as u64;
        self.schema.cardinalities().into_iter().map(embedded).sum::<u64>() + dense + outputs as u64
    }

    /// A step costs little, and a network for a table starts from nothing.
    fn epochs(&self) -> usize {
        60
    }

    fn recipe(&self, epochs: usize) -> FineTune {
        let rate = match self.schema.design {
            Design::Fastai => 5e-3,
            Design::Quantiles => 1e-3,
        };
        FineTune { rates: Rates::One(rate), ..FineTune::new(epochs) }
    }

    fn usual_recipe(&self) -> FineTune {
        match self.schema.design {
            Design::Fastai => self.recipe(self.epochs()),
            Design::Quantiles => FineTune { patience: Some(PATIENCE), ..self.recipe(MOST_EPOCHS) },
        }
    }

    /// Some fifty to a hundred steps an epoch, as long as a batch is not too large to learn from.
    fn batch_size(&self, items: usize) -> usize {
        match self.schema.design {
            Design::Fastai => 32,
            Design::Quantiles => (items / 96).next_power_of_two().clamp(32, 256),
        }
    }

    /// A cell for each column: the category in the middle, or a number above the middle.
    fn sample(&self) -> Vec<String> {
        let cell = |column: &Column| match &column.encoding {
            Encoding::Category(values) => values.get(values.len() / 2).cloned().unwrap_or_default(),
            Encoding::Number { mean, std, .. } => match mean + std {
                above if above.is_finite() => above.to_string(),
                _ => mean.to_string(),
            },
            Encoding::Quantiles(quantiles) => quantiles.above_median().to_string(),
        };
        self.schema.columns.iter().map(cell).collect()
    }

    fn prepare(&self, item: &[String], device: &Device) -> Result<Batch, String> {
        let (cells, columns) = (item.len(), self.schema.columns.len());
        if cells != columns {
            return Err(format!("the self-test has {cells} cells, and the table {columns} columns"));
        }
        let row = self.schema.encode(item.iter().map(|cell| CellValue::plain(cell)))?;
        Ok(batch(&self.schema, &[&row], device))
    }

    fn export_input(&self, graph: &mut Graph, form: InputForm) -> Result<Vec<Value>, NoGraph> {
        match form {
            InputForm::Raw => self.schema.export(graph),
            InputForm::Prepared => Err(NoGraph::new("a prepared row", "rows are given as they come")),
        }
    }

    fn export_items(&self, _form: InputForm, device: &Device) -> Result<Vec<ExportItem>, String> {
        let (inputs, rows) = self.schema.export_rows();
        let rows = rows.into_iter().map(|row| self.schema.encode(row)).collect::<Result<Vec<_>, _>>()?;
        let rows: Vec<&Encoded> = rows.iter().collect();
        Ok(vec![ExportItem { inputs, batch: batch(&self.schema, &rows, device) }])
    }
}

/// A saved table network, ready to use.
pub type LoadedTable = Loaded<TableModelConfig>;

impl LoadedTable {
    /// The prediction for each row of a CSV file, by the row's name; a row that can't be encoded has the reason.
    ///
    /// # Errors
    ///
    /// If the file is no table or a column is missing.
    pub fn predict(&self, path: &Path) -> Result<Vec<Named<Answer>>, TableError> {
        let rows = open_unlabelled(path, &self.manifest.model.schema)?;
        let (names, rows): (Vec<String>, Vec<_>) = rows.into_iter().unzip();
        Ok(names.into_iter().zip(self.predict_encoded(rows)).collect())
    }

    /// The same for rows given by column; one that can't be encoded says why.
    pub fn predict_rows(&self, rows: &[BTreeMap<String, String>]) -> Vec<Result<Answer, String>> {
        let schema = &self.manifest.model.schema;
        self.predict_encoded(rows.iter().map(|row| schema.encode_row(row)).collect())
    }

    fn predict_encoded(&self, rows: Vec<Result<ReadRow, String>>) -> Vec<Result<Answer, String>> {
        let batched = |rows: &[&ReadRow]| {
            let encoded: Vec<&Encoded> = rows.iter().map(|row| &row.0).collect();
            let answers = self.predict_batch(batch(&self.manifest.model.schema, &encoded, self.device()));
            let remarked = |(answer, row): (Result<Answer, _>, &&ReadRow)| {
                Ok(Answer { remarks: row.1.clone(), ..answer? })
            };
            answers.into_iter().zip(rows).map(remarked).collect()
        };
        in_batches(rows, |_| 0, batched)
    }

    /// Labelled rows to measure the network on.
    ///
    /// # Errors
    ///
    /// If a column is missing, or no row can be used.
    pub fn labelled(&self, path: &Path) -> Result<(Table, Vec<Skipped>), TableError> {
        let TableModelConfig { schema, label, .. } = &self.manifest.model;
        let known = (self.manifest.loss.kind(), &self.manifest.classes[..]);
        open_known(path, schema, label, known)
    }
}
