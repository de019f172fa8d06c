//! A prediction in words: the names of classes or labels with their probabilities, or a number.

use std::fmt;
use std::sync::Arc;

use crate::data::TargetKind;
use crate::loss::AnyLoss;
use crate::metrics::{Answer, Prediction};

/// A prediction for one item, with the names of its classes.
///
/// `{}` is the answer alone, as `bag 98.7 %`; `{:?}` lists the most probable classes.
#[derive(Clone, PartialEq)]
pub struct NamedPrediction {
    /// A probability for each class or label, or one number.
    pub scores: Prediction,
    /// How familiar the item is, `0.0..=1.0`: the share of held-out items that are at least as far from the training items;
    /// none where that is not known.
    pub familiarity: Option<f32>,
    /// Notes for people, such as that it is unlike anything the network was taught; usually none.
    pub notes: Vec<String>,
    names: Arc<Names>,
}

/// What scores mean.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Names {
    /// Class names, or those of labels; none of numbers.
    pub classes: Vec<String>,
    pub loss: AnyLoss,
    /// The probability from which on each label is said to be there, or one for all.
    pub thresholds: Vec<f32>,
}

impl Names {
    /// This answer with its names.
    pub fn of(self: &Arc<Self>, answer: Answer) -> NamedPrediction {
        let notes = answer.notes();
        NamedPrediction { scores: answer.scores, familiarity: answer.familiarity, notes, names: self.clone() }
    }
}

impl NamedPrediction {
    /// The most probable class or label; none for a number.
    pub fn class(&self) -> Option<&str> {
        self.names.classes.get(self.scores.class()).map(String::as_str)
    }

    /// Its probability, `0.0..=1.0`; none of a number.
    pub fn probability(&self) -> Option<f32> {
        self.class().map(|_| self.scores.0[self.scores.class()])
    }

    /// The most probable classes or labels with their probabilities, `count` at most; none for a number.
    pub fn top(&self, count: usize) -> Vec<(&str, f32)> {
        let named =
            |(class, probability): (usize, f32)| Some((self.names.classes.get(class)?.as_str(), probability));
        self.scores.ranked().into_iter().filter_map(named).take(count).collect()
    }

    /// The predicted labels, most probable first; none if items have one class or a number.
    pub fn labels(&self) -> Vec<&str> {
        match self.names.loss.kind() {
            TargetKind::Labels => {
                let there = self.scores.labels(&self.names.thresholds);
                let ranked = self.scores.ranked().into_iter();
                ranked
                    .filter(|(label, _)| there.contains(label))
                    .map(|(label, _)| &*self.names.classes[label])
                    .collect()
            }
            _ => vec![],
        }
    }

    /// The number; none of classes and labels.
    pub fn number(&self) -> Option<f32> {
        self.names.classes.is_empty().then(|| self.scores.number())
    }
}

/// How many classes `{:?}` lists.
const LISTED: usize = 5;

fn percent((name, probability): &(&str, f32)) -> String {
    format!("{name} {:.1} %", probability * 100.0)
}

impl fmt::Display for NamedPrediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(number) = self.number() {
            return write!(f, "{number}");
        }
        let top = self.top(usize::MAX);
        match (self.names.loss.kind(), self.labels()) {
            (TargetKind::Labels, labels) if labels.is_empty() => f.write_str("no label"),
            (TargetKind::Labels, labels) => {
                let there: Vec<String> =
                    top.iter().filter(|(name, _)| labels.contains(name)).map(percent).collect();
                f.write_str(&there.join(", "))
            }
            _ => f.write_str(&top.first().map(percent).unwrap_or_default()),
        }
    }
}

impl fmt::Debug for NamedPrediction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.number() {
            Some(number) => write!(f, "{number}"),
            None => f.write_str(&self.top(LISTED).iter().map(percent).collect::<Vec<_>>().join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{BinaryCrossEntropy, SquaredError, TargetScaler};

    fn named(classes: &[&str], loss: AnyLoss, scores: &[f32]) -> NamedPrediction {
        let classes = classes.iter().map(|&class| class.to_owned()).collect();
        Arc::new(Names { classes, loss, thresholds: vec![0.5] }).of(Answer {
            scores: Prediction(scores.to_vec()),
            familiarity: None,
            remarks: vec![],
            read: None,
        })
    }

    #[test]
    fn a_prediction_prints_its_names() {
        let class = named(&["bag", "coat", "shirt"], AnyLoss::default(), &[0.1, 0.7, 0.2]);
        assert_eq!(format!("{class} | {class:?}"), "coat 70.0 % | coat 70.0 %, shirt 20.0 %, bag 10.0 %");
        assert_eq!((class.class(), class.probability(), class.number()), (Some("coat"), Some(0.7), None));
        let labels = named(&["clear", "cloud"], BinaryCrossEntropy.into(), &[0.75, 0.25]);
        assert_eq!((labels.to_string().as_str(), labels.labels()), ("clear 75.0 %", vec!["clear"]));
        let none = named(&["clear", "cloud"], BinaryCrossEntropy.into(), &[0.25, 0.125]);
        assert_eq!(format!("{none} | {none:?}"), "no label | clear 25.0 %, cloud 12.5 %");
        let number = named(&[], SquaredError(TargetScaler::of(&[1.0, 2.0])).into(), &[1.5]);
        assert_eq!((number.to_string().as_str(), number.number(), number.class()), ("1.5", Some(1.5), None));
    }
}
