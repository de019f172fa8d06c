//! Looking for what is wrong with tables: rows that can't be used or come twice, columns that tell nothing or too much.

use std::collections::{HashMap, HashSet};

use rayon::prelude::*;

use super::cell_value::CellValue;
use super::columns::TableColumn;
use super::dataset::Table;
use crate::check::{Entry, Part, Problem, Report, Severity};
use crate::csv_table::CsvTable;
use crate::data::Target;
use crate::labels::NoLabel;
use crate::reading::ColumnUse;
use crate::remedy::Remedy;

/// Fewer rows than this say little about a column.
const ROWS: usize = 20;
/// A column that is as good as the number to predict correlates with it like this.
const COPIED: f64 = 0.9999;

/// What is wrong with the input columns of a table, of which one is the label.
pub(super) fn column_problems(
    csv: &CsvTable,
    label: usize,
    targets: &[Result<Target, NoLabel>],
    columns: &[TableColumn],
) -> Vec<Problem> {
    let answers = answers(targets);
    let looked_at = |column: &&TableColumn| {
        // A column that numbers the rows is a problem, even though it is left out; a column that a person left out is not.
        !column.is_of_dates() && (column.used_as == ColumnUse::Input || column.is_unused_by_its_cells)
    };
    let problem = |column: &TableColumn| {
        let (name, cells) = (csv.columns[column.place].as_str(), column.values(csv));
        column_problem(name, &cells, (&csv.columns[label], &answers))
    };
    columns.par_iter().filter(looked_at).filter_map(problem).collect()
}

/// What is wrong with rows that have been read, beside the problems already found.
pub(super) fn report(classes: &[String], [train, valid]: [&Table; 2], problems: Vec<Problem>) -> Report {
    let entries: Vec<Entry> = Entry::all(train, Part::Train).chain(Entry::all(valid, Part::Valid)).collect();
    Report::new(classes.to_vec(), &entries, problems, Severity::Warning)
}

/// What a row is labelled with, so that it can be compared.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    /// A class, or one set of labels among all.
    OneOf(usize),
    Number(f64),
}

/// The answer of each row that has one.
fn answers(targets: &[Result<Target, NoLabel>]) -> Vec<Option<Answer>> {
    let mut sets: HashMap<&[usize], usize> = HashMap::new();
    let mut answers = vec![];
    for target in targets {
        answers.push(match target {
            Ok(Target::Class(class)) => Some(Answer::OneOf(*class)),
            Ok(Target::Number(number)) => Some(Answer::Number(f64::from(*number))),
            Ok(Target::Labels(labels)) => {
                let next = sets.len();
                Some(Answer::OneOf(*sets.entry(labels).or_insert(next)))
            }
            Err(_) => None,
        });
    }
    answers
}

/// The worst that is wrong with a column of these cells.
fn column_problem(
    name: &str,
    all: &[CellValue],
    (label, answers): (&str, &[Option<Answer>]),
) -> Option<Problem> {
    let cells: Vec<CellValue> = all.iter().copied().filter(|cell| !cell.is_missing()).collect();
    let rows = all.len();
    let leave_out = |problem: Problem| Some(problem.with(Remedy::IgnoreColumn(name.to_owned())));
    if cells.is_empty() {
        return leave_out(Problem::warning(name, "empty-column", "no cell has anything in it"));
    }
    if cells.len() == rows && cells.iter().all(|cell| *cell == cells[0]) {
        let detail = format!("all cells are `{}`", cells[0]);
        return leave_out(Problem::warning(name, "constant-column", detail));
    }
    if cells.len() * 2 < rows {
        let detail = format!("{} of {rows} cells are missing", rows - cells.len());
        return Some(Problem::warning(name, "missing-cells", detail));
    }
    if rows >= ROWS && tells_label(all, answers) {
        let detail = format!("it determines `{label}` by itself; it may not be known beforehand");
        return leave_out(Problem::error(name, "leak", detail));
    }
    if rows >= ROWS && numbers_rows(&cells) {
        return leave_out(Problem::warning(name, "identifier-column", "it numbers or names the rows"));
    }
    None
}

/// Whether a column is another name for the label: each of its values goes with one class and each class with one
/// value, or the two numbers follow from each other.
fn tells_label(cells: &[CellValue], answers: &[Option<Answer>]) -> bool {
    let pairs = || cells.iter().zip(answers).filter_map(|(&cell, answer)| Some((cell, (*answer)?)));
    if pairs().any(|(_, answer)| matches!(answer, Answer::Number(_))) {
        let both = |(cell, answer): (CellValue, Answer)| match answer {
            Answer::Number(number) => Some((cell.number()?, number)),
            Answer::OneOf(_) => None,
        };
        let numbers: Option<Vec<(f64, f64)>> = pairs().map(both).collect();
        return numbers.and_then(|pairs| correlation(&pairs)).is_some_and(|found| found.abs() > COPIED);
    }
    let (mut there, mut back) = (HashMap::new(), HashMap::new());
    pairs().all(|(cell, answer)| match answer {
        Answer::OneOf(class) => {
            *there.entry(cell).or_insert(class) == class && *back.entry(class).or_insert(cell) == cell
        }
        Answer::Number(_) => false,
    })
}

/// Pearson's; none where a number does not vary.
fn correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let count = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|pair| of(pair.0 - a, pair.1 - b)).sum::<f64>();
    let scale = (sum(&|a, _| a * a) * sum(&|_, b| b * b)).sqrt();
    (scale > 0.0).then(|| sum(&|a, b| a * b) / scale)
}

/// Whether cells are all different, and are names, codes, or whole numbers without a gap.
fn numbers_rows(cells: &[CellValue]) -> bool {
    let mut seen = HashSet::new();
    if let Some(numbers) = cells.iter().map(|cell| cell.number()).collect::<Option<Vec<f64>>>() {
        let whole = numbers.iter().all(|number| number.fract() == 0.0);
        let (low, high) =
            numbers.iter().fold((f64::MAX, f64::MIN), |(low, high), &n| (low.min(n), high.max(n)));
        if !whole || high - low >= numbers.len() as f64 {
            return false;
        }
    }
    cells.iter().all(|cell| seen.insert(*cell))
}

#[cfg(test)]
mod tests {
    use super::super::TableData;
    use crate::data::Validation;

    fn found(header: &str, row: impl Fn(usize) -> String) -> Vec<(String, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        let rows: String = (0..40).map(|index| row(index) + "\n").collect();
        std::fs::write(&path, format!("{header}\n{rows}")).unwrap();
        let data = TableData::open(&path).unwrap().label("label");
        let problems = data.validation(Validation::Fraction(0.25)).seed(1).check().unwrap().problems;
        let problems = problems
            .into_iter()
            .map(|problem| (problem.path.replace(&format!("{}:", path.display()), "line "), problem.kind));
        problems.collect()
    }

    fn class(index: usize) -> &'static str {
        ["yes", "no", "no"][index % 3]
    }

    #[test]
    fn columns_that_tell_nothing_or_too_much_are_found() {
        let row = |i: usize| {
            let grade = if class(i) == "yes" { 1 } else { 0 };
            let rare = if i == 7 { "x" } else { "" };
            let name = format!("n{i}");
            format!("{i},{name},{},same,{grade},,{rare},2024-01-{:02},{}", i * i, 1 + i % 28, class(i))
        };
        let kinds = found("row,name,size,kind,grade,none,rare,day,label", row);
        let expected = [
            ("grade", "leak"),
            ("kind", "constant-column"),
            ("none", "empty-column"),
            ("name", "identifier-column"),
            ("row", "identifier-column"),
            ("rare", "missing-cells"),
        ];
        assert_eq!(kinds, expected.map(|(path, kind)| (path.to_owned(), kind)));
    }

    #[test]
    fn a_number_is_told_by_its_multiples() {
        let row = |i: usize| format!("{},{},{}", i * 7 % 13, i as f64 * 2.5 + 1.0, i as f64 / 2.0 + 0.25);
        assert_eq!(found("x,twice,label", row), [("twice".to_owned(), "leak")]);
    }

    #[test]
    fn rows_that_come_twice_or_lack_a_label_are_found() {
        let row = |i: usize| match i {
            30..36 => "3,4.5,no".to_owned(),
            39 => "3,4.5,".to_owned(),
            _ => format!("{},{}.5,{}", i % 7, i * 3 % 31, class(i)),
        };
        let found = found("a,b,label", row);
        let count = |kind: &str| found.iter().filter(|(_, found)| *found == kind).count();
        assert_eq!(count("no-label"), 1, "{found:?}");
        assert!(found.contains(&("line 41".to_owned(), "no-label")), "{found:?}");
        assert_eq!(count("duplicate") + count("duplicate-across-split"), 5, "{found:?}");
    }
}
