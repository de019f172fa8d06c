//! Piecewise-linear encoding of a number over quantiles (arXiv 2203.05556), beside the number itself.
//!
//! The quantiles of the training rows cut a column into bins. What the network reads is how far each bin is filled: 1 for
//! those below the number, 0 for those above, a fraction for the one it lies in. One dense layer over bins can follow
//! steps, waves and long tails, which one over the number can't. Nothing here depends on how wild the numbers are:
//! quantiles don't move with a few of them.

use serde::{Deserialize, Serialize};

/// The most bins of a column.
const BINS: usize = 32;
/// Where the number itself is bounded, in scales from the median.
const BOUND: f64 = 3.0;

/// What training rows say about a column of numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The number in the middle, which stands for a missing one where training saw none missing.
    pub median: f64,
    /// From the first quartile to the third; half the range where these are the same.
    pub scale: f64,
    /// Where bins meet, ascending; the first and the last are the least and the greatest number.
    pub edges: Vec<f64>,
    /// Whether cells were missing, which a category tells; then a missing number leaves all bins empty.
    pub flagged: bool,
}

impl Quantiles {
    /// Learns from the numbers of a column, sorted, of which some may have been `missing`; nothing where they are all the
    /// same, since a bin needs two edges.
    pub fn learn(sorted: &[f64], missing: bool) -> Option<Self> {
        let mut edges = match distinct(sorted) {
            few if few.len() <= BINS + 1 => few,
            _ => (0..=BINS).map(|bin| quantile(sorted, bin as f64 / BINS as f64)).collect(),
        };
        edges.dedup();
        let (&least, &greatest) = (edges.first()?, edges.last()?);
        let (low, high) = match (quantile(sorted, 0.25), quantile(sorted, 0.75)) {
            (low, high) if low < high => (low, high),
            _ => (least / 2.0, greatest / 2.0),
        };
        let scale = (high - low).min(f64::MAX);
        (least < greatest && scale > 0.0).then(|| Self {
            median: quantile(sorted, 0.5),
            scale,
            edges,
            flagged: missing,
        })
    }

    /// How many numbers the network reads of a cell.
    pub fn width(&self) -> usize {
        self.edges.len()
    }

    /// Appends what the network reads of a cell: the number in scales from the median, softly bounded, then how far each
    /// bin is filled. All are finite, whatever the number is.
    pub fn encode(&self, cell: Option<f64>, into: &mut Vec<f32>) {
        let Some(number) = cell.or((!self.flagged).then_some(self.median)) else {
            into.extend(std::iter::repeat_n(0.0, self.width()));
            return;
        };
        into.push(bounded((number - self.median) / self.scale) as f32);
        into.extend(self.edges.windows(2).map(|bin| filled(number, bin[0], bin[1]) as f32));
    }

    /// The least and the greatest number of the training rows.
    pub fn range(&self) -> (f64, f64) {
        (self.edges[0], self.edges[self.edges.len() - 1])
    }

    /// A number in the upper half, between two edges where there are that many.
    pub(super) fn above_median(&self) -> f64 {
        let place = self.edges.len() * 3 / 4;
        quantile(&self.edges[place - 1..=place], 0.25)
    }

    /// Whether this can have been learned from rows.
    pub fn is_sound(&self) -> bool {
        let finite = [self.median, self.scale].iter().chain(&self.edges).all(|number| number.is_finite());
        let ascend = self.edges.windows(2).all(|bin| bin[0] < bin[1]);
        finite && ascend && self.edges.len() >= 2 && self.scale > 0.0
    }
}

/// Each number once.
fn distinct(sorted: &[f64]) -> Vec<f64> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    distinct
}

/// The number below which a fraction of all lies, as numpy's `quantile`; 0 where there are none.
pub(super) fn quantile(sorted: &[f64], fraction: f64) -> f64 {
    let place = fraction * sorted.len().saturating_sub(1) as f64;
    let at = |place: f64| sorted.get(place as usize).copied().unwrap_or(0.0);
    let (low, high, weight) = (at(place.floor()), at(place.ceil()), place.fract());
    // Never the difference of two numbers, which may be out of range, and exactly the number where both are the same.
    if low == high { low } else { (low * (1.0 - weight) + high * weight).clamp(low, high) }
}

/// How much of a bin lies below a number, from 0 to 1.
fn filled(number: f64, low: f64, high: f64) -> f64 {
    match high - low {
        _ if number <= low => 0.0,
        _ if number >= high => 1.0,
        width if width.is_finite() => (number - low) / width,
        _ => (number / 2.0 - low / 2.0) / (high / 2.0 - low / 2.0),
    }
}

/// Nearly the number near 0, and within [`BOUND`] of it everywhere (arXiv 2407.04491: smooth clipping).
fn bounded(number: f64) -> f64 {
    // Beyond this the root is the number's size in any case; infinite ones would make NaN.
    let number = number.clamp(-1e9, 1e9);
    number / (1.0 + (number / BOUND).powi(2)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn encoded(quantiles: &Quantiles, cell: Option<f64>) -> Vec<f32> {
        let mut numbers = vec![];
        quantiles.encode(cell, &mut numbers);
        numbers
    }

    fn learned(numbers: &[f64], missing: bool) -> Option<Quantiles> {
        let mut sorted = numbers.to_vec();
        sorted.sort_by(f64::total_cmp);
        Quantiles::learn(&sorted, missing)
    }

    /// `[((i * 37) % 101) ** 2 / 10 for i in range(101)]`
    fn squares() -> Vec<f64> {
        (0..101).map(|i| f64::from(i * 37 % 101).powi(2) / 10.0).collect()
    }

    #[test]
    fn edges_and_bins_are_numpys() {
        let quantiles = learned(&squares(), false).unwrap();
        // numpy.quantile(numbers, numpy.linspace(0, 1, 33)), every fourth.
        let edges: Vec<f64> = quantiles.edges.iter().copied().step_by(4).collect();
        let expected = [0.0, 15.65, 62.5, 140.65, 250.0, 390.65, 562.5, 765.65, 1000.0];
        assert_eq!(quantiles.width(), 33);
        assert!(edges.iter().zip(expected).all(|(edge, other)| (edge - other).abs() < 1e-9), "{edges:?}");
        assert_eq!((quantiles.median, quantiles.scale), (250.0, 500.0));
        // z = (cell - 250) / 500, z / numpy.sqrt(1 + (z / 3) ** 2), and numpy.clip((cell - edges[:-1]) / numpy.diff(edges), 0, 1).
        for (cell, bounded, full, partly) in [
            (0.0, -0.493_196_96, 0, 0.0),
            (33.3, -0.428_946_9, 5, 0.825_378_35),
            (999.0, 1.340_209_1, 31, 0.983_743_14),
            (-5.0, -0.502_786_48, 0, 0.0),
            (1e200, 3.0, 32, 0.0),
        ] {
            let found = encoded(&quantiles, Some(cell));
            let expected = (0..32).map(|bin| match bin {
                bin if bin < full => 1.0,
                bin if bin == full => partly,
                _ => 0.0,
            });
            let expected: Vec<f32> = [bounded].into_iter().chain(expected).collect();
            let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(found.len() == 33 && apart < 1e-6, "{cell}: {found:?}");
        }
    }

    #[test]
    fn few_numbers_are_edges_themselves() {
        let quantiles = learned(&[3.0, 1.0, 1.0, 1.0, 1.0, 7.0], false).unwrap();
        assert_eq!(quantiles.edges, [1.0, 3.0, 7.0]);
        assert_eq!(quantiles.scale, 1.5, "the quartiles are 1 and 2.5");
        assert_eq!(learned(&[1.0, 1.0, 1.0, 1.0, 9.0], false).unwrap().scale, 4.0, "half the range");
        assert_eq!(encoded(&quantiles, Some(5.0))[1..], [1.0, 0.5]);
        assert!(learned(&[1.0, 1.0], true).is_none() && learned(&[], true).is_none());
    }

    #[test]
    fn what_is_missing_leaves_all_bins_empty_where_a_category_tells() {
        let flagged = learned(&[1.0, 2.0, 4.0], true).unwrap();
        assert_eq!(encoded(&flagged, None), [0.0; 3]);
        let unflagged = learned(&[1.0, 2.0, 4.0], false).unwrap();
        assert_eq!(encoded(&unflagged, None), encoded(&unflagged, Some(2.0)));
    }

    proptest! {
        /// However wild the numbers are, and whatever comes later.
        #[test]
        fn all_that_the_network_reads_is_finite_and_bounded(
            numbers in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, 1..80),
            later in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
            missing in proptest::bool::ANY,
        ) {
            let Some(quantiles) = learned(&numbers, missing) else { return Ok(()) };
            prop_assert!(quantiles.is_sound(), "{quantiles:?}");
            let cells = numbers.iter().copied().chain([later, f64::MAX, f64::MIN, 1e200]).map(Some).chain([None]);
            for cell in cells {
                let found = encoded(&quantiles, cell);
                prop_assert_eq!(found.len(), quantiles.width());
                prop_assert!((-3.0..=3.0).contains(&found[0]), "{cell:?}: {found:?}");
                prop_assert!(found[1..].iter().all(|fraction| (0.0..=1.0).contains(fraction)), "{cell:?}: {found:?}");
                prop_assert!(found[1..].is_sorted_by(|a, b| a >= b), "{cell:?}: {found:?}");
            }
        }
    }
}
