//! `defrost features SOURCE DATA OUT`

use serde_json::json;

use defrost::Cache;
use defrost::bundle::{Loaded, ModelConfig, is_run};
use defrost::data::Dataset;
use defrost::export::{FeatureTable, FeatureTableFormat};
use defrost::learner::TestTimeAugmentation;

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
    let format = FeatureTableFormat::of(&arguments.out).or_usage()?;
    training::start_threads(arguments.options.threads)?;
    if is_run(&arguments.source) {
        no_network(&arguments.options)?;
        return for_domain!(Task::of_run(&arguments.source)?, of_run(&arguments, format));
    }
    if arguments.options.arch.is_some() {
        return Err(Failure::usage("--arch: SOURCE names the network"));
    }
    arguments.options.arch = Some(arguments.source.display().to_string());
    for_domain!(Task::of_data(&arguments.data, &arguments.options)?, of_network(&arguments, format))
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

fn of_run<D: Domain>(arguments: &FeaturesArguments, format: FeatureTableFormat) -> Outcome {
    let run = Loaded::<D::Config>::open(&arguments.source, &training::device()).or_usage()?;
    let labels = &arguments.options.labels;
    let (items, _) = D::labelled(&run, &arguments.data, labels, TestTimeAugmentation::NONE)?;
    write::<D>((arguments, format), run.network(), &[&*items], &run.manifest.classes)
}

fn of_network<D: Domain>(arguments: &FeaturesArguments, format: FeatureTableFormat) -> Outcome {
    let Prepared { data, network, .. } =
        D::prepare(&arguments.options, &arguments.data, &training::device())?;
    write::<D>((arguments, format), &network, &[&*data.train, &*data.valid], &data.classes)
}

/// A row for each item of these data sets.
fn write<D: Domain>(
    (arguments, format): (&FeaturesArguments, FeatureTableFormat),
    network: &<D::Config as ModelConfig>::Network,
    data: &[&dyn Dataset],
    classes: &[String],
) -> Outcome {
    let FeaturesArguments { out, stage, options, json, .. } = arguments;
    let mut cache = Cache::new(options.cache.rows());
    let batch = options.batch.unwrap_or(BATCH);
    let device = (&training::device(), &mut cache);
    let table = FeatureTable::of(network, stage.as_deref(), data, classes, batch, device).or_usage()?;
    table.write(out, format).or_usage()?;
    let (items, width, file) = (table.items.len(), table.features.width, out.display().to_string());
    if *json {
        return print_json(&json!({ "file": file, "items": items, "features": width }));
    }
    println!("{}: {items} {}, {width} features each", name(&file), D::ITEMS);
    Ok(())
}
