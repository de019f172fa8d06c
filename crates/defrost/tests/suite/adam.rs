//! The optimizer against a trajectory of fastai's Adam.

use std::ops::Range;
use std::sync::Arc;

use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::optim::{AdamW, Stepper};
use defrost::{Batch, FreezePlan, LayerGroups, Network, NormMode, Stage, StepOptions};
use serde_json::Value;

use crate::support::{golden, numbers};

/// A weight in the first group, a bias in the second.
#[derive(Module, Debug)]
struct Two {
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Network for Two {
    fn stages(&self) -> Vec<Stage> {
        let whole = Stage::of("whole", "", self);
        let part = |name: &str| {
            let mut stage = Stage { name: name.to_owned(), ..whole.clone() };
            stage.parameters.retain(|parameter| parameter.name == name);
            stage
        };
        vec![part("weight"), part("bias")]
    }

    fn forward(&self, input: Batch, _stages: Range<usize>) -> Batch {
        input
    }
}

fn matrix(value: &Value) -> TensorData {
    let rows: Vec<Vec<f64>> = value.as_array().unwrap().iter().map(numbers).collect();
    let shape = [rows.len(), rows[0].len()];
    TensorData::new(rows.concat().into_iter().map(|number| number as f32).collect::<Vec<_>>(), shape)
}

fn vector(value: &Value) -> TensorData {
    let numbers: Vec<f32> = numbers(value).into_iter().map(|number| number as f32).collect();
    let length = numbers.len();
    TensorData::new(numbers, [length])
}

#[test]
fn adam_steps_as_fastais() {
    let trace = &golden("fastai.json")["adam"];
    let device = Device::flex();
    let mut network = Two {
        weight: Param::from_data(matrix(&trace["w0"]), &device),
        bias: Param::from_data(vector(&trace["b0"]), &device),
    }
    .train();
    let plan = FreezePlan::unfrozen(LayerGroups::of(&network).unwrap(), NormMode::Keep);
    let mut adam = Stepper::new(Arc::new(AdamW::default()), trace["wd"].as_f64().unwrap());
    for (index, step) in trace["steps"].as_array().unwrap().iter().enumerate() {
        let mut gradients = GradientsParams::new();
        gradients.register(network.weight.id, Tensor::<2>::from_data(matrix(&step["grad_w"]), &device));
        gradients.register(network.bias.id, Tensor::<1>::from_data(vector(&step["grad_b"]), &device));
        let settings = StepOptions { rates: numbers(&step["lr"]), momentum: step["mom"].as_f64().unwrap() };
        network = adam.step(network, gradients, &plan, &settings);
        // The trace is in f32: each step rounds, at most half a unit in the last place of values up to 2.
        let near = |found: TensorData, expected: TensorData| {
            for (found, expected) in found.iter::<f32>().zip(expected.iter::<f32>()) {
                assert!(
                    (found - expected).abs() <= 1e-6 * expected.abs().max(0.5),
                    "step {index}: {found} {expected}"
                );
            }
        };
        near(network.weight.val().into_data(), matrix(&step["w"]));
        near(network.bias.val().into_data(), vector(&step["b"]));
    }
}
