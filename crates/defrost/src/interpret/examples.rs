//! Single items: the ones a network is most wrong about, and the ones it is surest and right about.

use crate::data::Target;
use crate::learner::Evaluation;
use crate::loss::Loss;

/// The loss of each item, without smoothing and weights: cross-entropy with the natural logarithm, its mean over
/// labels, or the squared or absolute distance of numbers in units of their deviation.
pub fn item_losses(loss: &Loss, evaluation: &Evaluation) -> Vec<f64> {
    // A probability of nothing would make an endless loss.
    let surprise = |probability: f32| -f64::from(probability.max(f32::MIN_POSITIVE)).ln();
    let of_item = |(found, target): (&crate::learner::Prediction, &Target)| match (loss, target) {
        (Loss::CrossEntropy(_), Target::Class(class)) => surprise(found.0[*class]),
        (Loss::BinaryCrossEntropy, target) => {
            let there = target.row(found.0.len());
            let each =
                found.0.iter().zip(there).map(|(&p, there)| surprise(if there == 1.0 { p } else { 1.0 - p }));
            each.sum::<f64>() / found.0.len().max(1) as f64
        }
        (Loss::SquaredError(scale), Target::Number(number)) => {
            (f64::from(found.number() - number) / scale.std).powi(2)
        }
        (Loss::AbsoluteError(scale), Target::Number(number)) => {
            (f64::from(found.number() - number) / scale.std).abs()
        }
        _ => f64::NAN,
    };
    evaluation.predictions.iter().zip(&evaluation.targets).map(of_item).collect()
}

/// The items of the `count` highest losses, highest first; of equals, the first.
pub fn top_losses(losses: &[f64], count: usize) -> Vec<usize> {
    ranked(losses.iter().copied().enumerate().collect(), count)
}

/// The `count` items that were taken for their own class with the highest probability, or all of whose labels were
/// decided rightly and furthest from doubt; surest first. None where items have numbers.
pub fn surest_hits(evaluation: &Evaluation, count: usize) -> Vec<usize> {
    let sureness = |(item, (found, target)): (usize, (&crate::learner::Prediction, &Target))| match target {
        Target::Class(class) => (found.class() == *class).then(|| (item, f64::from(found.0[*class]))),
        Target::Labels(labels) => (found.labels(&evaluation.thresholds) == *labels).then(|| {
            let doubt = found.0.iter().map(|p| (p - 0.5).abs()).fold(0.5f32, f32::min);
            (item, f64::from(doubt))
        }),
        Target::Number(_) => None,
    };
    let items = evaluation.predictions.iter().zip(&evaluation.targets).enumerate();
    ranked(items.filter_map(sureness).collect(), count)
}

/// The first `count` of these items, highest score first, then by their place.
fn ranked(mut scored: Vec<(usize, f64)>, count: usize) -> Vec<usize> {
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    scored.into_iter().take(count).map(|(item, _)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::Prediction;
    use crate::loss::TargetScaler;

    fn evaluation(predictions: &[&[f32]], targets: &[Target]) -> Evaluation {
        Evaluation {
            loss: 0.0,
            metrics: Default::default(),
            predictions: predictions.iter().map(|row| Prediction(row.to_vec())).collect(),
            targets: targets.to_vec(),
            thresholds: vec![0.5],
        }
    }

    #[test]
    fn the_worst_comes_first_and_misses_are_no_hits() {
        let found = evaluation(
            &[&[0.9, 0.1], &[0.2, 0.8], &[0.6, 0.4], &[0.05, 0.95]],
            &[Target::Class(0), Target::Class(0), Target::Class(0), Target::Class(1)],
        );
        let losses = item_losses(&Loss::default(), &found);
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
        let losses = item_losses(&Loss::BinaryCrossEntropy, &found);
        assert!((losses[0] - (-(0.9f64.ln()) - 0.8f64.ln()) / 2.0).abs() < 1e-6);
        assert_eq!(top_losses(&losses, 1), [2]);
        assert_eq!(surest_hits(&found, 9), [1, 0]);
    }

    #[test]
    fn numbers_err_in_units_of_their_deviation() {
        let found = evaluation(&[&[3.0], &[10.0]], &[Target::Number(5.0), Target::Number(9.0)]);
        let scale = TargetScaler { mean: 0.0, std: 2.0 };
        assert_eq!(item_losses(&Loss::SquaredError(scale), &found), [1.0, 0.25]);
        assert_eq!(item_losses(&Loss::AbsoluteError(scale), &found), [1.0, 0.5]);
        assert!(surest_hits(&found, 9).is_empty());
    }

    #[test]
    fn what_was_thought_impossible_has_a_finite_loss() {
        let found = evaluation(&[&[1.0, 0.0]], &[Target::Class(1)]);
        assert!(item_losses(&Loss::default(), &found)[0].is_finite());
    }
}
