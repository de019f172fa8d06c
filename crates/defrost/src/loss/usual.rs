//! The default loss for some data.

use thiserror::Error;

use super::{AnyLoss, BinaryCrossEntropy, CrossEntropy, SquaredError, TargetScaler};
use crate::data::{Dataset, Target, TargetKind, class_weights};

/// How classes of very different sizes are balanced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Balance {
    /// Nothing.
    #[default]
    None,
    /// Items of rare classes weigh more in the loss.
    Weights,
    /// Items of rare classes are shown more often.
    Sample,
}

/// The options of the loss for classes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LossOptions {
    /// The fraction of each label spread over all classes, `0.0..1.0`.
    pub label_smoothing: Option<f64>,
    /// How rare classes are balanced.
    pub balance: Balance,
}

/// A loss can't be shaped so.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LossError {
    /// Rare classes are to be balanced, and there are none.
    #[error("classes can be balanced where items are of one class each; these have none")]
    NoClasses,
    /// Labels are to be smoothed, and there are no classes.
    #[error("labels can be smoothed where items are of one class each; these have labels or numbers")]
    NoSmoothing,
    /// A loss was given that would have to be another.
    #[error(
        "label smoothing and class weights are parameters of cross-entropy; put them into the loss that is given"
    )]
    Given,
}

impl LossOptions {
    /// The usual loss for what these items are labelled with: cross-entropy, or squared error of numbers, scaled by
    /// their mean and standard deviation.
    ///
    /// # Errors
    ///
    /// If these options are for classes, and the items are of none.
    pub fn usual(self, train: &dyn Dataset) -> Result<AnyLoss, LossError> {
        let Self { label_smoothing, balance } = self;
        let weights = class_weights(train);
        if balance != Balance::None && weights.is_none() {
            return Err(LossError::NoClasses);
        }
        match TargetKind::of(train) {
            Some(TargetKind::Class) | None => {
                let class_weights = weights.filter(|_| balance == Balance::Weights);
                Ok(CrossEntropy { label_smoothing: label_smoothing.unwrap_or(0.0), class_weights }.into())
            }
            Some(_) if label_smoothing.is_some() => Err(LossError::NoSmoothing),
            Some(TargetKind::Labels) => Ok(BinaryCrossEntropy.into()),
            Some(TargetKind::Number) => {
                let targets = (0..train.len()).map(|item| train.target(item));
                let numbers: Vec<f32> = targets.filter_map(|target| Target::number(&target)).collect();
                Ok(SquaredError(TargetScaler::of(&numbers)).into())
            }
        }
    }

    /// The loss given, which must be complete, or the usual one.
    ///
    /// # Errors
    ///
    /// If the options would change the loss that is given, or are for classes, and the items are of none.
    pub(crate) fn apply(self, given: Option<AnyLoss>, train: &dyn Dataset) -> Result<AnyLoss, LossError> {
        let Some(loss) = given else { return self.usual(train) };
        match self.balance {
            _ if self.label_smoothing.is_some() => Err(LossError::Given),
            Balance::Weights => Err(LossError::Given),
            Balance::Sample if class_weights(train).is_none() => Err(LossError::NoClasses),
            Balance::Sample | Balance::None => Ok(loss),
        }
    }
}
