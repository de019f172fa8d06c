//! `defrost evaluate RUN DATA`

use serde_json::json;

use defrost::Cache;
use defrost::bundle::Loaded;

use super::print_json;
use crate::Outcome;
use crate::args::EvaluateArguments;
use crate::domain::{Domain, Task, Vision};
use crate::failure::Blame;
use crate::layout::metrics;
use crate::training;

/// Measures a saved run on labelled data.
pub fn evaluate(arguments: &EvaluateArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    match Task::of_run(&arguments.run)? {
        Task::Vision => evaluate_of::<Vision>(arguments),
    }
}

fn evaluate_of<D: Domain>(arguments: &EvaluateArguments) -> Outcome {
    let model = Loaded::<D::Model>::open(&arguments.run, &training::device()).or_usage()?;
    let classes = &model.manifest.classes;
    let (items, skipped) = D::labelled(&model, &arguments.data)?;
    if let Some(first) = skipped.first() {
        let count = skipped.len();
        eprintln!("warning: {count} {} can't be read and are left out; the first: {first}", D::ITEMS);
    }
    let mut cache = Cache::new(arguments.cache.rows());
    let evaluation = model.evaluate(&*items, arguments.batch, &mut cache).or_failure()?;
    if arguments.json {
        return print_json(&json!({
            "items": items.len(),
            "loss": evaluation.loss,
            "metrics": evaluation.metrics,
            "confusion": evaluation.confusion(),
            "classes": classes,
        }));
    }
    let (count, measures) = (items.len(), metrics(&evaluation.metrics));
    println!("{count} {}: loss {:.4}, {measures}", D::ITEMS, evaluation.loss);
    if let Some(confusion) = evaluation.confusion() {
        println!("\nright of all, by class:");
        for (class, row) in confusion.iter().enumerate() {
            println!("  {:5} of {:<5} {}", row[class], row.iter().sum::<usize>(), classes[class]);
        }
    }
    Ok(())
}
