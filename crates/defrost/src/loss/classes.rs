//! Cross-entropy between scores and classes.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_softmax, softmax};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{AnyLoss, Loss, bounded, surprise};
use crate::data::{Target, TargetKind};
use crate::graph::{self, Graph, NoGraph};

/// For items of one class each: scores are the logarithms of odds between the classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CrossEntropy {
    /// The fraction of the target spread evenly over all classes, `0.0..1.0` (fastai's
    /// `LabelSmoothingCrossEntropy`).
    pub label_smoothing: f64,
    /// The weight of each class; empty if all weigh the same.
    pub class_weights: Option<Vec<f32>>,
}

impl Loss for CrossEntropy {
    fn name(&self) -> &str {
        "cross_entropy"
    }

    fn kind(&self) -> TargetKind {
        TargetKind::Class
    }

    /// The mean over items, each weighted by its class.
    fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let [_, classes] = scores.dims();
        let device = scores.device();
        let log_probabilities = log_softmax(scores, 1);
        let of_target = (log_probabilities.clone() * targets.clone()).sum_dim(1).neg();
        let weights = match &self.class_weights {
            Some(weights) => {
                let weights = Tensor::<1>::from_floats(weights.as_slice(), &device);
                (targets * weights.unsqueeze()).sum_dim(1)
            }
            None => Tensor::ones_like(&of_target),
        };
        let likelihood = (of_target * weights.clone()).sum() / weights.sum();
        if self.label_smoothing == 0.0 {
            return likelihood;
        }
        let even = log_probabilities.sum_dim(1).mean().neg() / classes as f64;
        likelihood * (1.0 - self.label_smoothing) + even * self.label_smoothing
    }

    fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
        softmax(scores, 1)
    }

    fn export(&self, graph: &mut Graph, scores: graph::Value) -> Result<graph::Value, NoGraph> {
        Ok(graph.softmax(scores))
    }

    fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
        bounded(answers).log()
    }

    fn unweighted(&self) -> Option<AnyLoss> {
        Some(Self::default().into())
    }

    fn parameters(&self) -> Value {
        json!({ "label_smoothing": self.label_smoothing, "class_weights": self.class_weights })
    }

    fn item_loss(&self, prediction: &[f32], target: &Target) -> f64 {
        target.class().map_or(f64::NAN, |class| surprise(prediction[class]))
    }
}
