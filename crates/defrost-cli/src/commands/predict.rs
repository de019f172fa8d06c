//! `defrost predict RUN INPUT…`

use serde_json::{Value, json};

use defrost::bundle::Loaded;

use super::print_json;
use crate::Outcome;
use crate::args::PredictArguments;
use crate::domain::{Domain, Table, Task, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::found::Found;
use crate::training;

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
    let model = Loaded::<D::Config>::open(&arguments.run, &training::device()).or_usage()?;
    let found = |prediction| Found::of(&model.manifest, &prediction, arguments.top);
    let answers = D::predict(&model, &arguments.inputs, arguments.tta.tta());
    let results: Vec<(String, Result<Found, String>)> =
        answers.into_iter().map(|(input, prediction)| (input, prediction.map(found))).collect();
    if arguments.json {
        print_json(&results.iter().map(|(input, result)| to_json(input, result)).collect::<Vec<_>>())?;
    } else {
        for (input, result) in &results {
            match result {
                Ok(found) => println!("{input}: {}", found.to_text()),
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
        Ok(found) => found.to_json(input),
        Err(error) => json!({ "input": input, "error": error }),
    }
}
