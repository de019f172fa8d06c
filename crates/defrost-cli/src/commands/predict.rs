//! `defrost predict RUN INPUT…`

use serde_json::{Value, json};

use defrost::Loss;
use defrost::bundle::Loaded;

use super::print_json;
use crate::Outcome;
use crate::args::PredictArguments;
use crate::domain::{Domain, Table, Task, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::training;

/// What is told of a prediction.
enum Found {
    /// The likeliest classes with their probabilities.
    Top(Vec<(String, f32)>),
    /// The likeliest labels with their probabilities, and those that are likely enough to be said to be there.
    Labels { top: Vec<(String, f32)>, there: Vec<(String, f32)> },
    /// A number.
    Number(f32),
}

/// Classes and probabilities of each input; one that can't be read is reported and the rest go on.
pub fn predict(arguments: &PredictArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    match Task::of_run(&arguments.run)? {
        Task::Vision => predict_of::<Vision>(arguments),
        Task::Text => predict_of::<Text>(arguments),
        Task::Table => predict_of::<Table>(arguments),
    }
}

fn predict_of<D: Domain>(arguments: &PredictArguments) -> Outcome {
    let model = Loaded::<D::Model>::open(&arguments.run, &training::device()).or_usage()?;
    let classes = &model.manifest.classes;
    let answers = D::predict(&model, &arguments.inputs, arguments.looks.looks()).into_iter().map(
        |(input, prediction)| {
            let named = |(class, probability): (usize, f32)| (classes[class].clone(), probability);
            let found = prediction.map(|prediction| {
                let ranked = prediction.ranked();
                let top = || ranked.iter().copied().take(arguments.top).map(named).collect();
                match model.manifest.loss {
                    Loss::CrossEntropy(_) => Found::Top(top()),
                    Loss::BinaryCrossEntropy => {
                        let there = prediction.labels(model.manifest.thresholds());
                        let there = ranked.iter().copied().filter(|(label, _)| there.contains(label));
                        Found::Labels { top: top(), there: there.map(named).collect() }
                    }
                    Loss::SquaredError(_) | Loss::AbsoluteError(_) => Found::Number(prediction.number()),
                }
            });
            (input, found)
        },
    );
    let results: Vec<(String, Result<Found, String>)> = answers.collect();
    if arguments.json {
        print_json(&results.iter().map(|(input, result)| to_json(input, result)).collect::<Vec<_>>())?;
    } else {
        for (input, result) in &results {
            match result {
                Ok(found) => println!("{input}: {}", to_text(found)),
                Err(error) => eprintln!("error: {input}: {error}"),
            }
        }
    }
    match results.iter().any(|(_, result)| result.is_ok()) {
        true => Ok(()),
        false => Err(Failure::Running(anyhow::anyhow!("none of the {} inputs can be read", results.len()))),
    }
}

fn to_json(input: &str, result: &Result<Found, String>) -> Value {
    match result {
        Ok(Found::Number(number)) => json!({ "input": input, "number": number }),
        Ok(Found::Top(top)) => json!({ "input": input, "top": entries(top) }),
        Ok(Found::Labels { top, there }) => {
            let labels: Vec<&String> = there.iter().map(|(label, _)| label).collect();
            json!({ "input": input, "top": entries(top), "labels": labels })
        }
        Err(error) => json!({ "input": input, "error": error }),
    }
}

fn entries(top: &[(String, f32)]) -> Vec<Value> {
    top.iter().map(|(class, probability)| json!({ "class": class, "probability": probability })).collect()
}

fn to_text(found: &Found) -> String {
    let entry = |(class, probability): &(String, f32)| format!("{class} {:.1} %", probability * 100.0);
    let list = |entries: &[(String, f32)]| entries.iter().map(entry).collect::<Vec<_>>().join(", ");
    match found {
        Found::Number(number) => number.to_string(),
        Found::Top(top) => list(top),
        Found::Labels { top, there } if there.is_empty() => format!("no label; the likeliest: {}", list(top)),
        Found::Labels { there, .. } => list(there),
    }
}
