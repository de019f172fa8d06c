//! `defrost evaluate RUN DATA`

use std::path::{Path, PathBuf};

use serde_json::json;

use defrost::Cache;
use defrost::bundle::Loaded;
use defrost::data::Dataset;
use defrost::metrics::ClassReport;

use super::print_json;
use crate::Outcome;
use crate::args::{EvaluateArguments, Task};
use crate::domain::{Domain, for_domain};
use crate::failure::Blame;
use crate::show::{baseline_line, calibration_line, tell, with_interval};
use crate::terminal::name;
use crate::training;

/// Measures a saved run on labelled data.
pub fn evaluate(arguments: &EvaluateArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    for_domain!(Task::of_run(&arguments.run)?, evaluate_of(arguments))
}

fn evaluate_of<D: Domain>(arguments: &EvaluateArguments) -> Outcome {
    arguments.signed.check(&arguments.run)?;
    let model = Loaded::<D::Config>::open(&arguments.run, &training::device()).or_usage()?;
    let classes = &model.manifest.classes;
    let tta = arguments.tta.tta();
    let (items, skipped) = D::labelled(&model, &arguments.data, &arguments.labels, tta)?;
    tell!("measured on {} {} in {}", items.len(), D::ITEMS, common_folder(&*items).display());
    if let Some(first) = skipped.first() {
        let (count, all) = (skipped.len(), items.len() + skipped.len());
        eprintln!("warning: left out: {count} of {all} {}; the first: {first}", D::ITEMS);
    }
    let mut cache = Cache::new(arguments.cache.rows());
    let evaluation = model.evaluate(&*items, arguments.batch, tta, &mut cache).or_failure()?;
    if let Some(trouble) = cache.trouble() {
        eprintln!("warning: the cache: {trouble}");
    }
    let kind = evaluation.kind().unwrap_or(model.manifest.loss.kind());
    let intervals = evaluation.intervals();
    let baseline = model.manifest.baseline.as_ref();
    let reached = baseline.map(|baseline| baseline.measure(&evaluation.targets));
    if arguments.json {
        return print_json(&json!({
            "items": items.len(),
            "loss": evaluation.loss,
            "metrics": evaluation.metrics,
            "intervals": intervals,
            "baseline": reached,
            "calibration": evaluation.calibration,
            "confusion": evaluation.confusion(),
            "by_class": evaluation.by_class(),
            "thresholds": model.manifest.thresholds,
            "classes": classes,
        }));
    }
    println!("{} {}: loss {:.4}", items.len(), D::ITEMS, evaluation.loss);
    for (name, value) in &evaluation.metrics {
        println!("  {}", with_interval(name, *value, &intervals));
    }
    if let Some((baseline, reached)) = baseline.zip(reached) {
        let always = baseline.describe(kind, classes);
        baseline_line(&always, &reached).iter().for_each(|line| println!("{line}"));
    }
    if let Some(calibration) = evaluation.calibration {
        println!("{}", calibration_line(calibration));
    }
    let reports = evaluation.by_class();
    if !reports.is_empty() {
        println!("\n  precision  recall      f1  items");
    }
    for (report, class) in reports.iter().zip(classes) {
        let ClassReport { precision, recall, f1, items, .. } = report;
        println!("  {precision:9.4}  {recall:6.4}  {f1:6.4}  {items:5}  {}", name(class));
    }
    Ok(())
}

/// The folder that all of these items lie in, or their file: it tells which part of a data set was taken.
fn common_folder(items: &dyn Dataset) -> PathBuf {
    let folder = |item: usize| Path::new(&items.name(item)).parent().unwrap_or(Path::new("")).to_owned();
    let Some(mut common) = (0..items.len()).next().map(folder) else { return PathBuf::new() };
    for item in 1..items.len() {
        while !folder(item).starts_with(&common) {
            common.pop();
        }
    }
    common
}
