//! A table that labels images: which column names them, which one labels them, and where the images are.
//!
//! People's tables come from other machines: paths have other folders before them, backslashes, another case or no
//! extension. An image is found by as much of its path as fits one image below the data's folder, and no other.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::labels::{IMAGES, LabelTable, LabelsError};
use crate::csv_table::{CsvTable, Use, Uses};
use crate::data::class_folder::all_files;
use crate::data::{Label, Skipped, TargetKind};
use crate::labels::{LabelColumns, Roles, Seeming};
use crate::platform::fs;
use crate::reading::TableReading;
use crate::remedy::{Note, Remedy};

/// At most this many rows are compared with the files to find the column of images.
const SAMPLE: usize = 100;

/// A row of a table, read.
pub(super) struct LabelRow {
    /// The image, below the data's folder.
    pub path: PathBuf,
    /// Where it is written.
    pub row: String,
    pub label: Label,
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
    /// Reads a table that labels the images below `root`. Of a trained network, `known` are the classes.
    ///
    /// # Errors
    ///
    /// If it can't be read, has no column of labels, or doesn't say clearly which rows validate.
    pub fn read(root: &Path, table: &LabelTable, known: Option<&[String]>) -> Result<Self, LabelsError> {
        let csv = CsvTable::read_as(&table.file, &table.format)?;
        let finder = Finder::new(root)?;
        let columns = find(table, &csv, &finder, known)?;
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
            let label = match columns.labels.read(&csv, row) {
                Ok(label) => label,
                Err((kind, reason)) => {
                    found.left_out.push(leave_out(kind, reason));
                    continue;
                }
            };
            let written = &cells[columns.input];
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
                    found.rows.push(LabelRow { path, row: name, label, valid, belongs_to });
                }
                Err(reason) => found.left_out.push(leave_out("missing", reason)),
            }
        }
        found.notes.extend(uses.notes);
        found.notes.extend(
            moved.map(|example| Note::from(format!("images are found by the end of their paths: {example}"))),
        );
        found.notes.extend(columns.labels.note(&csv, table.separator.is_some()));
        found.notes.extend(columns.division_note(&csv));
        found.notes.extend(guessed_note(&columns, table, &csv));
        found.rows.sort_by(|a, b| a.path.cmp(&b.path));
        found.reading =
            TableReading::of(&csv, found.rows.len(), columns.readings(&csv), &found.notes).with_tests(tests);
        Ok(found)
    }
}

/// Whether a path is as it was written but for its extension.
fn has_same_name(path: &Path, written: &str) -> bool {
    path.with_extension("") == Path::new(written)
}

/// The columns that are used, those that are not named guessed.
fn find(
    table: &LabelTable,
    csv: &CsvTable,
    finder: &Finder,
    known: Option<&[String]>,
) -> Result<Roles, LabelsError> {
    let named = |name: &Option<String>| name.as_ref().map(|name| csv.column(&table.file, name)).transpose();
    let found =
        |column: &usize| csv.cells(*column).take(SAMPLE).filter(|cell| finder.find(cell).is_ok()).count();
    // The first of equals.
    let image =
        named(&table.image_column)?.or_else(|| (0..csv.columns.len()).rev().max_by_key(found)).unwrap_or(0);
    let (valid, group) = (named(&table.valid_column)?, named(&table.group_column)?);
    let is_other = |column: &usize| {
        *column != image && Some(*column) != valid && Some(*column) != group && !csv.is_nameless(*column)
    };
    let others: Vec<usize> = (0..csv.columns.len()).filter(is_other).collect();
    let kind = table.kind.unwrap_or(TargetKind::Class);
    let labels = match named(&table.label_column)? {
        Some(label) => vec![label],
        None => match Seeming::find(csv, &others, kind, known) {
            Seeming::Usual(columns) => columns[..1].to_vec(),
            Seeming::OneEach(columns) => columns,
            Seeming::SeveralAtOnce(columns) => {
                let columns = csv.quoted(&columns);
                return Err(LabelsError::Unclear { path: table.file.clone(), columns });
            }
            Seeming::None => others.into_iter().take(1).collect(),
        },
    };
    if labels.is_empty() {
        return Err(LabelsError::OneColumn(table.file.clone()));
    }
    let labels = LabelColumns::new(csv, labels, kind, table.separator, known);
    Ok(Roles { input: image, input_kind: "image", labels, group, valid })
}

/// A note about label columns that were guessed.
fn guessed_note(roles: &Roles, table: &LabelTable, csv: &CsvTable) -> Option<Note> {
    if table.label_column.is_some() || csv.columns.len() <= 2 {
        return None;
    }
    let (places, names) = (roles.labels.places(), csv.quoted(roles.labels.places()));
    let text = match places.len() {
        1 => format!("column {names} is read as the label"),
        _ => format!("the columns {names} are read as labels that are there or not"),
    };
    Some(Note { text, remedy: Some(Remedy::NameLabelColumn) })
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
        if !written.is_empty() && fs::is_file(&self.root.join(&exact)) {
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
