//! Metrics of how scores rank items and classes.

use super::Prediction;

/// The area under the curve of true against false positives: the probability that a positive item scores
/// above a negative one, equals counting half (Mann and Whitney). None without items of both kinds.
pub fn roc_auc(mut scored: Vec<(f32, bool)>) -> Option<f64> {
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut negatives, mut positives, mut ordered) = (0.0, 0.0, 0.0);
    for equals in scored.chunk_by(|a, b| a.0 == b.0) {
        let here = equals.iter().filter(|(_, positive)| *positive).count() as f64;
        let others = equals.len() as f64 - here;
        ordered += here * (negatives + others / 2.0);
        positives += here;
        negatives += others;
    }
    (positives > 0.0 && negatives > 0.0).then(|| ordered / (positives * negatives))
}

/// The fraction of items whose class is among the `count` most probable, `0.0..=1.0`; of no items, none.
pub fn top_accuracy(predictions: &[Prediction], classes: &[usize], count: usize) -> Option<f64> {
    let among = |(found, &class): (&Prediction, &usize)| {
        found.ranked().into_iter().take(count).any(|(likely, _)| likely == class)
    };
    let right = predictions.iter().zip(classes).filter(|&pair| among(pair)).count();
    (!predictions.is_empty()).then(|| right as f64 / predictions.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_area_is_the_share_of_ordered_pairs() {
        assert_eq!(roc_auc(vec![(0.1, false), (0.9, true)]), Some(1.0));
        assert_eq!(roc_auc(vec![(0.5, false), (0.5, true)]), Some(0.5));
        assert_eq!(roc_auc(vec![(0.4, true), (0.3, false), (0.5, false), (0.6, true)]), Some(0.75));
        assert_eq!(roc_auc(vec![(0.5, true)]), None);
    }
}
