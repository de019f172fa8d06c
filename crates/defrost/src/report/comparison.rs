//! Two runs on the same validation items.

use std::collections::HashMap;

use serde::Serialize;

use super::PredictedItem;
use crate::learner::Gain;
use crate::metrics::paired_difference;

/// Two runs, item by item: on the same items, what is hard for one is hard for the other, so that a smaller difference can be told from
/// chance than by two accuracies with their intervals.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// How many validation items both runs have, with the same label.
    pub items: usize,
    /// How much better the second run is: the fraction of right items, or how much less the error of a number is, in the mean.
    pub gain: Gain,
    /// The items that the first run is better on, by name: it alone is right, or its number is nearer.
    pub first_better: Vec<String>,
    /// The same of the second run.
    pub second_better: Vec<String>,
}

impl Comparison {
    /// Compares the predictions of two runs, of numbers or not; nothing if they have no validation item in common.
    pub fn of(first: &[PredictedItem], second: &[PredictedItem], are_numbers: bool) -> Option<Self> {
        let place: HashMap<(&str, &str), &PredictedItem> =
            second.iter().map(|item| ((item.item.as_str(), item.label.as_str()), item)).collect();
        let both = |item: &PredictedItem| {
            let other = place.get(&(item.item.as_str(), item.label.as_str()))?;
            let (a, b) = (item.score(are_numbers), other.score(are_numbers));
            (a.is_finite() && b.is_finite()).then(|| (item.item.clone(), a, b))
        };
        let mut pairs: Vec<(String, f64, f64)> = first.iter().filter_map(both).collect();
        if pairs.is_empty() {
            return None;
        }
        let scores = |of: fn(&(String, f64, f64)) -> f64| pairs.iter().map(of).collect::<Vec<f64>>();
        let (value, interval) = paired_difference(&scores(|pair| pair.2), &scores(|pair| pair.1));
        // The largest differences first.
        pairs.sort_by(|a, b| (b.1 - b.2).abs().total_cmp(&(a.1 - a.2).abs()));
        let better = |is_better: fn(f64, f64) -> bool| {
            let better = pairs.iter().filter(|(_, a, b)| is_better(*a, *b));
            better.map(|(name, ..)| name.clone()).collect()
        };
        Some(Self {
            items: pairs.len(),
            gain: Gain { value, low: interval.low, high: interval.high },
            first_better: better(|a, b| a > b),
            second_better: better(|a, b| b > a),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(of: &[(&str, &str, &str)]) -> Vec<PredictedItem> {
        let item = |&(item, label, prediction): &(&str, &str, &str)| PredictedItem {
            item: item.into(),
            label: label.into(),
            prediction: prediction.into(),
            probability: None,
            loss: 0.0,
        };
        of.iter().map(item).collect()
    }

    #[test]
    fn runs_are_compared_on_the_items_of_both() {
        let first =
            items(&[("a", "x", "x"), ("b", "x", "y"), ("c", "y", "y"), ("d", "y", "y"), ("e", "x", "x")]);
        let second =
            items(&[("b", "x", "x"), ("a", "x", "x"), ("c", "y", "x"), ("d", "x", "x"), ("f", "x", "x")]);
        let found = Comparison::of(&first, &second, false).unwrap();
        assert_eq!((found.items, found.gain.value), (3, 0.0), "an item whose label has changed is another");
        assert_eq!((found.first_better, found.second_better), (vec!["c".to_owned()], vec!["b".to_owned()]));
        assert_eq!(Comparison::of(&first, &items(&[("f", "x", "x")]), false), None);
    }

    #[test]
    fn numbers_are_compared_by_their_errors() {
        let first = items(&[("a", "10", "12"), ("b", "20", "21"), ("c", "30", "30")]);
        let second = items(&[("a", "10", "10.5"), ("b", "20", "20"), ("c", "30", "31")]);
        let found = Comparison::of(&first, &second, true).unwrap();
        assert!((found.gain.value - 0.5).abs() < 1e-12, "{found:?}");
        assert_eq!(
            (found.first_better, found.second_better),
            (vec!["c".to_owned()], vec!["a".to_owned(), "b".to_owned()])
        );
    }
}
