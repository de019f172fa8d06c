//! Losses for numbers, and the scale they are learned at.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Loss;
use crate::data::{Target, TargetKind};
use crate::graph::{self, Graph, NoGraph};

/// For numbers, as squared distance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SquaredError(pub TargetScaler);

/// For numbers, as distance: a few wild ones weigh less.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct AbsoluteError(pub TargetScaler);

macro_rules! of_numbers {
    ($loss:ident, $name:literal, $tensor:expr, $item:expr) => {
        impl Loss for $loss {
            fn name(&self) -> &str {
                $name
            }

            fn kind(&self) -> TargetKind {
                TargetKind::Number
            }

            fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
                let distance: fn(Tensor<2>) -> Tensor<2> = $tensor;
                distance(scores - self.0.to_scores(targets)).mean()
            }

            fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
                self.0.to_numbers(scores)
            }

            fn export(&self, graph: &mut Graph, scores: graph::Value) -> Result<graph::Value, NoGraph> {
                let TargetScaler { mean, std } = self.0;
                let scaled = graph.scaled(scores, std as f32);
                Ok(graph.plus(scaled, mean as f32))
            }

            fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
                self.0.to_scores(answers)
            }

            fn parameters(&self) -> Value {
                self.0.parameters()
            }

            fn item_loss(&self, prediction: &[f32], target: &Target) -> f64 {
                let distance: fn(f64) -> f64 = $item;
                match (prediction, target.number()) {
                    (&[found, ..], Some(number)) => distance(f64::from(found - number) / self.0.std),
                    _ => f64::NAN,
                }
            }
        }
    };
}

of_numbers!(SquaredError, "squared_error", |apart| apart.square(), |apart| apart.powi(2));
of_numbers!(AbsoluteError, "absolute_error", |apart| apart.abs(), |apart| apart.abs());

/// What one step of a score is in the unit of the numbers to learn: networks learn best around 0, a house
/// price is not there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetScaler {
    /// The number that a score of 0 stands for.
    pub mean: f64,
    /// How much a score of 1 is above it; more than 0.
    pub std: f64,
}

impl TargetScaler {
    /// Scores are the numbers.
    pub const NONE: Self = Self { mean: 0.0, std: 1.0 };

    /// Mean and standard deviation of the numbers to train on.
    pub fn of(numbers: &[f32]) -> Self {
        let count = numbers.len().max(1) as f64;
        let mean = numbers.iter().map(|&number| f64::from(number)).sum::<f64>() / count;
        let variance = numbers.iter().map(|&number| (f64::from(number) - mean).powi(2)).sum::<f64>() / count;
        Self { mean, std: if variance > 0.0 { variance.sqrt() } else { 1.0 } }
    }

    fn to_scores(self, numbers: Tensor<2>) -> Tensor<2> {
        (numbers - self.mean) / self.std
    }

    fn to_numbers(self, scores: Tensor<2>) -> Tensor<2> {
        scores * self.std + self.mean
    }

    fn parameters(self) -> Value {
        json!({ "mean": self.mean, "std": self.std })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn scales_take_numbers_to_scores_and_back() {
        let scale = TargetScaler::of(&[2.0, 4.0, 6.0]);
        assert_eq!(scale.mean, 4.0);
        let numbers = Tensor::<2>::from_floats([[4.0], [6.0]], &Device::flex());
        let scores = scale.to_scores(numbers.clone());
        assert_eq!(TargetScaler::of(&[3.0, 3.0]).std, 1.0, "equal numbers have no scale");
        let loss = SquaredError(scale);
        assert!(loss.forward(scores.clone(), numbers.clone()).into_scalar::<f32>() == 0.0);
        assert_eq!(loss.decode(scores).into_data(), numbers.into_data());
    }
}
