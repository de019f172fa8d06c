//! The label column of a table: classes or numbers.

use std::collections::HashSet;
use std::path::Path;

use super::table_data::TableError;
use crate::csv_table::NumberFormat;
use crate::csv_table::cell::{self, is_missing};
use crate::data::{Target, TargetKind};
use crate::remedy::{Note, Remedy};

/// Whole numbers of at most this many kinds are classes (fastai's `max_card`).
const MAX_CLASSES: usize = 20;
/// The fraction of cells that are numbers in a column of numbers.
const MOST: f64 = 0.95;

/// The labels of a table.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Labels {
    /// One of these, sorted.
    Classes(Vec<String>),
    /// A number.
    Number(NumberFormat),
}

impl Labels {
    /// The labels in these cells, of the kind that is given or found; `comma` says whether a comma before the fraction is likely.
    ///
    /// # Errors
    ///
    /// If no cell is a label, or all are of one class.
    pub fn of(
        path: &Path,
        column: &str,
        cells: &[&str],
        told: Option<TargetKind>,
        comma: bool,
    ) -> Result<(Self, Vec<Note>), TableError> {
        let numbers: Vec<&str> = cells.iter().copied().filter(|cell| !is_missing(cell)).collect();
        let learned = NumberFormat::learn(&numbers, None, comma);
        let read: Vec<f64> = numbers.iter().filter_map(|cell| learned.format.read(cell)).collect();
        let (whole, distinct) = (read.iter().all(|number| number.fract() == 0.0), distinct(&read));
        let of_numbers = !read.is_empty() && read.len() as f64 >= MOST * numbers.len() as f64;
        let is_number = match told {
            Some(kind) => kind == TargetKind::Number,
            None => of_numbers && (!whole || distinct > MAX_CLASSES),
        };
        let note = |text: String, other| Note { text, remedy: Some(other) };
        if is_number {
            let counted = format!(
                "column `{column}` has {distinct} different whole numbers; it is predicted as a number"
            );
            let open = told.is_none() && whole && distinct * 5 < read.len();
            let notes = open.then(|| note(counted, Remedy::PredictClass)).into_iter().collect();
            return match read.is_empty() {
                true => Err(TableError::NoRows { path: path.to_owned(), first: None }),
                false => Ok((Self::Number(learned.format), notes)),
            };
        }
        let classes = cell::values(cells.iter().copied().filter(|cell| !cell.is_empty()));
        match &classes[..] {
            [] => return Err(TableError::NoRows { path: path.to_owned(), first: None }),
            [class] => {
                let (column, class) = (column.to_owned(), class.clone());
                return Err(TableError::OneClass { path: path.to_owned(), column, class });
            }
            _ => {}
        }
        let open = told.is_none() && of_numbers && distinct > 2;
        let counted = format!("column `{column}` has {distinct} different whole numbers; each is a class");
        Ok((Self::Classes(classes), open.then(|| note(counted, Remedy::PredictNumber)).into_iter().collect()))
    }

    /// The kind of labels that cells of a trained network's label column are; without classes, they are numbers.
    pub fn known(classes: &[String], cells: &[&str]) -> Self {
        if !classes.is_empty() {
            return Self::Classes(classes.to_vec());
        }
        Self::Number(NumberFormat::of(cells))
    }

    /// The target of a cell.
    ///
    /// # Errors
    ///
    /// A word for what is wrong with it, and the reason.
    pub fn target(&self, cell: &str) -> Result<Target, (&'static str, String)> {
        let missing = || Err(("no-label", "it has no label".to_owned()));
        let wrong = |reason: String| Err(("bad-label", reason));
        match self {
            // "None" and "NA" are classes like others.
            Self::Classes(_) if cell.is_empty() => missing(),
            Self::Classes(classes) => {
                match classes.iter().position(|class| class == cell).or_else(|| cell::find(classes, cell)) {
                    Some(class) => Ok(Target::Class(class)),
                    None if is_missing(cell) => missing(),
                    None => wrong(format!("training knows no label `{cell}`")),
                }
            }
            Self::Number(_) if is_missing(cell) => missing(),
            Self::Number(format) => match format.read(cell).map(|number| number as f32) {
                Some(number) if number.is_finite() => Ok(Target::Number(number)),
                Some(_) => {
                    wrong(format!("the label `{cell}` is out of range; divide the column by its unit"))
                }
                None => wrong(format!("the label is a number, and this is `{cell}`")),
            },
        }
    }

    /// The names of the classes; none of numbers.
    pub fn classes(self) -> Vec<String> {
        match self {
            Self::Classes(classes) => classes,
            Self::Number(_) => vec![],
        }
    }

    /// The kind of the column, in a word.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Classes(_) => "category",
            Self::Number(_) => "number",
        }
    }
}

fn distinct(numbers: &[f64]) -> usize {
    numbers.iter().map(|number| number.to_bits()).collect::<HashSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(cells: &[&str], told: Option<TargetKind>) -> (Labels, Vec<String>) {
        let (labels, notes) = Labels::of(Path::new("x.csv"), "y", cells, told, false).unwrap();
        (labels, notes.into_iter().map(|note| note.text).collect())
    }

    fn classes(cells: &[&str]) -> Vec<String> {
        labels(cells, None).0.classes()
    }

    #[test]
    fn only_an_empty_cell_is_no_class() {
        let cells = ["None", "NA", "x", ""];
        assert_eq!(classes(&cells), ["NA", "None", "x"]);
        let (labels, _) = labels(&cells, None);
        assert_eq!(labels.target("None"), Ok(Target::Class(1)));
        assert_eq!(labels.target("").unwrap_err().0, "no-label");
        assert_eq!(labels.target("y").unwrap_err().0, "bad-label");
    }

    #[test]
    fn one_class_in_two_spellings_is_one_class() {
        assert_eq!(classes(&["0", "1", "1.0", "0.0"]), ["0", "1"]);
        let (labels, _) = labels(&["0", "1"], None);
        assert_eq!(labels.target("1.0"), Ok(Target::Class(1)));
    }

    #[test]
    fn many_whole_numbers_are_numbers_unless_told_otherwise() {
        let cells: Vec<String> = (0..150).map(|row| (row % 25).to_string()).collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let (found, notes) = labels(&cells, None);
        assert_eq!(
            (found.kind(), &notes[..]),
            (
                "number",
                &["column `y` has 25 different whole numbers; it is predicted as a number".to_owned()][..]
            )
        );
        assert_eq!(labels(&cells, Some(TargetKind::Class)).0.classes().len(), 25);
        assert_eq!(
            labels(&["1", "2", "3"], None).1,
            ["column `y` has 3 different whole numbers; each is a class"]
        );
        assert_eq!(labels(&["1", "2", "3"], Some(TargetKind::Number)).0.kind(), "number");
    }

    #[test]
    fn a_number_that_is_none_loses_its_row_alone() {
        let cells: Vec<String> = (0..60).map(|row| format!("{row}.5")).chain(["N/D".to_owned()]).collect();
        let (labels, _) = labels(&cells.iter().map(String::as_str).collect::<Vec<_>>(), None);
        assert_eq!(labels.target("1.5"), Ok(Target::Number(1.5)));
        assert_eq!(
            labels.target("N/D").unwrap_err(),
            ("bad-label", "the label is a number, and this is `N/D`".to_owned())
        );
        assert_eq!(labels.target("1e300").unwrap_err().0, "bad-label");
    }
}
