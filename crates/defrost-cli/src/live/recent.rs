//! The predictions for a few validation items, epoch by epoch. Training predicts all validation items after each epoch, so these
//! predictions cost nothing. Only the previews cost time, once before the first epoch.

use serde::Serialize;
use serde_json::{Value, json};

use defrost::interpret::drawn;
use defrost::learner::{EpochRecord, Evaluation};
use defrost::{Learner, Network};

/// How many items are shown.
const SHOWN: usize = 6;

/// Validation items that are shown: the same ones each time.
#[derive(Clone, Debug, Default)]
pub struct Watched {
    places: Vec<usize>,
    classes: Vec<String>,
    /// For the page: the name, the label and a preview of each.
    pub items: Value,
}

/// The prediction for an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Predicted {
    /// The class, the labels or the number.
    said: String,
    /// The probability of the class; none for labels and numbers.
    probability: Option<f32>,
    /// Whether that is its label; none for numbers.
    right: Option<bool>,
}

/// The predictions after an epoch, and after the one before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Recent {
    /// The epoch, as `epoch 3 of thawed`.
    epoch: String,
    now: Vec<Predicted>,
    /// Nothing after the first epoch that was seen.
    before: Option<Vec<Predicted>>,
}

impl Watched {
    /// Some of a learner's validation items.
    pub fn of<N: Network>(learner: &Learner<N>) -> Self {
        let (valid, classes) = (learner.valid(), learner.classes());
        let places = drawn(valid.len(), SHOWN);
        let item = |&place: &usize| {
            json!({
                "name": valid.name(place),
                "label": valid.target(place).to_cell(&classes),
                "preview": valid.preview(place),
            })
        };
        let items = places.iter().map(item).collect();
        Self { places, classes, items }
    }

    /// The predictions of an epoch, after these.
    pub fn after(&self, record: &EpochRecord, evaluation: &Evaluation, before: Option<&Recent>) -> Recent {
        let predicted = |&place: &usize| {
            let (target, (said, probability)) = (&evaluation.targets[place], evaluation.predicted(place));
            let right = target.number().is_none().then(|| said == *target);
            Predicted { said: said.to_cell(&self.classes), probability, right }
        };
        Recent {
            epoch: format!("epoch {} of {}", record.epoch, record.phase),
            now: self.places.iter().map(predicted).collect(),
            before: before.map(|before| before.now.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use defrost::data::Target;
    use defrost::metrics::Prediction;

    use super::*;

    #[test]
    fn what_was_predicted_before_stands_beside_what_is_now() {
        let watched = Watched { places: vec![1], classes: vec!["a".into(), "b".into()], items: Value::Null };
        let evaluation = |scores: [f32; 2]| Evaluation {
            loss: 0.0,
            metrics: [].into(),
            predictions: vec![Prediction(vec![1.0, 0.0]), Prediction(scores.to_vec())],
            targets: vec![Target::Class(0), Target::Class(1)],
            thresholds: vec![0.5],
            calibration: None,
        };
        let record = |epoch: usize| EpochRecord {
            phase: "thawed".to_owned(),
            epoch,
            train_loss: 0.0,
            valid_loss: 0.0,
            metrics: [].into(),
            seconds: 0.0,
        };
        let first = watched.after(&record(1), &evaluation([0.75, 0.25]), None);
        let then = watched.after(&record(2), &evaluation([0.25, 0.75]), Some(&first));
        let expected = json!({
            "epoch": "epoch 2 of thawed",
            "now": [{ "said": "b", "probability": 0.75, "right": true }],
            "before": [{ "said": "a", "probability": 0.75, "right": false }],
        });
        assert_eq!(serde_json::to_value(&then).unwrap(), expected);
    }
}
