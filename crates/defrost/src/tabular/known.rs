//! Rows of a table whose columns are known already: encoded, named, those that can't be used listed.

use std::path::Path;
use std::sync::Arc;

use rayon::iter::Either;
use rayon::prelude::*;

use super::dataset::{LabelledRow, Named, Table};
use super::labels::{Labelled, Labels};
use super::row::ReadRow;
use super::schema::Schema;
use super::table_data::TableError;
use crate::csv_table::{CsvError, CsvTable, Row, SkippedRow, Uses};
use crate::data::{Skipped, Target, TargetKind};

/// What turns labelled rows into a data set.
pub(super) struct Encoder {
    pub schema: Arc<Schema>,
    /// The column that is predicted.
    pub label: String,
    /// Whether a cell that does not fit is a missing cell, and not the end of its row.
    pub lenient: bool,
}

impl Encoder {
    /// Encodes rows, given by their places with their targets and what they belong to. Those that can't be are listed.
    ///
    /// # Errors
    ///
    /// If a column is missing, or no row can be used.
    pub fn encode(
        &self,
        csv: &CsvTable,
        rows: impl Iterator<Item = (usize, Target, Option<String>)>,
    ) -> Result<(Table, Vec<Skipped>), TableError> {
        let places = places(&self.schema, csv)?;
        // The table that the schema was learned from is written as the schema reads it.
        let written =
            if self.lenient { Schema::clone(&self.schema) } else { self.schema.as_written(csv, &places) };
        let (schema, label) = (self.schema.clone(), self.label.clone());
        let encode = |(row, target, belongs_to): (usize, Target, Option<String>)| {
            let Row { line, cells } = &csv.rows[row];
            let cells = places.iter().map(|&place| &cells[place]);
            let encoded = if self.lenient { written.read_leniently(cells) } else { written.read(cells) };
            let name = csv.name(*line);
            match encoded {
                Ok(encoded) => Either::Left(LabelledRow { name, encoded, target, belongs_to }),
                Err(reason) => Either::Right(Skipped { path: name.into(), kind: "bad-cell", reason }),
            }
        };
        let rows: Vec<_> = rows.collect();
        let (rows, skipped): (Vec<LabelledRow>, Vec<Skipped>) = rows.into_par_iter().partition_map(encode);
        let table = Table { rows, schema, label };
        if table.rows.is_empty() {
            let first = skipped.into_iter().next();
            return Err(TableError::NoRows { path: csv.path.clone(), first });
        }
        Ok((table, skipped))
    }
}

/// Rows of a table whose columns and classes are known already.
///
/// # Errors
///
/// If a column is missing, or no row can be used.
pub fn open_known(
    path: &Path,
    schema: &Schema,
    label: &str,
    (kind, classes): (TargetKind, &[String]),
) -> Result<(Table, Vec<Skipped>), TableError> {
    let csv = CsvTable::read(path)?;
    let labels = Labels::known(&csv, csv.column(path, label)?, kind, classes);
    let Labelled { rows, targets, skipped } = labels.of_rows(&csv, &Uses::undivided(&csv));
    let encoder = Encoder { schema: Arc::new(schema.clone()), label: label.to_owned(), lenient: false };
    let rows = rows.into_iter().zip(targets).map(|(row, target)| (row, target, None));
    let (table, bad) = encoder.encode(&csv, rows)?;
    Ok((table, csv.left_out().chain(skipped).chain(bad).collect()))
}

/// Rows without labels in the order of their file: each with its name, and what is encoded of it with what training has not
/// seen, or why it can't be.
///
/// # Errors
///
/// If the file is no table or a column is missing.
pub(super) fn open_unlabelled(path: &Path, schema: &Schema) -> Result<Vec<Named<ReadRow>>, TableError> {
    let csv = CsvTable::read(path)?;
    let places = places(schema, &csv)?;
    let written = schema.as_written(&csv, &places);
    let encode = |row: &Row| {
        let cells = || places.iter().map(|&place| &row.cells[place]);
        let encoded = written.read(cells())?;
        let remarks = written.remarks(&encoded, cells());
        Ok((encoded, remarks))
    };
    let named = |row: Result<&Row, &SkippedRow>| match row {
        Ok(row) => (csv.name(row.line), encode(row)),
        Err(skipped) => (csv.name(skipped.line), Err(skipped.reason.clone())),
    };
    Ok(csv.all_rows().into_iter().map(named).collect())
}

/// Where a table has the inputs of a schema.
fn places(schema: &Schema, csv: &CsvTable) -> Result<Vec<usize>, CsvError> {
    let missing = |name: &str| csv.column(&csv.path, name).err();
    schema.places(&csv.columns).map_err(|name| missing(name).unwrap_or(CsvError::NoHeader(csv.path.clone())))
}

impl Schema {
    /// This schema for a file that may write numbers and dates in another way.
    fn as_written(&self, csv: &CsvTable, places: &[usize]) -> Self {
        let cells = |place: usize| csv.cells(place).collect::<Vec<_>>();
        let inputs = self.inputs.iter().zip(places).map(|(input, &place)| input.as_written(&cells(place)));
        Self { inputs: inputs.collect(), ..self.clone() }
    }
}
