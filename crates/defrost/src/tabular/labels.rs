//! The labels of a table's rows, and what the label column is if that is not said: classes or a number.

use std::collections::HashSet;

use rayon::prelude::*;

use crate::csv_table::cell::is_missing;
use crate::csv_table::{CsvTable, NumberFormat, Use, Uses};
use crate::data::{Label, Skipped, Target, TargetKind};
use crate::labels::{LabelColumns, NoLabel, names, target};
use crate::remedy::{Note, Remedy};

/// The labels of a table's rows.
pub(super) struct Labels {
    /// The names of classes or labels; none of numbers.
    pub classes: Vec<String>,
    /// The target of each row, or why it has none.
    pub targets: Vec<Result<Target, NoLabel>>,
    /// What a label is.
    pub kind: TargetKind,
}

/// Rows that have a target, by their places in a table.
pub(super) struct Labelled {
    pub rows: Vec<usize>,
    /// The target of each of those rows.
    pub targets: Vec<Target>,
    /// The others.
    pub skipped: Vec<Skipped>,
}

impl Labels {
    /// The labels in these columns. Their names are those of the rows that are not for testing.
    pub fn learn(csv: &CsvTable, columns: &LabelColumns, uses: &Uses) -> Self {
        let read = read(csv, columns);
        let used = read.iter().zip(&uses.rows).filter(|(_, used_as)| **used_as != Use::Test);
        let classes = names(used.filter_map(|(label, _)| label.as_ref().ok()));
        Self { targets: targets(read, &classes), kind: columns.kind(), classes }
    }

    /// The labels of this kind in a column, where the names are known.
    pub fn known(csv: &CsvTable, column: usize, kind: TargetKind, classes: &[String]) -> Self {
        let columns = LabelColumns::new(csv, vec![column], kind, None, Some(classes));
        let targets = targets(read(csv, &columns), classes);
        Self { classes: classes.to_vec(), targets, kind }
    }

    /// The rows that have a target, but for those that are for testing.
    pub fn of_rows(&self, csv: &CsvTable, uses: &Uses) -> Labelled {
        let mut found = Labelled { rows: vec![], targets: vec![], skipped: vec![] };
        for (place, row) in csv.rows.iter().enumerate() {
            match &self.targets[place] {
                _ if uses.rows[place] == Use::Test => {}
                Ok(target) => {
                    found.rows.push(place);
                    found.targets.push(target.clone());
                }
                Err((kind, reason)) => {
                    let (path, reason) = (csv.name(row.line).into(), reason.clone());
                    found.skipped.push(Skipped { path, kind, reason });
                }
            }
        }
        found
    }
}

/// The label of each row.
fn read(csv: &CsvTable, columns: &LabelColumns) -> Vec<Result<Label, NoLabel>> {
    csv.rows.par_iter().map(|row| columns.read(csv, row)).collect()
}

/// The target of each label.
fn targets(labels: Vec<Result<Label, NoLabel>>, classes: &[String]) -> Vec<Result<Target, NoLabel>> {
    labels.into_par_iter().map(|label| target(&label?, classes)).collect()
}

/// Whole numbers of at most this many kinds are classes (fastai's `max_card`).
const MAX_CLASSES: usize = 20;
/// The fraction of cells that are numbers in a column of numbers.
const MOST: f64 = 0.95;

/// The kind of labels in a column, with a note where it could as well be another.
pub(super) fn kind_of(csv: &CsvTable, column: usize) -> (TargetKind, Option<Note>) {
    let cells: Vec<&str> = csv.cells(column).filter(|cell| !is_missing(cell)).collect();
    let format = NumberFormat::learn(&cells, None, csv.reading.separator == Some(';')).format;
    let numbers: Vec<f64> = cells.iter().filter_map(|cell| format.read(cell)).collect();
    if numbers.is_empty() || (numbers.len() as f64) < MOST * cells.len() as f64 {
        return (TargetKind::Class, None);
    }
    let is_whole = numbers.iter().all(|number| number.fract() == 0.0);
    let distinct = numbers.iter().map(|number| number.to_bits()).collect::<HashSet<_>>().len();
    let counted = format!("column `{}` has {distinct} different whole numbers", csv.columns[column]);
    let note = |text: String, other| Some(Note { text, remedy: Some(other) });
    match is_whole && distinct <= MAX_CLASSES {
        true if distinct > 2 => {
            (TargetKind::Class, note(format!("{counted}; each is a class"), Remedy::PredictNumber))
        }
        true => (TargetKind::Class, None),
        false if is_whole && distinct * 5 < numbers.len() => (
            TargetKind::Number,
            note(format!("{counted}; it is predicted as a number"), Remedy::PredictClass),
        ),
        false => (TargetKind::Number, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[String]) -> (TargetKind, Option<String>) {
        let table = CsvTable::from_rows(cells.iter().map(|cell| [("y", cell.as_str())])).unwrap();
        let (kind, note) = kind_of(&table, 0);
        (kind, note.map(|note| note.text))
    }

    fn repeated(kinds: usize, each: usize) -> Vec<String> {
        (0..kinds * each).map(|row| (row % kinds).to_string()).collect()
    }

    #[test]
    fn few_whole_numbers_are_classes_and_many_are_numbers() {
        let note = |text: &str| Some(format!("column `y` has {text}"));
        assert_eq!(kind(&repeated(2, 5)), (TargetKind::Class, None));
        assert_eq!(
            kind(&repeated(3, 5)),
            (TargetKind::Class, note("3 different whole numbers; each is a class"))
        );
        assert_eq!(
            kind(&repeated(25, 6)),
            (TargetKind::Number, note("25 different whole numbers; it is predicted as a number"))
        );
        assert_eq!(kind(&repeated(25, 2)), (TargetKind::Number, None), "nobody takes these for classes");
    }

    #[test]
    fn a_few_odd_cells_make_no_classes() {
        let halves: Vec<String> = (0..60).map(|row| format!("{row}.5")).collect();
        assert_eq!(kind(&halves), (TargetKind::Number, None));
        let with = |odd: usize| [halves.clone(), vec!["N/D".to_owned(); odd]].concat();
        assert_eq!(kind(&with(1)).0, TargetKind::Number);
        assert_eq!(kind(&with(10)).0, TargetKind::Class);
        assert_eq!(kind(&["yes", "no", ""].map(str::to_owned)).0, TargetKind::Class);
    }
}
