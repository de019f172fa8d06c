//! A trained network's answer for an item: calibrated probabilities, and whether the item
//! is like the training items.

use burn::tensor::Tensor;
use thiserror::Error;

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
    /// What was seen of the item while it was read, such as values that training has not seen.
    pub remarks: Vec<Remark>,
    /// How much of the item was read, where that is not all of it.
    pub read: Option<PartRead>,
}

/// A note on an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The part of the item that it is about, such as the column of a row; none where it is about the whole item.
    pub part: Option<String>,
    /// The note, a sentence for people.
    pub text: String,
}

/// How much of an item was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartRead {
    /// How many characters, from its beginning.
    pub read: usize,
    /// How many it has.
    pub of: usize,
}

/// A network's scores for an item are not numbers, so there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the network's scores for it are not numbers; a value in it may be out of range")]
pub struct NotANumber;

impl From<NotANumber> for String {
    fn from(error: NotANumber) -> Self {
        error.to_string()
    }
}

impl Answer {
    /// This answer, if each of its scores is a finite number.
    fn of_numbers(self) -> Result<Self, NotANumber> {
        if self.scores.is_finite() { Ok(self) } else { Err(NotANumber) }
    }

    /// Notes for people; usually none.
    pub fn notes(&self) -> Vec<String> {
        let is_unfamiliar = self.familiarity.is_some_and(|share| share < Familiarity::LEAST);
        let unfamiliar = is_unfamiliar.then(|| Familiarity::UNFAMILIAR.to_owned());
        self.remarks.iter().map(|remark| remark.text.clone()).chain(unfamiliar).collect()
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
    /// The answers that these scores, `[batch, outputs]`, of items with these features mean; an error for each item whose
    /// scores are not numbers. Features may be missing.
    pub fn answers(
        &self,
        loss: &AnyLoss,
        scores: Tensor<2>,
        features: Option<&Features>,
    ) -> Vec<Result<Answer, NotANumber>> {
        let predictions = split(loss.decode(scores)).into_iter().map(|found| match loss.kind() {
            TargetKind::Class => self.temperature.apply(&found),
            _ => found,
        });
        let share = |row: &[f32]| self.familiarity.as_ref()?.share(row);
        let mut familiarity = features.into_iter().flat_map(Features::rows).map(share);
        let answer = |scores| {
            let familiarity = familiarity.next().flatten();
            Answer { scores, familiarity, remarks: vec![], read: None }
        };
        predictions.map(answer).map(Answer::of_numbers).collect()
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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::loss::{SquaredError, TargetScaler};

    #[test]
    fn scores_that_are_not_numbers_are_no_answer() {
        let answers = |loss: AnyLoss, scores: [[f32; 2]; 3]| {
            let scores = Tensor::from_floats(scores, &Device::flex());
            let found = Reliability::default().answers(&loss, scores, None);
            found.into_iter().map(|answer| answer.is_ok()).collect::<Vec<_>>()
        };
        let rows = [[f32::NAN, 0.0], [2.0, 1.0], [f32::INFINITY, 0.0]];
        assert_eq!(answers(AnyLoss::default(), rows), [false, true, false]);
        // A score that is one, in a unit that takes it out of range.
        let unit = SquaredError(TargetScaler { mean: 0.0, std: 1e38 });
        assert_eq!(answers(unit.into(), [[1.0, 0.0], [9.0, 0.0], [-9.0, 0.0]]), [true, false, false]);
    }
}
