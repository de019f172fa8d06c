//! Learning rates read off a curve of losses over rising rates (fastai's `valley`, `slide`, `steep` and
//! `minimum`).

use serde::Serialize;

use super::RatePoint;

/// The rates that four readings of a curve suggest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Suggestions {
    /// Two thirds down the longest descent: the one to use.
    pub valley: Option<f64>,
    /// Before the loss begins to rise for good, seen from the end.
    pub slide: Option<f64>,
    /// Where the loss falls fastest.
    pub steep: Option<f64>,
    /// A tenth of the rate with the lowest loss.
    pub minimum: Option<f64>,
    /// Why there are none, if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How many points `slide` looks over.
const SLIDE: usize = 15;
/// What slope counts as none to it.
const FLAT: f64 = 0.005;
/// Points at the end that are not looked at.
const LAST: usize = 5;

/// What the curve suggests, its first tenth and its last five points left out.
pub fn suggest(points: &[RatePoint]) -> Suggestions {
    let none = |why: String| Suggestions { why: Some(why), ..Suggestions::default() };
    let seen = &points[points.len() / 10..points.len().saturating_sub(LAST).max(points.len() / 10)];
    if seen.len() <= SLIDE + 1 {
        return none(format!(
            "the loss rose out of sight after {} rates, too few to read a rate off; check the labels, or start lower",
            points.len()
        ));
    }
    let falls = seen.windows(2).any(|pair| pair[1].loss < pair[0].loss);
    if !falls {
        return none("the loss never fell; check the labels and what is frozen".to_owned());
    }
    Suggestions {
        valley: Some(valley(seen)),
        slide: Some(slide(seen)),
        steep: Some(steep(seen)),
        minimum: Some(lowest(seen).lr / 10.0),
        why: None,
    }
}

/// The longest descent is the longest chain of points of which each is lower than the one before, not
/// necessarily next to it.
fn valley(points: &[RatePoint]) -> f64 {
    let mut lengths = vec![1isize; points.len()];
    let (mut start, mut end) = (0isize, 0);
    for later in 1..points.len() {
        for earlier in 0..later {
            if points[later].loss < points[earlier].loss && lengths[later] < lengths[earlier] + 1 {
                lengths[later] = lengths[earlier] + 1;
            }
            if lengths[end] < lengths[later] {
                end = later;
                // One before the chain's first point, if its points are neighbours.
                start = end as isize - lengths[end];
            }
        }
    }
    let third = (end as isize - start) as f64 / 3.0;
    let halfway = start + third as isize + (third / 2.0) as isize;
    points[halfway.max(0) as usize].lr
}

/// Walks down from the end until the slopes at the two ends of the window agree.
fn slide(points: &[RatePoint]) -> f64 {
    let slopes = gradient(points);
    let mut right = points.len() - 1;
    let mut found = points[right - SLIDE].lr;
    while right >= SLIDE && (slopes[right] - slopes[right - SLIDE]).abs() > FLAT {
        found = points[right - SLIDE].lr;
        right -= 1;
    }
    found
}

fn steep(points: &[RatePoint]) -> f64 {
    let slope = |pair: &[RatePoint]| (pair[1].loss - pair[0].loss) / (pair[1].lr.ln() - pair[0].lr.ln());
    let falls = points.windows(2).map(|pair| (slope(pair), pair[0].lr));
    falls.min_by(|a, b| a.0.total_cmp(&b.0)).map_or(points[0].lr, |(_, lr)| lr)
}

fn lowest(points: &[RatePoint]) -> RatePoint {
    points.iter().copied().min_by(|a, b| a.loss.total_cmp(&b.loss)).unwrap_or(points[0])
}

/// Slopes per point: over both neighbours, one-sided at the ends (numpy's `gradient`).
fn gradient(points: &[RatePoint]) -> Vec<f64> {
    let last = points.len() - 1;
    let slope = |i: usize| {
        let (low, high) = (i.saturating_sub(1), (i + 1).min(last));
        (points[high].loss - points[low].loss) / (high - low) as f64
    };
    (0..points.len()).map(slope).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(losses: impl IntoIterator<Item = f64>) -> Vec<RatePoint> {
        let point = |(index, loss)| RatePoint { lr: 1e-7 * 1.2f64.powi(index as i32), loss };
        losses.into_iter().enumerate().map(point).collect()
    }

    #[test]
    fn too_few_points_say_so() {
        for count in 0..22 {
            let suggestions = suggest(&curve((0..count).map(|index| 3.0 - f64::from(index))));
            assert_eq!(suggestions.valley, None, "{count}");
            assert!(suggestions.why.unwrap().contains(&format!("after {count} rates")));
        }
        assert!(suggest(&curve((0..30).map(|index| 3.0 - f64::from(index)))).valley.is_some());
    }

    #[test]
    fn a_loss_that_never_falls_says_so() {
        let suggestions = suggest(&curve((0..60).map(f64::from)));
        assert_eq!(suggestions.valley, None);
        assert!(suggestions.why.unwrap().starts_with("the loss never fell"));
    }
}
