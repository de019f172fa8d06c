//! The pairs of classes that are confused most (fastai's `most_confused`).

use crate::metrics::Confusion;

/// A class and the class that its items were predicted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfusedPair {
    /// The class they are of.
    pub actual: usize,
    /// The predicted class.
    pub predicted: usize,
    /// How many.
    pub count: usize,
}

/// All pairs of classes that were confused at all, most often first; equals in the order of their classes.
pub fn most_confused(confusion: &Confusion) -> Vec<ConfusedPair> {
    let cells = confusion.iter().enumerate().flat_map(|(actual, row)| {
        row.iter().enumerate().map(move |(predicted, &count)| ConfusedPair { actual, predicted, count })
    });
    let mut pairs: Vec<ConfusedPair> =
        cells.filter(|pair| pair.actual != pair.predicted && pair.count > 0).collect();
    pairs.sort_by_key(|pair| std::cmp::Reverse(pair.count));
    pairs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_diagonal_is_no_confusion() {
        let confusion = vec![vec![9, 1, 0], vec![3, 5, 0], vec![0, 3, 7]];
        let pairs: Vec<_> =
            most_confused(&confusion).iter().map(|pair| (pair.actual, pair.predicted, pair.count)).collect();
        assert_eq!(pairs, [(1, 0, 3), (2, 1, 3), (0, 1, 1)]);
    }

    proptest! {
        #[test]
        fn every_mistake_is_in_one_pair(rows in prop::collection::vec(prop::collection::vec(0usize..5, 4), 4)) {
            let pairs = most_confused(&rows);
            let wrong: usize = (0..4).flat_map(|a| (0..4).map(move |p| (a, p))).filter(|(a, p)| a != p)
                .map(|(a, p)| rows[a][p]).sum();
            prop_assert_eq!(pairs.iter().map(|pair| pair.count).sum::<usize>(), wrong);
            prop_assert!(pairs.windows(2).all(|two| two[0].count >= two[1].count));
            prop_assert!(pairs.iter().all(|pair| rows[pair.actual][pair.predicted] == pair.count));
        }
    }
}
