//! The network over a table's columns: an embedding for each category beside the numbers, then dense layers.

use std::ops::Range;

use burn::module::Module;
use burn::tensor::activation::relu;
use burn::tensor::{Device, Int, Tensor};

use super::schema::{Design, Schema};
use crate::batch::{Batch, Value};
use crate::graph::{self, Graph, NoGraph};
use crate::layers::{BatchNorm, BatchNormConfig, Dropout, Embedding, Linear};
use crate::ops::gelu;
use crate::stage::{Network, Stage};

impl Design {
    /// The widths of the dense layers.
    pub(super) fn widths(self) -> [usize; 2] {
        match self {
            Self::Fastai => [200, 100],
            Self::Quantiles => [256, 256],
        }
    }

    /// Whether there are norms, over the numbers and after each dense layer.
    fn has_norms(self) -> bool {
        self == Self::Fastai
    }

    /// The fraction of each dense layer's output that is dropped in training.
    fn dropout(self) -> f64 {
        match self {
            Self::Fastai => 0.0,
            Self::Quantiles => 0.1,
        }
    }

    /// A new embedding. Where a value that training never saw moves nothing, its row is 0.
    fn embedding(self, things: usize, features: usize, device: &Device) -> Embedding {
        match self {
            Self::Fastai => Embedding::new(things, features, 0.01, device),
            Self::Quantiles => {
                let Embedding { weight } = Embedding::new(things, features, 0.5, device);
                let seen: Vec<f32> = (0..things).map(|row| f32::from(u8::from(row > 0))).collect();
                let seen = Tensor::<1>::from_floats(seen.as_slice(), device).reshape([things, 1]);
                Embedding { weight: weight.map(|rows| rows * seen) }
            }
        }
    }
}

/// How many features a category of this cardinality gets (fastai's `emb_sz_rule`).
pub fn embedding_size(cardinality: usize) -> usize {
    ((1.6 * (cardinality as f64).powf(0.56)).round() as usize).min(600)
}

/// Categories `[batch, categories]` and numbers `[batch, numbers]`, either of them absent where there are none,
/// in; scores `[batch, outputs]` out. In fastai's [`Design`] it is fastai's `TabularModel`.
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

/// Dense → ReLU → norm, as fastai's, or dense → GELU; then dropout.
#[derive(Module, Debug)]
struct Dense {
    linear: Linear,
    norm: Option<BatchNorm>,
    dropout: Dropout,
}

impl TabularNetwork {
    /// New weights for the columns of a schema.
    pub fn new(schema: &Schema, outputs: usize, pretrained: bool, device: &Device) -> Self {
        let (design, numbers, cardinalities) = (schema.design, schema.numbers(), schema.cardinalities());
        let sizes = cardinalities.iter().map(|&things| (things, embedding_size(things)));
        let embeddings = sizes.clone().map(|(things, size)| design.embedding(things, size, device)).collect();
        let norm = |features| design.has_norms().then(|| BatchNormConfig::new(features).init(device));
        let dense = |(inputs, outputs): (usize, usize)| Dense {
            linear: Linear::new(inputs, outputs, !design.has_norms(), device),
            norm: norm(outputs),
            dropout: Dropout::new(design.dropout()),
        };
        let width = sizes.map(|(_, size)| size).sum::<usize>() + numbers;
        let widths = design.widths();
        let last = widths[widths.len() - 1];
        Self {
            inputs: Inputs { embeddings, norm: if numbers > 0 { norm(numbers) } else { None } },
            dense: [width].into_iter().chain(widths).zip(widths).map(dense).collect(),
            head: match design {
                Design::Fastai => Linear::new(last, outputs, true, device),
                Design::Quantiles => Linear::zeros(last, outputs, device),
            },
            pretrained,
        }
    }
}

impl Dense {
    fn forward(&self, x: Tensor<2>) -> Tensor<2> {
        let x = self.linear.forward(x);
        self.dropout.forward(match &self.norm {
            Some(norm) => norm.forward(relu(x)),
            None => gelu(x),
        })
    }

    fn export(&self, graph: &mut Graph, x: graph::Value) -> graph::Value {
        let x = self.linear.export(graph, x);
        match &self.norm {
            Some(norm) => {
                let x = graph.node("Relu", &[x]);
                norm.export(graph, x)
            }
            None => graph.gelu(x),
        }
    }
}

impl Inputs {
    /// Where there are numbers alone and no norm, they go straight into the first dense layer.
    fn has_parameters(&self) -> bool {
        !self.embeddings.is_empty() || self.norm.is_some()
    }

    fn forward(&self, values: Vec<Value>) -> Tensor<2> {
        let mut parts = vec![];
        for value in values {
            match (value, &self.norm) {
                (Value::Ids(categories), _) => parts.extend(self.embed(categories)),
                (Value::Rank2(numbers), Some(norm)) => parts.push(norm.forward(numbers)),
                (Value::Rank2(numbers), None) => parts.push(numbers),
                (other, _) => panic!("a table network receives {other:?}"),
            }
        }
        Tensor::cat(parts, 1) // [batch, all embeddings + numbers]
    }

    /// The values are the places of the categories, `[batch]` each, and then the numbers, `[batch, numbers]`, if there are
    /// any.
    fn export(&self, graph: &mut Graph, values: &[graph::Value]) -> graph::Value {
        let (categories, numbers) = values.split_at(self.embeddings.len());
        let embedded = self.embeddings.iter().zip(categories);
        let mut parts: Vec<graph::Value> = embedded.map(|(rows, &ids)| rows.export(graph, ids)).collect();
        parts.extend(numbers.iter().map(|&numbers| match &self.norm {
            Some(norm) => norm.export(graph, numbers),
            None => numbers,
        }));
        graph.concat(&parts, 1)
    }

    fn embed(&self, categories: Tensor<2, Int>) -> Vec<Tensor<2>> {
        let embed = |(column, embedding): (usize, &Embedding)| {
            let x = embedding.forward(categories.clone().narrow(1, column, 1)); // [batch, 1, features]
            x.squeeze_dim(1)
        };
        self.embeddings.iter().enumerate().map(embed).collect()
    }
}

impl TabularNetwork {
    /// The first dense layer's stage.
    fn first_dense(&self) -> usize {
        usize::from(self.inputs.has_parameters())
    }
}

impl Network for TabularNetwork {
    fn stages(&self) -> Vec<Stage> {
        let inputs = self.inputs.has_parameters().then(|| Stage::of("embeddings", "body.", &self.inputs));
        let dense = self.dense.iter().enumerate();
        let dense = dense.map(|(index, dense)| {
            Stage::of(&format!("dense.{index}"), &format!("body.dense.{index}."), dense)
        });
        let body = inputs.into_iter().chain(dense).map(|stage| stage.with_pretrained(self.pretrained));
        body.chain([Stage::of("head", "head.", &self.head).untrained()]).collect()
    }

    /// Each stage is a group.
    fn group_starts(&self) -> Vec<usize> {
        (0..self.first_dense() + self.dense.len() + 1).collect()
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        stages.fold(input, |x, stage| match stage.checked_sub(self.first_dense()) {
            None => self.inputs.forward(x.into_values()).into(),
            Some(dense) => match self.dense.get(dense) {
                Some(dense) => dense.forward(x.single()).into(),
                None => self.head.forward(x.single()).into(),
            },
        })
    }

    /// The values that come in are the places of the categories, `[batch]` each, and then the numbers, `[batch, numbers]`, if
    /// there are any.
    fn export(
        &self,
        graph: &mut Graph,
        input: Vec<graph::Value>,
        stages: Range<usize>,
    ) -> Result<Vec<graph::Value>, NoGraph> {
        let names = self.stages();
        Ok(stages.fold(input, |x, stage| {
            graph.enter(&names[stage].name);
            let y = match stage.checked_sub(self.first_dense()) {
                None => self.inputs.export(graph, &x),
                Some(dense) => match self.dense.get(dense) {
                    Some(dense) => dense.export(graph, x[0]),
                    None => self.head.export(graph, x[0]),
                },
            };
            vec![y]
        }))
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
