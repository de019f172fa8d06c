//! `defrost export RUN SITE --format web`, and `defrost export RUN PAGE.html`

use std::path::Path;

use serde_json::json;

use defrost::TrainedModel;
use defrost::bundle;
use defrost::export::ExportOptions;

use super::note;
use crate::Outcome;
use crate::args::{ExportArguments, InputChoice, KeptPrecision, Task};
use crate::commands::print_json;
use crate::failure::{Blame, Failure};
use crate::pages::{Pages, Site, write_file};
use crate::show::size;
use crate::training;

/// Writes the page of a run of images.
pub fn to_page(out: &Path, arguments: &ExportArguments) -> Outcome {
    let given = [
        ("--input", arguments.input != InputChoice::Image),
        ("--opset", arguments.opset != ExportOptions::default().opset),
        ("--precision", arguments.precision != KeptPrecision::F32),
        ("--batch", arguments.batch.is_some()),
        ("--features", arguments.features),
        ("--python", arguments.python != Path::new("python3")),
    ];
    if let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
        return Err(no_choice_of_a_page(option));
    }
    let run = &arguments.run;
    let task = Task::of_run(run)?;
    if task != Task::Vision {
        return Err(Failure::usage(format!(
            "{}: a page answers images, and this run is of {}; `defrost serve` has a page for every run, and an ONNX file can be used \
             in pages, too",
            run.display(),
            if task == Task::Text { "texts" } else { "rows" }
        )));
    }
    let is_single =
        arguments.single || out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("html"));
    if !is_single {
        Site::check_folder(out)?;
    }
    let pages = Pages::built_in()?;
    // A run that is damaged is refused here, and not by the page.
    TrainedModel::open(run, &training::device()).or_usage()?;
    let packed = bundle::pack_model(run).or_usage()?;
    let written = match is_single {
        true => write_file(out, &Site::single(&pages, &packed)?)?,
        false => Site::folder(&pages, packed)?.write(out)?,
    };
    note(arguments, out, "a page that answers images in a browser".to_owned());
    if arguments.json {
        let files: Vec<String> = written.files.iter().map(|file| file.display().to_string()).collect();
        return print_json(&json!({ "files": files, "bytes": written.bytes }));
    }
    println!("{} ({})", out.display(), size(written.bytes as u64));
    match is_single {
        true => println!("open it in a browser; docs/browser.md says more"),
        false => println!("put the folder on any web server; docs/browser.md says more"),
    }
    Ok(())
}

/// Of an option that says how ONNX files are made.
pub fn no_choice_of_a_page(option: &str) -> Failure {
    Failure::usage(format!("{option}: a page has no such choice; it is one of ONNX files"))
}
