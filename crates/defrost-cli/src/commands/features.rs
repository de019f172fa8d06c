//! `defrost features SOURCE DATA OUT`

use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use defrost::bundle::{Loaded, ModelConfig, is_run};
use defrost::data::Dataset;
use defrost::files;
use defrost::learner::{TestTimeAugmentation, pooled_features};
use defrost::metrics::Features;
use defrost::{Cache, Target};

use super::print_json;
use crate::Outcome;
use crate::args::{FeaturesArguments, Task, TrainingOptions};
use crate::domain::{Domain, Prepared, for_domain};
use crate::failure::{Blame, Failure};
use crate::terminal::name;
use crate::training;

/// Items in a batch, where nothing else is said.
const BATCH: usize = 32;

/// Writes the features of items, for other programs.
pub fn features(mut arguments: FeaturesArguments) -> Outcome {
    let ending = arguments.out.extension().and_then(|ending| ending.to_str()).map(str::to_lowercase);
    if !matches!(ending.as_deref(), Some("npy" | "csv")) {
        return Err(Failure::usage(format!("{}: end it with .npy or .csv", arguments.out.display())));
    }
    training::start_threads(arguments.options.threads)?;
    if is_run(&arguments.source) {
        no_network(&arguments.options)?;
        return for_domain!(Task::of_run(&arguments.source)?, of_run(&arguments));
    }
    if arguments.options.arch.is_some() {
        return Err(Failure::usage("--arch: SOURCE names the network"));
    }
    arguments.options.arch = Some(arguments.source.display().to_string());
    for_domain!(Task::of_data(&arguments.data, &arguments.options)?, of_network(&arguments))
}

/// Refuses options of a network where a run has its own.
fn no_network(options: &TrainingOptions) -> Outcome {
    let given = [
        ("--arch", options.arch.is_some()),
        ("--weights", options.weights.is_some()),
        ("--pretrained", options.pretrained.is_some()),
        ("--continue", options.continued.is_some()),
        ("--cut", options.cut.is_some()),
        ("--head", options.head.is_some()),
        ("--size", options.size.is_some()),
    ];
    match given.into_iter().find(|(_, is_given)| *is_given) {
        Some((option, _)) => {
            Err(Failure::usage(format!("{option}: SOURCE is a run, which has its own network")))
        }
        None => Ok(()),
    }
}

fn of_run<D: Domain>(arguments: &FeaturesArguments) -> Outcome {
    let run = Loaded::<D::Config>::open(&arguments.source, &training::device()).or_usage()?;
    let labels = &arguments.options.labels;
    let (items, _) = D::labelled(&run, &arguments.data, labels, TestTimeAugmentation::NONE)?;
    write::<D>(arguments, run.network(), &[&*items], &run.manifest.classes)
}

fn of_network<D: Domain>(arguments: &FeaturesArguments) -> Outcome {
    let Prepared { data, network, .. } =
        D::prepare(&arguments.options, &arguments.data, &training::device())?;
    write::<D>(arguments, &network, &[&*data.train, &*data.valid], &data.classes)
}

/// A row for each item of these data sets.
fn write<D: Domain>(
    arguments: &FeaturesArguments,
    network: &<D::Config as ModelConfig>::Network,
    data: &[&dyn Dataset],
    classes: &[String],
) -> Outcome {
    let FeaturesArguments { out, stage, options, json, .. } = arguments;
    let mut cache = Cache::new(options.cache.rows());
    let mut found = Features::default();
    for items in data {
        let batch = options.batch.unwrap_or(BATCH);
        let device = training::device();
        let of_part =
            pooled_features(network, stage.as_deref(), *items, batch, (&device, &mut cache)).or_usage()?;
        found.width = of_part.width;
        found.numbers.extend(of_part.numbers);
    }
    match out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy")) {
        true => {
            let bytes = found.to_npy();
            files::write_atomically(out, |file| file.write_all(&bytes)).or_usage()?;
        }
        false => write_csv(out, &found, data, classes)?,
    }
    let items = found.rows().count();
    match json {
        true => {
            print_json(&json!({ "file": out.display().to_string(), "items": items, "features": found.width }))
        }
        false => {
            println!(
                "{}: {items} {}, {} features each",
                name(&out.display().to_string()),
                D::ITEMS,
                found.width
            );
            Ok(())
        }
    }
}

/// Name, label and features, a line for each item.
fn write_csv(path: &Path, features: &Features, data: &[&dyn Dataset], classes: &[String]) -> Outcome {
    let class = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let label = |target: Target| match target {
        Target::Class(index) => class(index),
        Target::Labels(labels) => labels.into_iter().map(class).collect::<Vec<_>>().join("|"),
        Target::Number(number) => number.to_string(),
    };
    let items = data.iter().flat_map(|data| (0..data.len()).map(move |item| (data, item)));
    files::write_atomically(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        let columns = (0..features.width).map(|feature| format!("feature_{feature}"));
        writer.write_record(["item".to_owned(), "label".to_owned()].into_iter().chain(columns))?;
        for ((data, item), row) in items.zip(features.rows()) {
            let cells = [data.name(item), label(data.target(item))];
            writer.write_record(cells.into_iter().chain(row.iter().map(f32::to_string)))?;
        }
        writer.flush()
    })
    .or_usage()
}
