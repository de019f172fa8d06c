//! The section about a network's errors.

use super::validation::{ExampleResult, ValidationReport};
use super::{Axis, Chart, Curve, Mark, Report, numbers};
use crate::data::Preview;
use crate::metrics::ClassReport;

/// At most this many classes have a row of their own; if there are more, the hardest ones.
const CLASSES: usize = 60;

/// The data of the section.
pub(super) struct ErrorsSection<'a> {
    pub(super) items: String,
    pub(super) one: String,
    pub(super) scatter: Option<String>,
    pub(super) matrix: Option<Matrix<'a>>,
    pub(super) confused: Vec<ConfusedRow<'a>>,
    pub(super) classes: Vec<ClassRow<'a>>,
    pub(super) thresholds: bool,
    pub(super) worst: Vec<ExampleView<'a>>,
    pub(super) surest: Vec<ExampleView<'a>>,
    pub(super) random: Vec<ExampleView<'a>>,
    pub(super) images: bool,
    pub(super) heated: bool,
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

pub(super) struct ExampleView<'a> {
    pub(super) name: &'a str,
    pub(super) actual: &'a str,
    pub(super) predicted: &'a str,
    pub(super) sure: String,
    pub(super) loss: String,
    pub(super) preview: Option<&'a Preview>,
    pub(super) heat: Option<&'a str>,
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
                .map(|(actual, row)| matrix_row(class(actual), actual, row))
                .collect(),
        };
        let is_image = |case: &ExampleResult| matches!(case.preview, Some(Preview::Image { .. }));
        Some(Self {
            items: numbers::thousands(validation.items),
            one: numbers::one(&report.about.items),
            scatter: scatter(&validation.numbers),
            matrix: validation.confusion.as_ref().map(matrix),
            confused: validation.confused.iter().map(confused).collect(),
            classes: class_rows(classes, validation),
            thresholds: !validation.thresholds.is_empty(),
            worst: validation.worst.iter().map(case_view).collect(),
            surest: validation
                .surest
                .iter()
                .map(|case| ExampleView { loss: String::new(), ..case_view(case) })
                .collect(),
            random: validation.random.iter().map(case_view).collect(),
            images: validation.worst.iter().chain(&validation.surest).any(is_image),
            heated: validation.worst.iter().any(|case| case.heat.is_some()),
        })
    }
}

fn matrix_row<'a>(name: &'a str, actual: usize, row: &[usize]) -> MatrixRow<'a> {
    let all: usize = row.iter().sum::<usize>().max(1);
    let cell = |(predicted, &count): (usize, &usize)| MatrixCell {
        count,
        // By its root: a few mistakes are to be seen.
        fraction: (count as f64 / all as f64).sqrt().mul_add(100.0, 0.5) as usize,
        right: predicted == actual,
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

fn case_view(case: &ExampleResult) -> ExampleView<'_> {
    ExampleView {
        name: &case.name,
        actual: &case.actual,
        predicted: &case.predicted,
        sure: case.sure.map_or(String::new(), numbers::fraction),
        loss: numbers::number(case.loss),
        preview: case.preview.as_ref(),
        heat: case.heat.as_deref(),
    }
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
