//! `defrost predict RUN INPUT…`

use std::path::Path;

use serde_json::{Value, json};

use defrost::vision::LoadedVision;
use defrost::vision::picture::{Picture, PictureError};

use super::print_json;
use crate::Outcome;
use crate::args::PredictArguments;
use crate::failure::{Blame, Failure};
use crate::training;

/// The likeliest classes with their probabilities.
type Top = Vec<(String, f32)>;

/// Classes and probabilities of each picture; one that can't be read is reported and the rest go on.
pub fn predict(arguments: &PredictArguments) -> Outcome {
    training::start_threads(arguments.threads)?;
    let model = LoadedVision::open(&arguments.run, &training::device()).or_usage()?;
    let results: Vec<(&Path, Result<Top, PictureError>)> =
        arguments.inputs.iter().map(|input| (input.as_path(), top(&model, input, arguments.top))).collect();
    if arguments.json {
        print_json(&results.iter().map(|(input, result)| to_json(input, result)).collect::<Vec<_>>())?;
    } else {
        for (input, result) in &results {
            match result {
                Ok(top) => println!("{}: {}", input.display(), to_text(top)),
                Err(error) => eprintln!("error: {}: {error}", input.display()),
            }
        }
    }
    match results.iter().any(|(_, result)| result.is_ok()) {
        true => Ok(()),
        false => Err(Failure::Running(anyhow::anyhow!("none of the {} inputs can be read", results.len()))),
    }
}

fn top(model: &LoadedVision, input: &Path, count: usize) -> Result<Top, PictureError> {
    let ranked = model.predict(&Picture::open(input)?).ranked();
    let named = ranked.into_iter().take(count);
    Ok(named.map(|(class, probability)| (model.manifest.classes[class].clone(), probability)).collect())
}

fn to_json(input: &Path, result: &Result<Top, PictureError>) -> Value {
    match result {
        Ok(top) => {
            let entry =
                |(class, probability): &(String, f32)| json!({ "class": class, "probability": probability });
            json!({ "input": input, "top": top.iter().map(entry).collect::<Vec<_>>() })
        }
        Err(error) => json!({ "input": input, "error": error.to_string() }),
    }
}

fn to_text(top: &[(String, f32)]) -> String {
    let entry = |(class, probability): &(String, f32)| format!("{class} {:.1} %", probability * 100.0);
    top.iter().map(entry).collect::<Vec<_>>().join(", ")
}
