//! Finding labelled texts: a column of a CSV file, or the files of folders.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::columns::{TextColumns, guess_label_column, guess_text_column};
use super::files::{TEXTS, read_text};
use super::together::Together;
use crate::csv_table::{CsvError, CsvTable, cell};
use crate::data::Skipped;
use crate::data::class_folder::{
    FolderError, IgnoreReason, Ignored, LabelledFiles, scan_known, scan_to_evaluate,
};
use crate::remedy::Remedy;

/// The largest data set that is held in memory, in bytes.
const MAX_TOTAL: u64 = 4 << 30;

/// A text and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledText {
    /// Where it is: a file, or a file and a line.
    pub name: String,
    /// The text.
    pub text: String,
    /// Index of its class.
    pub class: usize,
    /// What it [belongs to](crate::data::Dataset::belongs_to), if anything.
    pub belongs_to: Option<String>,
}

/// The texts of a CSV file or a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelledTexts {
    /// Class names, sorted.
    pub classes: Vec<String>,
    /// The texts, in the file's order or sorted by path.
    pub items: Vec<LabelledText>,
    /// Rows and files that are left out.
    pub skipped: Vec<Skipped>,
    /// The columns they come from; none in folders.
    pub columns: TextColumns,
}

/// There are no texts to train on.
#[derive(Debug, Error)]
pub enum TextSourceError {
    /// The file is no table.
    #[error(transparent)]
    Csv(#[from] CsvError),
    /// A folder is no data set.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// More than can be held in memory.
    #[error("{}: the texts take more than {limit} bytes, and all of them are held in memory", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// How many may be held.
        limit: u64,
    },
    /// Which column holds the text is not clear.
    #[error("{}: which column is the text is not clear; there are {columns}", path.display())]
    TextColumn {
        /// The file.
        path: PathBuf,
        /// All columns.
        columns: String,
    },
    /// Which column holds the label is not clear.
    #[error("{}: which column is the label is not clear; there are {columns}", path.display())]
    LabelColumn {
        /// The file.
        path: PathBuf,
        /// All columns but the text's.
        columns: String,
    },
    /// Both names are the same.
    #[error("{}: the text and the label can't both be column `{column}`", path.display())]
    SameColumn {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
    },
    /// There is nothing to tell apart.
    #[error("{}: all labels in column `{column}` are `{class}`; training needs at least two classes", path.display())]
    OneClass {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The one class.
        class: String,
    },
    /// A column of labels that are nearly all different.
    #[error("{}: column `{column}` has {classes} different labels in {rows} rows; is it the label?", path.display())]
    TooManyClasses {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// How many labels.
        classes: usize,
        /// How many rows.
        rows: usize,
    },
    /// All labels are others than those of the training data.
    #[error("{}: training knows none of these labels: {unknown}; it knows {known}", path.display())]
    UnknownClasses {
        /// The file.
        path: PathBuf,
        /// Labels only found here.
        unknown: String,
        /// Classes of the training data.
        known: String,
    },
}

impl TextSourceError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::TextColumn { .. } => Some(Remedy::NameTextColumn),
            Self::LabelColumn { .. } => Some(Remedy::NameLabelColumn),
            Self::Csv(error) => error.remedy(),
            _ => None,
        }
    }
}

impl LabelledTexts {
    /// Reads the texts of classes that are known already, a CSV file's or a folder's, to validate on.
    ///
    /// # Errors
    ///
    /// If they can't be read, columns are not clear, or no label is one of the classes.
    pub fn read_known(
        path: &Path,
        columns: &TextColumns,
        classes: &[String],
        together: &Together,
    ) -> Result<Self, TextSourceError> {
        match path.is_dir() {
            true => Self::of_files(path, scan_known(path, &TEXTS, classes)?, together),
            false => Self::of_table(path, CsvTable::read(path)?, columns, Some(classes), together),
        }
    }

    /// The same to evaluate on: those that validate, where a folder is a data set with a validation folder.
    ///
    /// # Errors
    ///
    /// As [`read_known`](Self::read_known).
    pub fn read_to_evaluate(
        path: &Path,
        columns: &TextColumns,
        classes: &[String],
    ) -> Result<Self, TextSourceError> {
        match path.is_dir() {
            true => Self::of_files(path, scan_to_evaluate(path, &TEXTS, classes)?, &Together::None),
            false => Self::of_table(path, CsvTable::read(path)?, columns, Some(classes), &Together::None),
        }
    }

    /// Reads files below `root`. Those that can't be read or are not valid UTF-8 are left out.
    pub(super) fn of_files(
        root: &Path,
        files: LabelledFiles,
        together: &Together,
    ) -> Result<Self, TextSourceError> {
        let LabelledFiles { classes, items: labelled, ignored } = files;
        // What programs leave is no text that is lost.
        let lost = |ignored: Ignored| {
            let (kind, reason) = match ignored.reason {
                IgnoreReason::NotAnItem(_) => ("not-a-text", "its name does not end in .txt".to_owned()),
                IgnoreReason::NoClass => ("no-class", "it is in no class folder".to_owned()),
                _ => return None,
            };
            Some(Skipped { path: root.join(ignored.path), kind, reason })
        };
        let mut skipped: Vec<Skipped> = ignored.into_iter().filter_map(lost).collect();
        let (mut items, mut total) = (vec![], 0);
        for file in labelled {
            let path = root.join(file.path);
            match read_text(&path) {
                Ok(text) => {
                    total += text.len() as u64;
                    let class = file.target.class().unwrap_or_default();
                    let (name, belongs_to) = (path.display().to_string(), together.of_file(root, &path));
                    items.push(LabelledText { name, text, class, belongs_to });
                }
                Err((kind, reason)) => skipped.push(Skipped { path, kind, reason }),
            }
            if total > MAX_TOTAL {
                return Err(TextSourceError::TooMuch { path: root.to_owned(), limit: MAX_TOTAL });
            }
        }
        skipped.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { classes, items, skipped, ..Self::default() })
    }

    /// The texts of a table that was read from `path`. Classes are the labels found, sorted, or else those that are `known`.
    /// Rows without a label, or with one that is not known, are left out.
    pub(super) fn of_table(
        path: &Path,
        table: CsvTable,
        columns: &TextColumns,
        known: Option<&[String]>,
        together: &Together,
    ) -> Result<Self, TextSourceError> {
        let (text, label) = find(path, &table, columns)?;
        let group = together.column(path, &table)?;
        let column = table.columns[label].clone();
        let found = cell::values(table.cells(label).filter(|label| !label.is_empty()));
        let classes = known.map_or(found.clone(), <[String]>::to_vec);
        if !found.is_empty() && found.iter().all(|label| cell::find(&classes, label).is_none()) {
            let (unknown, known) = (found.join(", "), classes.join(", "));
            return Err(TextSourceError::UnknownClasses { path: path.to_owned(), unknown, known });
        }
        if let [class] = &classes[..] {
            return Err(TextSourceError::OneClass { path: path.to_owned(), column, class: class.clone() });
        }
        let rows = table.rows.len();
        if known.is_none() && classes.len() > 2 && classes.len() * 2 > rows {
            let classes = classes.len();
            return Err(TextSourceError::TooManyClasses { path: path.to_owned(), column, classes, rows });
        }
        let columns = TextColumns { text: Some(table.columns[text].clone()), label: Some(column) };
        let (mut items, mut skipped) = (vec![], table.left_out().collect::<Vec<_>>());
        for row in &table.rows {
            let (name, label) = (table.name(row.line), &row.cells[label]);
            match cell::find(&classes, label).filter(|_| !label.is_empty()) {
                Some(class) => {
                    let belongs_to =
                        group.map(|group| row.cells[group].to_owned()).filter(|group| !group.is_empty());
                    let text = row.cells[text].to_owned();
                    items.push(LabelledText { name, text, class, belongs_to });
                }
                None => {
                    let (kind, reason) = match label {
                        "" => ("no-label", "it has no label".to_owned()),
                        _ => ("bad-label", format!("training knows no label `{label}`")),
                    };
                    skipped.push(Skipped { path: name.into(), kind, reason });
                }
            }
        }
        Ok(Self { classes, items, skipped, columns })
    }
}

/// The texts of a data set.
pub(super) struct TextParts {
    /// Those to train on, or to split.
    pub train: LabelledTexts,
    /// What validates.
    pub valid: ValidTexts,
}

/// The texts that validate.
pub(super) enum ValidTexts {
    /// These, with the classes of those that train.
    Given(LabelledTexts),
    /// This fraction is split off.
    Fraction(f64),
}

fn find(path: &Path, table: &CsvTable, columns: &TextColumns) -> Result<(usize, usize), TextSourceError> {
    let listed = |without: Option<usize>| {
        let others = table.columns.iter().enumerate().filter(|(index, _)| Some(*index) != without);
        others.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
    };
    let label = columns.label.as_ref().map(|name| table.column(path, name)).transpose()?;
    let text = match &columns.text {
        Some(name) => table.column(path, name)?,
        None => guess_text_column(table)
            .ok_or_else(|| TextSourceError::TextColumn { path: path.to_owned(), columns: listed(label) })?,
    };
    let label = label
        .or_else(|| guess_label_column(table, text))
        .ok_or_else(|| TextSourceError::LabelColumn { path: path.to_owned(), columns: listed(Some(text)) })?;
    if text == label {
        let column = table.columns[text].clone();
        return Err(TextSourceError::SameColumn { path: path.to_owned(), column });
    }
    Ok((text, label))
}

impl TextColumns {
    /// These columns of a table, those that are not named guessed.
    ///
    /// # Errors
    ///
    /// If they are not clear.
    pub(super) fn find(&self, path: &Path, table: &CsvTable) -> Result<Self, TextSourceError> {
        let (text, label) = find(path, table, self)?;
        let name = |column: usize| Some(table.columns[column].clone());
        Ok(Self { text: name(text), label: name(label) })
    }
}
