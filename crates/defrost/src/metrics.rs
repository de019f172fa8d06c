//! How good scores are.

/// How often each true class was taken for each other: `[true][predicted]`.
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

/// Counts every item by its class and the class it was taken for.
pub fn confusion(classes: usize, pairs: impl Iterator<Item = (usize, usize)>) -> Confusion {
    let mut counts = vec![vec![0; classes]; classes];
    for (target, predicted) in pairs {
        counts[target][predicted] += 1;
    }
    counts
}

/// The share of items on the diagonal, `0.0..=1.0`; 0 for no items.
pub fn accuracy(confusion: &Confusion) -> f64 {
    let right: usize = (0..confusion.len()).map(|class| confusion[class][class]).sum();
    let all: usize = confusion.iter().flatten().sum();
    if all == 0 { 0.0 } else { right as f64 / all as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accuracy_is_the_diagonals_share() {
        let counts = confusion(3, [(0, 0), (1, 2), (2, 2), (0, 0)].into_iter());
        assert_eq!(counts, [[2, 0, 0], [0, 0, 1], [0, 0, 1]]);
        assert_eq!(accuracy(&counts), 0.75);
        assert_eq!(accuracy(&confusion(2, [].into_iter())), 0.0);
    }

    #[test]
    fn equals_go_to_the_first() {
        assert_eq!(highest(&[1.0, 2.0, 2.0]), 1);
    }
}
