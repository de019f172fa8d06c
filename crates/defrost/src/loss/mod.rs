//! Losses. A loss defines the task: which targets the items have, what the scores mean, and which
//! metric decides between two epochs.
//!
//! A loss is kept in files by its name and its parameters. The built-in ones are found there; a custom loss
//! is registered with [`register`] before such a file is read.

mod classes;
mod held;
mod labels;
mod numbers;
mod usual;

use std::fmt;

use burn::tensor::{Device, Tensor, TensorData};
use serde_json::Value;

pub use classes::CrossEntropy;
pub use held::{AnyLoss, register};
pub use labels::BinaryCrossEntropy;
pub use numbers::{AbsoluteError, SquaredError, TargetScaler};
pub use usual::{Balance, LossError, LossOptions};

use crate::data::{Target, TargetKind, target_rows};
use crate::graph::{self, Graph, NoGraph};

/// The quantity that training minimises.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use defrost::{AnyLoss, Loss, TargetKind};
///
/// /// Between squared and absolute distance.
/// #[derive(Clone, Debug)]
/// struct LogCosh;
///
/// impl Loss for LogCosh {
///     fn name(&self) -> &str {
///         "log_cosh"
///     }
///
///     fn kind(&self) -> TargetKind {
///         TargetKind::Number
///     }
///
///     fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
///         (scores - targets).cosh().log().mean()
///     }
///
///     fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
///         scores
///     }
///
///     fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
///         answers
///     }
/// }
///
/// defrost::loss::register("log_cosh", |_| Ok(LogCosh.into()));
/// let kept = serde_json::to_string(&AnyLoss::from(LogCosh)).unwrap();
/// let found: AnyLoss = serde_json::from_str(&kept).unwrap();
/// let one = Tensor::<2>::from_floats([[1.0]], &Device::flex());
/// assert_eq!(found.forward(one.clone(), one).into_scalar::<f32>(), 0.0);
/// ```
pub trait Loss: fmt::Debug + Send + Sync {
    /// Its name in files: lower case, words joined by `_`.
    fn name(&self) -> &str;

    /// The kind of labels that its items need.
    fn kind(&self) -> TargetKind;

    /// The mean loss of a batch.
    ///
    /// # Shapes
    ///
    /// `[batch, outputs]` scores against rows of [targets](target_rows), mixed ones too, give `[1]`.
    fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1>;

    /// What scores mean: probabilities that sum to 1 over the classes, a probability for each label, or numbers.
    ///
    /// # Shapes
    ///
    /// `[batch, outputs]` to the same.
    fn decode(&self, scores: Tensor<2>) -> Tensor<2>;

    /// [`Loss::decode`] in a graph. A network trained with a loss that does not say can't be exported.
    ///
    /// # Errors
    ///
    /// If it has no graph.
    fn export(&self, _graph: &mut Graph, _scores: graph::Value) -> Result<graph::Value, NoGraph> {
        Err(NoGraph::of::<Self>("Loss::export"))
    }

    /// Scores that mean these probabilities or numbers: the reverse of [`Loss::decode`].
    fn encode(&self, answers: Tensor<2>) -> Tensor<2>;

    /// The same loss as it is measured, without smoothing and class weights, if it is another.
    fn unweighted(&self) -> Option<AnyLoss> {
        None
    }

    /// The metric whose highest value makes the best epoch; the validation loss alone if there is none.
    fn monitored_metric(&self) -> Option<&str> {
        match self.kind() {
            TargetKind::Class => Some("accuracy"),
            TargetKind::Labels => Some("f1"),
            TargetKind::Number => None,
        }
    }

    /// Its parameters as JSON; null if it has none.
    fn parameters(&self) -> Value {
        Value::Null
    }

    /// The loss of one item whose [decoded](Loss::decode) scores are `prediction`, without smoothing and weights.
    fn item_loss(&self, prediction: &[f32], target: &Target) -> f64 {
        let device = Device::flex();
        let answers = TensorData::new(prediction.to_vec(), [1, prediction.len()]);
        let scores = self.encode(Tensor::from_data(answers, &device));
        let targets = target_rows(std::slice::from_ref(target), prediction.len(), &device);
        let loss = match self.unweighted() {
            Some(unweighted) => unweighted.forward(scores, targets),
            None => self.forward(scores, targets),
        };
        f64::from(loss.into_scalar::<f32>())
    }
}

/// Probabilities of 0 and 1 have no finite score.
fn bounded(probabilities: Tensor<2>) -> Tensor<2> {
    probabilities.clamp(1e-7, 1.0 - 1e-7)
}

/// Minus the natural logarithm; a probability of nothing would make an endless loss.
fn surprise(probability: f32) -> f64 {
    -f64::from(probability.max(f32::MIN_POSITIVE)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all() -> [AnyLoss; 4] {
        let scaler = TargetScaler { mean: 1.0, std: 2.0 };
        [
            CrossEntropy::default().into(),
            BinaryCrossEntropy.into(),
            SquaredError(scaler).into(),
            AbsoluteError(scaler).into(),
        ]
    }

    #[test]
    fn the_form_in_files_is_that_of_earlier_versions() {
        let kept = [
            json!({ "cross_entropy": { "label_smoothing": 0.0, "class_weights": null } }),
            json!("binary_cross_entropy"),
            json!({ "squared_error": { "mean": 1.0, "std": 2.0 } }),
            json!({ "absolute_error": { "mean": 1.0, "std": 2.0 } }),
        ];
        for (loss, kept) in all().into_iter().zip(kept) {
            assert_eq!(serde_json::to_value(&loss).unwrap(), kept);
            assert_eq!(serde_json::from_value::<AnyLoss>(kept).unwrap(), loss);
        }
    }

    #[test]
    fn a_loss_that_nobody_made_known_says_what_to_do() {
        let error = serde_json::from_value::<AnyLoss>(json!({ "focal": { "gamma": 2.0 } })).unwrap_err();
        let expected = "the loss `focal` is not known; make it known with defrost::loss::register";
        assert_eq!(error.to_string(), expected);
        let error = serde_json::from_value::<AnyLoss>(json!({ "squared_error": 3 })).unwrap_err();
        assert!(error.to_string().starts_with("the loss `squared_error`: "), "{error}");
        assert!(serde_json::from_value::<AnyLoss>(json!(3)).is_err());
    }

    #[test]
    fn decoding_undoes_encoding() {
        let answers = Tensor::<2>::from_floats([[0.25, 0.75]], &Device::flex());
        for loss in all() {
            let found = loss.decode(loss.encode(answers.clone())).into_data();
            for (found, expected) in found.iter::<f32>().zip([0.25, 0.75]) {
                // Through a logarithm and back in f32.
                assert!((found - expected).abs() < 1e-6, "{loss:?}");
            }
        }
    }

    #[test]
    fn an_items_loss_is_that_of_a_batch_of_it() {
        #[derive(Debug)]
        struct Plain(AnyLoss);
        impl Loss for Plain {
            fn name(&self) -> &str {
                "plain"
            }
            fn kind(&self) -> TargetKind {
                self.0.kind()
            }
            fn forward(&self, scores: Tensor<2>, targets: Tensor<2>) -> Tensor<1> {
                self.0.forward(scores, targets)
            }
            fn decode(&self, scores: Tensor<2>) -> Tensor<2> {
                self.0.decode(scores)
            }
            fn encode(&self, answers: Tensor<2>) -> Tensor<2> {
                self.0.encode(answers)
            }
        }
        for loss in all() {
            let (prediction, target) = match loss.kind() {
                TargetKind::Class => (&[0.25, 0.75][..], Target::Class(1)),
                TargetKind::Labels => (&[0.25, 0.75][..], Target::Labels(vec![1])),
                TargetKind::Number => (&[3.5][..], Target::Number(1.0)),
            };
            let (own, general) =
                (loss.item_loss(prediction, &target), Plain(loss.clone()).item_loss(prediction, &target));
            // One is computed in f32.
            assert!((own - general).abs() < 1e-6, "{loss:?}: {own} and {general}");
        }
    }

    #[test]
    fn mixed_targets_mix_losses() {
        let device = Device::flex();
        let scores = Tensor::<2>::from_floats([[0.5, -1.0, 2.0]], &device);
        let row = |class| target_rows(&[Target::Class(class)], 3, &device);
        for loss in [AnyLoss::default(), BinaryCrossEntropy.into()] {
            let of = |targets| loss.forward(scores.clone(), targets).into_scalar::<f32>();
            let mixed = of(row(0) * 0.3 + row(2) * 0.7);
            // Rounding of f32.
            assert!((mixed - (0.3 * of(row(0)) + 0.7 * of(row(2)))).abs() < 1e-6);
        }
    }
}
