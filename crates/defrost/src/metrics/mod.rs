//! How good predictions are, and how far each can be trusted. Each metric agrees with scikit-learn's of the same name; one that the items at
//! hand do not define (a curve's area without a positive item) is left out rather than made up.

mod answer;
mod baseline;
mod calibration;
mod classes;
mod familiarity;
mod interval;
mod intervals;
mod labels;
mod numbers;
mod own;
mod prediction;
mod ranking;

use std::collections::BTreeMap;

pub(crate) use answer::features;
pub use answer::{Answer, NotANumber, PartRead, Reliability, Remark};
pub use baseline::Baseline;
pub use calibration::{Calibration, Temperature, expected_calibration_error};
pub use classes::{ClassReport, Confusion, accuracy, by_class, confusion, highest, kappa, matthews};
pub(crate) use familiarity::HELD_OUT;
pub use familiarity::{Familiarity, Features};
pub use interval::{Interval, paired_difference};
pub use intervals::intervals;
pub use labels::{THRESHOLD, best_thresholds, by_label};
pub use numbers::{mean_absolute_error, r_squared, root_mean_squared_error};
pub use own::Metric;
pub use prediction::Prediction;
pub(crate) use prediction::split;
pub use ranking::{roc_auc, top_accuracy};

use crate::data::{Target, TargetKind};

/// Measures by name.
pub type Metrics = BTreeMap<String, f64>;

/// How many of the most probable classes [`top_accuracy`] looks at.
const TOP: usize = 5;

/// The names of the metrics for targets of this kind.
pub fn names(kind: TargetKind) -> &'static [&'static str] {
    match kind {
        TargetKind::Class => &["accuracy", "kappa", "mcc", "roc_auc", "top_5", "precision", "recall", "f1"],
        TargetKind::Labels => &["accuracy", "exact_match", "roc_auc", "precision", "recall", "f1"],
        TargetKind::Number => &["mae", "rmse", "r2"],
    }
}

/// Whether the lowest value of the metric of this name is the best one.
pub fn is_error(name: &str) -> bool {
    ["mae", "rmse"].contains(&name)
}

/// All metrics of targets of this kind.
///
/// # Panics
///
/// If a target is of another kind or does not fit the predictions.
pub fn measure(kind: TargetKind, predictions: &[Prediction], targets: &[Target]) -> Metrics {
    measure_at(kind, predictions, targets, &[THRESHOLD])
}

/// The same with a threshold for each label, or one for all.
///
/// # Panics
///
/// As [`measure`].
pub fn measure_at(
    kind: TargetKind,
    predictions: &[Prediction],
    targets: &[Target],
    thresholds: &[f32],
) -> Metrics {
    let found = match kind {
        TargetKind::Class => of_classes(predictions, targets),
        TargetKind::Labels => of_labels(predictions, targets, thresholds),
        TargetKind::Number => of_numbers(predictions, targets),
    };
    let defined = found.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    defined.filter(|(_, value)| value.is_finite()).collect()
}

type Named = Vec<(&'static str, Option<f64>)>;

fn of_classes(predictions: &[Prediction], targets: &[Target]) -> Named {
    let outputs = predictions.first().map_or(0, |prediction| prediction.0.len());
    let classes: Vec<usize> = targets.iter().filter_map(Target::class).collect();
    let pairs = classes.iter().zip(predictions).map(|(&class, found)| (class, found.class()));
    let confusion = confusion(outputs, pairs);
    let mut named = vec![
        ("accuracy", accuracy(&confusion)),
        ("kappa", kappa(&confusion)),
        ("mcc", matthews(&confusion)),
        ("roc_auc", mean_auc(predictions, targets)),
    ];
    if outputs > TOP {
        named.push(("top_5", top_accuracy(predictions, &classes, TOP)));
    }
    named.extend(macro_means(&by_class(&confusion)));
    named
}

fn of_labels(predictions: &[Prediction], targets: &[Target], thresholds: &[f32]) -> Named {
    let reports = by_label(predictions, targets, thresholds);
    let mut named = vec![
        ("accuracy", labels::decisions(predictions, targets, thresholds)),
        ("exact_match", labels::exact_match(predictions, targets, thresholds)),
        ("roc_auc", mean_auc(predictions, targets)),
    ];
    named.extend(macro_means(&reports));
    named
}

fn of_numbers(predictions: &[Prediction], targets: &[Target]) -> Named {
    let pairs: Vec<(f64, f64)> = predictions
        .iter()
        .zip(targets)
        .filter_map(|(found, target)| Some((f64::from(target.number()?), f64::from(found.number()))))
        .collect();
    vec![
        ("mae", mean_absolute_error(&pairs)),
        ("rmse", root_mean_squared_error(&pairs)),
        ("r2", r_squared(&pairs)),
    ]
}

/// Means over the classes with items or predictions.
fn macro_means(reports: &[ClassReport]) -> Named {
    let seen: Vec<&ClassReport> =
        reports.iter().filter(|report| report.items + report.predicted > 0).collect();
    let mean = |of: fn(&ClassReport) -> f64| {
        (!seen.is_empty()).then(|| seen.iter().map(|report| of(report)).sum::<f64>() / seen.len() as f64)
    };
    vec![
        ("precision", mean(|report| report.precision)),
        ("recall", mean(|report| report.recall)),
        ("f1", mean(|report| report.f1)),
    ]
}

/// The mean area under the curves of each class or label against the rest; of two classes, the second's.
fn mean_auc(predictions: &[Prediction], targets: &[Target]) -> Option<f64> {
    let outputs = predictions.first()?.0.len();
    let rows: Vec<Vec<f32>> = targets.iter().map(|target| target.row(outputs)).collect();
    let area = |output: usize| {
        let scored = predictions.iter().zip(&rows).map(|(found, row)| (found.0[output], row[output] == 1.0));
        roc_auc(scored.collect())
    };
    let areas: Vec<f64> = (0..outputs).filter_map(area).collect();
    (!areas.is_empty()).then(|| areas.iter().sum::<f64>() / areas.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_has_its_name_listed() {
        let classes: Vec<Target> = (0..12).map(|item| Target::Class(item % 6)).collect();
        let labels: Vec<Target> = (0..12).map(|item| Target::Labels(vec![item % 6])).collect();
        let numbers: Vec<Target> = (0..12).map(|item| Target::Number(item as f32)).collect();
        let predictions = |width: usize| -> Vec<Prediction> {
            (0..12)
                .map(|item| Prediction((0..width).map(|at| ((item + at) % 6) as f32 / 6.0).collect()))
                .collect()
        };
        for (kind, targets, width) in [
            (TargetKind::Class, classes, 6),
            (TargetKind::Labels, labels, 6),
            (TargetKind::Number, numbers, 1),
        ] {
            let measured: Vec<String> = measure(kind, &predictions(width), &targets).into_keys().collect();
            let mut listed: Vec<&str> = names(kind).to_vec();
            listed.sort_unstable();
            assert_eq!(measured, listed);
        }
    }
}
