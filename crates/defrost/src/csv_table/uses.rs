//! Which rows of a table train and which validate, as a column of it says.

use super::cell::number;
use super::{CsvError, CsvTable, Row};
use crate::remedy::{Note, Remedy};

/// Usual names of columns that say which rows validate.
const USUAL_NAMES: [&str; 10] =
    ["split", "set", "subset", "partition", "part", "fold", "kfold", "is_valid", "valid", "usage"];

/// The use of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Train,
    Valid,
    Test,
}

/// The use of each row.
pub(crate) struct Uses {
    pub rows: Vec<Use>,
    /// Notes about what was guessed or is not used.
    pub notes: Vec<Note>,
}

impl Uses {
    /// All rows train, or are to be split.
    pub fn undivided(table: &CsvTable) -> Self {
        Self { rows: vec![Use::Train; table.rows.len()], notes: vec![] }
    }

    /// How many rows are for testing.
    pub fn tests(&self) -> usize {
        self.rows.iter().filter(|used_as| **used_as == Use::Test).count()
    }
}

impl CsvTable {
    /// The use of each row, as this column says: in words, as true or false, or as folds, of which the first validates.
    ///
    /// # Errors
    ///
    /// If a cell says none.
    pub(crate) fn uses(&self, column: usize) -> Result<Uses, CsvError> {
        let name = &self.columns[column];
        let fold = |cell| number(cell).filter(|fold| *fold >= 0.0 && fold.fract() == 0.0);
        let folds: Option<Vec<f64>> = self.cells(column).map(fold).collect();
        if let Some(folds) = folds.filter(|folds| folds.iter().any(|&fold| fold > 1.0)) {
            let first = folds.iter().copied().fold(f64::INFINITY, f64::min);
            let rows = folds.iter().map(|&fold| if fold == first { Use::Valid } else { Use::Train });
            let note = format!("column `{name}` has folds: rows of fold {first} validate, the others train");
            return Ok(Uses { rows: rows.collect(), notes: vec![note.into()] });
        }
        let of = |row: &Row| {
            let cell = &row.cells[column];
            match cell.to_lowercase().as_str() {
                "true" | "1" | "1.0" | "yes" | "valid" | "validation" | "val" | "dev" => Ok(Use::Valid),
                "false" | "0" | "0.0" | "no" | "train" | "training" | "" => Ok(Use::Train),
                "test" | "testing" => Ok(Use::Test),
                _ => Err(CsvError::Use { row: self.name(row.line), cell: cell.to_owned() }),
            }
        };
        let rows: Vec<Use> = self.rows.iter().map(of).collect::<Result<_, _>>()?;
        let uses = Uses { rows, notes: vec![] };
        let note = match uses.tests() {
            0 => None,
            1 => Some("1 row is for testing; it is left for evaluating".to_owned()),
            tests => Some(format!("{tests} rows are for testing; they are left for evaluating")),
        };
        Ok(Uses { notes: note.map(Note::from).into_iter().collect(), ..uses })
    }
}

impl CsvTable {
    /// The names of columns, in quotation marks, to be shown.
    #[cfg(any(feature = "vision", feature = "text"))]
    pub(crate) fn quoted(&self, columns: &[usize]) -> String {
        let names = columns.iter().map(|&column| format!("`{}`", self.columns[column]));
        names.collect::<Vec<_>>().join(", ")
    }

    /// A note about a column among these that seems to say which rows validate.
    pub(crate) fn division_note(&self, columns: impl Iterator<Item = usize>) -> Option<Note> {
        let divides = |&column: &usize| {
            let name = self.columns[column].to_lowercase();
            // Numbers may mean anything, unless the name says what.
            let says = |cell| number(cell).is_none() || name.contains("fold") || name.contains("valid");
            let has = |uses: &Uses, of: Use| uses.rows.contains(&of);
            USUAL_NAMES.contains(&name.as_str())
                && self.cells(column).all(says)
                && self.uses(column).is_ok_and(|uses| has(&uses, Use::Train) && has(&uses, Use::Valid))
        };
        let name = self.columns[columns.into_iter().find(divides)?].clone();
        let text = format!("column `{name}` seems to say which rows validate");
        Some(Note { text, remedy: Some(Remedy::DivideByColumn(name)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uses(cells: &[&str]) -> Result<(Vec<Use>, Vec<String>), String> {
        let table = CsvTable::from_rows(cells.iter().map(|&cell| [("split", cell)])).unwrap();
        let Uses { rows, notes } = table.uses(0).map_err(|error| error.to_string())?;
        Ok((rows, notes.iter().map(ToString::to_string).collect()))
    }

    #[test]
    fn words_truth_values_and_folds_say_it() {
        let (train, valid, test) = (Use::Train, Use::Valid, Use::Test);
        assert_eq!(uses(&["Train", "val", ""]), Ok((vec![train, valid, train], vec![])));
        assert_eq!(uses(&["0", "1", "0"]), Ok((vec![train, valid, train], vec![])));
        let note = "1 row is for testing; it is left for evaluating".to_owned();
        assert_eq!(uses(&["train", "valid", "test"]), Ok((vec![train, valid, test], vec![note])));
        let note = "column `split` has folds: rows of fold 1 validate, the others train".to_owned();
        assert_eq!(uses(&["3", "1", "2"]), Ok((vec![train, valid, train], vec![note])));
        let refused = uses(&["train", "maybe"]).unwrap_err();
        assert_eq!(refused, "row 1: `maybe` is not true or false, 1 or 0, valid, train or test");
    }

    #[test]
    fn a_column_that_seems_to_divide_rows_is_noticed() {
        let noticed = |name: &str, cells: &[&str]| {
            let table = CsvTable::from_rows(cells.iter().map(|&cell| [(name, cell)])).unwrap();
            table.division_note(0..1).is_some()
        };
        assert!(noticed("Split", &["train", "val", "test"]));
        assert!(noticed("is_valid", &["0", "1"]));
        assert!(noticed("fold", &["0", "1", "2"]));
        assert!(!noticed("set", &["1", "2", "3"]), "numbers may be of anything");
        assert!(!noticed("split", &["train", "train"]), "nothing would validate");
        assert!(!noticed("kind", &["train", "val"]), "vehicles and valleys");
    }
}
