//! AWD-LSTM and its language model against numbers measured on PyTorch.

use std::collections::HashMap;

use burn::tensor::{Device, Tensor, TensorData};
use defrost::HeadKind;
use defrost::ops::{self, LstmState, plain};
use defrost::text::language_model::LanguageModel;
use defrost::text::models::{AwdLstmConfig, Dropouts, TextNetwork};
use defrost::weights::{self, Tensors};
use defrost::{Batch, FreezePlan, LayerGroups, Network, NormMode, Value};
use serde_json::Value as Json;

use crate::gradients::gradient_norms;
use crate::support::{golden, ids, numbers};

fn config(golden: &Json) -> AwdLstmConfig {
    let [vocabulary, embedding, hidden] =
        ["vocabulary", "embedding", "hidden"].map(|key| golden[key].as_u64().unwrap() as usize);
    AwdLstmConfig::of(vocabulary, embedding, hidden, 3, Dropouts::NONE)
}

/// The network with the weights of `make_awd_lstm.py`, thawed.
fn made<N: Network>(network: N, golden: &Json) -> N {
    let stages = network.stages();
    let shapes: HashMap<&str, &Vec<usize>> =
        stages.iter().flat_map(|stage| &stage.parameters).map(|p| (p.name.as_str(), &p.shape)).collect();
    let tensor = |name: &Json| {
        let name = name.as_str().unwrap();
        let ours = format!("body.{name}");
        let shape = shapes[ours.as_str()].clone();
        let phase = f64::from(name.bytes().map(u32::from).sum::<u32>() % 97);
        let number = |i: usize| (0.5 * (i as f64 * 1.7 + phase).sin()) as f32;
        let numbers: Vec<f32> = (0..shape.iter().product()).map(number).collect();
        (ours, TensorData::new(numbers, shape))
    };
    let tensors: Tensors = golden["tensors"].as_array().unwrap().iter().map(tensor).collect();
    let plan = FreezePlan::unfrozen(LayerGroups::of(&network).unwrap(), NormMode::Keep);
    plan.apply(weights::load(network, &tensors).train())
}

/// f32 against f64.
#[track_caller]
fn assert_gradients(found: &HashMap<String, f64>, expected: &Json) {
    for (name, expected) in expected.as_object().unwrap() {
        let (found, expected) = (found[name], expected.as_f64().unwrap());
        assert!((found - expected).abs() < 1e-4 * expected.max(0.1), "{name}: {found} and not {expected}");
    }
}

#[test]
fn a_classifiers_body_is_pytorchs() {
    let golden = golden("awd_lstm.json");
    let network = made(
        TextNetwork::new(&config(&golden).into(), HeadKind::ConcatPool, 2, true, &Device::flex()),
        &golden,
    );
    let values = [&golden["tokens"], &golden["mask"]].map(|rows| Value::Ids(ids(rows)));
    let input = Batch::new(values.to_vec()).on_autodiff();
    let pooled = network.forward(input, 0..network.stages().len() - 1).single::<2>();

    let found: Vec<f64> = pooled.clone().into_data().iter::<f64>().collect();
    let rows = golden["classifier"]["pooled"].as_array().unwrap();
    let expected: Vec<f64> = rows.iter().flat_map(numbers).collect();
    let worst = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    // f32 against f64.
    assert!(found.len() == expected.len() && worst < 1e-5, "numbers differ by up to {worst:e}");

    let found = gradient_norms(&network, pooled.sin().sum().backward());
    assert_gradients(&found, &golden["classifier"]["gradients"]);
    let groups = LayerGroups::of(&network).unwrap();
    assert_eq!(groups.listing(), "    0  embedding\n    1  rnn1\n    2  rnn2\n    3  rnn3\n    4  head");
}

#[test]
fn a_language_model_goes_on_where_it_stopped() {
    let golden = golden("awd_lstm.json");
    let model = made(LanguageModel::new(&config(&golden), &Device::flex()), &golden);
    let (chunks, next) = (golden["chunks"].as_array().unwrap(), golden["next"].as_array().unwrap());
    let (mut states, mut last) = (vec![], None);
    for ((tokens, next), expected) in chunks.iter().zip(next).zip(numbers(&golden["language"]["losses"])) {
        let tokens = ids(tokens).autodiff();
        let count = tokens.dims().iter().product::<usize>();
        let read = model.read(tokens, states);
        let [_, _, vocabulary] = read.scores.dims();
        let log = burn::tensor::activation::log_softmax(read.scores.reshape([count, vocabulary]), 1);
        let loss = log.gather(1, ids(next).autodiff().reshape([count, 1])).mean().neg();
        let found = f64::from(loss.clone().into_scalar::<f32>());
        // f32 against f64.
        assert!((found - expected).abs() < 1e-5, "{found} and not {expected}");
        states = read.states.into_iter().map(LstmState::without_past).collect();
        last = Some(loss);
    }
    let gradients = gradient_norms(&model, last.unwrap().backward());
    assert_gradients(&gradients, &golden["language"]["gradients"]);
}

#[test]
fn the_operation_is_plain_burns() {
    let device = Device::flex().autodiff();
    let wave = |count: usize, phase: f32| -> Vec<f32> {
        (0..count).map(|i| (i as f32 * 1.3 + phase).sin()).collect()
    };
    let [batch, positions, hidden] = [3, 7, 5];
    let shape = [batch, positions, 4 * hidden];
    let projected = TensorData::new(wave(batch * positions * 4 * hidden, 0.1), shape);
    let weight = TensorData::new(wave(4 * hidden * hidden, 0.7), [4 * hidden, hidden]);
    let state = TensorData::new(wave(batch * hidden, 0.4), [batch, hidden]);
    let run = |operation: fn(Tensor<3>, Tensor<2>, LstmState) -> (Tensor<3>, LstmState)| {
        let projected = Tensor::<3>::from_data(projected.clone(), &device).require_grad();
        let weight = Tensor::<2>::from_data(weight.clone(), &device).require_grad();
        let state = Tensor::<2>::from_data(state.clone(), &device);
        let state = LstmState { hidden: state.clone(), cell: state };
        let (output, behind) = operation(projected.clone(), weight.clone(), state);
        let gradients = output.clone().cos().sum().backward();
        let of_weight = weight.grad(&gradients).unwrap();
        let of_projected = projected.grad(&gradients).unwrap();
        let numbers = [output.into_data(), behind.hidden.into_data(), behind.cell.into_data()];
        numbers.into_iter().chain([of_weight.into_data(), of_projected.into_data()]).collect::<Vec<_>>()
    };
    for (found, expected) in run(ops::lstm).iter().zip(run(plain::lstm)) {
        for (found, expected) in found.iter::<f32>().zip(expected.iter::<f32>()) {
            // Sums of at most 21 products in another order.
            assert!((found - expected).abs() < 1e-5, "{found} and not {expected}");
        }
    }
}
