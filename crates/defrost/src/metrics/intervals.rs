//! The intervals of all metrics of some items.

use std::collections::BTreeMap;

use super::interval::ROUNDS;
use super::{Interval, Metrics, Prediction, measure_at};
use crate::data::{Target, TargetKind};

/// The bootstrap draws anew from this seed each time: the same items have the same intervals.
const SEED: u64 = 0;
/// At most this many probabilities are drawn in all, with fewer rounds if necessary: some seconds' work.
const DRAWN: usize = 100_000_000;
/// With fewer rounds the ends of an interval are chance.
const LEAST_ROUNDS: usize = 200;

/// How far each metric of targets of this kind may be from what it would be of all such items, by its name: Wilson's interval
/// for shares of items, the bootstrap for others, which are left out where it would take long.
///
/// # Panics
///
/// As [`measure_at`].
pub fn intervals(
    kind: TargetKind,
    predictions: &[Prediction],
    targets: &[Target],
    thresholds: &[f32],
) -> BTreeMap<String, Interval> {
    let measured = measure_at(kind, predictions, targets, thresholds);
    let is_share = |name: &str| match kind {
        TargetKind::Class => matches!(name, "accuracy" | "top_5"),
        TargetKind::Labels => name == "exact_match",
        TargetKind::Number => false,
    };
    let wilson =
        |share: f64| Interval::wilson((share * targets.len() as f64).round() as usize, targets.len());
    let shares = measured.iter().filter(|(name, _)| is_share(name));
    let mut found: BTreeMap<String, Interval> =
        shares.map(|(name, share)| (name.clone(), wilson(*share))).collect();
    let drawn = predictions.iter().map(|prediction| prediction.0.len()).sum::<usize>().max(1);
    let rounds = (DRAWN / drawn).min(ROUNDS);
    if rounds < LEAST_ROUNDS {
        return found;
    }
    let others: Vec<&String> = measured.keys().filter(|name| !is_share(name)).collect();
    let measure = |places: &[usize]| {
        let of: (Vec<Prediction>, Vec<Target>) =
            places.iter().map(|&place| (predictions[place].clone(), targets[place].clone())).unzip();
        let again: Metrics = measure_at(kind, &of.0, &of.1, thresholds);
        others.iter().map(|name| again.get(*name).copied()).collect()
    };
    let resampled = Interval::bootstraps(targets.len(), rounds, SEED, measure);
    let resampled = others.iter().zip(resampled);
    found.extend(resampled.filter_map(|(name, interval)| Some(((*name).clone(), interval?))));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_lies_in_its_interval() {
        let sure = |item: usize| 0.05 + 0.9 * (item * 37 % 100) as f32 / 100.0;
        let items = 0..120;
        let cases = [
            (
                TargetKind::Class,
                (|item| Target::Class(usize::from(item * 7 % 10 > 4))) as fn(usize) -> Target,
            ),
            (TargetKind::Labels, |item| Target::Labels(if item * 7 % 10 > 4 { vec![1] } else { vec![0, 1] })),
        ];
        for (kind, target) in cases {
            let predictions: Vec<Prediction> =
                items.clone().map(|item| Prediction(vec![sure(item), 1.0 - sure(item)])).collect();
            let targets: Vec<Target> = items.clone().map(target).collect();
            let found = intervals(kind, &predictions, &targets, &[0.5]);
            for (name, value) in measure_at(kind, &predictions, &targets, &[0.5]) {
                let interval = found[&name];
                assert!(
                    interval.contains(value) && interval.half_width() < 0.25,
                    "{name}: {interval:?}, {value}"
                );
            }
        }
    }

    #[test]
    fn numbers_have_intervals_in_their_own_units() {
        let targets: Vec<Target> = (0..200).map(|item| Target::Number(item as f32)).collect();
        let predictions: Vec<Prediction> = (0..200)
            .map(|item| Prediction(vec![item as f32 + if item % 2 == 0 { 3.0 } else { -3.0 }]))
            .collect();
        let found = intervals(TargetKind::Number, &predictions, &targets, &[]);
        assert_eq!(found["rmse"], Interval { low: 3.0, high: 3.0 });
        assert!(found["r2"].high < 1.0 && found["r2"].low > 0.99);
    }
}
