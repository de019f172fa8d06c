//! Confidence intervals at 95 %: how far a metric of some items may be from that of all such items.
//!
//! A fraction of right items has Wilson's interval, which stays within 0 and 1 and holds for few items
//! and for fractions near the ends, where the usual normal one does not (Brown, Cai and DasGupta, 2001). Any other
//! metric is computed again from items drawn with repetition (the percentile bootstrap). Two networks are compared item by
//! item: on the same items, what is hard for one is hard for the other, and the difference varies less than either.

use rand::RngExt as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::data::Draws;

/// The normal distribution has 95 % within this many standard deviations.
const Z: f64 = 1.959_963_984_540_054;
/// The fraction below an interval, and the same above it.
const TAIL: f64 = 0.025;
/// So often are items drawn with repetition.
pub(super) const ROUNDS: usize = 1000;

/// Where a measure lies with a confidence of 95 %. In JSON it is `[low, high]`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Wilson's score interval of a share: `right` items `of` all. Of no items, it is all of `0.0..=1.0`.
    ///
    /// ```
    /// use defrost::metrics::Interval;
    ///
    /// let Interval { low, high } = Interval::wilson(90, 100);
    /// assert_eq!(format!("{low:.3} to {high:.3}"), "0.826 to 0.945");
    /// ```
    ///
    /// # Panics
    ///
    /// If more items are right than there are.
    pub fn wilson(right: usize, of: usize) -> Self {
        assert!(right <= of, "{right} of {of} items can't be right");
        if of == 0 {
            return Self { low: 0.0, high: 1.0 };
        }
        let (items, share) = (of as f64, right as f64 / of as f64);
        let scale = 1.0 + Z * Z / items;
        let centre = (share + Z * Z / (2.0 * items)) / scale;
        let half = Z / scale * (share * (1.0 - share) / items + (Z / (2.0 * items)).powi(2)).sqrt();
        // Rounding alone would leave the ends a little inside.
        let low = if right == 0 { 0.0 } else { (centre - half).max(0.0) };
        let high = if right == of { 1.0 } else { (centre + half).min(1.0) };
        Self { low, high }
    }

    /// The percentile bootstrap of a measure of `items` items: `measure` computes it for the indices of items, drawn with
    /// repetition, some of which it may not define. The same seed draws the same places. None if hardly any draw defines
    /// the measure.
    pub fn bootstrap(
        items: usize,
        seed: u64,
        measure: impl Fn(&[usize]) -> Option<f64> + Sync,
    ) -> Option<Self> {
        Self::bootstraps(items, ROUNDS, seed, |places| vec![measure(places)]).into_iter().next().flatten()
    }

    /// The same of several measures at once, which see the same draws, in this many rounds.
    pub fn bootstraps(
        items: usize,
        rounds: usize,
        seed: u64,
        measure: impl Fn(&[usize]) -> Vec<Option<f64>> + Sync,
    ) -> Vec<Option<Self>> {
        if items == 0 || rounds == 0 {
            return vec![];
        }
        let round = |round: usize| {
            let mut rng = Draws::for_resample(seed, round);
            let places: Vec<usize> = (0..items).map(|_| rng.random_range(0..items)).collect();
            measure(&places)
        };
        let found: Vec<Vec<Option<f64>>> = (0..rounds).into_par_iter().map(round).collect();
        let of = |measure: usize| {
            let values = found.iter().filter_map(|row| row[measure]).filter(|value| value.is_finite());
            Self::percentile(values.collect(), rounds)
        };
        (0..found[0].len()).map(of).collect()
    }

    /// The range between the tails of these values, if at least half of the rounds gave one.
    fn percentile(mut values: Vec<f64>, rounds: usize) -> Option<Self> {
        if values.len() * 2 < rounds {
            return None;
        }
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[(share * (values.len() - 1) as f64).round() as usize];
        Some(Self { low: at(TAIL), high: at(1.0 - TAIL) })
    }

    /// Whether it holds this value.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Half its width.
    pub fn half_width(&self) -> f64 {
        (self.high - self.low) / 2.0
    }
}

impl From<[f64; 2]> for Interval {
    fn from([low, high]: [f64; 2]) -> Self {
        Self { low, high }
    }
}

impl From<Interval> for [f64; 2] {
    fn from(Interval { low, high }: Interval) -> Self {
        [low, high]
    }
}

/// By how much the scores `a` exceed the scores `b` of the same items on average, and the interval of that: Student's, of
/// the differences item by item. A score is 1 for a right answer and 0 for a wrong one, or minus an error. One that is the
/// same for all items has an interval of no width; of fewer than two items it is endless.
///
/// ```
/// use defrost::metrics::paired_difference;
///
/// let (gain, interval) = paired_difference(&[1.0, 1.0, 1.0, 0.0], &[1.0, 0.0, 1.0, 0.0]);
/// assert_eq!(gain, 0.25);
/// assert!(interval.contains(0.0), "four items tell nothing");
/// ```
///
/// # Panics
///
/// If there is not a score for each item in both.
pub fn paired_difference(a: &[f64], b: &[f64]) -> (f64, Interval) {
    assert_eq!(a.len(), b.len(), "a score an item");
    let items = a.len() as f64;
    let differences = || a.iter().zip(b).map(|(a, b)| a - b);
    let mean = if a.is_empty() { 0.0 } else { differences().sum::<f64>() / items };
    if a.len() < 2 {
        return (mean, Interval { low: f64::NEG_INFINITY, high: f64::INFINITY });
    }
    let variance = differences().map(|difference| (difference - mean).powi(2)).sum::<f64>() / (items - 1.0);
    let half = student(items - 1.0) * (variance / items).sqrt();
    (mean, Interval { low: mean - half, high: mean + half })
}

/// Student's distribution has 95 % within this many standard errors (Abramowitz and Stegun, 26.7.5).
fn student(freedom: f64) -> f64 {
    let z = |power: i32| Z.powi(power);
    let terms = [
        (z(3) + z(1)) / 4.0,
        (5.0 * z(5) + 16.0 * z(3) + 3.0 * z(1)) / 96.0,
        (3.0 * z(7) + 19.0 * z(5) + 17.0 * z(3) - 15.0 * z(1)) / 384.0,
    ];
    terms.iter().zip(1..).fold(Z, |sum, (term, power)| sum + term / freedom.powi(power))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wilsons_interval_is_newcombes() {
        // Newcombe (1998), Statistics in Medicine 17, table I, method 3.
        let published = [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ];
        for (right, of, low, high) in published {
            let found = Interval::wilson(right, of);
            // Four digits are published.
            assert!((found.low - low).abs() < 5e-5 && (found.high - high).abs() < 5e-5, "{found:?}");
        }
        assert_eq!(Interval::wilson(0, 0), Interval { low: 0.0, high: 1.0 });
        assert_eq!(Interval::wilson(20, 20).high, 1.0);
    }

    #[test]
    fn a_bootstrap_of_a_mean_is_its_normal_interval() {
        let numbers: Vec<f64> = (0..400).map(|item| f64::from(item * 7 % 400)).collect();
        let mean = |places: &[usize]| {
            Some(places.iter().map(|&place| numbers[place]).sum::<f64>() / places.len() as f64)
        };
        let found = Interval::bootstrap(numbers.len(), 1, mean).unwrap();
        // The standard deviation of 0 to 399 is 115.5, that of their mean 5.77; 1,000 rounds estimate it to some per cent.
        assert!((found.half_width() - 1.96 * 5.77).abs() < 1.0, "{found:?}");
        assert!(found.contains(199.5));
        assert_eq!(Interval::bootstrap(numbers.len(), 1, mean), Some(found), "a seed draws the same");
        assert_ne!(Interval::bootstrap(numbers.len(), 2, mean), Some(found));
        assert_eq!(Interval::bootstrap(9, 1, |_| None), None);
        assert_eq!(Interval::bootstrap(0, 1, |_| Some(1.0)), None);
    }

    #[test]
    fn students_quantiles_are_the_tables() {
        for (freedom, quantile) in [(9.0, 2.262), (29.0, 2.045), (99.0, 1.984)] {
            // Three digits are published.
            assert!((student(freedom) - quantile).abs() < 1e-3);
        }
    }

    #[test]
    fn what_both_find_hard_does_not_widen_the_difference() {
        let hard = |item: usize| (item % 10) as f64;
        let (a, b): (Vec<f64>, Vec<f64>) =
            (0..100).map(|item| (hard(item) + 0.2, hard(item) + f64::from(item % 2 == 0) * 0.1)).unzip();
        let (gain, interval) = paired_difference(&a, &b);
        assert!((gain - 0.15).abs() < 1e-9 && interval.low > 0.13 && interval.high < 0.17, "{interval:?}");
        let (gain, interval) = paired_difference(&a, &a);
        assert_eq!((gain, interval), (0.0, Interval { low: 0.0, high: 0.0 }));
        assert_eq!(paired_difference(&[1.0], &[0.0]).1.low, f64::NEG_INFINITY);
    }

    #[test]
    fn an_interval_is_a_pair_in_files() {
        let text = serde_json::to_string(&Interval { low: 0.25, high: 0.5 }).unwrap();
        assert_eq!(text, "[0.25,0.5]");
        assert_eq!(serde_json::from_str::<Interval>(&text).unwrap(), Interval { low: 0.25, high: 0.5 });
    }

    proptest! {
        #[test]
        fn a_share_is_in_its_interval_and_more_items_narrow_it(right in 0usize..50, wrong in 0usize..50) {
            prop_assume!(right + wrong > 0);
            let of = |factor: usize| Interval::wilson(right * factor, (right + wrong) * factor);
            prop_assert!(of(1).contains(right as f64 / (right + wrong) as f64));
            prop_assert!(of(1).low >= 0.0 && of(1).high <= 1.0);
            prop_assert!(of(4).half_width() < of(1).half_width());
        }
    }
}
