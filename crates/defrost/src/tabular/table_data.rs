//! A data set of table rows: read from a CSV file or given in memory, split, encoded and checked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::check::{column_problems, report};
use super::columns::{TableColumn, Told, understand};
use super::dataset::Table;
use super::input::{ColumnKind, Input};
use super::known::{Encoder, open_known};
use super::labels::{Labelled, Labels, kind_of};
use super::schema::{Design, Schema};
use crate::check::{Problem, Report};
use crate::csv_table::cell::is_missing;
use crate::csv_table::{CsvError, CsvTable, TableFormat, Use, Uses};
use crate::data::split::{self, SplitError};
use crate::data::{Dataset, Skipped, Target, TargetKind, Validation};
use crate::labels::{LabelColumns, NoLabel, kind_word};
use crate::reading::{ColumnReading, ColumnUse, Reading, TableReading};
use crate::remedy::{Note, Remedy};
use crate::split_data::SplitData;

/// Rows to learn from, and how they are to be read.
///
/// ```
/// use defrost::csv_table::CsvTable;
/// use defrost::tabular::TableData;
///
/// let row = |n: usize| [("age", (20 + n * 13 % 45).to_string()), ("pay", (n * 7 % 50).to_string()), ("group", ["a", "b"][n % 2].into())];
/// let rows = CsvTable::from_rows((0..40).map(row))?;
/// let split = TableData::from_table(rows).label("group").read()?;
/// assert_eq!((split.classes.len(), split.train.schema().columns.len()), (2, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TableData {
    csv: CsvTable,
    label: Option<String>,
    target: Option<TargetKind>,
    /// The character between several labels, if it is given.
    label_separator: Option<char>,
    ignored: Vec<String>,
    /// What columns hold, where their cells would be read otherwise.
    kinds: BTreeMap<String, ColumnKind>,
    validation: Validation,
    design: Design,
    /// The column that says which rows belong together.
    together: Option<String>,
    /// The column that says which rows validate.
    valid_column: Option<String>,
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
            Self::Csv(error) => error.remedy(),
            Self::Label { .. } => Some(Remedy::NameLabelColumn),
            Self::Leak { column } => Some(Remedy::IgnoreColumnEarlier(column.clone())),
            _ => None,
        }
    }
}

impl TableData {
    /// Reads a file: CSV, JSON lines or a workbook, as [`CsvTable::read`] does.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TableError> {
        Self::open_as(path, &TableFormat::default())
    }

    /// Reads a file in this format.
    ///
    /// # Errors
    ///
    /// If it can't be read.
    pub fn open_as(path: impl AsRef<Path>, format: &TableFormat) -> Result<Self, TableError> {
        Ok(Self::from_table(CsvTable::read_as(path.as_ref(), format)?))
    }

    /// Rows in memory.
    pub fn from_table(table: CsvTable) -> Self {
        Self {
            csv: table,
            label: None,
            target: None,
            label_separator: None,
            ignored: vec![],
            kinds: BTreeMap::new(),
            validation: Validation::default(),
            design: Design::Quantiles,
            together: None,
            valid_column: None,
            schema: None,
            seed: 42,
        }
    }

    /// With this column to predict. There is no default.
    #[must_use]
    pub fn label(self, column: impl Into<String>) -> Self {
        Self { label: Some(column.into()), ..self }
    }

    /// With the label as a class, any number of labels or a number; by default, whole numbers of at most 20 kinds are classes.
    #[must_use]
    pub fn target(self, kind: TargetKind) -> Self {
        Self { target: Some(kind), ..self }
    }

    /// With this character between several labels in a cell; by default, the cells say.
    #[must_use]
    pub fn label_separator(self, separator: char) -> Self {
        Self { label_separator: Some(separator), ..self }
    }

    /// With this column holding this kind of cells; by default, its cells say.
    #[must_use]
    pub fn column(mut self, name: impl Into<String>, kind: ColumnKind) -> Self {
        self.kinds.insert(name.into(), kind);
        self
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

    /// With this column saying which rows validate: `valid`, `true` or 1 do, `test` is left out, of folds the first. It is not
    /// an input.
    #[must_use]
    pub fn valid_column(self, column: impl Into<String>) -> Self {
        Self { valid_column: Some(column.into()), ..self }
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
        let path = self.csv.path.clone();
        let label = label_column(&self.csv, self.label.as_deref())?;
        let name = self.csv.columns[label].clone();
        for named in self.ignored.iter().chain(self.kinds.keys()).filter(|_| self.schema.is_none()) {
            self.csv.column(&path, named)?;
        }
        let uses = match &self.valid_column {
            Some(name) => self.csv.uses(self.csv.column(&path, name)?)?,
            None => Uses::undivided(&self.csv),
        };
        let (labels, mut notes) = self.labels(label, &uses)?;
        let Labelled { rows, targets, skipped } = labels.of_rows(&self.csv, &uses);
        let marked = || (0..rows.len()).filter(|&place| uses.rows[rows[place]] == Use::Valid).collect();
        let validation = self.valid_column.as_ref().map(|_| Validation::Items(marked()));
        let validation = validation.unwrap_or(self.validation.clone());
        let mut skipped: Vec<Skipped> = self.csv.left_out().chain(skipped).collect();
        let groups = groups(&self.csv, self.together.as_deref())?;
        let belongs_to: Vec<Option<&str>> = rows.iter().map(|&row| groups[row].as_deref()).collect();
        let (train, valid) = split_rows((&targets, &belongs_to), &validation, self.seed)?;
        let (columns, seen) = self.columns(label);
        let tests = uses.tests();
        notes.splice(0..0, self.csv.reading.notes.iter().cloned().chain(uses.notes));
        let mut problems = column_problems(&self.csv, label, &labels.targets, &columns);
        let lenient = self.schema.is_none();
        let schema = match self.schema {
            Some(schema) if schema.inputs.iter().any(|input| input.name == name) => {
                return Err(TableError::Leak { column: name });
            }
            Some(schema) => schema,
            None => {
                notes.extend(seen);
                let inputs = columns.iter().filter(|column| column.used_as == ColumnUse::Input);
                if self.valid_column.is_none() {
                    notes.extend(self.csv.division_note(inputs.map(|column| column.place)));
                }
                let train: Vec<usize> = train.iter().map(|&place| rows[place]).collect();
                learn(&self.csv, &columns, &train, self.design)?
            }
        };
        let encoder = Encoder { schema: Arc::new(schema), label: name.clone(), lenient };
        let part = |places: &[usize]| {
            let row = |&place: &usize| (rows[place], targets[place].clone(), groups[rows[place]].clone());
            encoder.encode(&self.csv, places.iter().map(row))
        };
        let (train, bad) = part(&train)?;
        skipped.extend(bad);
        let Labels { classes, kind, .. } = labels;
        let mut used = train.len();
        let (valid, bad) = match &validation {
            Validation::Path(other) => open_known(other, &encoder.schema, &name, (kind, &classes))?,
            _ => {
                let (valid, bad) = part(&valid)?;
                used += valid.len();
                (valid, bad)
            }
        };
        let kind = kind_word(kind);
        let label = ColumnReading { name, kind, missing: 0, odd: vec![], used_as: ColumnUse::Label };
        let columns = [label].into_iter().chain(columns.iter().map(TableColumn::reading)).collect();
        let reading = Reading::Table(TableReading::of(&self.csv, used, columns, &notes).with_tests(tests));
        notes.extend(SplitData::split_notes(&train, &valid, &classes, "rows"));
        skipped.extend(bad);
        problems.extend(skipped.iter().cloned().map(Problem::from));
        let report = report(&classes, [&train, &valid], problems).with_reading(Some(reading));
        Ok(SplitData { classes, train, valid, skipped, notes, report })
    }

    /// The labels in a column, of the kind that is given or found; with what a person should know of them.
    fn labels(&self, label: usize, uses: &Uses) -> Result<(Labels, Vec<Note>), TableError> {
        let path = || self.csv.path.clone();
        let (kind, open) = self.target.map_or_else(|| kind_of(&self.csv, label), |kind| (kind, None));
        let columns = LabelColumns::new(&self.csv, vec![label], kind, self.label_separator, None);
        let labels = Labels::learn(&self.csv, &columns, uses);
        let is_labelled = |target: &Result<Target, NoLabel>| target.is_ok();
        match &labels.classes[..] {
            _ if !labels.targets.iter().any(is_labelled) => {
                let first = labels.of_rows(&self.csv, uses).skipped.into_iter().next();
                Err(TableError::NoRows { path: path(), first })
            }
            [class] if kind == TargetKind::Class => {
                let (column, class) = (self.csv.columns[label].clone(), class.clone());
                Err(TableError::OneClass { path: path(), column, class })
            }
            [] if kind != TargetKind::Number => Err(TableError::NoRows { path: path(), first: None }),
            _ => {
                let note = columns.note(&self.csv, self.label_separator.is_some());
                Ok((labels, open.into_iter().chain(note).collect()))
            }
        }
    }

    fn columns(&self, label: usize) -> (Vec<TableColumn>, Vec<Note>) {
        let (ignored, together) = (&self.ignored[..], self.together.as_deref());
        let split = self.valid_column.as_deref();
        understand(&self.csv, &Told { label, ignored, together, split, kinds: &self.kinds })
    }
}

/// Which rows train and which validate, by their places among the labelled rows.
fn split_rows(
    (targets, groups): (&[Target], &[Option<&str>]),
    validation: &Validation,
    seed: u64,
) -> Result<(Vec<usize>, Vec<usize>), SplitError> {
    let mut all: Vec<usize> = (0..targets.len()).collect();
    match validation {
        Validation::Path(_) => Ok((all, vec![])),
        Validation::Items(places) => {
            let valid = Validation::take(&mut all, places)?;
            Ok((all, valid))
        }
        Validation::Fraction(fraction) | Validation::Found { otherwise: fraction } => {
            let items: Vec<_> = targets.iter().zip(groups.iter().copied()).collect();
            let split = split::split_together(&items, *fraction, seed)?;
            Ok((split.train, split.valid))
        }
    }
}

/// What each row belongs to.
fn groups(csv: &CsvTable, together: Option<&str>) -> Result<Vec<Option<String>>, TableError> {
    let Some(name) = together else { return Ok(vec![None; csv.rows.len()]) };
    let cells = csv.cells(csv.column(&csv.path, name)?);
    Ok(cells.map(|cell| (!is_missing(cell)).then(|| cell.to_owned())).collect())
}

fn label_column(csv: &CsvTable, named: Option<&str>) -> Result<usize, TableError> {
    match named {
        Some(name) => Ok(csv.column(&csv.path, name)?),
        None => Err(TableError::Label { path: csv.path.clone(), columns: csv.columns.join(", ") }),
    }
}

/// Learns the encoding of the input columns from the training rows.
fn learn(
    csv: &CsvTable,
    columns: &[TableColumn],
    train: &[usize],
    design: Design,
) -> Result<Schema, TableError> {
    let used = || columns.iter().filter(|column| column.used_as == ColumnUse::Input);
    let inputs: Vec<Input> = used().map(|column| column.understood.input.clone()).collect();
    if inputs.is_empty() {
        return Err(TableError::NoInputs(csv.path.clone()));
    }
    let places: Vec<usize> = used().map(|column| column.place).collect();
    let cells = |input: usize| {
        let place = places[input];
        train.iter().map(move |&row| &csv.rows[row].cells[place])
    };
    Ok(Schema::learn(design, inputs, cells))
}
