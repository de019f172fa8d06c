//! Single items: those with the highest losses, the most confident correct predictions, and some at random.

use rand::seq::SliceRandom as _;

use crate::data::{Draws, Target};
use crate::learner::Evaluation;
use crate::loss::Loss;
use crate::metrics::Prediction;

/// The [loss of each item](Loss::item_loss), without smoothing and weights: cross-entropy with the natural logarithm,
/// its mean over labels, or the squared or absolute distance of numbers in units of their standard deviation.
pub fn item_losses(loss: &dyn Loss, evaluation: &Evaluation) -> Vec<f64> {
    let items = evaluation.predictions.iter().zip(&evaluation.targets);
    items.map(|(found, target)| loss.item_loss(&found.0, target)).collect()
}

/// The items of the `count` highest losses, highest first; of equals, the first.
pub fn top_losses(losses: &[f64], count: usize) -> Vec<usize> {
    ranked(losses.iter().copied().enumerate().collect(), count)
}

/// The `count` most confident correct predictions, most confident first. Items with several labels count if all labels are right;
/// their confidence is the distance from the thresholds. None if items have numbers.
pub fn surest_hits(evaluation: &Evaluation, count: usize) -> Vec<usize> {
    let sureness = |(item, (found, target)): (usize, (&Prediction, &Target))| match target {
        Target::Class(class) => (found.class() == *class).then(|| (item, f64::from(found.0[*class]))),
        Target::Labels(labels) => (found.labels(&evaluation.thresholds) == *labels).then(|| {
            let limits = evaluation.thresholds.iter().cycle();
            let margins = found.0.iter().zip(limits).map(|(p, limit)| (p - limit).abs());
            (item, f64::from(margins.fold(1.0f32, f32::min)))
        }),
        Target::Number(_) => None,
    };
    let items = evaluation.predictions.iter().zip(&evaluation.targets).enumerate();
    ranked(items.filter_map(sureness).collect(), count)
}

/// Some of this many items, drawn: the same ones each time, in their order.
pub fn drawn(items: usize, count: usize) -> Vec<usize> {
    let mut all: Vec<usize> = (0..items).collect();
    all.shuffle(&mut Draws::for_part(0, 0));
    all.truncate(count);
    all.sort_unstable();
    all
}

/// The first `count` of these items, highest score first, then by their place.
fn ranked(mut scored: Vec<(usize, f64)>, count: usize) -> Vec<usize> {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.into_iter().take(count).map(|(item, _)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::loss::{AbsoluteError, BinaryCrossEntropy, CrossEntropy, SquaredError, TargetScaler};

    fn evaluation(predictions: &[&[f32]], targets: &[Target]) -> Evaluation {
        Evaluation {
            loss: 0.0,
            metrics: Default::default(),
            predictions: predictions.iter().map(|row| Prediction(row.to_vec())).collect(),
            targets: targets.to_vec(),
            thresholds: vec![0.5],
            calibration: None,
        }
    }

    #[test]
    fn the_worst_comes_first_and_misses_are_no_hits() {
        let found = evaluation(
            &[&[0.9, 0.1], &[0.2, 0.8], &[0.6, 0.4], &[0.05, 0.95]],
            &[Target::Class(0), Target::Class(0), Target::Class(0), Target::Class(1)],
        );
        let losses = item_losses(&CrossEntropy::default(), &found);
        // -ln of the probability of the true class; f32 probabilities have seven digits.
        for (loss, probability) in losses.iter().zip([0.9f64, 0.2, 0.6, 0.95]) {
            assert!((loss + probability.ln()).abs() < 1e-6);
        }
        assert_eq!(top_losses(&losses, 2), [1, 2]);
        assert_eq!(surest_hits(&found, 9), [3, 0, 2]);
    }

    #[test]
    fn labels_count_together() {
        let found = evaluation(
            &[&[0.9, 0.2], &[0.99, 0.01], &[0.3, 0.3]],
            &[Target::Labels(vec![0]), Target::Labels(vec![0]), Target::Labels(vec![1])],
        );
        let losses = item_losses(&BinaryCrossEntropy, &found);
        assert!((losses[0] - (-(0.9f64.ln()) - 0.8f64.ln()) / 2.0).abs() < 1e-6);
        assert_eq!(top_losses(&losses, 1), [2]);
        assert_eq!(surest_hits(&found, 9), [1, 0]);
    }

    #[test]
    fn labels_are_sure_far_from_their_own_thresholds() {
        let targets = [Target::Labels(vec![0]), Target::Labels(vec![0])];
        let found = evaluation(&[&[0.55, 0.05], &[0.3, 0.01]], &targets);
        let found = Evaluation { thresholds: vec![0.1, 0.5], ..found };
        assert_eq!(surest_hits(&found, 9), [0, 1]);
        // The second is sure of nothing at 0.5, where it would be a miss.
        assert_eq!(surest_hits(&Evaluation { thresholds: vec![0.5], ..found }, 9), [0]);
    }

    #[test]
    fn numbers_err_in_units_of_their_deviation() {
        let found = evaluation(&[&[3.0], &[10.0]], &[Target::Number(5.0), Target::Number(9.0)]);
        let scale = TargetScaler { mean: 0.0, std: 2.0 };
        assert_eq!(item_losses(&SquaredError(scale), &found), [1.0, 0.25]);
        assert_eq!(item_losses(&AbsoluteError(scale), &found), [1.0, 0.5]);
        assert!(surest_hits(&found, 9).is_empty());
    }

    #[test]
    fn what_was_thought_impossible_has_a_finite_loss() {
        let found = evaluation(&[&[1.0, 0.0]], &[Target::Class(1)]);
        assert!(item_losses(&CrossEntropy::default(), &found)[0].is_finite());
    }
}
