//! Binary cross-entropy, label by label.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, sigmoid};

use super::{Loss, bounded, surprise};
use crate::data::{Target, TargetKind};
use crate::graph::{self, Graph, NoGraph};

/// For items with any number of labels: a score is the logarithm of the odds for its label.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BinaryCrossEntropy;

impl Loss for BinaryCrossEntropy {
    fn name(&self) -> &str {
        "binary_cross_entropy"
    }

    fn kind(&self) -> TargetKind {
        TargetKind::Labels
    }

    /// The mean over items and labels.
    fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        let (of_yes, of_no) = (log_sigmoid(scores.clone()), log_sigmoid(scores.neg()));
        (targets.clone() * of_yes + (targets.neg() + 1.0) * of_no).mean().neg()
    }

    fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
        sigmoid(scores)
    }

    fn export(&self, graph: &mut Graph, scores: graph::Value) -> Result<graph::Value, NoGraph> {
        Ok(graph.node("Sigmoid", &[scores]))
    }

    fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
        let p = bounded(answers);
        p.clone().log() - (p.neg() + 1.0).log()
    }

    fn item_loss(&self, prediction: &[f32], target: &Target) -> f64 {
        let there = target.row(prediction.len());
        let each =
            prediction.iter().zip(there).map(|(&p, there)| surprise(if there == 1.0 { p } else { 1.0 - p }));
        each.sum::<f64>() / prediction.len().max(1) as f64
    }
}
