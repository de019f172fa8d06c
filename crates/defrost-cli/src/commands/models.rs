//! `defrost models`

use serde_json::{Value, json};

use defrost::bundle::Model as _;
use defrost::tabular::{Column, Encoding, Schema, TabularNetwork};
use defrost::text::models::{AwdLstmConfig, BertConfig, TextConfig, TextNetwork};
use defrost::vision::VisionSetup;
use defrost::vision::models::Architecture;
use defrost::{LayerGroups, Network, families, weights};

use super::print_json;
use crate::Outcome;
use crate::args::ModelsArguments;
use crate::domain::{Domain, Table, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::layout::thousands;
use crate::training;

/// Tokens of the AWD-LSTM that is listed, which are as many as its tokenizer learned: `pretrain`'s default.
const VOCABULARY: usize = 8000;

/// An architecture as it is listed.
struct Listed {
    arch: String,
    task: &'static str,
    weights: &'static str,
    tensor_names: &'static str,
    groups: LayerGroups,
    /// Whether parameters can be counted before there is data.
    counted: bool,
}

/// Lists the architectures.
pub fn models(arguments: &ModelsArguments) -> Outcome {
    let mut list = Architecture::all().iter().map(picture_network).collect::<Result<Vec<_>, _>>()?;
    list.extend([bert()?, awd_lstm()?, table()?]);
    if arguments.json {
        return print_json(&list.iter().map(to_json).collect::<Vec<_>>());
    }
    for Listed { arch, weights, groups, counted, .. } in &list {
        let last = groups.count() - 1;
        let body: usize = (0..last).map(|group| groups.parameter_count(group)).sum();
        let size = match counted {
            true => format!("{} parameters before the head", thousands(body)),
            false => "as many parameters as its columns need".to_owned(),
        };
        println!("{arch}: {size}; weights: {weights}\n{}", groups.listing());
    }
    Ok(())
}

fn picture_network(architecture: &Architecture) -> Result<Listed, Failure> {
    let setup = VisionSetup { architecture: architecture.name.to_owned(), ..VisionSetup::default() };
    let network = setup.outline().or_failure()?.network(1000, &training::device()).or_failure()?;
    let embedded = weights::has_embedded(architecture.name);
    let weights = if embedded { "embedded" } else { "a .safetensors file" };
    listed::<Vision>(architecture.name, weights, architecture.names, &network)
}

fn bert() -> Result<Listed, Failure> {
    let config = TextConfig::Bert(BertConfig::minilm());
    let network = TextNetwork::new(&config, 2, true, &training::device());
    let weights = "a folder of the BERT or DistilBERT family of any size";
    listed::<Text>(config.name(), weights, "transformers", &network)
}

fn awd_lstm() -> Result<Listed, Failure> {
    let config = TextConfig::AwdLstm(AwdLstmConfig::new(VOCABULARY));
    let network = TextNetwork::new(&config, 2, true, &training::device());
    let weights = "a folder that `defrost pretrain text` has made, of any size";
    listed::<Text>(config.name(), weights, "PyTorch's LSTM", &network)
}

fn table() -> Result<Listed, Failure> {
    let encoding = Encoding::Number { median: 0.0, mean: 0.0, std: 1.0, flagged: false };
    let schema = Schema { columns: vec![Column { name: "number".to_owned(), encoding }] };
    let network = TabularNetwork::new(&schema, 2, false, &training::device());
    let weights = "none, or an earlier run over the same columns";
    let table = listed::<Table>("tabular", weights, "defrost", &network)?;
    Ok(Listed { counted: false, ..table })
}

fn listed<D: Domain>(
    arch: &str,
    weights: &'static str,
    tensor_names: &'static str,
    network: &impl Network,
) -> Result<Listed, Failure> {
    let groups = LayerGroups::of(network).or_failure()?;
    Ok(Listed { arch: arch.to_owned(), task: D::TASK, weights, tensor_names, groups, counted: true })
}

fn to_json(listed: &Listed) -> Value {
    let Listed { arch, task, weights, tensor_names, groups, counted } = listed;
    let group = |index: usize| {
        let stages = groups.stages_of(index);
        json!({
            "index": index,
            "name": groups.groups()[index].name,
            "families": families(stages),
            "stages": stages.iter().filter(|s| s.has_parameters()).map(|stage| stage.name.as_str()).collect::<Vec<_>>(),
            "params": counted.then(|| groups.parameter_count(index)),
        })
    };
    json!({
        "arch": arch,
        "task": task,
        "weights": weights,
        "tensor_names": tensor_names,
        "groups": (0..groups.count()).map(group).collect::<Vec<_>>(),
    })
}
