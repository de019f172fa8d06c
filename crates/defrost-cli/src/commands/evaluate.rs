//! `defrost evaluate RUN DATA`

use serde_json::json;

use defrost::data::Dataset;
use defrost::vision::{LoadedVision, open_known};

use super::print_json;
use crate::Outcome;
use crate::args::EvaluateArguments;
use crate::failure::Blame;
use crate::layout::metrics;
use crate::training;

/// Measures a saved run on labelled pictures.
pub fn evaluate(arguments: &EvaluateArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    let model = LoadedVision::open(&arguments.run, &training::device()).or_usage()?;
    let classes = &model.manifest.classes;
    let (pictures, skipped) =
        open_known(&arguments.data, classes, &model.manifest.model.preprocess).or_usage()?;
    if let Some(first) = skipped.first() {
        eprintln!("warning: {} pictures can't be read and are left out; the first: {first}", skipped.len());
    }
    let evaluation = model.evaluate(&pictures, arguments.batch).or_failure()?;
    if arguments.json {
        return print_json(&json!({
            "items": pictures.len(),
            "loss": evaluation.loss,
            "metrics": evaluation.metrics,
            "confusion": evaluation.confusion(),
            "classes": classes,
        }));
    }
    println!("{} pictures: loss {:.4}, {}", pictures.len(), evaluation.loss, metrics(&evaluation.metrics));
    if let Some(confusion) = evaluation.confusion() {
        println!("\nright of all, by class:");
        for (class, row) in confusion.iter().enumerate() {
            println!("  {:5} of {:<5} {}", row[class], row.iter().sum::<usize>(), classes[class]);
        }
    }
    Ok(())
}
