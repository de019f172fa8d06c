//! The rule: the candidate of which the most is to be expected.
//!
//! A difference that is measured on a few validation items is mostly noise. It is combined with what earlier runs gained:
//! with few training items of a class, the thawed network is worse than its frozen head and weights a third of the way
//! are better; with many items, thawing pays. Both are modelled as normal distributions, and the mean of their product
//! is the expected gain.

/// A gain that was measured, with the variance of its error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learner) struct Measured {
    value: f64,
    variance: f64,
}

/// What is known of a gain before it is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::learner) struct Prior {
    pub mean: f64,
    pub std: f64,
}

/// What runs of our own gained over their frozen head, at positions between it and the thawed network: with 16 training
/// items of a class, and more with each doubling of them. docs/benchmarks.md says how they were
/// fitted.
const GAINED: [(f64, f64, f64); 5] =
    [(0.0, 0.0, 0.0), (0.25, 0.043, 0.006), (0.5, 0.046, 0.012), (0.75, 0.026, 0.02), (1.0, -0.032, 0.036)];
/// Gains as large as this are rare.
const LARGEST: f64 = 0.1;
/// The standard deviation of runs around that: twice what was found, since other data differs more.
const SPREAD: f64 = 0.03;

impl Prior {
    /// Where a network goes on from an earlier run, nothing is known of what training adds.
    pub const OF_START: Self = Self { mean: 0.0, std: SPREAD };

    /// That of weights at this position between the frozen head, 0, and the thawed network, 1.
    pub fn of(position: f64, items_per_class: f64) -> Self {
        let doublings = (items_per_class.max(1.0) / 16.0).log2();
        let at = |(_, first, more): (f64, f64, f64)| (first + more * doublings).min(LARGEST);
        let next = GAINED.iter().position(|entry| entry.0 >= position).unwrap_or(GAINED.len() - 1).max(1);
        let (before, after) = (GAINED[next - 1], GAINED[next]);
        let way = (position - before.0) / (after.0 - before.0);
        Self { mean: at(before) + (at(after) - at(before)) * way, std: SPREAD }
    }
}

impl Measured {
    /// From the gain of each item, -1 to 1. Few items, or items that all agree, have too little variance: one item that does
    /// not agree is added.
    pub fn of_items(gains: &[f64]) -> Self {
        let items = gains.len().max(1) as f64;
        let value = gains.iter().sum::<f64>() / items;
        let squares: f64 = gains.iter().map(|gain| (gain - value).powi(2)).sum();
        Self { value, variance: (squares + 1.0) / (items * items) }
    }

    /// From a gain and the width of its interval at 95 %.
    pub fn of_interval(value: f64, width: f64, items: usize) -> Self {
        let items = items.max(1) as f64;
        Self { value, variance: (width / 3.92).powi(2) + 1.0 / (items * items) }
    }

    /// What to expect on other items.
    pub fn expected(self, prior: Prior) -> f64 {
        let (measured, known) = (1.0 / self.variance, 1.0 / prior.std.powi(2));
        (self.value * measured + prior.mean * known) / (measured + known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of items, and how many only the new network or only the old one gets right.
    fn measured(items: usize, won: usize, lost: usize) -> Measured {
        let gain = |item: usize| match item {
            item if item < won => 1.0,
            item if item < won + lost => -1.0,
            _ => 0.0,
        };
        Measured::of_items(&(0..items).map(gain).collect::<Vec<_>>())
    }

    #[test]
    fn few_items_leave_what_was_known() {
        let prior = Prior { mean: -0.05, std: 0.03 };
        assert!(measured(12, 1, 0).expected(prior) < -0.03, "one of twelve items is no evidence");
        assert!((measured(100_000, 4_000, 1_000).expected(prior) - 0.03).abs() < 1e-3, "many items are");
        assert!((measured(0, 0, 0).expected(prior) - prior.mean).abs() < 1e-3);
    }

    #[test]
    fn a_gain_of_three_points_is_taken_where_it_is_usual() {
        // 100 validation items have a standard error of four points, of each network alone.
        assert!(measured(100, 6, 3).expected(Prior::of(0.5, 100.0)) > 0.02);
        assert!(measured(100, 6, 3).expected(Prior::of(1.0, 5.0)) < 0.0);
    }

    #[test]
    fn more_items_make_thawing_pay() {
        let mean = |position, items| Prior::of(position, items).mean;
        assert!(mean(1.0, 10.0) < mean(0.25, 10.0) && mean(1.0, 10.0) < 0.0);
        assert!(mean(1.0, 300.0) > 0.1 - 1e-9 && mean(0.75, 80.0) > mean(0.25, 80.0));
        assert_eq!(mean(0.0, 10.0), 0.0);
        assert!((mean(0.125, 16.0) - 0.0215).abs() < 1e-12, "the mean is linear between two positions");
    }
}
