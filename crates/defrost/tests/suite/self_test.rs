//! A bundle that would answer wrongly is refused, whatever it is of: one test body, a saved run each.

use std::fs;
use std::path::Path;

use burn::tensor::{Device, TensorData};
use defrost::HeadKind;
use defrost::bundle::{BundleError, Loaded, ModelConfig};
use defrost::data::Fingerprint;
use defrost::tabular::{Encoding, TableData, TableModelConfig};
use defrost::text::models::{BertConfig, TextConfig, TextNetwork};
use defrost::text::{TextColumns, TextModelConfig};
use defrost::vision::{ImageModelConfig, VisionSetup};
use defrost::weights::{self, safetensors};
use defrost::{Learner, LearnerOptions, Precision};
use serde_json::{Value, json};

use crate::domains::{made, tokenizer};
use crate::support::Clusters;

const OUTPUTS: usize = 3;

/// Saves a network as a run of this model, untrained.
pub fn saved<M: ModelConfig>(network: M::Network, model: &M) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (train, valid) = (Box::new(Clusters(8)), Box::new(Clusters(4)));
    let learner = Learner::new(made(network), train, valid, OUTPUTS, LearnerOptions::default()).unwrap();
    let classes = ["a", "b", "c"].map(str::to_owned);
    learner.with_model(model.clone()).with_classes(classes).save(folder.path()).unwrap();
    folder
}

fn images(precision: Precision) -> (tempfile::TempDir, ImageModelConfig) {
    let setup = VisionSetup { size: Some(64), precision, ..VisionSetup::default() };
    let (network, model, _) = setup.open().unwrap().build(OUTPUTS, &Device::flex()).unwrap();
    (saved(network, &model), model)
}

fn texts(precision: Precision) -> (tempfile::TempDir, TextModelConfig) {
    let config: TextConfig = BertConfig {
        vocabulary: 8,
        hidden: 16,
        heads: 2,
        intermediate: 24,
        positions: 40,
        ..BertConfig::minilm()
    }
    .into();
    let network = TextNetwork::new(&config, HeadKind::ConcatPool, OUTPUTS, true, &Device::flex())
        .with_precision(precision);
    let (columns, tokenizer) = (TextColumns::default(), tokenizer().into_bytes());
    let model =
        TextModelConfig { config, head: HeadKind::ConcatPool, precision, max_tokens: 40, columns, tokenizer };
    (saved(network, &model), model)
}

pub fn rows() -> (tempfile::TempDir, TableModelConfig) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("table.csv");
    let row = |i: usize| {
        format!("{},{},{}\n", ["x", "y", "z"][i % 3], i as f64 * 0.37 % 5.0, ["a", "b", "c"][i / 3 % 3])
    };
    fs::write(&path, (0..60).map(row).fold("kind,size,label\n".to_owned(), |a, b| a + &b)).unwrap();
    let data = TableData::open(&path).unwrap().label("label").seed(1).read().unwrap();
    let (network, model) = data.network(None, 1, &Device::flex()).unwrap();
    (saved(network, &model), model)
}

pub fn open<M: ModelConfig>(folder: &Path) -> Result<Loaded<M>, BundleError> {
    Loaded::open(folder, &Device::flex())
}

/// How far off the scores are said to be, if that is why it is refused.
fn apart<M: ModelConfig>(folder: &Path) -> Option<f32> {
    match open::<M>(folder) {
        Ok(_) => None,
        Err(BundleError::SelfTest { apart, allowed, .. }) => {
            assert!(apart > allowed);
            Some(apart)
        }
        Err(other) => panic!("refused for another reason: {other}"),
    }
}

fn change(folder: &Path, change: impl Fn(&mut Value)) {
    let path = folder.join("bundle.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(&path, manifest.to_string()).unwrap();
}

/// Writes other weights as if the run had.
fn scale_weights(folder: &Path, factor: f32) {
    let path = folder.join("model.safetensors");
    let mut tensors = safetensors::parse(&fs::read(&path).unwrap()).unwrap().tensors;
    let weight = tensors.values_mut().find(|tensor| tensor.shape().len() >= 2).unwrap();
    let scaled: Vec<f32> = weight.iter::<f32>().map(|number| number * factor).collect();
    *weight = TensorData::new(scaled, weight.shape().clone());
    safetensors::write(&path, &tensors, &Default::default()).unwrap();
    let hash = Fingerprint::sha256(&fs::read(&path).unwrap()).to_string();
    change(folder, |manifest| manifest["weights_sha256"] = json!(hash));
}

/// Whatever changes what a bundle answers is noticed; `changes` are to what its domain says about it.
fn is_noticed<M: ModelConfig>(folder: &Path, changes: &[fn(&mut Value)]) {
    let whole = fs::read(folder.join("bundle.json")).unwrap();
    let restore = || fs::write(folder.join("bundle.json"), &whole).unwrap();
    assert_eq!(apart::<M>(folder), None);
    for (number, spoil) in changes.iter().enumerate() {
        change(folder, |manifest| spoil(&mut manifest["model"]));
        assert!(apart::<M>(folder).is_some(), "change {number} goes unnoticed");
        restore();
    }
    // As kernels would that compute something else.
    change(folder, |manifest| {
        let score = manifest["self_test"]["scores"][1].as_f64().unwrap();
        manifest["self_test"]["scores"][1] = json!(score * 1.5 + 0.5);
    });
    assert!(apart::<M>(folder).is_some());
    restore();
    // One score less than there are classes.
    change(folder, |manifest| drop(manifest["self_test"]["scores"].as_array_mut().unwrap().pop()));
    assert_eq!(apart::<M>(folder), Some(f32::INFINITY));
    restore();
    // Earlier versions tested nothing.
    change(folder, |manifest| drop(manifest.as_object_mut().unwrap().remove("self_test")));
    assert_eq!(apart::<M>(folder), None);
    restore();
    scale_weights(folder, 3.0);
    assert!(apart::<M>(folder).is_some());
}

const IMAGE_CHANGES: [fn(&mut Value); 5] = [
    |model| model["preprocess"]["mean"][0] = json!(0.485),
    |model| model["preprocess"]["std"] = json!([0.229, 0.224, 0.225]),
    |model| model["preprocess"]["size"] = json!(56),
    |model| model["preprocess"]["resize_to"] = json!(72),
    |model| model["preprocess"]["filter"] = json!("bilinear"),
];

#[test]
fn a_changed_image_network_is_refused() {
    let (folder, _) = images(Precision::F32);
    is_noticed::<ImageModelConfig>(folder.path(), &IMAGE_CHANGES);
}

#[test]
fn a_changed_text_network_is_refused() {
    let (folder, _) = texts(Precision::F32);
    is_noticed::<TextModelConfig>(folder.path(), &[|model| model["max_tokens"] = json!(9)]);
    let (folder, _) = texts(Precision::F32);
    change(folder.path(), |manifest| manifest["self_test"]["item"] = json!([]));
    let message = open::<TextModelConfig>(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("the self-test has 0 texts and should have one"), "{message}");
}

#[test]
fn a_changed_table_network_is_refused() {
    let (folder, _) = rows();
    is_noticed::<TableModelConfig>(
        folder.path(),
        &[
            |model| model["schema"]["columns"][1]["encoding"]["quantiles"]["median"] = json!(0.5),
            |model| model["schema"]["columns"][1]["encoding"]["quantiles"]["scale"] = json!(0.7),
            |model| {
                // The sample lies in the bin that begins there.
                let edges = &mut model["schema"]["columns"][1]["encoding"]["quantiles"]["edges"];
                let [before, begin] = [22, 23].map(|edge| edges[edge].as_f64().unwrap());
                edges[23] = json!(f64::midpoint(before, begin));
            },
            |model| model["schema"]["columns"][0]["encoding"]["category"] = json!(["a", "x", "y"]),
        ],
    );
    let (folder, _) = rows();
    change(folder.path(), |manifest| manifest["self_test"]["item"] = json!(["y"]));
    let message = open::<TableModelConfig>(folder.path()).unwrap_err().to_string();
    assert!(message.ends_with("the self-test has 1 cells, and the table 2 columns"), "{message}");
}

/// What else is rounded in bf16 than where it was saved is no reason to refuse; changed colours are.
#[test]
fn bf16_is_given_its_rounding_and_no_more() {
    let (folder, _) = images(Precision::Bf16);
    assert_eq!(apart::<ImageModelConfig>(folder.path()), None);
    change(folder.path(), |manifest| manifest["model"]["preprocess"]["std"] = json!([0.229, 0.224, 0.225]));
    assert!(apart::<ImageModelConfig>(folder.path()).is_some());
    let (folder, _) = texts(Precision::Bf16);
    assert_eq!(apart::<TextModelConfig>(folder.path()), None);
}

#[test]
fn the_message_says_what_may_be_wrong() {
    let message =
        BundleError::SelfTest { folder: "runs/cats".into(), apart: 0.25, allowed: 1e-3, kernels: "avx2" };
    assert_eq!(
        message.to_string(),
        "runs/cats: its answers would be wrong: the scores of its test item are off by 2.5e-1, and rounding explains \
         1e-3; either bundle.json has changed since the run wrote it, or the avx2 kernels are wrong on this processor, \
         which DEFROST_KERNEL=portable would show"
    );
}

/// Weights that overflowed, and a description that JSON can't hold.
#[test]
fn what_cant_be_loaded_again_is_not_saved() {
    let (folder, model) = rows();
    fs::remove_file(folder.path().join("bundle.json")).unwrap();
    let save = |network, model: &TableModelConfig| {
        let (train, valid) = (Box::new(Clusters(8)), Box::new(Clusters(4)));
        let learner = Learner::new(network, train, valid, OUTPUTS, LearnerOptions::default()).unwrap();
        let classes = ["a", "b", "c"].map(str::to_owned);
        learner.with_model(model.clone()).with_classes(classes).save(folder.path()).unwrap_err().to_string()
    };
    let network = || model.network(OUTPUTS, &Device::flex()).unwrap();
    let tensors = weights::collect(&network()).into_iter().map(|(name, data)| {
        (name, TensorData::new(vec![f32::NAN; data.num_elements()], data.shape().to_vec()))
    });
    let refusal = save(weights::load(network(), &tensors.collect()), &model);
    assert_eq!(refusal, "the network can't be saved: the network's scores for its test item are not numbers");

    let mut broken = model.clone();
    let number = broken.schema.columns.iter_mut().find_map(|column| match &mut column.encoding {
        Encoding::Quantiles(quantiles) => Some(quantiles),
        _ => None,
    });
    // As a statistic that overflowed was once; it bounds nothing that the test item has.
    number.unwrap().scale = f64::INFINITY;
    let refusal = save(network(), &broken);
    assert!(refusal.starts_with("the network was written, but can't be loaded again: "), "{refusal}");
    assert!(!folder.path().join("bundle.json").exists());
}
