//! Intervals, baseline and calibration, as text.

use std::collections::BTreeMap;

use defrost::metrics::{Calibration, Interval, Metrics};
use defrost::report::ValidationReport;

/// The measures that an answer which is always the same has, too.
const COMPARED: [&str; 3] = ["accuracy", "rmse", "mae"];

/// How far the measures of a run that is over can be trusted.
pub fn trust_lines(validation: &ValidationReport) -> Vec<String> {
    let ValidationReport { metrics, intervals, always, baseline, calibration, .. } = validation;
    let compared = COMPARED.iter().filter(|name| intervals.contains_key(**name));
    let measured = compared.filter_map(|name| Some(with_interval(name, *metrics.get(*name)?, intervals)));
    let lines = measured.chain(baseline_line(always, baseline)).chain(calibration.map(calibration_line));
    lines.collect()
}

/// A measure with its interval.
pub fn with_interval(name: &str, value: f64, intervals: &BTreeMap<String, Interval>) -> String {
    let interval = intervals.get(name).map(|Interval { low, high }| format!("  {low:.4} to {high:.4}"));
    format!("{name:12} {value:.4}{}", interval.unwrap_or_default())
}

/// What is reached by saying the same of every item; nothing where that was not measured.
pub fn baseline_line(always: &str, baseline: &Metrics) -> Option<String> {
    let measures = COMPARED.iter().filter_map(|&name| Some(format!("{name} {:.4}", baseline.get(name)?)));
    let measures = measures.collect::<Vec<_>>().join(", ");
    (!measures.is_empty()).then(|| format!("always saying {always}: {measures}"))
}

/// How far off probabilities are.
pub fn calibration_line(Calibration { ece_before, ece_after }: Calibration) -> String {
    format!("calibration error {ece_after:.4}, {ece_before:.4} before calibration")
}
