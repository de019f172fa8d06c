//! `defrost pack RUN [FILE]`

use std::path::PathBuf;

use serde_json::json;

use defrost::bundle;

use super::print_json;
use crate::Outcome;
use crate::args::PackArguments;
use crate::failure::{Blame, Failure};
use crate::run::PACKED;

/// Packs a run's folder into one file, which every command takes in its place.
pub fn pack(arguments: &PackArguments) -> Outcome {
    let PackArguments { run, file, json } = arguments;
    let file = file.clone().unwrap_or_else(|| {
        let mut name = run.components().as_path().as_os_str().to_owned();
        name.push(format!(".{PACKED}"));
        PathBuf::from(name)
    });
    if file.exists() {
        return Err(Failure::usage(format!(
            "{}: there is such a file already; choose another name or remove it",
            file.display()
        )));
    }
    bundle::pack(run, &file).or_usage()?;
    let name = file.display().to_string();
    match json {
        true => print_json(&json!({ "file": name }))?,
        false => println!("{name}"),
    }
    Ok(())
}
