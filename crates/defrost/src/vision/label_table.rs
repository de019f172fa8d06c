//! A table that labels images: which column names them, which one labels them, and where the images are.
//!
//! People's tables come from other machines: paths have other folders before them, backslashes, another case or no
//! extension. An image is found by as much of its path as fits one image below the data's folder, and no other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::label_cell::{LabelSeparator, split_labels};
use super::labels::{IMAGES, LabelKind, LabelTable, LabelsError};
use crate::csv_table::cell::{is_missing, number};
use crate::csv_table::{CsvTable, NumberFormat, Row, Use, Uses};
use crate::data::Skipped;
use crate::data::class_folder::all_files;
use crate::reading::{ColumnReading, ColumnUse, TableReading};
use crate::remedy::{Note, Remedy};

/// Usual names of label columns.
const LABEL_NAMES: [&str; 9] =
    ["label", "labels", "class", "category", "target", "tags", "tag", "y", "diagnosis"];
/// At most this many rows are compared with the files to find the column of images.
const SAMPLE: usize = 100;

/// A row of a table, read.
pub(super) struct LabelRow {
    /// The image, below the data's folder.
    pub path: PathBuf,
    /// Where it is written.
    pub row: String,
    /// Its class or number in one word, or its labels.
    pub labels: Vec<String>,
    pub valid: bool,
    pub belongs_to: Option<String>,
}

/// The rows of a table, read.
#[derive(Default)]
pub(super) struct LabelRows {
    pub rows: Vec<LabelRow>,
    pub left_out: Vec<Skipped>,
    pub notes: Vec<Note>,
    pub reading: TableReading,
}

impl LabelRows {
    /// Reads a table that labels the images below `root`.
    ///
    /// # Errors
    ///
    /// If it can't be read, has no column of labels, or doesn't say clearly which rows validate.
    pub fn read(root: &Path, table: &LabelTable) -> Result<Self, LabelsError> {
        let csv = CsvTable::read_as(&table.file, &table.format)?;
        let finder = Finder::new(root)?;
        let columns = Columns::find(table, &csv, &finder)?;
        let separator = table.separator.map_or_else(
            || LabelSeparator::of(columns.labels.iter().flat_map(|&column| csv.cells(column))),
            LabelSeparator::Char,
        );
        let numbers = columns.numbers(table.kind, &csv);
        let uses = columns.valid.map_or_else(|| Ok(Uses::undivided(&csv)), |column| csv.uses(column))?;
        let mut found =
            Self { left_out: csv.left_out().collect(), notes: csv.reading.notes.clone(), ..Self::default() };
        let mut moved = None;
        let tests = uses.tests();
        for (row, used_as) in csv.rows.iter().zip(uses.rows) {
            let (name, cells) = (csv.name(row.line), &row.cells);
            let leave_out = |kind, reason| Skipped { path: name.clone().into(), kind, reason };
            if used_as == Use::Test {
                continue;
            }
            let labels = columns.labels_of(row, table.kind, &separator, &csv);
            let labels = match labels.and_then(|labels| is_number(labels, numbers.as_ref())) {
                Ok(labels) => labels,
                Err((kind, reason)) => {
                    found.left_out.push(leave_out(kind, reason));
                    continue;
                }
            };
            let written = &cells[columns.image];
            match finder.find(written) {
                Ok(path) => {
                    if path != Path::new(written) && moved.is_none() && !has_same_name(&path, written) {
                        moved = Some(format!("`{written}` is {}", path.display()));
                    }
                    let belongs_to = columns
                        .group
                        .map(|column| cells[column].to_owned())
                        .filter(|group| !group.is_empty());
                    let valid = used_as == Use::Valid;
                    found.rows.push(LabelRow { path, row: name, labels, valid, belongs_to });
                }
                Err(reason) => found.left_out.push(leave_out("missing", reason)),
            }
        }
        found.notes.extend(uses.notes);
        found.notes.extend(
            moved.map(|example| Note::from(format!("images are found by the end of their paths: {example}"))),
        );
        if table.kind == LabelKind::Labels && columns.labels.len() == 1 && table.separator.is_none() {
            found.notes.extend(separator.note());
        }
        found.notes.extend(columns.note(table, &csv));
        found.rows.sort_by(|a, b| a.path.cmp(&b.path));
        found.reading =
            TableReading::of(&csv, found.rows.len(), columns.reading(table.kind, &csv), &found.notes)
                .with_tests(tests);
        Ok(found)
    }
}

/// Whether a path is as it was written but for its extension.
fn has_same_name(path: &Path, written: &str) -> bool {
    path.with_extension("") == Path::new(written)
}

/// Which columns are used.
struct Columns {
    image: usize,
    /// One, or one for each label, whose cells say whether it is there.
    labels: Vec<usize>,
    valid: Option<usize>,
    group: Option<usize>,
}

impl Columns {
    fn find(table: &LabelTable, csv: &CsvTable, finder: &Finder) -> Result<Self, LabelsError> {
        let named =
            |name: &Option<String>| name.as_ref().map(|name| csv.column(&table.file, name)).transpose();
        let found =
            |column: &usize| csv.cells(*column).take(SAMPLE).filter(|cell| finder.find(cell).is_ok()).count();
        // The first of equals.
        let image = named(&table.image_column)?
            .or_else(|| (0..csv.columns.len()).rev().max_by_key(found))
            .unwrap_or(0);
        let (valid, group) = (named(&table.valid_column)?, named(&table.group_column)?);
        if let Some(label) = named(&table.label_column)? {
            return Ok(Self { image, labels: vec![label], valid, group });
        }
        let is_other = |column: &usize| {
            *column != image && Some(*column) != valid && Some(*column) != group && !csv.is_nameless(*column)
        };
        let others: Vec<usize> = (0..csv.columns.len()).filter(is_other).collect();
        let usual = |column: &&usize| LABEL_NAMES.contains(&csv.columns[**column].to_lowercase().as_str());
        let says = |column: &usize| csv.cells(*column).all(|cell| is_there(cell).is_some());
        let labels = match others.iter().find(usual) {
            Some(&label) => vec![label],
            None if table.kind != LabelKind::Number && others.len() > 1 && others.iter().all(says) => others,
            None => others.into_iter().take(1).collect(),
        };
        match labels.is_empty() {
            true => Err(LabelsError::OneColumn(table.file.clone())),
            false => Ok(Self { image, labels, valid, group }),
        }
    }

    /// The labels of a row, as they are written; or why it has none.
    fn labels_of(
        &self,
        row: &Row,
        kind: LabelKind,
        separator: &LabelSeparator,
        csv: &CsvTable,
    ) -> Result<Vec<String>, (&'static str, String)> {
        if let [column] = self.labels[..] {
            let cell = &row.cells[column];
            let missing = if kind == LabelKind::Number { is_missing(cell) } else { cell.is_empty() };
            return match kind {
                LabelKind::Labels => Ok(split_labels(cell, separator)),
                _ if missing => Err(("no-label", "it has no label".to_owned())),
                _ => Ok(vec![cell.to_owned()]),
            };
        }
        let there = self.labels.iter().filter(|&&column| is_there(&row.cells[column]) == Some(true));
        let labels: Vec<String> = there.map(|&column| csv.columns[column].clone()).collect();
        match (kind, labels.len()) {
            (LabelKind::Labels, _) | (_, 1) => Ok(labels),
            (_, 0) => Err(("no-label", "none of its labels is 1".to_owned())),
            (_, count) => Err(("bad-label", format!("{count} of its labels are 1, and a class is one"))),
        }
    }

    /// How the numbers of the label column are written, if they are to be numbers and some are.
    fn numbers(&self, kind: LabelKind, csv: &CsvTable) -> Option<NumberFormat> {
        let &[column] = &self.labels[..] else { return None };
        let cells: Vec<&str> = csv.cells(column).collect();
        let format = NumberFormat::of(&cells);
        (kind == LabelKind::Number && cells.iter().any(|cell| format.read(cell).is_some())).then_some(format)
    }

    /// A note about label columns that were guessed.
    fn note(&self, table: &LabelTable, csv: &CsvTable) -> Option<Note> {
        if table.label_column.is_some() || csv.columns.len() <= 2 {
            return None;
        }
        let names: Vec<String> =
            self.labels.iter().map(|&column| format!("`{}`", csv.columns[column])).collect();
        let text = match &names[..] {
            [name] => format!("column {name} is read as the label"),
            names => format!("the columns {} are read as labels that are there or not", names.join(", ")),
        };
        Some(Note { text, remedy: Some(Remedy::NameLabelColumn) })
    }

    fn reading(&self, kind: LabelKind, csv: &CsvTable) -> Vec<ColumnReading> {
        let column = |(place, name): (usize, &String)| {
            let label = if kind == LabelKind::Number { "number" } else { "category" };
            let (kind, used_as) = match place {
                place if place == self.image => ("image", ColumnUse::Input),
                place if self.labels.contains(&place) => (label, ColumnUse::Label),
                place if Some(place) == self.valid => ("category", ColumnUse::Split),
                place if Some(place) == self.group => ("category", ColumnUse::Group),
                _ => ("category", ColumnUse::Nothing),
            };
            let missing = csv.cells(place).filter(|cell| cell.is_empty()).count();
            ColumnReading { name: name.clone(), kind, missing, odd: vec![], used_as }
        };
        csv.columns.iter().enumerate().map(column).collect()
    }
}

/// The label, if it is a number of this format or need be none.
fn is_number(
    labels: Vec<String>,
    format: Option<&NumberFormat>,
) -> Result<Vec<String>, (&'static str, String)> {
    let wrong = |label: &&String| format.is_some_and(|format| format.read(label).is_none());
    match labels.first().filter(wrong) {
        Some(label) => Err(("bad-label", format!("the label is a number, and this is `{label}`"))),
        None => Ok(labels),
    }
}

/// Whether a label is there, as a cell of its own column says.
fn is_there(cell: &str) -> Option<bool> {
    match (number(cell), cell.to_lowercase().as_str()) {
        (Some(1.0), _) | (_, "true" | "yes" | "x") => Some(true),
        (Some(0.0), _) | (_, "false" | "no" | "") => Some(false),
        _ => None,
    }
}

/// Finds images as tables write them.
struct Finder {
    root: PathBuf,
    /// Images by the ends of their paths, in lower case, with and without extension; nothing where two have the same.
    by_end: HashMap<String, Option<PathBuf>>,
}

impl Finder {
    fn new(root: &Path) -> Result<Self, LabelsError> {
        let mut by_end: HashMap<String, Option<PathBuf>> = HashMap::new();
        for path in all_files(root, &IMAGES)?.0 {
            let plain = path.with_extension("");
            for written in [path.as_path(), plain.as_path()] {
                for end in ends(&written.to_string_lossy().to_lowercase()) {
                    let found = by_end.entry(end.to_owned()).or_insert_with(|| Some(path.clone()));
                    if found.as_ref().is_some_and(|found| *found != path) {
                        *found = None;
                    }
                }
            }
        }
        Ok(Self { root: root.to_owned(), by_end })
    }

    /// The image below the folder that a cell names; or why there is none.
    fn find(&self, written: &str) -> Result<PathBuf, String> {
        let exact = PathBuf::from(written);
        if !written.is_empty() && self.root.join(&exact).is_file() {
            return Ok(exact);
        }
        let plain = written.replace('\\', "/").to_lowercase();
        for end in ends(plain.trim_start_matches("./")) {
            match self.by_end.get(end) {
                Some(Some(path)) => return Ok(path.clone()),
                Some(None) => {
                    return Err(format!("several images are called {end}; write their folders, too"));
                }
                None => {}
            }
        }
        Err(format!("there is no image {written}"))
    }
}

/// The ends of a path, the longest first.
fn ends(path: &str) -> impl Iterator<Item = &str> {
    let after = path.char_indices().filter(|(_, letter)| *letter == '/').map(|(place, _)| &path[place + 1..]);
    [path].into_iter().chain(after).filter(|end| !end.is_empty())
}
