//! `defrost models`

use serde_json::{Value, json};

use defrost::bundle::ModelConfig as _;
use defrost::tabular::{CellValue, Column, Design, Schema, TabularNetwork};
use defrost::text::PretrainedText;
use defrost::text::models::{AwdLstmConfig, BertConfig, TextConfig, TextNetwork};
use defrost::vision::VisionSetup;
use defrost::vision::models::{Architecture, Precision, VisionNetwork};
use defrost::vision::timing;
use defrost::{FineTune, FreezePlan, LayerGroups, Network, NormMode, Recipe, families};

use super::print_json;
use crate::Outcome;
use crate::args::ModelsArguments;
use crate::domain::{Domain, Table, Text, Vision};
use crate::failure::{Blame, Failure};
use crate::show::thousands;
use crate::training;

/// Tokens of the AWD-LSTM that is listed, which are as many as its tokenizer learned: `pretrain`'s default.
const VOCABULARY: usize = 8000;

/// Images in a batch that is measured, how many steps are, and classes of the head.
const MEASURED_BATCH: usize = 16;
const MEASURED_STEPS: usize = 5;
const CLASSES: usize = 10;

/// An architecture as it is listed.
struct Listed {
    arch: String,
    task: &'static str,
    weights: String,
    tensor_names: &'static str,
    groups: LayerGroups,
    /// Whether parameters can be counted before there is data.
    counted: bool,
    image: Option<ImageCost>,
}

/// Facts that only image networks have.
struct ImageCost {
    architecture: &'static Architecture,
    multiply_adds: u64,
    /// Images a second, by what is done with them.
    timing: Option<Vec<(String, f64)>>,
}

/// Lists the architectures.
pub fn models(arguments: &ModelsArguments) -> Outcome {
    if arguments.measure {
        training::start_threads(arguments.threads)?;
    }
    let mut list = vec![];
    for architecture in Architecture::all().filter(|architecture| wanted(arguments, architecture.name)) {
        list.push(image_network(architecture, arguments.measure)?);
    }
    list.extend(
        [bert()?, awd_lstm()?, table()?].into_iter().filter(|listed| wanted(arguments, &listed.arch)),
    );
    if list.is_empty() {
        // None of the names is an image network's either: say what there is.
        Architecture::named(&arguments.names.join(" ")).or_usage()?;
    }
    if arguments.json {
        return print_json(&list.iter().map(to_json).collect::<Vec<_>>());
    }
    for listed in &list {
        print(listed);
    }
    Ok(())
}

fn wanted(arguments: &ModelsArguments, name: &str) -> bool {
    arguments.names.is_empty() || arguments.names.iter().any(|wanted| wanted == name)
}

fn print(listed: &Listed) {
    let Listed { arch, weights, groups, counted, image, .. } = listed;
    let last = groups.count() - 1;
    let body: usize = (0..last).map(|group| groups.parameter_count(group)).sum();
    let size = match counted {
        true => format!("{} parameters before the head", thousands(body)),
        false => "as many parameters as its columns need".to_owned(),
    };
    println!("{arch}: {size}; weights: {weights}");
    if let Some(ImageCost { architecture, multiply_adds, timing }) = image {
        let billions = *multiply_adds as f64 / 1e9;
        println!("    {billions:.2} billion multiply-adds at {} px", architecture.sizes.usual);
        for (what, images) in timing.iter().flatten() {
            println!("    {images:.1} images a second: {what}");
        }
    }
    println!("{}", groups.listing());
}

fn image_network(architecture: &'static Architecture, measure: bool) -> Result<Listed, Failure> {
    let setup = VisionSetup {
        architecture: architecture.name.to_owned(),
        precision: Precision::fastest(),
        ..VisionSetup::default()
    };
    let network = setup.outline().or_failure()?.network(CLASSES, &training::device()).or_failure()?;
    let usual = format!("{}, {}", architecture.weights, architecture.licence);
    let embedded = architecture.embedded.is_some();
    let weights = match embedded {
        true => format!("embedded ({usual})"),
        false => format!("{} such as {usual}", source(architecture)),
    };
    let timing = measure.then(|| timing(architecture, &network)).transpose()?;
    let multiply_adds = architecture.multiply_adds(architecture.sizes.usual);
    let listed = listed::<Vision>(architecture.name, weights, architecture.names, &network)?;
    Ok(Listed { image: Some(ImageCost { architecture, multiply_adds, timing }), ..listed })
}

/// Where an architecture's weights can come from.
fn source(architecture: &Architecture) -> String {
    match (architecture.embedded, architecture.hub) {
        (Some(_), _) => "embedded".to_owned(),
        (None, Some(repository)) => format!("hub:{repository}, or a file"),
        (None, None) => "a file".to_owned(),
    }
}

/// Images a second, forward and in a step of each phase of the default recipe.
fn timing(architecture: &Architecture, network: &VisionNetwork) -> Result<Vec<(String, f64)>, Failure> {
    let shape = [MEASURED_BATCH, architecture.sizes.usual];
    let images = |seconds: Vec<f64>| MEASURED_BATCH as f64 / seconds[seconds.len() / 2];
    let forward = images(timing::forward_passes(network, shape, MEASURED_STEPS));
    let mut measured = vec![("forward".to_owned(), forward)];
    let groups = LayerGroups::of(network).or_failure()?;
    let unfrozen = FreezePlan::unfrozen(groups, NormMode::Keep);
    for phase in Recipe::from(FineTune::brisk(1)).resolve(&unfrozen).or_failure()? {
        let steps = timing::training_steps(network.clone(), &phase.plan, shape, MEASURED_STEPS);
        measured.push((format!("{} step", phase.name), images(steps)));
    }
    Ok(measured)
}

fn bert() -> Result<Listed, Failure> {
    let config = TextConfig::Bert(BertConfig::minilm());
    let network = TextNetwork::new(&config, config.usual_head(), 2, true, &training::device());
    let weights =
        format!("hub:{}, a folder of the BERT or DistilBERT family of any size", PretrainedText::USUAL);
    listed::<Text>(config.name(), weights, "transformers", &network)
}

fn awd_lstm() -> Result<Listed, Failure> {
    let config = TextConfig::AwdLstm(AwdLstmConfig::new(VOCABULARY));
    let network = TextNetwork::new(&config, config.usual_head(), 2, true, &training::device());
    let weights = "a folder that `defrost pretrain text` has made, of any size";
    listed::<Text>(config.name(), weights.to_owned(), "PyTorch's LSTM", &network)
}

fn table() -> Result<Listed, Failure> {
    let design = Design::Quantiles;
    let schema = Schema::of_columns(
        design,
        vec![Column::learn(design, "number".to_owned(), &[0.0, 1.0].map(CellValue::Number))],
    );
    let network = TabularNetwork::new(&schema, 2, false, &training::device());
    let weights = "none, or an earlier run over the same columns";
    let table = listed::<Table>("tabular", weights.to_owned(), "defrost", &network)?;
    Ok(Listed { counted: false, ..table })
}

fn listed<D: Domain>(
    arch: &str,
    weights: String,
    tensor_names: &'static str,
    network: &impl Network,
) -> Result<Listed, Failure> {
    let groups = LayerGroups::of(network).or_failure()?;
    let (arch, task) = (arch.to_owned(), D::TASK);
    Ok(Listed { arch, task, weights, tensor_names, groups, counted: true, image: None })
}

fn to_json(listed: &Listed) -> Value {
    let Listed { arch, task, weights, tensor_names, groups, counted, image } = listed;
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
    let mut json = json!({
        "arch": arch,
        "task": task,
        "weights": weights,
        "tensor_names": tensor_names,
        "groups": (0..groups.count()).map(group).collect::<Vec<_>>(),
    });
    if let Some(ImageCost { architecture, multiply_adds, timing }) = image {
        json["weights"] = source(architecture).into();
        json["usual_weights"] = json!({ "name": architecture.weights, "licence": architecture.licence });
        json["size"] = architecture.sizes.usual.into();
        json["multiply_adds"] = (*multiply_adds).into();
        if let Some(timing) = timing {
            let timing: serde_json::Map<_, _> =
                timing.iter().map(|(what, images)| (what.clone(), (*images).into())).collect();
            json["images_per_second"] = timing.clone().into();
            // Its name in earlier versions.
            json["pictures_per_second"] = timing.into();
        }
    }
    json
}
