//! The loss of a classifier.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// Cross-entropy between scores and classes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CrossEntropy {
    /// The share of the target spread evenly over all classes, `0.0..1.0` (fastai's
    /// `LabelSmoothingCrossEntropy`).
    pub label_smoothing: f64,
    /// What each class counts; all the same if there are none.
    pub class_weights: Option<Vec<f32>>,
}

impl CrossEntropy {
    /// The mean loss of a batch, weighted by class: `[batch, classes]` scores against `[batch]` classes
    /// give `[1]`.
    pub fn forward(&self, scores: Tensor<2>, targets: Tensor<1, Int>) -> Tensor<1> {
        let [batch, classes] = scores.dims();
        let log_probabilities = log_softmax(scores, 1);
        let of_target =
            log_probabilities.clone().gather(1, targets.clone().unsqueeze_dim(1)).reshape([batch]).neg();
        let device = of_target.device();
        let weights = match &self.class_weights {
            Some(weights) => Tensor::<1>::from_floats(weights.as_slice(), &device).select(0, targets),
            None => Tensor::ones([batch], &device),
        };
        let likelihood = (of_target * weights.clone()).sum() / weights.sum();
        if self.label_smoothing == 0.0 {
            return likelihood;
        }
        let even = log_probabilities.sum_dim(1).mean().neg() / classes as f64;
        likelihood * (1.0 - self.label_smoothing) + even * self.label_smoothing
    }
}
