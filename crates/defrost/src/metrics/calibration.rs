//! Calibration: of all items predicted with a probability of 80 %, four fifths should be right.
//!
//! Networks are usually too confident. One number corrects most of that: the temperature, by which scores are
//! divided before they become probabilities (Guo et al., arXiv 1706.04599). It never changes which class is the
//! most probable. It works on probabilities, too: dividing scores raises probabilities to a power, up to their sum of 1.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{Prediction, highest};

/// The bins of the calibration error, as in the paper.
const BINS: usize = 15;
/// Temperatures are between this and its reverse.
const HOTTEST: f64 = 20.0;
/// Halvings of the interval that the best temperature lies in: to five digits.
const STEPS: usize = 20;
/// Items are divided into this many parts, each measured with a temperature fitted without it.
const FOLDS: usize = 5;

/// The temperature by which scores are divided before they become probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Temperature(f64);

impl Default for Temperature {
    fn default() -> Self {
        Self::ONE
    }
}

impl Temperature {
    /// The temperature that changes nothing.
    pub const ONE: Self = Self(1.0);

    /// Its value, more than 0: probabilities that are too high need one above 1.
    pub fn value(self) -> f64 {
        self.0
    }

    /// Whether scores can be divided by it.
    pub fn is_valid(self) -> bool {
        self.0.is_finite() && self.0 > 0.0
    }

    /// The one under which these probabilities of items of these classes lose the least (cross-entropy). What is aimed at
    /// for the class of an item is (n + 1) / (n + 2) of `n` items and not 1 (Platt, 1999), so that a few items that are all
    /// right don't make endless certainty.
    pub fn fit(predictions: &[Prediction], classes: &[usize]) -> Self {
        let rows: Vec<(Vec<f64>, usize)> =
            predictions.iter().zip(classes).map(|(found, &class)| (logarithms(found), class)).collect();
        let outputs = rows.first().map_or(0, |(row, _)| row.len());
        if outputs < 2 {
            return Self::ONE;
        }
        let others = 1.0 / ((rows.len() + 2) * (outputs - 1)) as f64;
        let own = 1.0 - others * (outputs - 1) as f64;
        // The loss is convex in the reverse of the temperature, so its slope is 0 at one place.
        let slope = |reverse: f64| -> f64 {
            let of = |(row, class): &(Vec<f64>, usize)| {
                let expected: f64 = powers(row, reverse).zip(row).map(|(power, score)| power * score).sum();
                let all: f64 = row.iter().sum();
                expected - own * row[*class] - others * (all - row[*class])
            };
            rows.par_iter().map(of).collect::<Vec<f64>>().iter().sum()
        };
        let (mut low, mut high) = (-HOTTEST.ln(), HOTTEST.ln());
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if slope(middle.exp()) < 0.0 { low = middle } else { high = middle }
        }
        Self(f64::midpoint(low, high).exp().recip())
    }

    /// Probabilities at this temperature; the most probable class stays the same.
    #[must_use]
    pub fn apply(self, prediction: &Prediction) -> Prediction {
        if self == Self::ONE || prediction.0.len() < 2 {
            return prediction.clone();
        }
        let row = logarithms(prediction);
        let mut scaled: Vec<f32> = powers(&row, self.0.recip()).map(|power| power as f32).collect();
        let likeliest = prediction.class();
        if highest(&scaled) != likeliest {
            // Two that were apart have been rounded to the same number.
            scaled[likeliest] = scaled[highest(&scaled)].next_up();
        }
        Prediction(scaled)
    }

    /// Each item's probabilities at a temperature that was fitted on four fifths of the others: how well temperatures fitted
    /// on such items do on new ones.
    pub fn cross_fitted(predictions: &[Prediction], classes: &[usize]) -> Vec<Prediction> {
        let without = |fold: usize| {
            let rest = (0..predictions.len()).filter(|item| item % FOLDS != fold);
            let (found, classes): (Vec<Prediction>, Vec<usize>) =
                rest.map(|item| (predictions[item].clone(), classes[item])).unzip();
            Self::fit(&found, &classes)
        };
        let fitted: Vec<Self> = (0..FOLDS).map(without).collect();
        predictions.iter().enumerate().map(|(item, found)| fitted[item % FOLDS].apply(found)).collect()
    }
}

/// Natural logarithms of probabilities; one of nothing counts as the smallest there is.
fn logarithms(prediction: &Prediction) -> Vec<f64> {
    prediction.0.iter().map(|probability| f64::from(probability.max(f32::MIN_POSITIVE)).ln()).collect()
}

/// The probabilities whose logarithms these are to a power, made to sum to 1.
fn powers(row: &[f64], power: f64) -> impl Iterator<Item = f64> {
    let highest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let raised = move |score: &f64| ((score - highest) * power).exp();
    let sum: f64 = row.iter().map(raised).sum();
    row.iter().map(move |score| raised(score) / sum)
}

/// How far off probabilities are, before and after a temperature was applied.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// [Expected calibration error](expected_calibration_error) of the network's own probabilities.
    pub ece_before: f64,
    /// That of the reported probabilities.
    pub ece_after: f64,
}

impl Calibration {
    /// Of items of these classes; none of no items.
    pub fn between(before: &[Prediction], after: &[Prediction], classes: &[usize]) -> Option<Self> {
        let [ece_before, ece_after] = [before, after].map(|found| expected_calibration_error(found, classes));
        Some(Self { ece_before: ece_before?, ece_after: ece_after? })
    }
}

/// The expected calibration error, `0.0..=1.0`: how far the probability of the most probable class is from the share of items
/// that are of it, on average over items, in 15 bins of equal width (arXiv 1706.04599). None of no items.
pub fn expected_calibration_error(predictions: &[Prediction], classes: &[usize]) -> Option<f64> {
    let mut bins = [(0.0, 0.0); BINS];
    for (found, &class) in predictions.iter().zip(classes) {
        let likeliest = found.class();
        let sure = f64::from(found.0.get(likeliest).copied().unwrap_or_default());
        // A bin holds its upper end.
        let bin = ((sure * BINS as f64).ceil() as usize).clamp(1, BINS) - 1;
        bins[bin].0 += f64::from(u8::from(likeliest == class));
        bins[bin].1 += sure;
    }
    let items = predictions.len().min(classes.len());
    (items > 0).then(|| bins.iter().map(|(right, sure)| (right - sure).abs()).sum::<f64>() / items as f64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::Draws;

    #[test]
    fn the_error_is_the_gap_between_sure_and_right() {
        let found = |sure: f32| Prediction(vec![sure, 1.0 - sure]);
        // One bin: sure of 0.9 in the mean, right in two of four. Another: 0.625, right in one of two.
        let predictions = [0.875, 0.875, 0.925, 0.925, 0.625, 0.625].map(found);
        let error = expected_calibration_error(&predictions, &[0, 0, 1, 1, 0, 1]).unwrap();
        // The probabilities are f32.
        assert!((error - (4.0 * 0.4 + 2.0 * 0.125) / 6.0).abs() < 1e-6, "{error}");
        assert_eq!(expected_calibration_error(&[found(1.0)], &[0]), Some(0.0));
        assert_eq!(expected_calibration_error(&[], &[]), None);
    }

    /// Items whose classes are drawn from the softmax of scores, and the softmax of `factor` times those scores.
    fn overconfident(items: usize, factor: f64) -> (Vec<Prediction>, Vec<usize>) {
        let draw = |item: usize| {
            let mut rng = Draws::for_resample(3, item);
            let scores: Vec<f64> = (0..4).map(|_| 4.0 * rng.random::<f64>()).collect();
            let mut rest: f64 = rng.random();
            let class = powers(&scores, 1.0).position(|power| {
                rest -= power;
                rest < 0.0
            });
            (Prediction(powers(&scores, factor).map(|power| power as f32).collect()), class.unwrap_or(3))
        };
        (0..items).map(draw).unzip()
    }

    #[test]
    fn a_known_temperature_is_found() {
        for factor in [3.0, 1.0, 0.5] {
            let (predictions, classes) = overconfident(8000, factor);
            let found = Temperature::fit(&predictions, &classes);
            // Of 8,000 draws; the standard error is some per cent.
            assert!((found.value() / factor - 1.0).abs() < 0.1, "{found:?} and not {factor}");
            let after: Vec<Prediction> = predictions.iter().map(|row| found.apply(row)).collect();
            assert!(expected_calibration_error(&after, &classes).unwrap() < 0.03);
            let crossed = Temperature::cross_fitted(&predictions, &classes);
            assert!(expected_calibration_error(&crossed, &classes).unwrap() < 0.03);
        }
        let (predictions, classes) = overconfident(8000, 3.0);
        assert!(expected_calibration_error(&predictions, &classes).unwrap() > 0.1);
    }

    #[test]
    fn a_few_items_that_are_right_make_no_certainty() {
        let predictions = vec![Prediction(vec![0.6, 0.4]); 20];
        let sharp = Temperature::fit(&predictions, &[0; 20]).apply(&predictions[0]);
        assert!(sharp.0[0] > 0.9 && sharp.0[0] < 0.97, "{sharp:?}");
        assert_eq!(Temperature::fit(&[], &[]), Temperature::ONE);
        assert_eq!(Temperature::fit(&[Prediction(vec![1.0])], &[0]), Temperature::ONE);
    }

    proptest! {
        #[test]
        fn a_temperature_keeps_the_likeliest_class(scores in prop::collection::vec(-30f64..30.0, 2..6), temperature in 0.05f64..20.0) {
            let before = Prediction(powers(&scores, 1.0).map(|power| power as f32).collect());
            let after = Temperature(temperature).apply(&before);
            prop_assert_eq!(after.class(), before.class());
            // Rounding of f32.
            prop_assert!((after.0.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}
