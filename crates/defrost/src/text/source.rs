//! Finding labelled texts: a column of a CSV file, or the files of folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::columns::{TextColumns, guess_label_column, guess_text_column};
use super::folder;
use crate::csv_table::{CsvError, CsvTable};
use crate::data::Skipped;
use crate::files::FileError;

/// A text and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledText {
    /// Where it is: a file, or a file and a line.
    pub name: String,
    /// The text.
    pub text: String,
    /// Index of its class.
    pub class: usize,
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
    /// A folder can't be listed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A class folder whose name is no text.
    #[error("{}: a class folder's name must be valid Unicode; rename it", .0.display())]
    FolderName(PathBuf),
    /// A folder without folders.
    #[error(
        "{path} has no class folders; expected {path}/CLASS/text.txt with a folder per class, or such folders in {path}/train and {path}/valid",
        path = .0.display()
    )]
    NoFolders(PathBuf),
    /// A folder with one folder.
    #[error("{} has only one class folder, {class}; training needs at least two classes", path.display())]
    OneFolder {
        /// The folder.
        path: PathBuf,
        /// The one class.
        class: String,
    },
    /// A class folder without files.
    #[error("{} has no texts; add some (.txt) or remove the folder", .0.display())]
    EmptyFolder(PathBuf),
    /// More than can be held in memory.
    #[error("{}: the texts take more than {limit} bytes, and all of them are held in memory", path.display())]
    TooMuch {
        /// The folder.
        path: PathBuf,
        /// How many may be held.
        limit: u64,
    },
    /// Which column holds the text is not clear.
    #[error("{}: which column is the text is not clear; say --text-column NAME, one of {columns}", path.display())]
    TextColumn {
        /// The file.
        path: PathBuf,
        /// All columns.
        columns: String,
    },
    /// Which column holds the label is not clear.
    #[error("{}: which column is the label is not clear; say --label-column NAME, one of {columns}", path.display())]
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
    /// Labels that were never trained.
    #[error("{}: labels that training does not know: {unknown}; it knows {known}", path.display())]
    UnknownClasses {
        /// The file.
        path: PathBuf,
        /// Labels only found here.
        unknown: String,
        /// Classes of the training data.
        known: String,
    },
}

impl LabelledTexts {
    /// Reads a CSV file, or the `.txt` files of a folder of class folders. Classes are the labels found, sorted, or
    /// else those that are `known`, which then no label may add to. Rows without a label are left out.
    ///
    /// # Errors
    ///
    /// If it can't be read, its columns are not clear, or its labels make no classes.
    pub fn read(
        path: &Path,
        columns: &TextColumns,
        known: Option<&[String]>,
    ) -> Result<Self, TextSourceError> {
        if path.is_dir() {
            return folder::read(path, known);
        }
        let (table, mut skipped) = CsvTable::read(path)?;
        let (text, label) = find(path, &table, columns)?;
        let column = table.columns[label].clone();
        let found: BTreeSet<&str> = table.cells(label).filter(|label| !label.is_empty()).collect();
        let classes: Vec<String> = match known {
            Some(known) => known.to_vec(),
            None => found.iter().map(|&label| label.to_owned()).collect(),
        };
        let unknown: Vec<&str> =
            found.iter().copied().filter(|label| !classes.iter().any(|class| class == label)).collect();
        if !unknown.is_empty() {
            let (unknown, known) = (unknown.join(", "), classes.join(", "));
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
        let mut items = vec![];
        for mut row in table.rows {
            match classes.iter().position(|class| *class == row.cells[label]) {
                Some(class) => {
                    items.push(LabelledText { name: row.name, text: row.cells.swap_remove(text), class });
                }
                None => {
                    let (path, reason) = (row.name.into(), "it has no label".to_owned());
                    skipped.push(Skipped { path, kind: "no-label", reason });
                }
            }
        }
        Ok(Self { classes, items, skipped, columns })
    }
}

/// The texts of a data set.
pub struct TextParts {
    /// Those to train on, or to split.
    pub train: LabelledTexts,
    /// Those to validate on, with the same classes, or the fraction that is split off.
    pub valid: Result<LabelledTexts, f64>,
}

impl TextParts {
    /// Reads both parts.
    ///
    /// # Errors
    ///
    /// As [`LabelledTexts::read`], or if there are texts of other classes to validate on.
    pub fn read(
        path: &Path,
        columns: &TextColumns,
        validation: Result<&Path, f64>,
    ) -> Result<Self, TextSourceError> {
        let train = LabelledTexts::read(path, columns, None)?;
        let valid = match validation {
            Ok(other) => Ok(LabelledTexts::read(other, &train.columns, Some(&train.classes))?),
            Err(fraction) => Err(fraction),
        };
        Ok(Self { train, valid })
    }
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
