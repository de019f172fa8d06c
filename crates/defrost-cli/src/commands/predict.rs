//! `defrost predict RUN INPUT…`

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use defrost::bundle::Loaded;
use defrost::files;

use super::print_json;
use crate::Outcome;
use crate::args::{PredictArguments, Task};
use crate::domain::{Domain, for_domain};
use crate::failure::{Blame, Failure};
use crate::show::Found;
use crate::terminal::name;
use crate::training;

/// Classes and probabilities of each input; one that can't be read is reported and the rest go on.
pub fn predict(arguments: &PredictArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    for_domain!(Task::of_run(&arguments.run)?, predict_of(arguments))
}

fn predict_of<D: Domain>(arguments: &PredictArguments) -> Outcome {
    arguments.signed.check(&arguments.run)?;
    let model = Loaded::<D::Config>::open(&arguments.run, &training::device()).or_usage()?;
    let found = |answer| Found::of(&model.manifest, &answer, arguments.top);
    let inputs: Vec<PathBuf> = arguments.inputs.iter().flat_map(|input| matching(input)).collect();
    let answers = D::predict(&model, &inputs, arguments.tta.tta());
    let results: Vec<(String, Result<Found, String>)> =
        answers.into_iter().map(|(input, prediction)| (input, prediction.map(found))).collect();
    if let Some(path) = &arguments.csv {
        write_csv(path, &results)?;
    }
    if arguments.jsonl {
        for (input, result) in &results {
            println!("{}", to_json(input, result));
        }
    } else if arguments.json {
        print_json(&results.iter().map(|(input, result)| to_json(input, result)).collect::<Vec<_>>())?;
    } else {
        for (input, result) in &results {
            match result {
                Ok(found) => println!("{}: {}", name(input), name(&found.to_text())),
                Err(error) => eprintln!("error: {}: {error}", name(input)),
            }
        }
    }
    match results.iter().any(|(_, result)| result.is_ok()) {
        true => Ok(()),
        false => Err(Failure::Running(anyhow::anyhow!("none of the {} inputs can be read", results.len()))),
    }
}

/// The files that a pattern such as `photos/*.jpg` matches, sorted, where the shell has not replaced it; what matches none, or
/// is the name of a file, stays as it is.
fn matching(input: &Path) -> Vec<PathBuf> {
    let pattern = input.to_str().filter(|words| words.contains(['*', '?', '[']) && !input.exists());
    let files = pattern.and_then(|pattern| glob::glob(pattern).ok());
    let found: Vec<PathBuf> = files.into_iter().flatten().filter_map(Result::ok).collect();
    if found.is_empty() { vec![input.to_owned()] } else { found }
}

/// Writes the predictions as CSV: a line per input, with the probability, or with the error.
fn write_csv(path: &Path, results: &[(String, Result<Found, String>)]) -> Result<(), Failure> {
    files::write_atomically(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(["input", "prediction", "probability", "notes", "error"])?;
        for (input, result) in results {
            match result {
                Ok(found) => {
                    let (prediction, probability) = found.said.in_cells();
                    writer.write_record([input, &prediction, &probability, &found.notes.join("; "), ""])?;
                }
                Err(error) => writer.write_record([input, "", "", "", error])?,
            }
        }
        writer.flush()
    })
    .or_usage()
}

fn to_json(input: &str, result: &Result<Found, String>) -> Value {
    match result {
        Ok(found) => found.to_json(input),
        Err(error) => json!({ "input": input, "error": error }),
    }
}
