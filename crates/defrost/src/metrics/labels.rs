//! Measures of items with any number of labels, each decided on its own by a threshold.

use super::ClassReport;
use crate::data::Target;
use crate::learner::Prediction;

/// The probability from which on a label is said to be there.
pub const THRESHOLD: f32 = 0.5;

/// A report for each label. `thresholds` holds one for each label, or one for all.
pub fn by_label(predictions: &[Prediction], targets: &[Target], thresholds: &[f32]) -> Vec<ClassReport> {
    let labels = predictions.first().map_or(0, |prediction| prediction.0.len());
    let mut counts = vec![[0; 3]; labels];
    for (said, there) in pairs(predictions, targets, thresholds) {
        for (counts, (said, there)) in counts.iter_mut().zip(said.into_iter().zip(there)) {
            counts[0] += usize::from(said && there);
            counts[1] += usize::from(there);
            counts[2] += usize::from(said);
        }
    }
    counts.into_iter().map(|[right, items, predicted]| ClassReport::new(right, items, predicted)).collect()
}

/// Share of single decisions that are right (fastai's `accuracy_multi`).
pub(super) fn decisions(predictions: &[Prediction], targets: &[Target], thresholds: &[f32]) -> Option<f64> {
    let right = pairs(predictions, targets, thresholds)
        .flat_map(|(said, there)| said.into_iter().zip(there).map(|(said, there)| said == there));
    share(right)
}

/// Share of items all of whose labels are right.
pub(super) fn exact_match(predictions: &[Prediction], targets: &[Target], thresholds: &[f32]) -> Option<f64> {
    share(pairs(predictions, targets, thresholds).map(|(said, there)| said == there))
}

/// For each item which labels were said to be there, and which are.
fn pairs<'a>(
    predictions: &'a [Prediction],
    targets: &'a [Target],
    thresholds: &'a [f32],
) -> impl Iterator<Item = (Vec<bool>, Vec<bool>)> + 'a {
    predictions.iter().zip(targets).map(move |(prediction, target)| {
        let said = prediction.0.iter().zip(thresholds.iter().cycle());
        let there = target.row(prediction.0.len());
        (said.map(|(p, limit)| p >= limit).collect(), there.iter().map(|&there| there == 1.0).collect())
    })
}

fn share(right: impl Iterator<Item = bool>) -> Option<f64> {
    let (mut all, mut yes) = (0usize, 0usize);
    for right in right {
        all += 1;
        yes += usize::from(right);
    }
    (all > 0).then(|| yes as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_may_have_its_own_threshold() {
        let predictions = [Prediction(vec![0.6, 0.3]), Prediction(vec![0.4, 0.1])];
        let targets = [Target::Labels(vec![0, 1]), Target::Labels(vec![])];
        let recalls = |thresholds: &[f32]| {
            by_label(&predictions, &targets, thresholds).iter().map(|label| label.recall).collect::<Vec<_>>()
        };
        assert_eq!(recalls(&[THRESHOLD]), [1.0, 0.0]);
        assert_eq!(recalls(&[0.5, 0.2]), [1.0, 1.0]);
        assert_eq!(decisions(&predictions, &targets, &[0.5]), Some(0.75));
        assert_eq!(exact_match(&predictions, &targets, &[0.5]), Some(0.5));
    }
}
