//! What candidates are compared by: the monitored metric, or the root mean squared error of numbers.

use super::Gain;
use super::rule::Measured;
use crate::data::{Target, TargetKind};
use crate::learner::Evaluation;
use crate::metrics::{Interval, Metric, Prediction, is_error, measure_at, paired_difference};

/// What tells the better of two networks.
pub(in crate::learner) struct Criterion {
    name: String,
    kind: TargetKind,
    /// The metric, if it is one of the user's own.
    own: Option<Metric>,
    seed: u64,
}

impl Criterion {
    /// The monitored metric, or else that of the kind of targets.
    pub fn new(monitored: Option<&str>, own: &[Metric], kind: TargetKind, seed: u64) -> Self {
        let usual = match kind {
            TargetKind::Class => "accuracy",
            TargetKind::Labels => "f1",
            TargetKind::Number => "rmse",
        };
        let name = monitored.unwrap_or(usual).to_owned();
        let own = own.iter().find(|metric| metric.name() == name).cloned();
        Self { name, kind, own, seed }
    }

    /// What the metric is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether less of it is better.
    pub fn is_error(&self) -> bool {
        self.own.is_none() && is_error(&self.name)
    }

    /// Whether it is the fraction of items that are right.
    fn is_accuracy(&self) -> bool {
        self.own.is_none() && self.kind == TargetKind::Class && self.name == "accuracy"
    }

    /// Its value, and where it lies at 95 %; NaN and an endless interval where the items don't define it.
    pub fn value(&self, evaluation: &Evaluation) -> (f64, Interval) {
        let items = evaluation.targets.len();
        let all: Vec<usize> = (0..items).collect();
        let value = self.at(evaluation, &all).unwrap_or(f64::NAN);
        if self.is_accuracy() {
            return (value, Interval::wilson(hits(evaluation).filter(|&hit| hit).count(), items));
        }
        let interval = Interval::bootstrap(items, self.seed, |places| self.at(evaluation, places));
        (value, interval.unwrap_or(Interval { low: f64::NEG_INFINITY, high: f64::INFINITY }))
    }

    /// How much better `new` is than `old` on the same items, and the same measured for the [rule](super::rule).
    pub fn gain(&self, new: &Evaluation, old: &Evaluation) -> (Gain, Measured) {
        if self.is_accuracy() {
            let gains: Vec<f64> = scores(new).zip(scores(old)).map(|(new, old)| new - old).collect();
            let number = |hit: bool| f64::from(u8::from(hit));
            let (new, old): (Vec<f64>, Vec<f64>) =
                (hits(new).map(number).collect(), hits(old).map(number).collect());
            let (value, Interval { low, high }) = paired_difference(&new, &old);
            // Of fewer than two items, an interval is endless.
            let (low, high) = (low.max(-1.0), high.min(1.0));
            return (Gain { value, low, high }, Measured::of_items(&gains));
        }
        let items = old.targets.len();
        let sign = if self.is_error() { -1.0 } else { 1.0 };
        let gain = |places: &[usize]| Some(sign * (self.at(new, places)? - self.at(old, places)?));
        let all: Vec<usize> = (0..items).collect();
        let value = gain(&all).unwrap_or(0.0);
        let interval = Interval::bootstrap(items, self.seed, gain);
        let Interval { low, high } = interval.unwrap_or(Interval { low: -1.0, high: 1.0 });
        // Errors have the unit of what is predicted: what is known of gains is known of fractions.
        let unit =
            if self.is_error() { self.at(old, &all).unwrap_or(1.0).max(f64::MIN_POSITIVE) } else { 1.0 };
        (Gain { value, low, high }, Measured::of_interval(value / unit, (high - low) / unit, items))
    }

    /// Which is better on these items; one that is not defined is worse.
    pub fn order(&self, a: &Evaluation, b: &Evaluation) -> std::cmp::Ordering {
        let sign = if self.is_error() { -1.0 } else { 1.0 };
        let all: Vec<usize> = (0..a.targets.len()).collect();
        let score = |evaluation: &Evaluation| {
            self.at(evaluation, &all).map_or(f64::NEG_INFINITY, |value| sign * value)
        };
        score(a).total_cmp(&score(b)).then(b.loss.total_cmp(&a.loss))
    }

    /// Its value over the items at these places, if they define it.
    pub fn at(&self, evaluation: &Evaluation, places: &[usize]) -> Option<f64> {
        let predictions: Vec<Prediction> =
            places.iter().map(|&place| evaluation.predictions[place].clone()).collect();
        let targets: Vec<Target> = places.iter().map(|&place| evaluation.targets[place].clone()).collect();
        match &self.own {
            Some(metric) => metric.measure(&predictions, &targets),
            None => measure_at(self.kind, &predictions, &targets, &evaluation.thresholds).remove(&self.name),
        }
    }
}

fn hits(evaluation: &Evaluation) -> impl Iterator<Item = bool> {
    let items = evaluation.predictions.iter().zip(&evaluation.targets);
    items.map(|(found, target)| target.class() == Some(found.class()))
}

/// How right each item is: the mean of whether its class was found and of the probability of its class. A hit alone says
/// little of an item that is nearly right or nearly wrong, and candidates differ mostly in those.
fn scores(evaluation: &Evaluation) -> impl Iterator<Item = f64> {
    let items = evaluation.predictions.iter().zip(&evaluation.targets).zip(hits(evaluation));
    items.map(|((found, target), hit)| {
        let probability = target.class().and_then(|class| found.0.get(class)).copied().unwrap_or(0.0);
        (f64::from(u8::from(hit)) + f64::from(probability)) / 2.0
    })
}
