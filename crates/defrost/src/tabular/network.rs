//! fastai's `TabularModel`: an embedding for each category, a norm over the numbers, dense layers.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};

use super::schema::Schema;
use crate::batch::{Batch, Value};
use crate::layers::{BatchNorm, BatchNormConfig, Embedding, Linear};
use crate::stage::{Network, Stage};

/// The widths of the dense layers.
const WIDTHS: [usize; 2] = [200, 100];
/// The standard deviation of new embeddings.
const INITIAL: f64 = 0.01;

/// How many features a category of this cardinality gets (fastai's `emb_sz_rule`).
pub fn embedding_size(cardinality: usize) -> usize {
    ((1.6 * (cardinality as f64).powf(0.56)).round() as usize).min(600)
}

/// Categories `[batch, categories]` and numbers `[batch, numbers]`, either of them absent where there are none,
/// in; scores `[batch, outputs]` out.
#[derive(Module, Debug)]
pub struct TabularNetwork {
    inputs: Inputs,
    dense: Vec<Dense>,
    head: Linear,
    #[module(skip)]
    pretrained: bool,
}

/// Columns side by side.
#[derive(Module, Debug)]
struct Inputs {
    embeddings: Vec<Embedding>,
    norm: Option<BatchNorm>,
}

/// Dense → ReLU → norm.
#[derive(Module, Debug)]
struct Dense {
    linear: Linear,
    norm: BatchNorm,
}

impl TabularNetwork {
    /// New weights for the columns of a schema.
    pub fn new(schema: &Schema, outputs: usize, pretrained: bool, device: &Device) -> Self {
        let cardinalities = schema.cardinalities();
        let sizes = cardinalities.iter().map(|&things| (things, embedding_size(things)));
        let embeddings: Vec<Embedding> =
            sizes.clone().map(|(things, size)| Embedding::new(things, size, INITIAL, device)).collect();
        let numbers = schema.numbers();
        let norm = (numbers > 0).then(|| BatchNormConfig::new(numbers).init(device));
        let width = sizes.map(|(_, size)| size).sum::<usize>() + numbers;
        let dense = |(inputs, outputs): (usize, usize)| Dense {
            linear: Linear::new(inputs, outputs, false, device),
            norm: BatchNormConfig::new(outputs).init(device),
        };
        Self {
            inputs: Inputs { embeddings, norm },
            dense: [width].into_iter().chain(WIDTHS).zip(WIDTHS).map(dense).collect(),
            head: Linear::new(WIDTHS[WIDTHS.len() - 1], outputs, true, device),
            pretrained,
        }
    }
}

impl Inputs {
    fn forward(&self, values: Vec<Value>) -> Tensor<2> {
        let mut parts = vec![];
        for value in values {
            match (value, &self.norm) {
                (Value::Ids(categories), _) => parts.extend(self.embed(categories)),
                (Value::Rank2(numbers), Some(norm)) => parts.push(norm.forward(numbers)),
                (other, _) => panic!("a table network receives {other:?}"),
            }
        }
        Tensor::cat(parts, 1) // [batch, all embeddings + numbers]
    }

    fn embed(&self, categories: Tensor<2, Int>) -> Vec<Tensor<2>> {
        let embed = |(column, embedding): (usize, &Embedding)| {
            let x = embedding.forward(categories.clone().narrow(1, column, 1)); // [batch, 1, features]
            x.squeeze_dim(1)
        };
        self.embeddings.iter().enumerate().map(embed).collect()
    }
}

impl Network for TabularNetwork {
    fn stages(&self) -> Vec<Stage> {
        let inputs = Stage::of("embeddings", "body.", &self.inputs);
        let dense = self.dense.iter().enumerate();
        let dense = dense.map(|(index, dense)| {
            Stage::of(&format!("dense.{index}"), &format!("body.dense.{index}."), dense)
        });
        let body = [inputs].into_iter().chain(dense).map(|stage| stage.with_pretrained(self.pretrained));
        body.chain([Stage::of("head", "head.", &self.head).untrained()]).collect()
    }

    /// Each stage is a group.
    fn group_starts(&self) -> Vec<usize> {
        (0..self.dense.len() + 2).collect()
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        stages.fold(input, |x, stage| match stage {
            0 => self.inputs.forward(x.into_values()).into(),
            stage => match self.dense.get(stage - 1) {
                Some(Dense { linear, norm }) => norm.forward(relu(linear.forward(x.single()))).into(),
                None => self.head.forward(x.single()).into(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_fastais_rule() {
        // fastai.tabular.model.emb_sz_rule
        assert_eq!([2, 3, 10, 100, 1000, 100_000].map(embedding_size), [2, 3, 6, 21, 77, 600]);
    }
}
