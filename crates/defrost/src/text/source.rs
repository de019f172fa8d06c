//! Labelled texts, of a table or of the files of folders.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::columns::TextColumns;
use super::files::{TEXTS, read_text};
use super::table::{Sought, TextTable};
use super::together::Together;
use crate::csv_table::{CsvError, CsvTable, Use};
use crate::data::class_folder::{
    FolderError, IgnoreReason, Ignored, LabelledFiles, scan_known, scan_to_evaluate,
};
use crate::data::{Skipped, Target};
use crate::reading::TableReading;
use crate::remedy::Remedy;

/// The largest data set that is held in memory, in bytes.
const MAX_TOTAL: u64 = 4 << 30;

/// A text and its label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledText {
    /// Where it is: a file, or a file and a line.
    pub name: String,
    /// The text.
    pub text: String,
    /// Its label.
    pub target: Target,
    /// What it [belongs to](crate::data::Dataset::belongs_to), if anything.
    pub belongs_to: Option<String>,
}

/// The texts of a CSV file or a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelledTexts {
    /// The names of classes or labels, sorted; none where labels are numbers.
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
    /// Several columns say yes or no, and a class is one.
    #[error("{}: which column is the label is not clear; {columns} say yes or no, and most rows do not have exactly one of them", path.display())]
    SeveralAtOnce {
        /// The file.
        path: PathBuf,
        /// The columns.
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
    #[error("{}: all labels in column {columns} are `{class}`; training needs at least two classes", path.display())]
    OneClass {
        /// The file.
        path: PathBuf,
        /// The column.
        columns: String,
        /// The one class.
        class: String,
    },
    /// A column of labels that are nearly all different.
    #[error("{}: column {columns} has {classes} different labels in {rows} rows; is it the label?", path.display())]
    TooManyClasses {
        /// The file.
        path: PathBuf,
        /// The column.
        columns: String,
        /// How many labels.
        classes: usize,
        /// How many rows.
        rows: usize,
        /// Whether all labels are numbers.
        are_numbers: bool,
    },
    /// No row has a label.
    #[error("{}: no row has a label in {columns}", path.display())]
    NoLabels {
        /// The file.
        path: PathBuf,
        /// The columns.
        columns: String,
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
            Self::SeveralAtOnce { .. } => Some(Remedy::PredictLabels),
            Self::TooManyClasses { are_numbers: true, .. } => Some(Remedy::PredictNumber),
            Self::Csv(error) => error.remedy(),
            _ => None,
        }
    }
}

impl LabelledTexts {
    /// Reads the texts of a file or a folder, with labels that are known already, to validate on.
    ///
    /// # Errors
    ///
    /// If they can't be read, columns are not clear, or no label is one of the classes.
    pub(super) fn read_known(path: &Path, sought: Sought<'_>) -> Result<Self, TextSourceError> {
        match path.is_dir() {
            true => {
                let classes = sought.known.unwrap_or_default();
                Self::of_files(path, scan_known(path, &TEXTS, classes)?, sought.together)
            }
            false => Self::of_table(path, sought),
        }
    }

    /// The same to evaluate on: those that validate, where a folder is a data set with a validation folder.
    ///
    /// # Errors
    ///
    /// As [`read_known`](Self::read_known).
    pub(super) fn read_to_evaluate(path: &Path, sought: Sought<'_>) -> Result<Self, TextSourceError> {
        match path.is_dir() {
            true => {
                let classes = sought.known.unwrap_or_default();
                Self::of_files(path, scan_to_evaluate(path, &TEXTS, classes)?, sought.together)
            }
            false => Self::of_table(path, sought),
        }
    }

    fn of_table(path: &Path, sought: Sought<'_>) -> Result<Self, TextSourceError> {
        let table = CsvTable::read(path)?;
        let table = TextTable::find(path, &table, sought)?;
        table.texts(&table.labels()?, Use::Train)
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
                    let (name, belongs_to) = (path.display().to_string(), together.of_file(root, &path));
                    items.push(LabelledText { name, text, target: file.target, belongs_to });
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
}

/// The texts of a data set.
pub(super) struct TextParts {
    /// Those to train on, or to split.
    pub train: LabelledTexts,
    /// What validates.
    pub valid: ValidTexts,
    /// How their table was read, if they lie in one.
    pub table: Option<TableReading>,
}

/// The texts that validate.
pub(super) enum ValidTexts {
    /// These, with the classes of those that train.
    Given(LabelledTexts),
    /// This fraction is split off.
    Fraction(f64),
}
