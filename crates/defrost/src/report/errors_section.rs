//! The section about a network's errors.

use super::example_views::{Listing, example_list};
use super::examples::{CellExamples, ExampleResult};
use super::validation::ValidationReport;
use super::{Axis, Chart, Curve, Mark, Report, numbers};
use crate::interpret::FieldImportance;
use crate::metrics::ClassReport;

/// At most this many classes have a row of their own; if there are more, the hardest ones.
const CLASSES: usize = 60;
/// At most this many columns of a table are listed.
const COLUMNS: usize = 20;

/// The data of the section.
pub(super) struct ErrorsSection<'a> {
    pub(super) items: String,
    pub(super) one: String,
    pub(super) scatter: Option<String>,
    pub(super) matrix: Option<Matrix<'a>>,
    pub(super) confused: Vec<ConfusedRow<'a>>,
    pub(super) classes: Vec<ClassRow<'a>>,
    pub(super) thresholds: bool,
    pub(super) pairs: Vec<Pair<'a>>,
    pub(super) columns: Vec<ColumnRow<'a>>,
    pub(super) more_columns: usize,
    pub(super) worst: Option<Listing<'a>>,
    pub(super) surest: Option<Listing<'a>>,
    pub(super) random: Option<Listing<'a>>,
    /// Whether items are files, whose labels can be corrected in `suspects.csv`.
    pub(super) are_files: bool,
    pub(super) heated: bool,
    pub(super) shaded: bool,
}

pub(super) struct Matrix<'a> {
    pub(super) classes: &'a [String],
    pub(super) rows: Vec<MatrixRow<'a>>,
}

pub(super) struct MatrixRow<'a> {
    pub(super) name: &'a str,
    pub(super) cells: Vec<MatrixCell>,
}

pub(super) struct MatrixCell {
    pub(super) count: usize,
    /// How strongly it is coloured, in 0..=100.
    pub(super) fraction: usize,
    pub(super) right: bool,
    /// Where its items are shown.
    pub(super) target: Option<String>,
}

/// Items of one class that were predicted as another, which are shown where their number in the matrix is chosen.
pub(super) struct Pair<'a> {
    pub(super) target: String,
    pub(super) title: String,
    /// Which of its items are shown, unless all are.
    pub(super) note: Option<String>,
    pub(super) examples: Option<Listing<'a>>,
}

/// How much a column of a table matters.
pub(super) struct ColumnRow<'a> {
    pub(super) name: &'a str,
    pub(super) rise: String,
    /// The length of its bar and of the ends of its range, in percent of the longest.
    pub(super) bar: [usize; 3],
}

pub(super) struct ConfusedRow<'a> {
    pub(super) actual: &'a str,
    pub(super) predicted: &'a str,
    pub(super) count: usize,
    pub(super) of: usize,
}

pub(super) struct ClassRow<'a> {
    pub(super) name: &'a str,
    /// Precision, recall and F1, each with its percentage.
    pub(super) fractions: [(String, usize); 3],
    pub(super) items: usize,
    pub(super) threshold: String,
}

impl<'a> ErrorsSection<'a> {
    /// That of a report, once something was found.
    pub(super) fn of(report: &'a Report) -> Option<Self> {
        let validation = report.validation.as_ref()?;
        let classes = &report.about.classes;
        let class = |class: usize| classes.get(class).map_or("", String::as_str);
        let confused = |&(actual, predicted, count): &(usize, usize, usize)| ConfusedRow {
            actual: class(actual),
            predicted: class(predicted),
            count,
            of: validation.by_class.get(actual).map_or(count, |report| report.items),
        };
        let matrix = |rows: &'a Vec<Vec<usize>>| Matrix {
            classes,
            rows: rows
                .iter()
                .enumerate()
                .map(|(actual, row)| matrix_row(class(actual), actual, row, &validation.cells))
                .collect(),
        };
        let pair = |cell: &'a CellExamples| {
            let [actual, predicted] = [cell.actual, cell.predicted].map(class);
            let count = validation.confusion.as_ref().map_or(0, |rows| rows[cell.actual][cell.predicted]);
            let of = validation.by_class.get(cell.actual).map_or(count, |report| report.items);
            Pair {
                target: target(cell),
                title: format!("{actual} predicted as {predicted}: {count} of {of}"),
                note: (cell.examples.len() < count)
                    .then(|| format!("Shown are {}, those of the highest losses.", cell.examples.len())),
                examples: example_list(&cell.examples, &validation.columns),
            }
        };
        let list = |examples: &'a [ExampleResult]| example_list(examples, &validation.columns);
        Some(Self {
            items: numbers::thousands(validation.items),
            one: numbers::one(&report.about.items),
            scatter: scatter(&validation.numbers),
            matrix: validation.confusion.as_ref().map(matrix),
            confused: validation.confused.iter().map(confused).collect(),
            classes: class_rows(classes, validation),
            thresholds: !validation.thresholds.is_empty(),
            pairs: match validation.confusion {
                Some(_) => validation.cells.iter().map(pair).collect(),
                None => vec![],
            },
            columns: column_rows(&validation.columns),
            more_columns: validation.columns.len().saturating_sub(COLUMNS),
            worst: list(&validation.worst),
            surest: list(&validation.surest),
            random: list(&validation.random),
            shaded: validation.worst.iter().any(|case| !case.words.is_empty()),
            are_files: validation.worst.iter().any(|case| case.link.is_some()),
            heated: validation.worst.iter().any(|case| case.heat.is_some()),
        })
    }
}

/// The name of the place where the items of a cell are shown.
fn target(cell: &CellExamples) -> String {
    format!("pair-{}-{}", cell.actual, cell.predicted)
}

fn column_rows<'a>(columns: &'a [FieldImportance]) -> Vec<ColumnRow<'a>> {
    let longest = columns.iter().map(|column| column.range.1).fold(0.0, f64::max);
    let percent =
        |value: f64| if longest > 0.0 { (100.0 * value / longest).clamp(0.0, 100.0) as usize } else { 0 };
    let row = |FieldImportance { field, rise, range }: &'a FieldImportance| {
        let bar = [*rise, range.0, range.1].map(percent);
        ColumnRow { name: field, rise: format!("{rise:+.3}"), bar }
    };
    columns.iter().take(COLUMNS).map(row).collect()
}

fn matrix_row<'a>(name: &'a str, actual: usize, row: &[usize], cells: &[CellExamples]) -> MatrixRow<'a> {
    let all: usize = row.iter().sum::<usize>().max(1);
    let shown =
        |predicted: usize| cells.iter().find(|cell| (cell.actual, cell.predicted) == (actual, predicted));
    let cell = |(predicted, &count): (usize, &usize)| MatrixCell {
        count,
        // By its root: a few mistakes are to be seen.
        fraction: (count as f64 / all as f64).sqrt().mul_add(100.0, 0.5) as usize,
        right: predicted == actual,
        target: shown(predicted).map(target),
    };
    MatrixRow { name, cells: row.iter().enumerate().map(cell).collect() }
}

/// A row for each class, the hardest first where there are too many for all.
fn class_rows<'a>(classes: &'a [String], validation: &'a ValidationReport) -> Vec<ClassRow<'a>> {
    let mut order: Vec<usize> = (0..validation.by_class.len().min(classes.len())).collect();
    if order.len() > CLASSES {
        order.sort_by(|&a, &b| validation.by_class[a].f1.total_cmp(&validation.by_class[b].f1));
        order.truncate(CLASSES);
    }
    let row = |class: usize| {
        let ClassReport { precision, recall, f1, items, .. } = validation.by_class[class];
        let threshold = validation.thresholds.get(class).map_or(String::new(), |limit| format!("{limit:.2}"));
        let fractions =
            [precision, recall, f1].map(|value| (format!("{value:.3}"), (value * 100.0) as usize));
        ClassRow { name: &classes[class], fractions, items, threshold }
    };
    order.into_iter().map(row).collect()
}

/// Predicted numbers over actual ones, with the line on which they are the same.
fn scatter(numbers: &[(f32, f32)]) -> Option<String> {
    let points: Vec<(f64, f64)> =
        numbers.iter().map(|&(is, found)| (f64::from(is), f64::from(found))).collect();
    let all = || points.iter().flat_map(|&(is, found)| [is, found]);
    let axis = |label: &str| Axis::over(label, all()).rounded();
    let (low, high) = axis("").range;
    let chart = Chart {
        title: "Predicted against actual numbers".to_owned(),
        description: format!("{} validation items", points.len()),
        x: axis("actual"),
        y: axis("predicted"),
        bands: vec![],
        curves: vec![
            Curve { name: "predicted".to_owned(), points, mark: Mark::Dots },
            Curve { name: "exact".to_owned(), points: vec![(low, low), (high, high)], mark: Mark::Line },
        ],
    };
    (!numbers.is_empty()).then(|| chart.draw())
}
