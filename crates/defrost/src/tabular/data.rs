//! Tables: read, split, encoded.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Int, Tensor, TensorData};
use thiserror::Error;

use super::check::{column_problems, report};
use super::dates;
use super::schema::{Column, Encoded, Schema, holds_numbers, is_missing, number};
use crate::batch::{Batch, Value};
use crate::check::{Problem, Report};
use crate::csv_table::{CsvError, CsvTable, Row};
use crate::data::split::{self, SplitError};
use crate::data::{DataError, Dataset, Fingerprint, Preview, Skipped, Target, Variant};

/// A row's name and what became of it, or why nothing did.
pub type Named<T> = (String, Result<T, String>);

/// Labelled, encoded rows.
#[derive(Clone, Debug, Default)]
pub struct Table {
    rows: Vec<Labelled>,
    /// What the rows are encoded by.
    schema: Arc<Schema>,
}

#[derive(Clone, Debug)]
struct Labelled {
    name: String,
    encoded: Encoded,
    target: Target,
}

impl Dataset for Table {
    fn len(&self) -> usize {
        self.rows.len()
    }

    fn target(&self, item: usize) -> Target {
        self.rows[item].target.clone()
    }

    fn name(&self, item: usize) -> String {
        self.rows[item].name.clone()
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        let Encoded { categories, numbers } = &self.rows[item].encoded;
        let categories: Vec<u8> = categories.iter().flat_map(|id| id.to_le_bytes()).collect();
        let numbers: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        Fingerprint::of(&[&categories, &numbers])
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        Some(Preview::Cells(self.schema.decode(&self.rows[item].encoded)))
    }

    /// Rows are not varied: every variant is the original.
    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let rows: Vec<&Encoded> = items.iter().map(|&item| &self.rows[item].encoded).collect();
        Ok(batch(&rows, device))
    }
}

/// Categories and numbers, `[batch, columns]` each, as far as there are any.
pub(super) fn batch(rows: &[&Encoded], device: &Device) -> Batch {
    let width = |count: fn(&Encoded) -> usize| rows.first().map_or(0, |row| count(row));
    let (categories, numbers) = (width(|row| row.categories.len()), width(|row| row.numbers.len()));
    let mut values = vec![];
    if categories > 0 {
        let ids: Vec<i64> = rows.iter().flat_map(|row| &row.categories).map(|&id| i64::from(id)).collect();
        let ids = TensorData::new(ids, [rows.len(), categories]);
        values.push(Value::Ids(Tensor::<2, Int>::from_data(ids, device)));
    }
    if numbers > 0 {
        let cells: Vec<f32> = rows.iter().flat_map(|row| &row.numbers).copied().collect();
        values.push(Value::Rank2(Tensor::from_data(TensorData::new(cells, [rows.len(), numbers]), device)));
    }
    Batch::new(values)
}

/// How a table is read.
#[derive(Clone, Debug)]
pub struct TableOptions<'a> {
    /// The column to predict.
    pub label: Option<&'a str>,
    /// Columns that are no inputs.
    pub ignored: &'a [String],
    /// A file to validate on, or the fraction split off.
    pub validation: Result<&'a Path, f64>,
    /// Where the split is drawn from.
    pub seed: u64,
    /// What an earlier run made of the columns: the encoding is its own then.
    pub schema: Option<&'a Schema>,
}

/// A table ready to train on.
#[derive(Clone, Debug)]
pub struct TableData {
    /// Class names; none where the label is a number.
    pub classes: Vec<String>,
    /// What to train on.
    pub train: Table,
    /// What to validate on.
    pub valid: Table,
    /// Rows that are left out.
    pub skipped: Vec<Skipped>,
    /// What a person should know.
    pub notes: Vec<String>,
    /// What is wrong with the table.
    pub report: Report,
    /// The label's column.
    pub label: String,
    /// The inputs.
    pub schema: Schema,
}

/// A table can't be trained on.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file is no table.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The label was not named.
    #[error("{}: say which column to predict with --label-column NAME, one of {columns}", path.display())]
    Label {
        /// The file.
        path: PathBuf,
        /// All columns.
        columns: String,
    },
    /// Validation can't be split off.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// No row has a label and cells that can be encoded.
    #[error("{}: no row can be used{}", path.display(), first.as_ref().map_or(String::new(), |first| format!("; the first: {first}")))]
    NoRows {
        /// The file.
        path: PathBuf,
        /// The first and its reason.
        first: Option<Skipped>,
    },
    /// There is nothing to tell apart.
    #[error("{}: all rows have `{class}` in column `{column}`; training needs at least two classes", path.display())]
    OneClass {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The one class.
        class: String,
    },
    /// There is nothing to learn from.
    #[error("{}: there are no input columns beside the label", .0.display())]
    NoInputs(PathBuf),
    /// An earlier run knows the answer.
    #[error(
        "column `{column}` is an input of the earlier run and can't be the label; train that one with --ignore {column}"
    )]
    Leak {
        /// The column.
        column: String,
    },
}

/// What a label column holds.
enum Labels {
    Classes(Vec<String>),
    Number,
}

impl Labels {
    fn target(&self, cell: &str) -> Result<Target, String> {
        if is_missing(cell) {
            return Err("it has no label".to_owned());
        }
        match self {
            Self::Classes(classes) => match classes.iter().position(|class| class == cell) {
                Some(class) => Ok(Target::Class(class)),
                None => Err(format!("training knows no label `{cell}`")),
            },
            Self::Number => match number(cell) {
                Some(number) => Ok(Target::Number(number as f32)),
                None => Err(format!("the label is a number, and this is `{cell}`")),
            },
        }
    }
}

impl TableData {
    /// Reads a CSV file, learns from its training rows what becomes of its cells, and encodes them.
    ///
    /// # Errors
    ///
    /// If it can't be read, the label is not there or makes no classes, or no validation part can be made.
    pub fn open(path: &Path, options: &TableOptions<'_>) -> Result<Self, TableError> {
        let (csv, mut skipped) = CsvTable::read(path)?;
        let label = label_column(path, &csv, options.label)?;
        let name = csv.columns[label].clone();
        let mut problems = column_problems(&csv, label, options.ignored);
        let (mut csv, labels) = take_column(csv, label);
        let present: Vec<&str> = labels.iter().map(String::as_str).filter(|cell| !is_missing(cell)).collect();
        let labels_are = labels_of(path, &name, &present)?;
        let mut targets = vec![];
        let rows = std::mem::take(&mut csv.rows).into_iter().zip(&labels);
        for (row, cell) in rows {
            match labels_are.target(cell) {
                Ok(target) => {
                    targets.push(target);
                    csv.rows.push(row);
                }
                Err(reason) => skipped.push(unlabelled(row, cell, reason)),
            }
        }
        let csv = dates::expand(csv);
        let mut notes = vec![];
        let (train, valid) = match options.validation {
            Ok(_) => ((0..csv.rows.len()).collect(), vec![]),
            Err(fraction) => {
                // Numbers are split as one class.
                let of: Vec<usize> = targets.iter().map(|target| target.class().unwrap_or(0)).collect();
                let split = split::stratified(&of, fraction, options.seed)?;
                (split.train, split.valid)
            }
        };
        let schema = match options.schema {
            Some(schema) if schema.columns.iter().any(|column| column.name == name) => {
                return Err(TableError::Leak { column: name });
            }
            Some(schema) => schema.clone(),
            None => learn(path, &csv, &train, options.ignored, &mut notes)?,
        };
        let (train, bad) = encode(path, &schema, &csv, &targets, &train)?;
        skipped.extend(bad);
        let classes = match &labels_are {
            Labels::Classes(classes) => classes.clone(),
            Labels::Number => vec![],
        };
        let (valid, bad) = match options.validation {
            Ok(other) => open_known(other, &schema, &name, &classes)?,
            Err(_) => encode(path, &schema, &csv, &targets, &valid)?,
        };
        skipped.extend(bad);
        problems.extend(skipped.iter().cloned().map(Problem::from));
        let report = report(&classes, [&train, &valid], problems);
        Ok(Self { classes, train, valid, skipped, notes, report, label: name, schema })
    }
}

/// Rows of a table whose columns and classes are known already; without classes the label is a number.
///
/// # Errors
///
/// If a column is missing, or no row can be used.
pub fn open_known(
    path: &Path,
    schema: &Schema,
    label: &str,
    classes: &[String],
) -> Result<(Table, Vec<Skipped>), TableError> {
    let (csv, mut skipped) = CsvTable::read(path)?;
    let label = csv.column(path, label)?;
    let (csv, cells) = take_column(csv, label);
    let labels = if classes.is_empty() { Labels::Number } else { Labels::Classes(classes.to_vec()) };
    let mut targets = vec![];
    let mut kept = CsvTable { columns: csv.columns, rows: vec![] };
    for (row, cell) in csv.rows.into_iter().zip(&cells) {
        match labels.target(cell) {
            Ok(target) => {
                targets.push(target);
                kept.rows.push(row);
            }
            Err(reason) => skipped.push(unlabelled(row, cell, reason)),
        }
    }
    let all: Vec<usize> = (0..kept.rows.len()).collect();
    let (table, bad) = encode(path, schema, &dates::expand(kept), &targets, &all)?;
    skipped.extend(bad);
    Ok((table, skipped))
}

/// Rows without labels, each with its name, or why it can't be encoded.
///
/// # Errors
///
/// If the file is no table or a column is missing.
pub(super) fn open_unlabelled(path: &Path, schema: &Schema) -> Result<Vec<Named<Encoded>>, TableError> {
    let csv = dates::expand(CsvTable::read(path)?.0);
    let places = places(path, schema, &csv)?;
    let encode = |row: &Row| schema.encode(places.iter().map(|&place| row.cells[place].as_str()));
    Ok(csv.rows.iter().map(|row| (row.name.clone(), encode(row))).collect())
}

fn unlabelled(row: Row, label: &str, reason: String) -> Skipped {
    let kind = if is_missing(label) { "no-label" } else { "bad-label" };
    Skipped { path: row.name.into(), kind, reason }
}

fn label_column(path: &Path, csv: &CsvTable, named: Option<&str>) -> Result<usize, TableError> {
    match named {
        Some(name) => Ok(csv.column(path, name)?),
        None => Err(TableError::Label { path: path.to_owned(), columns: csv.columns.join(", ") }),
    }
}

/// The csv without a column, and that column's cells.
fn take_column(mut csv: CsvTable, column: usize) -> (CsvTable, Vec<String>) {
    csv.columns.remove(column);
    let cells = csv.rows.iter_mut().map(|row| row.cells.remove(column)).collect();
    (csv, cells)
}

/// Whether a label is a class or a number, as its cells look.
fn labels_of(path: &Path, column: &str, present: &[&str]) -> Result<Labels, TableError> {
    if holds_numbers(present) {
        return Ok(Labels::Number);
    }
    let classes: BTreeSet<&str> = present.iter().copied().collect();
    let classes: Vec<String> = classes.into_iter().map(str::to_owned).collect();
    match &classes[..] {
        [] => Err(TableError::NoRows { path: path.to_owned(), first: None }),
        [class] => {
            let (column, class) = (column.to_owned(), class.clone());
            Err(TableError::OneClass { path: path.to_owned(), column, class })
        }
        _ => Ok(Labels::Classes(classes)),
    }
}

/// Learns the encoding from the training rows. A column of names or codes, different in nearly every row, would
/// teach the network its rows by heart: it is left out.
fn learn(
    path: &Path,
    csv: &CsvTable,
    train: &[usize],
    ignored: &[String],
    notes: &mut Vec<String>,
) -> Result<Schema, TableError> {
    for name in ignored {
        csv.column(path, name)?;
    }
    let mut columns = vec![];
    for (place, name) in csv.columns.iter().enumerate().filter(|(_, name)| !ignored.contains(name)) {
        let cells: Vec<&str> = train.iter().map(|&row| csv.rows[row].cells[place].as_str()).collect();
        let distinct = cells.iter().collect::<HashSet<_>>().len();
        if !holds_numbers(&cells) && distinct > 20 && distinct * 2 > cells.len() {
            notes.push(format!("column {name} is left out: {distinct} of its {} cells differ", cells.len()));
            continue;
        }
        columns.push(Column::learn(name, &cells));
    }
    if columns.is_empty() {
        return Err(TableError::NoInputs(path.to_owned()));
    }
    Ok(Schema { columns })
}

/// Where a csv has the columns of a schema.
fn places(path: &Path, schema: &Schema, csv: &CsvTable) -> Result<Vec<usize>, CsvError> {
    schema.columns.iter().map(|column| csv.column(path, &column.name)).collect()
}

fn encode(
    path: &Path,
    schema: &Schema,
    csv: &CsvTable,
    targets: &[Target],
    rows: &[usize],
) -> Result<(Table, Vec<Skipped>), TableError> {
    let places = places(path, schema, csv)?;
    let (mut table, mut skipped) = (Table { rows: vec![], schema: Arc::new(schema.clone()) }, vec![]);
    for &index in rows {
        let Row { name, cells } = &csv.rows[index];
        match schema.encode(places.iter().map(|&place| cells[place].as_str())) {
            Ok(encoded) => {
                table.rows.push(Labelled { name: name.clone(), encoded, target: targets[index].clone() });
            }
            Err(reason) => skipped.push(Skipped { path: name.into(), kind: "bad-cell", reason }),
        }
    }
    if table.rows.is_empty() {
        return Err(TableError::NoRows { path: path.to_owned(), first: skipped.into_iter().next() });
    }
    Ok((table, skipped))
}
