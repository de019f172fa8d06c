//! The baseline: the result of giving every item the same answer, the one that suits the training items best.

use serde::{Deserialize, Serialize};

use super::{Metrics, Prediction, measure};
use crate::data::{Dataset, TargetKind};

/// The measures that say something about an answer that is always the same.
const MEASURES: [&str; 3] = ["accuracy", "rmse", "mae"];

/// The same answer to every item: the share of training items of each class or with each label, or their mean number.
///
/// Of classes, it always says the commonest. Of labels, it says those that more than half of the items have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Baseline(Vec<f32>);

impl Baseline {
    /// That of training items with `outputs` classes or labels; a number has one. None of no items.
    pub fn of(train: &dyn Dataset, outputs: usize) -> Option<Self> {
        let items = train.len();
        let mut sums = vec![0.0f64; outputs];
        for item in 0..items {
            let row = train.target(item).row(outputs);
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(value));
        }
        (items > 0).then(|| Self(sums.iter().map(|sum| (sum / items as f64) as f32).collect()))
    }

    /// The class it always says, as its index.
    pub fn class(&self) -> usize {
        self.answer().class()
    }

    /// How many classes or labels it knows; 1 of a number.
    pub fn outputs(&self) -> usize {
        self.0.len()
    }

    /// What it reaches on items with these targets: `accuracy` of classes and labels, `rmse` and `mae` of numbers.
    pub fn measure(&self, targets: &[crate::data::Target]) -> Metrics {
        let Some(kind) = targets.first().map(crate::data::Target::kind) else { return Metrics::new() };
        let found = measure(kind, &vec![self.answer(); targets.len()], targets);
        found.into_iter().filter(|(name, _)| MEASURES.contains(&name.as_str())).collect()
    }

    /// In words that follow "always": a class's name, or what else it says.
    pub fn describe(&self, kind: TargetKind, classes: &[String]) -> String {
        match kind {
            TargetKind::Class => classes.get(self.class()).cloned().unwrap_or_default(),
            TargetKind::Labels => "the labels that most items have".to_owned(),
            TargetKind::Number => "the mean of the training items".to_owned(),
        }
    }

    fn answer(&self) -> Prediction {
        Prediction(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::batch::Batch;
    use crate::data::{DataError, Fingerprint, Target, Variant};

    struct Targets(Vec<Target>);

    impl Dataset for Targets {
        fn len(&self) -> usize {
            self.0.len()
        }
        fn target(&self, item: usize) -> Target {
            self.0[item].clone()
        }
        fn name(&self, item: usize) -> String {
            item.to_string()
        }
        fn fingerprint(&self, item: usize, _: Variant) -> Fingerprint {
            Fingerprint::of(&[&item.to_le_bytes()])
        }
        fn inputs(&self, _: &[usize], _: Variant, _: &Device) -> Result<Batch, DataError> {
            Ok(Batch::new(vec![]))
        }
    }

    #[test]
    fn the_commonest_class_is_always_said() {
        let baseline = Baseline::of(&Targets([0, 1, 1, 2].map(Target::Class).to_vec()), 3).unwrap();
        let found = baseline.measure(&[1, 1, 0, 2].map(Target::Class));
        assert_eq!((found["accuracy"], found.len(), baseline.class()), (0.5, 1, 1));
        assert!(baseline.measure(&[]).is_empty());
        assert!(Baseline::of(&Targets(vec![]), 3).is_none());
    }

    #[test]
    fn labels_and_numbers_have_their_own() {
        let labels = [vec![0], vec![0, 1], vec![0]].map(Target::Labels);
        let baseline = Baseline::of(&Targets(labels.to_vec()), 2).unwrap();
        assert_eq!(baseline.measure(&labels)["accuracy"], 5.0 / 6.0);
        let baseline = Baseline::of(&Targets([1.0, 3.0].map(Target::Number).to_vec()), 1).unwrap();
        assert_eq!(baseline.measure(&[Target::Number(5.0)])["rmse"], 3.0);
    }
}
