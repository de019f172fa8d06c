//! Metrics of items with one class each, all computed from the confusion matrix.

use serde::{Deserialize, Serialize};

/// How many items of each class were predicted as each class: `[actual][predicted]`.
pub type Confusion = Vec<Vec<usize>>;

/// The index of the highest number; the first of equals, 0 for none.
pub fn highest(scores: &[f32]) -> usize {
    let mut best = 0;
    for (index, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = index;
        }
    }
    best
}

/// Counts every item by its actual and its predicted class.
pub fn confusion(classes: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Confusion {
    let mut counts = vec![vec![0; classes]; classes];
    for (target, predicted) in pairs {
        counts[target][predicted] += 1;
    }
    counts
}

/// How well one class or label is recognised, each share in `0.0..=1.0` and 0 where there is nothing to share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassReport {
    /// Of the items predicted as this class, the fraction that really are.
    pub precision: f64,
    /// Of the items of this class, the fraction predicted as it.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Items of it.
    pub items: usize,
    /// Items predicted as this class.
    pub predicted: usize,
}

impl ClassReport {
    /// From the number of correct items, of items of this class, and of items predicted as it.
    pub fn new(right: usize, items: usize, predicted: usize) -> Self {
        let fraction = |of: usize, part: usize| if of == 0 { 0.0 } else { part as f64 / of as f64 };
        Self {
            precision: fraction(predicted, right),
            recall: fraction(items, right),
            f1: fraction(items + predicted, 2 * right),
            items,
            predicted,
        }
    }
}

/// A report for each class.
pub fn by_class(confusion: &Confusion) -> Vec<ClassReport> {
    let (items, predicted) = margins(confusion);
    (0..confusion.len())
        .map(|class| ClassReport::new(confusion[class][class], items[class], predicted[class]))
        .collect()
}

/// The fraction of items on the diagonal, `0.0..=1.0`; of no items, none.
pub fn accuracy(confusion: &Confusion) -> Option<f64> {
    let all: usize = confusion.iter().flatten().sum();
    (all > 0).then(|| diagonal(confusion) / all as f64)
}

/// Cohen's kappa: how far agreement is above chance, 1 at best. None if chance alone agrees on everything.
pub fn kappa(confusion: &Confusion) -> Option<f64> {
    let (items, predicted) = margins(confusion);
    let all = items.iter().sum::<usize>() as f64;
    let by_chance = dot(&items, &predicted) / all;
    (all > by_chance).then(|| (diagonal(confusion) - by_chance) / (all - by_chance))
}

/// Matthews' correlation between classes and predictions, for any number of classes (Gorodkin's R_K); 0 if
/// either is always the same.
pub fn matthews(confusion: &Confusion) -> Option<f64> {
    let (items, predicted) = margins(confusion);
    let all = items.iter().sum::<usize>() as f64;
    let covariance = diagonal(confusion) * all - dot(&items, &predicted);
    let spread = |counts: &[usize]| all * all - dot(counts, counts);
    let scale = (spread(&items) * spread(&predicted)).sqrt();
    (all > 0.0).then(|| if scale == 0.0 { 0.0 } else { covariance / scale })
}

fn diagonal(confusion: &Confusion) -> f64 {
    (0..confusion.len()).map(|class| confusion[class][class]).sum::<usize>() as f64
}

/// Items of each class, and items predicted as it.
fn margins(confusion: &Confusion) -> (Vec<usize>, Vec<usize>) {
    let items = confusion.iter().map(|row| row.iter().sum()).collect();
    let predicted = (0..confusion.len()).map(|class| confusion.iter().map(|row| row[class]).sum()).collect();
    (items, predicted)
}

fn dot(a: &[usize], b: &[usize]) -> f64 {
    a.iter().zip(b).map(|(&a, &b)| a as f64 * b as f64).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_the_diagonals_share() {
        let counts = confusion(3, [(0, 0), (1, 2), (2, 2), (0, 0)].into_iter());
        assert_eq!(counts, [[2, 0, 0], [0, 0, 1], [0, 0, 1]]);
        assert_eq!(accuracy(&counts), Some(0.75));
        assert_eq!(accuracy(&confusion(2, [].into_iter())), None);
    }

    #[test]
    fn equals_go_to_the_first() {
        assert_eq!(highest(&[1.0, 2.0, 2.0]), 1);
    }

    #[test]
    fn what_chance_explains_is_no_agreement() {
        assert_eq!(kappa(&vec![vec![4, 0], vec![0, 0]]), None);
        assert_eq!(matthews(&vec![vec![4, 0], vec![0, 0]]), Some(0.0));
        assert_eq!(kappa(&vec![vec![2, 2], vec![2, 2]]), Some(0.0));
        assert_eq!(matthews(&vec![vec![3, 0], vec![0, 3]]), Some(1.0));
    }
}
