//! Losses. A loss says what a network is for: which labels its items have, what its scores mean, and which
//! measure tells the better of two epochs.

use burn::tensor::Tensor;
use burn::tensor::activation::{log_sigmoid, log_softmax, sigmoid, softmax};
use serde::{Deserialize, Serialize};

use crate::data::{Dataset, Target};

/// What training makes small.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// For items of one class each: scores are the logarithms of odds between the classes.
    CrossEntropy(CrossEntropy),
    /// For items with any number of labels: a score is the logarithm of the odds for its label.
    BinaryCrossEntropy,
    /// For numbers, as squared distance.
    SquaredError(TargetScaler),
    /// For numbers, as distance: a few wild ones weigh less.
    AbsoluteError(TargetScaler),
}

impl Default for Loss {
    fn default() -> Self {
        Self::CrossEntropy(CrossEntropy::default())
    }
}

impl Loss {
    /// The usual loss for what these items are labelled with; numbers are scaled by their mean and deviation.
    pub fn fitting(train: &dyn Dataset) -> Self {
        let targets: Vec<Target> = (0..train.len()).map(|item| train.target(item)).collect();
        match targets.first() {
            Some(Target::Labels(_)) => Self::BinaryCrossEntropy,
            Some(Target::Number(_)) => {
                let numbers: Vec<f32> = targets.iter().filter_map(Target::number).collect();
                Self::SquaredError(TargetScaler::of(&numbers))
            }
            Some(Target::Class(_)) | None => Self::default(),
        }
    }

    /// The mean loss of a batch: `[batch, outputs]` scores against rows of
    /// [targets](crate::data::target_rows), mixed ones too, give `[1]`.
    pub fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
        match self {
            Self::CrossEntropy(loss) => loss.forward(scores, targets),
            Self::BinaryCrossEntropy => {
                let (of_yes, of_no) = (log_sigmoid(scores.clone()), log_sigmoid(scores.neg()));
                (targets.clone() * of_yes + (targets.neg() + 1.0) * of_no).mean().neg()
            }
            Self::SquaredError(scale) => (scores - scale.to_scores(targets)).square().mean(),
            Self::AbsoluteError(scale) => (scores - scale.to_scores(targets)).abs().mean(),
        }
    }

    /// The same loss as it is measured: without smoothing and class weights.
    #[must_use]
    pub fn unweighted(&self) -> Self {
        match self {
            Self::CrossEntropy(_) => Self::default(),
            other => other.clone(),
        }
    }

    /// What scores mean, `[batch, outputs]`: probabilities that sum to 1 over the classes, a probability for
    /// each label, or numbers.
    pub fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
        match self {
            Self::CrossEntropy(_) => softmax(scores, 1),
            Self::BinaryCrossEntropy => sigmoid(scores),
            Self::SquaredError(scale) | Self::AbsoluteError(scale) => scale.to_numbers(scores),
        }
    }

    /// Scores that mean these probabilities or numbers: the reverse of [`Loss::decode`].
    pub fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
        // Probabilities of 0 and 1 have no finite score.
        let bounded = |p: Tensor<2>| p.clamp(1e-7, 1.0 - 1e-7);
        match self {
            Self::CrossEntropy(_) => bounded(answers).log(),
            Self::BinaryCrossEntropy => {
                let p = bounded(answers);
                p.clone().log() - (p.neg() + 1.0).log()
            }
            Self::SquaredError(scale) | Self::AbsoluteError(scale) => scale.to_scores(answers),
        }
    }

    /// The metric whose highest value makes the best epoch; the validation loss alone if there is none.
    pub fn monitored_metric(&self) -> Option<&'static str> {
        match self {
            Self::CrossEntropy(_) => Some("accuracy"),
            Self::BinaryCrossEntropy => Some("f1"),
            Self::SquaredError(_) | Self::AbsoluteError(_) => None,
        }
    }

    /// Whether it can judge `outputs` scores against this target.
    pub fn fits(&self, target: &Target, outputs: usize) -> bool {
        match (self, target) {
            (Self::CrossEntropy(_), Target::Class(class)) => *class < outputs,
            (Self::BinaryCrossEntropy, Target::Labels(labels)) => labels.iter().all(|&label| label < outputs),
            (Self::SquaredError(_) | Self::AbsoluteError(_), Target::Number(number)) => number.is_finite(),
            _ => false,
        }
    }

    /// What its items must be labelled with, for messages.
    pub fn expects(&self) -> &'static str {
        match self {
            Self::CrossEntropy(_) => "one class",
            Self::BinaryCrossEntropy => "a set of labels",
            Self::SquaredError(_) | Self::AbsoluteError(_) => "a finite number",
        }
    }
}

/// Cross-entropy between scores and classes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CrossEntropy {
    /// The fraction of the target spread evenly over all classes, `0.0..1.0` (fastai's
    /// `LabelSmoothingCrossEntropy`).
    pub label_smoothing: f64,
    /// What each class counts; all the same if there are none.
    pub class_weights: Option<Vec<f32>>,
}

impl CrossEntropy {
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
}

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
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::target_rows;
    use burn::tensor::Device;

    #[test]
    fn scales_take_numbers_to_scores_and_back() {
        let scale = TargetScaler::of(&[2.0, 4.0, 6.0]);
        assert_eq!(scale.mean, 4.0);
        let numbers = Tensor::<2>::from_floats([[4.0], [6.0]], &Device::flex());
        let scores = scale.to_scores(numbers.clone());
        assert_eq!(TargetScaler::of(&[3.0, 3.0]).std, 1.0, "equal numbers have no scale");
        let loss = Loss::SquaredError(scale);
        assert!(loss.forward(scores.clone(), numbers.clone()).into_scalar::<f32>() == 0.0);
        assert_eq!(loss.decode(scores).into_data(), numbers.into_data());
    }

    #[test]
    fn a_target_fits_its_own_loss_only() {
        let numbers = Loss::AbsoluteError(TargetScaler::NONE);
        for (loss, target) in [
            (Loss::default(), Target::Class(2)),
            (Loss::BinaryCrossEntropy, Target::Labels(vec![0, 2])),
            (numbers.clone(), Target::Number(7.0)),
        ] {
            assert!(loss.fits(&target, 3));
            let others = [Loss::default(), Loss::BinaryCrossEntropy, numbers.clone()];
            assert_eq!(others.iter().filter(|other| other.fits(&target, 3)).count(), 1);
        }
        assert!(!Loss::default().fits(&Target::Class(3), 3));
        assert!(!Loss::BinaryCrossEntropy.fits(&Target::Labels(vec![3]), 3));
        assert!(!numbers.fits(&Target::Number(f32::NAN), 1));
    }

    #[test]
    fn mixed_targets_mix_losses() {
        let device = Device::flex();
        let scores = Tensor::<2>::from_floats([[0.5, -1.0, 2.0]], &device);
        let row = |class| target_rows(&[Target::Class(class)], 3, &device);
        for loss in [Loss::default(), Loss::BinaryCrossEntropy] {
            let of = |targets| loss.forward(scores.clone(), targets).into_scalar::<f32>();
            let mixed = of(row(0) * 0.3 + row(2) * 0.7);
            // Rounding of f32.
            assert!((mixed - (0.3 * of(row(0)) + 0.7 * of(row(2)))).abs() < 1e-6);
        }
    }
}
