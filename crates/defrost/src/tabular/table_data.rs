//! A data set of table rows: read from a CSV file or given in memory, split, encoded and checked.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::check::{column_problems, report};
use super::dataset::{LabelledRow, Named, Table};
use super::dates;
use super::schema::{Column, Design, Encoded, Schema, holds_numbers, is_missing, number};
use crate::check::{Problem, Report};
use crate::csv_table::{CsvError, CsvTable, Row};
use crate::data::split::{self, SplitError};
use crate::data::{Skipped, Target, Validation};
use crate::remedy::{Note, Remedy};
use crate::split_data::SplitData;

/// Rows to learn from, and how they are to be read.
///
/// ```
/// use defrost::csv_table::CsvTable;
/// use defrost::tabular::TableData;
///
/// let row = |n: usize| [("age", (20 + n).to_string()), ("pay", (n * 7 % 50).to_string()), ("group", ["a", "b"][n % 2].into())];
/// let rows = CsvTable::from_rows((0..40).map(row))?;
/// let split = TableData::from_table(rows).label("group").read()?;
/// assert_eq!((split.classes.len(), split.train.schema().columns.len()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TableData {
    path: PathBuf,
    csv: CsvTable,
    /// Rows of the file that can't be read.
    skipped: Vec<Skipped>,
    label: Option<String>,
    ignored: Vec<String>,
    validation: Validation,
    design: Design,
    /// The column that tells which rows belong together.
    together: Option<String>,
    schema: Option<Schema>,
    seed: u64,
}

/// A table can't be trained on.
#[derive(Debug, Error)]
pub enum TableError {
    /// The file is no table.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// The label was not named.
    #[error("{}: which column to predict is not given; there are {columns}", path.display())]
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
    #[error("column `{column}` is an input of the earlier run and can't be the label")]
    Leak {
        /// The column.
        column: String,
    },
}

impl TableError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Label { .. } => Some(Remedy::NameLabelColumn),
            Self::Leak { column } => Some(Remedy::IgnoreColumnEarlier(column.clone())),
            _ => None,
        }
    }
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
            Self::Number => match number(cell).map(|number| number as f32) {
                Some(number) if number.is_finite() => Ok(Target::Number(number)),
                Some(_) => Err(format!("the label `{cell}` is out of range; divide the column by its unit")),
                None => Err(format!("the label is a number, and this is `{cell}`")),
            },
        }
    }
}

impl TableData {
    /// Reads a CSV file.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TableError> {
        let (csv, skipped) = CsvTable::read(path.as_ref())?;
        Ok(Self { path: path.as_ref().to_owned(), skipped, ..Self::from_table(csv) })
    }

    /// Rows in memory.
    pub fn from_table(table: CsvTable) -> Self {
        Self {
            path: PathBuf::from("rows in memory"),
            csv: table,
            skipped: vec![],
            label: None,
            ignored: vec![],
            validation: Validation::default(),
            design: Design::Quantiles,
            together: None,
            schema: None,
            seed: 42,
        }
    }

    /// With this column to predict. There is no default.
    #[must_use]
    pub fn label(self, column: impl Into<String>) -> Self {
        Self { label: Some(column.into()), ..self }
    }

    /// Without these columns as inputs.
    #[must_use]
    pub fn ignore<S: Into<String>>(mut self, columns: impl IntoIterator<Item = S>) -> Self {
        self.ignored.extend(columns.into_iter().map(Into::into));
        self
    }

    /// With these rows to validate on; by default a fifth of each class.
    #[must_use]
    pub fn validation(self, validation: Validation) -> Self {
        Self { validation, ..self }
    }

    /// With fastai's encoding and network, or ours, which is the default. An earlier run's [schema](Self::schema) has its own.
    #[must_use]
    pub fn design(self, design: Design) -> Self {
        Self { design, ..self }
    }

    /// With rows of the same cell in this column on one side of the split. The column tells whose rows they are, and is no input.
    #[must_use]
    pub fn keep_together(mut self, column: impl Into<String>) -> Self {
        let column = column.into();
        self.ignored.push(column.clone());
        Self { together: Some(column), ..self }
    }

    /// With the encoding that an earlier run has learned; by default it is learned from the training rows.
    #[must_use]
    pub fn schema(self, schema: Schema) -> Self {
        Self { schema: Some(schema), ..self }
    }

    /// With the split drawn from this seed; by default from 42.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// The seed of the split.
    pub fn split_seed(&self) -> u64 {
        self.seed
    }

    /// What is wrong with the table, its rows split as for training.
    ///
    /// # Errors
    ///
    /// If the table can't be trained on at all.
    pub fn check(self) -> Result<Report, TableError> {
        Ok(self.read()?.report)
    }

    /// Splits off the rows that validate, learns from the others what becomes of cells, and encodes all.
    ///
    /// # Errors
    ///
    /// If the label is not there or makes no classes, or no validation part can be made.
    pub fn read(self) -> Result<SplitData<Table>, TableError> {
        let Self { path, csv, mut skipped, label, ignored, validation, design, together, schema, seed } =
            self;
        let label = label_column(&path, &csv, label.as_deref())?;
        let name = csv.columns[label].clone();
        let mut problems = column_problems(&csv, label, &ignored);
        let (csv, cells) = take_column(csv, label);
        let present: Vec<&str> = cells.iter().map(String::as_str).filter(|cell| !is_missing(cell)).collect();
        let labels = labels_of(&path, &name, &present)?;
        let Labelled { csv, targets } = Labelled::of(csv, &cells, &labels, &mut skipped);
        let groups = groups(&path, &csv, together.as_deref())?;
        let csv = dates::expand(csv);
        let mut notes = vec![];
        let all = (0..csv.rows.len()).collect();
        let (train, valid) = split_rows(all, (&targets, &groups), &validation, seed)?;
        let schema = match schema {
            Some(schema) if schema.columns.iter().any(|column| column.name == name) => {
                return Err(TableError::Leak { column: name });
            }
            Some(schema) => schema,
            None => learn(&path, &csv, &train, (design, &ignored), &mut notes)?,
        };
        let encoder = Encoder { path: &path, schema: Arc::new(schema), label: &name };
        let (train, bad) = encoder.encode(&csv, (&targets, &groups), &train)?;
        skipped.extend(bad);
        let classes = match labels {
            Labels::Classes(classes) => classes,
            Labels::Number => vec![],
        };
        let (valid, bad) = match &validation {
            Validation::Path(other) => open_known(other, &encoder.schema, &name, &classes)?,
            _ => encoder.encode(&csv, (&targets, &groups), &valid)?,
        };
        notes.extend(SplitData::split_notes(&train, &valid, &classes, "rows"));
        skipped.extend(bad);
        problems.extend(skipped.iter().cloned().map(Problem::from));
        let report = report(&classes, [&train, &valid], problems);
        Ok(SplitData { classes, train, valid, skipped, notes, report })
    }
}

/// Which rows train and which validate.
fn split_rows(
    mut all: Vec<usize>,
    (targets, groups): (&[Target], &[Option<String>]),
    validation: &Validation,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), SplitError> {
    match validation {
        Validation::Path(_) => Ok((all, vec![])),
        Validation::Items(places) => {
            let valid = Validation::take(&mut all, places)?;
            Ok((all, valid))
        }
        Validation::Fraction(fraction) | Validation::Found { otherwise: fraction } => {
            // Numbers are split as one class.
            let classes = targets.iter().map(|target| target.class().unwrap_or(0));
            let items: Vec<_> = classes.zip(groups.iter().map(Option::as_deref)).collect();
            let split = split::split_together(&items, *fraction, seed)?;
            Ok((split.train, split.valid))
        }
    }
}

/// What each row belongs to.
fn groups(path: &Path, csv: &CsvTable, together: Option<&str>) -> Result<Vec<Option<String>>, TableError> {
    let column = together.map(|name| csv.column(path, name)).transpose()?;
    let group = |row: &Row| column.map(|column| row.cells[column].clone()).filter(|group| !is_missing(group));
    Ok(csv.rows.iter().map(group).collect())
}

/// Rows that have a label, and their labels.
struct Labelled {
    csv: CsvTable,
    targets: Vec<Target>,
}

impl Labelled {
    /// The rows whose cell in the label's column is a label; the others are skipped.
    fn of(csv: CsvTable, cells: &[String], labels: &Labels, skipped: &mut Vec<Skipped>) -> Self {
        let mut kept = Self { csv: CsvTable { columns: csv.columns, rows: vec![] }, targets: vec![] };
        for (row, cell) in csv.rows.into_iter().zip(cells) {
            match labels.target(cell) {
                Ok(target) => {
                    kept.targets.push(target);
                    kept.csv.rows.push(row);
                }
                Err(reason) => skipped.push(unlabelled(row, cell, reason)),
            }
        }
        kept
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
    let column = csv.column(path, label)?;
    let (csv, cells) = take_column(csv, column);
    let labels = if classes.is_empty() { Labels::Number } else { Labels::Classes(classes.to_vec()) };
    let Labelled { csv, targets } = Labelled::of(csv, &cells, &labels, &mut skipped);
    let all: Vec<usize> = (0..csv.rows.len()).collect();
    let encoder = Encoder { path, schema: Arc::new(schema.clone()), label };
    let (table, bad) = encoder.encode(&dates::expand(csv), (&targets, &vec![None; all.len()]), &all)?;
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
/// let the network memorise its rows: it is left out.
fn learn(
    path: &Path,
    csv: &CsvTable,
    train: &[usize],
    (design, ignored): (Design, &[String]),
    notes: &mut Vec<Note>,
) -> Result<Schema, TableError> {
    for name in ignored {
        csv.column(path, name)?;
    }
    let mut columns = vec![];
    for (place, name) in csv.columns.iter().enumerate().filter(|(_, name)| !ignored.contains(name)) {
        let cells: Vec<&str> = train.iter().map(|&row| csv.rows[row].cells[place].as_str()).collect();
        let distinct = cells.iter().collect::<HashSet<_>>().len();
        if !holds_numbers(&cells) && distinct > 20 && distinct * 2 > cells.len() {
            let note = format!("column {name} is left out: {distinct} of its {} cells differ", cells.len());
            notes.push(note.into());
            continue;
        }
        columns.push(Column::learn(design, name, &cells));
    }
    if columns.is_empty() {
        return Err(TableError::NoInputs(path.to_owned()));
    }
    Ok(Schema { design, columns })
}

/// Where a csv has the columns of a schema.
fn places(path: &Path, schema: &Schema, csv: &CsvTable) -> Result<Vec<usize>, CsvError> {
    schema.columns.iter().map(|column| csv.column(path, &column.name)).collect()
}

/// What turns labelled rows into a data set.
struct Encoder<'a> {
    /// What messages call the table.
    path: &'a Path,
    schema: Arc<Schema>,
    /// The column that is predicted.
    label: &'a str,
}

impl Encoder<'_> {
    /// Encodes these rows; those that can't be are left out and listed.
    fn encode(
        &self,
        csv: &CsvTable,
        (targets, groups): (&[Target], &[Option<String>]),
        rows: &[usize],
    ) -> Result<(Table, Vec<Skipped>), TableError> {
        let places = places(self.path, &self.schema, csv)?;
        let (schema, label) = (self.schema.clone(), self.label.to_owned());
        let (mut table, mut skipped) = (Table { rows: vec![], schema, label }, vec![]);
        for &index in rows {
            let Row { name, cells } = &csv.rows[index];
            match self.schema.encode(places.iter().map(|&place| cells[place].as_str())) {
                Ok(encoded) => {
                    let (name, target) = (name.clone(), targets[index].clone());
                    let belongs_to = groups[index].clone();
                    table.rows.push(LabelledRow { name, encoded, target, belongs_to });
                }
                Err(reason) => skipped.push(Skipped { path: name.into(), kind: "bad-cell", reason }),
            }
        }
        if table.rows.is_empty() {
            let first = skipped.into_iter().next();
            return Err(TableError::NoRows { path: self.path.to_owned(), first });
        }
        Ok((table, skipped))
    }
}
