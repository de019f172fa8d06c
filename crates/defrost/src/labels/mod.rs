//! The labels in a file of rows: which columns hold them, of which kind they are, and the label of each row.
//!
//! Images, texts and table rows have their labels read here, so that a cell means the same for all of them.

#[cfg(any(feature = "vision", feature = "text"))]
mod roles;
#[cfg(any(feature = "vision", feature = "text"))]
mod seeming;
mod separator;

#[cfg(any(feature = "vision", feature = "text"))]
pub(crate) use roles::Roles;
#[cfg(any(feature = "vision", feature = "text"))]
pub(crate) use seeming::Seeming;
use separator::{LabelSeparator, looks_several, split_labels};

use crate::csv_table::cell::{self, is_missing, number};
use crate::csv_table::{CsvTable, NumberFormat, Row};
use crate::data::{Label, Target, TargetKind};
use crate::remedy::{Note, Remedy};

/// Why a row can't be used: a word for the kind of problem, and the reason.
pub(crate) type NoLabel = (&'static str, String);

/// The columns of a file that hold its labels, and how they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LabelColumns {
    /// One, or one for each label, whose cells say whether it is there.
    places: Vec<usize>,
    written: Written,
}

#[derive(Clone, Debug, PartialEq)]
enum Written {
    Class,
    Several(LabelSeparator),
    Number(NumberFormat),
}

impl LabelColumns {
    /// Labels of this kind in these columns, of which there is at least one. The character between several labels is found if it
    /// is not given. Of a trained network, `known` are the classes.
    pub fn new(
        table: &CsvTable,
        places: Vec<usize>,
        kind: TargetKind,
        separator: Option<char>,
        known: Option<&[String]>,
    ) -> Self {
        let cells = || places.iter().flat_map(|&place| table.cells(place));
        let written = match kind {
            TargetKind::Class => Written::Class,
            TargetKind::Labels => Written::Several(match (separator, known) {
                (Some(separator), _) => LabelSeparator::Char(separator),
                (None, Some(known)) => LabelSeparator::among(cells(), known),
                (None, None) => LabelSeparator::of(cells()),
            }),
            TargetKind::Number => Written::Number(number_format(table, cells())),
        };
        Self { places, written }
    }

    /// Where they are.
    #[cfg(any(feature = "vision", feature = "text"))]
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// The label of a row.
    ///
    /// # Errors
    ///
    /// If it has none, or it is not of this kind.
    pub fn read(&self, table: &CsvTable, row: &Row) -> Result<Label, NoLabel> {
        let &[place] = &self.places[..] else { return self.read_each(table, row) };
        let cell = &row.cells[place];
        let missing = || Err(("no-label", "it has no label".to_owned()));
        let wrong = |reason: String| Err(("bad-label", reason));
        match &self.written {
            Written::Several(separator) => Ok(Label::Labels(split_labels(cell, separator))),
            // "None" and "NA" are classes like others.
            Written::Class if cell.is_empty() => missing(),
            Written::Class => Ok(Label::Class(cell.to_owned())),
            Written::Number(_) if is_missing(cell) => missing(),
            Written::Number(format) => match format.read(cell).map(|number| number as f32) {
                Some(number) if number.is_finite() => Ok(Label::Number(number)),
                Some(_) => {
                    wrong(format!("the label `{cell}` is out of range; divide the column by its unit"))
                }
                None => wrong(format!("the label is a number, and this is `{cell}`")),
            },
        }
    }

    /// The labels whose columns say that they are there.
    fn read_each(&self, table: &CsvTable, row: &Row) -> Result<Label, NoLabel> {
        let names: Vec<String> =
            is_there_in(row, &self.places).map(|place| table.columns[place].clone()).collect();
        match (&self.written, &names[..]) {
            (Written::Several(_), _) => Ok(Label::Labels(names)),
            (_, [name]) => Ok(Label::Class(name.clone())),
            (_, []) => Err(("no-label", "none of its labels is 1".to_owned())),
            (_, names) => {
                Err(("bad-label", format!("{} of its labels are 1, and a class is one", names.len())))
            }
        }
    }

    /// What a label is.
    pub fn kind(&self) -> TargetKind {
        match self.written {
            Written::Class => TargetKind::Class,
            Written::Several(_) => TargetKind::Labels,
            Written::Number(_) => TargetKind::Number,
        }
    }

    /// What a person should know of how the cells are read; `told` says whether the separator was given.
    pub fn note(&self, table: &CsvTable, told: bool) -> Option<Note> {
        let &[place] = &self.places[..] else { return None };
        match self.written {
            Written::Several(separator) if !told => separator.note(),
            Written::Class => {
                let cell = table.cells(place).find(|cell| looks_several(cell))?;
                let text = format!("the label `{cell}` is read as one class");
                Some(Note { text, remedy: Some(Remedy::PredictLabels) })
            }
            _ => None,
        }
    }
}

/// The kind of a column of such labels, in the words of a [reading](crate::reading).
pub(crate) fn kind_word(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Class => "category",
        TargetKind::Labels => "labels",
        TargetKind::Number => "number",
    }
}

/// The names in labels, sorted; of several spellings of one the first.
pub(crate) fn names<'a>(labels: impl Iterator<Item = &'a Label>) -> Vec<String> {
    cell::values(labels.flat_map(Label::names).map(String::as_str))
}

/// The target that a label is among these classes.
///
/// # Errors
///
/// If it is none of them.
pub(crate) fn target(label: &Label, classes: &[String]) -> Result<Target, NoLabel> {
    let place = |name: &String| match cell::find(classes, name) {
        Some(place) => Ok(place),
        None if is_missing(name) => Err(("no-label", "it has no label".to_owned())),
        None => Err(("bad-label", format!("training knows no label `{name}`"))),
    };
    match label {
        Label::Class(name) => Ok(Target::Class(place(name)?)),
        Label::Number(number) => Ok(Target::Number(*number)),
        Label::Labels(names) => {
            let mut places = names.iter().map(place).collect::<Result<Vec<_>, _>>()?;
            places.sort_unstable();
            places.dedup();
            Ok(Target::Labels(places))
        }
    }
}

/// How a file writes the numbers of a label.
fn number_format<'a>(table: &CsvTable, cells: impl Iterator<Item = &'a str>) -> NumberFormat {
    let cells: Vec<&str> = cells.filter(|cell| !is_missing(cell)).collect();
    NumberFormat::learn(&cells, None, table.reading.separator == Some(';')).format
}

/// The columns of these whose cells say that a label is there.
fn is_there_in(row: &Row, places: &[usize]) -> impl Iterator<Item = usize> {
    places.iter().copied().filter(|&place| is_there(&row.cells[place]) == Some(true))
}

/// Whether a label is there, as a cell of its own column says.
fn is_there(cell: &str) -> Option<bool> {
    match (number(cell), cell.to_lowercase().as_str()) {
        (Some(1.0), _) | (_, "true" | "yes" | "x") => Some(true),
        (Some(0.0), _) | (_, "false" | "no" | "") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
