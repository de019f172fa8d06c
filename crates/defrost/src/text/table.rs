//! Texts in a table: which columns hold the text and its labels, and the labelled text of each row.

use std::path::Path;

use super::columns::{TextColumns, guess_text_column};
use super::source::{LabelledText, LabelledTexts, TextSourceError};
use super::together::Together;
use crate::csv_table::{CsvTable, NumberFormat, Use, Uses, cell};
use crate::data::{Label, Skipped, Target, TargetKind};
use crate::labels::{LabelColumns, NoLabel, Roles, Seeming, names, target};
use crate::reading::TableReading;
use crate::remedy::Note;

/// How the texts of a table are read.
#[derive(Clone, Copy)]
pub(super) struct Sought<'a> {
    /// Their columns, as far as they are named.
    pub columns: &'a TextColumns,
    /// What a label is.
    pub kind: TargetKind,
    /// The character between several labels, if it is given.
    pub separator: Option<char>,
    /// What tells which texts belong together.
    pub together: &'a Together,
    /// The column that says which rows validate.
    pub valid_column: Option<&'a str>,
    /// The classes of a trained network.
    pub known: Option<&'a [String]>,
}

/// A table, and which of its columns are used.
pub(super) struct TextTable<'a> {
    path: &'a Path,
    table: &'a CsvTable,
    sought: Sought<'a>,
    roles: Roles,
    /// The use of each row.
    uses: Uses,
}

/// What the rows of a table are labelled with.
pub(super) struct RowLabels {
    classes: Vec<String>,
    /// The target of each row, or why it has none.
    targets: Vec<Result<Target, NoLabel>>,
}

impl<'a> TextTable<'a> {
    /// The columns of a table that was read from `path`, those that are not named guessed.
    ///
    /// # Errors
    ///
    /// If they are not there or not clear, or a row's use is not.
    pub fn find(path: &'a Path, table: &'a CsvTable, sought: Sought<'a>) -> Result<Self, TextSourceError> {
        let group = sought.together.column(path, table)?;
        let valid = sought.valid_column.map(|name| table.column(path, name)).transpose()?;
        let is_free = |column: &usize| Some(*column) != group && Some(*column) != valid;
        let listed = |without: Option<usize>| {
            let columns = (0..table.columns.len()).filter(|&column| Some(column) != without);
            columns.map(|column| table.columns[column].as_str()).collect::<Vec<_>>().join(", ")
        };
        let TextColumns { text, label } = sought.columns;
        let named = label.as_ref().map(|name| table.column(path, name)).transpose()?;
        let unclear =
            |path: &Path| TextSourceError::TextColumn { path: path.to_owned(), columns: listed(named) };
        let text = match text {
            Some(name) => table.column(path, name)?,
            None => guess_text_column(table).ok_or_else(|| unclear(path))?,
        };
        if named == Some(text) {
            let column = table.columns[text].clone();
            return Err(TextSourceError::SameColumn { path: path.to_owned(), column });
        }
        let others: Vec<usize> =
            (0..table.columns.len()).filter(|column| *column != text && is_free(column)).collect();
        let places = match named {
            Some(label) => vec![label],
            None => match (Seeming::find(table, &others, sought.kind, sought.known), &others[..]) {
                (Seeming::Usual(columns), _) if columns.len() == 1 => columns,
                (Seeming::OneEach(columns), _) => columns,
                (Seeming::None, &[only]) => vec![only],
                (Seeming::SeveralAtOnce(columns), _) => {
                    let columns = table.quoted(&columns);
                    return Err(TextSourceError::SeveralAtOnce { path: path.to_owned(), columns });
                }
                _ => {
                    let columns = listed(Some(text));
                    return Err(TextSourceError::LabelColumn { path: path.to_owned(), columns });
                }
            },
        };
        let labels = LabelColumns::new(table, places, sought.kind, sought.separator, sought.known);
        let uses = valid.map_or_else(|| Ok(Uses::undivided(table)), |column| table.uses(column))?;
        let roles = Roles { input: text, input_kind: "text", labels, group, valid };
        Ok(Self { path, table, sought, roles, uses })
    }

    /// Whether a column says which rows validate.
    pub fn is_divided(&self) -> bool {
        self.roles.valid.is_some()
    }

    /// The names of the columns of text and label; no label's where each label has a column.
    pub fn columns(&self) -> TextColumns {
        let name = |column: usize| Some(self.table.columns[column].clone());
        let label = match self.roles.labels.places() {
            &[column] => name(column),
            _ => None,
        };
        TextColumns { text: name(self.roles.input), label }
    }

    /// What a person should know of how it is read.
    pub fn notes(&self) -> Vec<Note> {
        let labels = self.roles.labels.note(self.table, self.sought.separator.is_some());
        let division = self.roles.division_note(self.table);
        let notes = self.table.reading.notes.iter().chain(&self.uses.notes).cloned();
        notes.chain(labels).chain(division).collect()
    }

    /// The labels of all rows. Their classes are those that are known, or those of the rows that train.
    ///
    /// # Errors
    ///
    /// If they make no classes, or none is known.
    pub fn labels(&self) -> Result<RowLabels, TextSourceError> {
        let rows = &self.table.rows;
        let read: Vec<Result<Label, NoLabel>> =
            rows.iter().map(|row| self.roles.labels.read(self.table, row)).collect();
        let train = || {
            let rows = read.iter().zip(&self.uses.rows).filter(|(_, used_as)| **used_as == Use::Train);
            rows.filter_map(|(label, _)| label.as_ref().ok())
        };
        let found = names(train());
        if train().next().is_none() {
            let (path, columns) = (self.path.to_owned(), self.label_names());
            return Err(TextSourceError::NoLabels { path, columns });
        }
        let classes = match (self.sought.kind, self.sought.known) {
            (TargetKind::Number, _) => vec![],
            (_, Some(known)) => {
                self.check_known(&found, known)?;
                known.to_vec()
            }
            (kind, None) => {
                self.check_classes(&found, kind)?;
                found
            }
        };
        let targets = read.into_iter().map(|label| target(&label?, &classes)).collect();
        Ok(RowLabels { classes, targets })
    }

    /// The texts of this use.
    ///
    /// # Errors
    ///
    /// If no label of the rows that validate is one of those that train.
    pub fn texts(&self, labels: &RowLabels, used_as: Use) -> Result<LabelledTexts, TextSourceError> {
        let (mut items, mut skipped) = (vec![], vec![]);
        if used_as == Use::Train {
            skipped.extend(self.table.left_out());
        }
        let rows = self.table.rows.iter().zip(&labels.targets).zip(&self.uses.rows);
        for ((row, target), _) in rows.filter(|(_, of_row)| **of_row == used_as) {
            let name = self.table.name(row.line);
            match target {
                Ok(target) => {
                    let group = self.roles.group.map(|group| row.cells[group].to_owned());
                    let belongs_to = group.filter(|group| !group.is_empty());
                    let (text, target) = (row.cells[self.roles.input].to_owned(), target.clone());
                    items.push(LabelledText { name, text, target, belongs_to });
                }
                Err((kind, reason)) => {
                    skipped.push(Skipped { path: name.into(), kind, reason: reason.clone() });
                }
            }
        }
        if items.is_empty() && used_as == Use::Valid {
            let rows = self.table.rows.iter().zip(&self.uses.rows).filter(|(_, of_row)| **of_row == used_as);
            let read: Vec<Label> =
                rows.filter_map(|(row, _)| self.roles.labels.read(self.table, row).ok()).collect();
            self.check_known(&names(read.iter()), &labels.classes)?;
        }
        Ok(LabelledTexts { classes: labels.classes.clone(), items, skipped, columns: self.columns() })
    }

    /// How the table was read.
    pub fn reading(&self, labels: &RowLabels) -> TableReading {
        let is_used = |place: &usize| {
            self.uses.rows[*place] != Use::Test
                && labels.targets[*place].is_ok()
                && !self.table.rows[*place].cells[self.roles.input].trim().is_empty()
        };
        let used = (0..self.table.rows.len()).filter(is_used).count();
        let columns = self.roles.readings(self.table);
        TableReading::of(self.table, used, columns, &self.notes()).with_tests(self.uses.tests())
    }

    fn label_names(&self) -> String {
        self.table.quoted(self.roles.labels.places())
    }

    /// Refuses labels of which none is known.
    fn check_known(&self, found: &[String], known: &[String]) -> Result<(), TextSourceError> {
        if found.is_empty() || found.iter().any(|label| cell::find(known, label).is_some()) {
            return Ok(());
        }
        let (unknown, known) = (found.join(", "), known.join(", "));
        Err(TextSourceError::UnknownClasses { path: self.path.to_owned(), unknown, known })
    }

    /// Refuses labels that make no classes.
    fn check_classes(&self, found: &[String], kind: TargetKind) -> Result<(), TextSourceError> {
        let (path, columns, rows) = (self.path.to_owned(), self.label_names(), self.table.rows.len());
        match (kind, found) {
            (_, []) => Err(TextSourceError::NoLabels { path, columns }),
            (TargetKind::Class, [class]) => {
                Err(TextSourceError::OneClass { path, columns, class: class.clone() })
            }
            (TargetKind::Class, classes) if classes.len() > 2 && classes.len() * 2 > rows => {
                let cells: Vec<&str> = classes.iter().map(String::as_str).collect();
                let format = NumberFormat::of(&cells);
                let are_numbers = cells.iter().all(|cell| format.read(cell).is_some());
                let classes = classes.len();
                Err(TextSourceError::TooManyClasses { path, columns, classes, rows, are_numbers })
            }
            _ => Ok(()),
        }
    }
}
