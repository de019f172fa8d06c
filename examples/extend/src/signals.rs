//! A domain: short signals, told apart by their frequency. A domain is three things: a `Dataset`, a `Network`, and a
//! `ModelConfig`, which says how the network is built and fed again.

use std::convert::Infallible;
use std::error::Error;
use std::ops::Range;
use std::path::Path;

use defrost::Precision;
use defrost::bundle::{Loaded, ModelConfig};
use defrost::burn;
use defrost::burn::module::Module;
use defrost::burn::tensor::activation::relu;
use defrost::burn::tensor::{Device, Tensor, TensorData};
use defrost::layers::Linear;
use defrost::prelude::*;
use serde::{Deserialize, Serialize};

const LENGTH: usize = 32;

/// Waves of which every other one is three times as fast.
struct Signals(usize);

impl Signals {
    fn wave(item: usize) -> Vec<f32> {
        let frequency = if item.is_multiple_of(2) { 1.0 } else { 3.0 };
        let phase = item as f32 * 0.7;
        (0..LENGTH).map(|t| (phase + frequency * t as f32 * 0.4).sin()).collect()
    }
}

impl Dataset for Signals {
    fn len(&self) -> usize {
        self.0
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(item % 2)
    }

    fn name(&self, item: usize) -> String {
        format!("signal {item}")
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        Fingerprint::of(&[b"wave", &item.to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let numbers: Vec<f32> = items.iter().flat_map(|&item| Self::wave(item)).collect();
        Ok(batch(numbers, device))
    }
}

/// `[batch, LENGTH]`
fn batch(numbers: Vec<f32>, device: &Device) -> Batch {
    let items = numbers.len() / LENGTH;
    Tensor::<2>::from_data(TensorData::new(numbers, [items, LENGTH]), device).into()
}

#[derive(Module, Debug)]
struct SignalNetwork {
    body: Linear,
    head: Linear,
}

impl Network for SignalNetwork {
    fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::of("body", "body.", &self.body).untrained(),
            Stage::of("head", "head.", &self.head).untrained(),
        ]
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let mut x = input.single::<2>();
        for stage in stages {
            x = if stage == 0 { relu(self.body.forward(x)) } else { self.head.forward(x) };
        }
        x.into()
    }
}

/// All it takes to build and feed a network for signals again.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SignalConfig {
    features: usize,
}

impl ModelConfig for SignalConfig {
    const TASK: &'static str = "signals";
    type Network = SignalNetwork;
    type Error = Infallible;

    fn name(&self) -> &str {
        "two dense layers"
    }

    fn network(&self, outputs: usize, device: &Device) -> Result<SignalNetwork, Infallible> {
        Ok(SignalNetwork {
            body: Linear::new(LENGTH, self.features, true, device),
            head: Linear::new(self.features, outputs, true, device),
        })
    }

    fn least_numbers(&self, outputs: usize) -> u64 {
        ((LENGTH + outputs) * self.features) as u64
    }

    fn sample(&self) -> Vec<String> {
        Signals::wave(1).iter().map(f32::to_string).collect()
    }

    fn prepare(&self, signal: &[String], device: &Device) -> Result<Batch, String> {
        let numbers: Result<Vec<f32>, _> = signal.iter().map(|number| number.parse()).collect();
        let numbers = numbers.map_err(|error| format!("{error} in a signal"))?;
        match numbers.len() {
            LENGTH => Ok(batch(numbers, device)),
            other => Err(format!("a signal has {LENGTH} numbers, and this one {other}")),
        }
    }

    fn recipe(&self, epochs: usize) -> FineTune {
        FineTune { rates: Rates::One(1e-2), ..FineTune::new(epochs) }
    }

    fn precision(&self) -> Precision {
        Precision::F32
    }
}

/// Trains, saves, loads and predicts.
pub fn learn(run: &Path) -> Result<(), Box<dyn Error>> {
    let (config, device) = (SignalConfig { features: 16 }, Device::flex());
    let network = config.network(2, &device)?;
    let mut learner =
        Learner::new(network, Box::new(Signals(80)), Box::new(Signals(20)), 2, LearnerOptions::default())?
            .with_model(config)
            .with_classes(["slow".to_owned(), "fast".to_owned()]);
    learner.train_for(10)?;
    learner.save(run)?;

    let model = Loaded::<SignalConfig>::open(run, &device)?;
    let signal: Vec<String> = Signals::wave(7).iter().map(f32::to_string).collect();
    let found = model.predict_batch(model.manifest.model.prepare(&signal, &device)?).remove(0)?;
    let accuracy = learner.best().map(|best| best.metrics["accuracy"]);
    println!("signals: accuracy {accuracy:?}; a fast one is {:?}", model.named(found));
    Ok(())
}
