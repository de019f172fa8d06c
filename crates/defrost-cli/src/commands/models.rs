//! `defrost models`

use serde_json::{Value, json};

use defrost::bundle::Model;
use defrost::vision::VisionSetup;
use defrost::vision::models::Architecture;
use defrost::{LayerGroups, families, weights};

use super::print_json;
use crate::Outcome;
use crate::args::ModelsArguments;
use crate::failure::Blame;
use crate::layout::thousands;
use crate::training;

/// Lists the architectures.
pub fn models(arguments: &ModelsArguments) -> Outcome {
    let mut list = vec![];
    for architecture in Architecture::all() {
        let setup = VisionSetup { architecture: architecture.name.to_owned(), ..VisionSetup::default() };
        let network = setup.outline().or_failure()?.network(1000, &training::device()).or_failure()?;
        list.push((architecture, LayerGroups::of(&network).or_failure()?));
    }
    if arguments.json {
        return print_json(
            &list.iter().map(|(architecture, groups)| to_json(architecture, groups)).collect::<Vec<_>>(),
        );
    }
    for (architecture, groups) in &list {
        let last = groups.count() - 1;
        let body: usize = (0..last).map(|group| groups.parameter_count(group)).sum();
        println!(
            "{}: {} parameters before the head; weights: {}",
            architecture.name,
            thousands(body),
            source(architecture)
        );
        println!("{}", groups.listing());
    }
    Ok(())
}

fn to_json(architecture: &Architecture, groups: &LayerGroups) -> Value {
    let group = |index: usize| {
        let stages = groups.stages_of(index);
        json!({
            "index": index,
            "name": groups.groups()[index].name,
            "families": families(stages),
            "stages": stages.iter().filter(|s| s.has_parameters()).map(|stage| stage.name.as_str()).collect::<Vec<_>>(),
            "params": groups.parameter_count(index),
        })
    };
    json!({
        "arch": architecture.name,
        "weights": source(architecture),
        "tensor_names": architecture.names,
        "groups": (0..groups.count()).map(group).collect::<Vec<_>>(),
    })
}

fn source(architecture: &Architecture) -> &'static str {
    if weights::has_embedded(architecture.name) { "embedded" } else { "a .safetensors file" }
}
