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
}
