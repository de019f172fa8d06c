//! Golden numbers and small networks that several tests share.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};
use defrost::data::{DataError, Dataset, Fingerprint, Variant};
use defrost::layers::{BatchNorm, BatchNormConfig, Dropout, Linear};
use defrost::weights::{collect, load};
use defrost::{Batch, Network, Stage, Target};
use serde_json::Value;

/// A file of `tests/golden`.
pub fn golden(name: &str) -> Value {
    let path = format!("{}/tests/golden/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

pub fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Tokens or their mask, `[batch, positions]`.
#[cfg(feature = "text")]
pub fn ids(rows: &Value) -> Tensor<2, burn::tensor::Int> {
    let rows: Vec<Vec<f64>> = rows.as_array().unwrap().iter().map(numbers).collect();
    let shape = [rows.len(), rows[0].len()];
    let ids: Vec<i64> = rows.concat().into_iter().map(|id| id as i64).collect();
    Tensor::from_data(TensorData::new(ids, shape), &Device::flex())
}

/// Asserts that numbers agree, relative to the expected one.
#[track_caller]
pub fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let allowed = tolerance * expected.abs().max(1e-30);
        assert!((found - expected).abs() <= allowed, "number {index}: {found} and not {expected}");
    }
}

/// Four stages over `[batch, 6]`: dense and norm three times, then a new head over three classes.
#[derive(Module, Debug)]
pub struct Small {
    body: Vec<(Linear, BatchNorm)>,
    dropout: Dropout,
    head: Linear,
}

impl Small {
    pub fn new() -> Self {
        let device = Device::flex();
        let layer = || (Linear::new(6, 6, true, &device), BatchNormConfig::new(6).init(&device));
        let network = Self {
            body: vec![layer(), layer(), layer()],
            dropout: Dropout::new(0.1),
            head: Linear::new(6, 3, true, &device),
        };
        // The device draws for all tests that run at once: these weights are nobody else's.
        let mut tensors = collect(&network);
        for (k, (name, data)) in
            tensors.iter_mut().enumerate().filter(|(_, (_, data))| data.shape().len() == 2)
        {
            let wave = |i: usize| ((i * 37 + k * 11) as f32 * 12.9898).sin() * 0.6;
            let numbers: Vec<f32> = (0..data.num_elements()).map(wave).collect();
            assert!(name.ends_with("weight"));
            *data = TensorData::new(numbers, data.shape().clone());
        }
        load(network, &tensors)
    }
}

impl Network for Small {
    fn stages(&self) -> Vec<Stage> {
        let body = self.body.iter().enumerate();
        let body =
            body.map(|(index, layer)| Stage::of(&format!("dense{index}"), &format!("body.{index}."), layer));
        let mut head = Stage::of("head", "head.", &self.head).untrained().dense();
        head.training_flags.extend(Stage::of("dropout", "", &self.dropout).training_flags);
        body.chain([head]).collect()
    }

    fn group_starts(&self) -> Vec<usize> {
        vec![0, 1, 2, 3]
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let mut x = input.single::<2>();
        for stage in stages {
            x = match self.body.get(stage) {
                Some((dense, norm)) => relu(norm.forward(dense.forward(x))),
                None => self.head.forward(self.dropout.forward(x)),
            };
        }
        x.into()
    }
}

/// Points in three clusters that do not quite overlap.
pub struct Clusters(pub usize);

impl Dataset for Clusters {
    fn len(&self) -> usize {
        self.0
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(item % 3)
    }

    fn name(&self, item: usize) -> String {
        format!("point {item}")
    }

    fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
        Fingerprint::of(&[b"clusters", &item.to_le_bytes()])
    }

    fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let point = |&item: &usize| {
            (0..6).map(move |axis| {
                let centre = if axis % 3 == item % 3 { 1.5 } else { 0.0 };
                centre + ((item * 7 + axis) as f32 * 12.9898).sin() * 0.5
            })
        };
        let values: Vec<f32> = items.iter().flat_map(point).collect();
        Ok(Tensor::<1>::from_floats(values.as_slice(), device).reshape([items.len(), 6]).into())
    }
}
