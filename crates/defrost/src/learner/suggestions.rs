//! Learning rates from a curve of losses over rising rates (fastai's `valley`, `slide`, `steep` and
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
/// The slope below which it counts as flat.
const FLAT: f64 = 0.005;
/// Points at the end that are not looked at.
const LAST: usize = 5;
/// The loss falls clearly if it falls by this many times as much as it varies at the lowest rates,
const CLEAR: f64 = 2.0;
/// and by this fraction of what it was.
const LEAST: f64 = 0.02;
/// It has left its first level when this fraction of its fall is behind it.
const LEFT: f64 = 0.05;

impl Suggestions {
    fn none(why: String) -> Self {
        Self { why: Some(why), ..Self::default() }
    }

    /// The suggestions from all of these points.
    fn of(seen: &[RatePoint]) -> Self {
        Self {
            valley: Some(valley(seen)),
            slide: Some(slide(seen)),
            steep: Some(steep(seen)),
            minimum: Some(seen[lowest_place(seen)].lr / 10.0),
            why: None,
        }
    }
}

/// What a curve suggests, as fastai reads it: without its first tenth and its last five points.
pub fn suggest(points: &[RatePoint]) -> Suggestions {
    let seen = &points[points.len() / 10..points.len().saturating_sub(LAST).max(points.len() / 10)];
    if seen.len() <= SLIDE + 1 {
        return Suggestions::none(format!(
            "the loss rose out of sight after {} rates, too few to read a rate off; check the labels, or start lower",
            points.len()
        ));
    }
    let falls = seen.windows(2).any(|pair| pair[1].loss < pair[0].loss);
    if !falls {
        return Suggestions::none("the loss never fell; check the labels and what is frozen".to_owned());
    }
    Suggestions::of(seen)
}

/// What a measured curve suggests. The loss wavers from batch to batch, also at rates too low to teach anything, so only the
/// part of the curve is read in which it falls by more than that.
pub(super) fn suggest_on_descent(points: &[RatePoint]) -> Suggestions {
    let fastai = suggest(points);
    if fastai.why.is_some() {
        return fastai;
    }
    match descent(points) {
        Some(descent) => Suggestions::of(descent),
        None => Suggestions::none(
            "the loss fell by no more than it wavers from batch to batch, so no rate stands out".to_owned(),
        ),
    }
}

/// The points from where the loss leaves its first level for good, without the last ones; with enough points before that to
/// read a rate off. None if the loss falls by no more than it wavers on that level.
fn descent(points: &[RatePoint]) -> Option<&[RatePoint]> {
    let end = points.len().saturating_sub(LAST);
    let level = points.get(points.len() / 10..points.len() / 3).filter(|level| !level.is_empty())?;
    let mut losses: Vec<f64> = level.iter().map(|point| point.loss).collect();
    losses.sort_by(f64::total_cmp);
    let (first, wavers) = (losses[losses.len() / 2], losses[losses.len() - 1] - losses[0]);
    let lowest =
        points.len() / 3 + lowest_place(points.get(points.len() / 3..end).filter(|rest| !rest.is_empty())?);
    let fall = first - points[lowest].loss;
    if fall <= CLEAR * wavers || fall <= LEAST * first.abs() {
        return None;
    }
    let is_high = |point: &RatePoint| point.loss >= first - LEFT * fall;
    let left = points[..lowest].iter().rposition(is_high).unwrap_or(0);
    Some(&points[left.min(end.saturating_sub(SLIDE + 2))..end])
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

/// Where the loss is lowest.
fn lowest_place(points: &[RatePoint]) -> usize {
    let losses = points.iter().map(|point| point.loss).enumerate();
    losses.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
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

    /// A loss that wavers around 3, the average of few batches at first, falls from the 50th rate to the 70th by `fall`, and rises again.
    fn wavering(fall: f64) -> Vec<RatePoint> {
        curve((0..90).map(|step| {
            let step = f64::from(step);
            let down = ((step - 50.0) / 20.0).clamp(0.0, 1.0) * fall;
            3.0 - down + 1.2 * (step * 2.4).sin() / (4.0 + step) + ((step - 75.0).max(0.0) / 5.0).powi(2)
        }))
    }

    #[test]
    fn rates_that_teach_nothing_are_not_read() {
        let points = wavering(1.0);
        let (rate, found) = (|step: usize| points[step].lr, suggest_on_descent(&points));
        for (name, lr) in [
            ("valley", found.valley),
            ("slide", found.slide),
            ("steep", found.steep),
            ("minimum", found.minimum.map(|lr| lr * 10.0)),
        ] {
            assert!((rate(48)..=rate(84)).contains(&lr.unwrap()), "{name}: {lr:?} of {:e}", rate(50));
        }
        // fastai's reading of all of them takes a wave at low rates for the steepest descent.
        let all = suggest(&points);
        assert!(all.steep.unwrap() < rate(48), "{all:?}");
    }

    #[test]
    fn a_fall_within_what_the_loss_wavers_is_none() {
        let found = suggest_on_descent(&wavering(0.05));
        assert_eq!(found.valley, None);
        assert!(found.why.unwrap().contains("no rate stands out"));
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
