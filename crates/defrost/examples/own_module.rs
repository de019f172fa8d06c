//! Freezing in your own Burn module: name its stages, run a range of them.
//! `cargo run --release -p defrost --example own_module`

use std::ops::Range;

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor};
use defrost::burn;
use defrost::prelude::*;
use defrost::stage;

#[derive(Module, Debug)]
struct Mlp {
    encoder: Linear,
    norm: BatchNorm,
    head: Linear,
}

impl Network for Mlp {
    fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::of("encoder", "encoder.", &self.encoder),
            Stage::of("norm", "norm.", &self.norm),
            Stage::of("head", "head.", &self.head).untrained(),
        ]
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        stages
            .fold(input.single::<2>(), |x, stage| match stage {
                0 => relu(self.encoder.forward(x)),
                1 => self.norm.forward(x),
                _ => self.head.forward(x),
            })
            .into()
    }
}

/// Points on a line, and on which side of its middle they lie.
struct Sides;

impl Dataset for Sides {
    fn len(&self) -> usize {
        64
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(usize::from(item >= 32))
    }

    fn name(&self, item: usize) -> String {
        format!("point {item}")
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        Fingerprint::of(&[b"sides", &item.to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let points: Vec<f32> = items.iter().map(|&item| item as f32 / 32.0 - 1.0).collect();
        Ok(Tensor::<1>::from_floats(points.as_slice(), device).reshape([-1, 1]).into())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let device = Device::flex();
    let network = Mlp {
        encoder: LinearConfig::new(1, 16).init(&device),
        norm: BatchNormConfig::new(16).init(&device),
        head: LinearConfig::new(16, 2).init(&device),
    };
    // Does the list of stages say what `forward` does? Better in a test.
    stage::check(&network, Sides.inputs(&[0, 1, 2], Variant::Original, &device)?)?;
    let options = LearnerOptions { batch_size: 16, ..LearnerOptions::default() };
    let mut learner = Learner::new(network, Box::new(Sides), Box::new(Sides), 2, options)?;
    println!("frozen groups: {:?}", learner.plan().frozen_groups());
    learner.fit_one_cycle(10, 1e-1)?;
    learner.unfreeze();
    learner.fit_one_cycle(10, "1e-3..1e-2")?;
    println!("accuracy {:.2}", learner.evaluate()?.metrics["accuracy"]);
    Ok(())
}
