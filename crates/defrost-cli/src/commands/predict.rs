//! `defrost predict RUN INPUT…`

use serde_json::{Value, json};

use defrost::bundle::Loaded;

use super::print_json;
use crate::Outcome;
use crate::args::PredictArguments;
use crate::domain::{Domain, Task, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::training;

/// The likeliest classes with their probabilities.
type Top = Vec<(String, f32)>;

/// Classes and probabilities of each input; one that can't be read is reported and the rest go on.
pub fn predict(arguments: &PredictArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    match Task::of_run(&arguments.run)? {
        Task::Vision => predict_of::<Vision>(arguments),
        Task::Text => predict_of::<Text>(arguments),
    }
}

fn predict_of<D: Domain>(arguments: &PredictArguments) -> Outcome {
    let model = Loaded::<D::Model>::open(&arguments.run, &training::device()).or_usage()?;
    let classes = &model.manifest.classes;
    let answers = D::predict(&model, &arguments.inputs).into_iter().map(|(input, prediction)| {
        let named = |(class, probability): (usize, f32)| (classes[class].clone(), probability);
        let top = prediction
            .map(|prediction| prediction.ranked().into_iter().take(arguments.top).map(named).collect());
        (input, top)
    });
    let results: Vec<(String, Result<Top, String>)> = answers.collect();
    if arguments.json {
        print_json(&results.iter().map(|(input, result)| to_json(input, result)).collect::<Vec<_>>())?;
    } else {
        for (input, result) in &results {
            match result {
                Ok(top) => println!("{input}: {}", to_text(top)),
                Err(error) => eprintln!("error: {input}: {error}"),
            }
        }
    }
    match results.iter().any(|(_, result)| result.is_ok()) {
        true => Ok(()),
        false => Err(Failure::Running(anyhow::anyhow!("none of the {} inputs can be read", results.len()))),
    }
}

fn to_json(input: &str, result: &Result<Top, String>) -> Value {
    match result {
        Ok(top) => {
            let entry =
                |(class, probability): &(String, f32)| json!({ "class": class, "probability": probability });
            json!({ "input": input, "top": top.iter().map(entry).collect::<Vec<_>>() })
        }
        Err(error) => json!({ "input": input, "error": error }),
    }
}

fn to_text(top: &[(String, f32)]) -> String {
    let entry = |(class, probability): &(String, f32)| format!("{class} {:.1} %", probability * 100.0);
    top.iter().map(entry).collect::<Vec<_>>().join(", ")
}
