//! A trained network's answer for an item: calibrated probabilities, and whether the item
//! is like the training items.

use burn::tensor::Tensor;

use super::prediction::split;
use super::{Familiarity, Features, Prediction, Temperature};
use crate::batch::{Batch, Value};
use crate::data::TargetKind;
use crate::loss::AnyLoss;

/// A trained network's prediction for one item.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// A probability for each class or label, or one number.
    pub scores: Prediction,
    /// The share of held-out items that are at least as far from the training items as this one, `0.0..=1.0`; none where that
    /// is not known.
    pub familiarity: Option<f32>,
    /// What was seen of the item while it was read: values that training has not seen.
    pub remarks: Vec<String>,
}

impl Answer {
    /// Notes for people; usually none.
    pub fn notes(&self) -> Vec<String> {
        let is_unfamiliar = self.familiarity.is_some_and(|share| share < Familiarity::LEAST);
        let unfamiliar = is_unfamiliar.then(|| Familiarity::UNFAMILIAR.to_owned());
        self.remarks.iter().cloned().chain(unfamiliar).collect()
    }
}

/// How the answers of a trained network are made, as measured on items it was not trained on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reliability {
    /// The temperature by which scores are divided; 1 if items do not have one class each.
    pub temperature: Temperature,
    /// The reference for familiarity, if the run has one.
    pub familiarity: Option<Familiarity>,
}

impl Reliability {
    /// The answers that these scores, `[batch, outputs]`, of items with these features mean. Features may be missing.
    pub fn answers(&self, loss: &AnyLoss, scores: Tensor<2>, features: Option<&Features>) -> Vec<Answer> {
        let predictions = split(loss.decode(scores)).into_iter().map(|found| match loss.kind() {
            TargetKind::Class => self.temperature.apply(&found),
            _ => found,
        });
        let share = |row: &[f32]| self.familiarity.as_ref()?.share(row);
        let mut familiarity = features.into_iter().flat_map(Features::rows).map(share);
        let answer = |scores| Answer { scores, familiarity: familiarity.next().flatten(), remarks: vec![] };
        predictions.map(answer).collect()
    }
}

/// The input of the last stage, if that is a row of numbers for each item.
pub(crate) fn features(batch: &Batch) -> Option<Features> {
    match batch.values() {
        [Value::Rank2(rows)] => {
            let [_, width] = rows.dims();
            Some(Features { width, numbers: rows.to_data().iter::<f32>().collect() })
        }
        _ => None,
    }
}
