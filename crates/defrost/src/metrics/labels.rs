//! Metrics of items with any number of labels, each predicted by a threshold of its own.

use super::{ClassReport, Prediction};
use crate::data::Target;

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

/// The threshold of each label at which its F1 on these items is highest; of several, the one nearest to
/// [`THRESHOLD`], which is also used if no item has the label.
pub fn best_thresholds(predictions: &[Prediction], targets: &[Target]) -> Vec<f32> {
    let labels = predictions.first().map_or(0, |prediction| prediction.0.len());
    let rows: Vec<Vec<f32>> = targets.iter().map(|target| target.row(labels)).collect();
    let scored = |label: usize| {
        predictions.iter().zip(&rows).map(move |(found, row)| (found.0[label], row[label] == 1.0)).collect()
    };
    (0..labels).map(|label| best_threshold(scored(label))).collect()
}

/// The same for one label: its probability for each item, and whether the item has it.
fn best_threshold(mut scored: Vec<(f32, bool)>) -> f32 {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let items = scored.iter().filter(|(_, there)| *there).count();
    let (mut best, mut right, mut said) = ((0.0, THRESHOLD), 0, 0);
    let groups: Vec<&[(f32, bool)]> = scored.chunk_by(|a, b| a.0 == b.0).collect();
    for (place, group) in groups.iter().enumerate() {
        right += group.iter().filter(|(_, there)| *there).count();
        said += group.len();
        let f1 = ClassReport::new(right, items, said).f1;
        let threshold = between(groups.get(place + 1).map_or(0.0, |next| next[0].0), group[0].0);
        let nearer = (threshold - THRESHOLD).abs() < (best.1 - THRESHOLD).abs();
        if f1 > best.0 || f1 == best.0 && f1 > 0.0 && nearer {
            best = (f1, threshold);
        }
    }
    best.1
}

/// A threshold that only what is at least `high` reaches: the usual one, or else the middle.
fn between(low: f32, high: f32) -> f32 {
    let middle = f32::midpoint(low, high);
    match () {
        () if low < THRESHOLD && THRESHOLD <= high => THRESHOLD,
        () if low < middle => middle,
        () => high,
    }
}

/// Fraction of single decisions that are right (fastai's `accuracy_multi`).
pub(super) fn decisions(predictions: &[Prediction], targets: &[Target], thresholds: &[f32]) -> Option<f64> {
    let right = pairs(predictions, targets, thresholds)
        .flat_map(|(said, there)| said.into_iter().zip(there).map(|(said, there)| said == there));
    fraction(right)
}

/// Fraction of items all of whose labels are right.
pub(super) fn exact_match(predictions: &[Prediction], targets: &[Target], thresholds: &[f32]) -> Option<f64> {
    fraction(pairs(predictions, targets, thresholds).map(|(said, there)| said == there))
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

fn fraction(right: impl Iterator<Item = bool>) -> Option<f64> {
    let (mut all, mut yes) = (0usize, 0usize);
    for right in right {
        all += 1;
        yes += usize::from(right);
    }
    (all > 0).then(|| yes as f64 / all as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_threshold_is_where_f1_is_highest() {
        let of = |scored: &[(f32, bool)]| best_threshold(scored.to_vec());
        assert_eq!(of(&[(0.2, true), (0.3, true), (0.1, false)]), 0.15, "the middle of the gap");
        assert_eq!(of(&[(0.9, true), (0.1, false)]), THRESHOLD, "no other is better");
        assert_eq!(of(&[(0.9, false), (0.1, false)]), THRESHOLD, "nothing to find");
        assert_eq!(of(&[(0.9, true), (0.8, false), (0.7, false), (0.6, false)]), 0.85);
        assert_eq!(of(&[]), THRESHOLD);
        let tiny = f32::from_bits(1);
        assert_eq!(of(&[(tiny, true), (0.0, false)]), tiny, "there is nothing between them");
    }

    proptest! {
        #[test]
        fn no_other_threshold_is_better(scored in prop::collection::vec((0u8..20, any::<bool>()), 1..30)) {
            let scored: Vec<(f32, bool)> = scored.iter().map(|&(p, there)| (f32::from(p) / 20.0, there)).collect();
            let f1 = |limit: f32| {
                let count = |of: fn(bool, bool) -> bool| scored.iter().filter(|(p, there)| of(*p >= limit, *there)).count();
                ClassReport::new(count(|said, there| said && there), count(|_, there| there), count(|said, _| said)).f1
            };
            let best = f1(best_threshold(scored.clone()));
            prop_assert!((0..40).all(|limit| f1(limit as f32 / 40.0 + 0.001) <= best));
        }
    }

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
