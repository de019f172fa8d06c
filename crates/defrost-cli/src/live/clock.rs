//! How long a run has taken and will take: the estimate that was made before it, corrected by what it has taken so far.
//!
//! Times are in seconds. Pauses count in what a run has taken, and not in how fast it is.

use std::time::Instant;

use serde_json::{Value, json};

use defrost::PlanSummary;
use defrost::learner::PhaseEstimate;

/// The weight of an estimate beside the measured seconds. An estimate of a phase, or of the run, counts like measurements of this fraction of it.
const TRUST: f64 = 0.1;

/// A phase, and the seconds that it is estimated to take.
#[derive(Clone, Debug, Default)]
struct Expected {
    name: String,
    epochs: f64,
    /// The seconds that are estimated, if there is an estimate.
    seconds: Option<f64>,
    /// The seconds of each of the first epochs, which fill the cache, and how many they are.
    first: (f64, f64),
    /// Whether it may end before its last epoch.
    at_most: bool,
}

impl Expected {
    /// The estimated seconds to this place, in epochs.
    fn until(&self, epochs: f64) -> Option<f64> {
        let seconds = self.seconds?;
        let (each, count) = self.first;
        if each >= seconds || count >= self.epochs {
            // The cache is full already, or there is none.
            return Some(seconds * epochs / self.epochs);
        }
        let filling = (each * count).min(seconds);
        let later = (seconds - filling) / (self.epochs - count);
        Some((each * epochs.min(count)).min(filling) + later * (epochs - count).max(0.0))
    }
}

/// The clock of a run.
#[derive(Clone, Debug)]
pub struct Clock {
    begun: Instant,
    /// When it was paused, while it is.
    paused: Option<Instant>,
    /// Seconds of the pauses that are over.
    pauses: f64,
    phases: Vec<Expected>,
    /// The phase that is running, and the place where this run of it began, in epochs.
    phase: Option<(usize, f64)>,
    /// When that phase began, and when it reached its last known place: seconds of work.
    from: f64,
    at: f64,
    /// That place, in epochs.
    epochs: f64,
    /// Of the phases that are over: the measured seconds, and the estimated ones.
    over: (f64, f64),
    is_over: bool,
}

/// The ratio of measured to estimated seconds. While `expected` is a small part of the `whole`, the ratio stays near `before`.
fn pace(taken: f64, expected: f64, whole: f64, before: f64) -> f64 {
    let trust = TRUST * whole;
    if expected + trust > 0.0 { (taken + trust * before) / (expected + trust) } else { before }
}

impl Clock {
    /// It begins now.
    pub fn start(plan: &PlanSummary, now: Instant) -> Self {
        let phases = plan.phases.iter().map(|phase| Expected {
            name: phase.name.clone(),
            epochs: phase.epochs.max(1) as f64,
            ..Expected::default()
        });
        Self {
            begun: now,
            paused: None,
            pauses: 0.0,
            phases: phases.collect(),
            phase: None,
            from: 0.0,
            at: 0.0,
            epochs: 0.0,
            over: (0.0, 0.0),
            is_over: false,
        }
    }

    /// The estimates of the phases are known. Each item has this many variants, and each of the first epochs caches one of them.
    pub fn estimated(&mut self, estimates: &[PhaseEstimate], variants: u64) {
        for (phase, estimate) in self.phases.iter_mut().zip(estimates) {
            if phase.name == estimate.phase {
                phase.seconds = Some(estimate.seconds);
                phase.first = (estimate.seconds_without_cache / phase.epochs, variants as f64);
                phase.at_most = estimate.at_most;
            }
        }
    }

    /// A phase begins, or is resumed at this place, in epochs.
    pub fn begin(&mut self, phase: usize, epochs: f64, now: Instant) {
        let work = self.work(now);
        if let Some((before, first)) = self.phase.filter(|(before, _)| *before != phase) {
            let expected = &self.phases[before];
            if let (Some(last), Some(first)) = (expected.until(self.epochs), expected.until(first)) {
                self.over.0 += work - self.from;
                self.over.1 += last - first;
            }
        }
        self.phase = (phase < self.phases.len()).then_some((phase, epochs));
        (self.from, self.at, self.epochs) = (work, work, epochs);
    }

    /// The phase has come to this place, in epochs.
    pub fn reach(&mut self, epochs: f64, now: Instant) {
        (self.at, self.epochs) = (self.work(now), epochs);
    }

    /// Nothing is done from now on.
    pub fn pause(&mut self, now: Instant) {
        self.paused.get_or_insert(now);
    }

    /// Work goes on.
    pub fn resume(&mut self, now: Instant) {
        if let Some(since) = self.paused.take() {
            self.pauses += now.saturating_duration_since(since).as_secs_f64();
        }
    }

    /// Training is over.
    pub fn end(&mut self) {
        self.is_over = true;
    }

    /// Seconds since it began.
    pub fn elapsed(&self, now: Instant) -> f64 {
        now.saturating_duration_since(self.begun).as_secs_f64()
    }

    /// Seconds that it has worked.
    fn work(&self, now: Instant) -> f64 {
        self.elapsed(self.paused.unwrap_or(now)) - self.pauses
    }

    /// Seconds that training will take from now on; none where nothing tells.
    pub fn left(&self, now: Instant) -> Option<f64> {
        let (phase, first) = self.phase.filter(|_| !self.is_over)?;
        let taken = self.at - self.from;
        let current = &self.phases[phase];
        let later = || self.phases[phase + 1..].iter();
        let (left, pace_of_all) = match current.until(self.epochs) {
            Some(until) => {
                let whole = current.seconds? - current.until(first)?;
                let (over_taken, over_expected) = self.over;
                let all = self.phases.iter().filter_map(|phase| phase.seconds).sum();
                let before = pace(over_taken, over_expected, all, 1.0);
                let expected = until - current.until(first)?;
                let left = (whole - expected) * pace(taken, expected, whole, before);
                (left, pace(over_taken + taken, over_expected + expected, all, 1.0))
            }
            None if self.epochs > first => {
                (taken / (self.epochs - first) * (current.epochs - self.epochs), 1.0)
            }
            None => return None,
        };
        let later: f64 = later().map(|phase| phase.seconds).sum::<Option<f64>>()?;
        Some((left + later * pace_of_all - (self.work(now) - self.at)).max(0.0))
    }

    /// The seconds so far and to come, and both in words.
    pub fn told(&self, now: Instant) -> Value {
        let (elapsed, left) = (self.elapsed(now), self.left(now));
        let may_end =
            self.phase.is_some_and(|(phase, _)| self.phases[phase..].iter().any(|phase| phase.at_most));
        let words = match left {
            Some(left) => {
                format!(
                    "{} so far, {} {} left",
                    whole(elapsed),
                    if may_end { "at most" } else { "about" },
                    rounded(left)
                )
            }
            None => format!("{} so far", whole(elapsed)),
        };
        json!({ "elapsed": elapsed, "left": left, "words": words })
    }
}

/// A duration in whole seconds.
fn whole(seconds: f64) -> String {
    match seconds as u64 {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        seconds => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// A duration that is not known exactly.
fn rounded(seconds: f64) -> String {
    match seconds.ceil().max(1.0) as u64 {
        seconds @ 0..10 => format!("{seconds} s"),
        seconds @ 10..60 => format!("{} s", seconds.next_multiple_of(5)),
        seconds @ 60..3600 => format!("{} min", (seconds as f64 / 60.0).round()),
        seconds => whole(seconds as f64),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use defrost::PhaseSummary;

    use super::*;

    /// A phase of ten epochs, the first two of which take 4 s each and fill the cache, and one of five epochs of 10 s.
    fn clock(estimates: &[(f64, f64)]) -> (Clock, Instant) {
        let phase = |name: &str, epochs: usize| -> PhaseSummary {
            let phase = json!({ "name": name, "frozen_groups": [], "constant_stages": 0, "trainable_params": 1,
                "epochs": epochs, "batches_per_epoch": 5, "lr_max": [] });
            serde_json::from_value(phase).unwrap()
        };
        let phases = vec![phase("frozen", 10), phase("thawed", 5)];
        let estimate = |(name, &(seconds, without)): (&str, &(f64, f64))| PhaseEstimate {
            phase: name.to_owned(),
            seconds,
            seconds_without_cache: without,
            memory_bytes: 0,
            disk_bytes: 0,
            at_most: false,
            actual_seconds: None,
        };
        let estimates: Vec<PhaseEstimate> =
            ["frozen", "thawed"].into_iter().zip(estimates).map(estimate).collect();
        let now = Instant::now();
        let mut clock = Clock::start(&PlanSummary { phases, ..PlanSummary::default() }, now);
        clock.estimated(&estimates, 2);
        (clock, now)
    }

    fn assert_near(found: Option<f64>, expected: f64, within: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() <= within, "{found} and not {expected}");
    }

    #[test]
    fn a_run_as_fast_as_estimated_is_told_what_is_left_of_it() {
        let (mut clock, start) = clock(&[(12.0, 40.0), (50.0, 50.0)]);
        let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
        assert_eq!(clock.left(start), None, "it has not begun");
        clock.begin(0, 0.0, start);
        assert_near(clock.left(start), 62.0, 1e-9);
        assert_near(clock.left(after(3.0)), 59.0, 1e-9);
        clock.reach(1.0, after(4.0));
        clock.reach(2.0, after(8.0));
        assert_near(clock.left(after(8.0)), 54.0, 1e-9);
        clock.reach(10.0, after(12.0));
        clock.begin(1, 0.0, after(12.0));
        clock.reach(2.5, after(37.0));
        assert_near(clock.left(after(37.0)), 25.0, 1e-9);
        // A pause is no work.
        clock.pause(after(38.0));
        assert_near(clock.left(after(90.0)), 24.0, 1e-9);
        clock.resume(after(98.0));
        assert_near(clock.left(after(98.0)), 24.0, 1e-9);
        assert_eq!(clock.elapsed(after(98.0)), 98.0);
        clock.end();
        assert_eq!(clock.left(after(98.0)), None);
        assert_eq!(clock.told(after(98.0))["words"], "1 min 38 s so far");
    }

    #[test]
    fn an_estimate_that_was_wrong_is_corrected() {
        let (mut clock, start) = clock(&[(12.0, 40.0), (50.0, 50.0)]);
        let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
        clock.begin(0, 0.0, start);
        // Everything takes twice as long: 124 s in all.
        clock.reach(2.0, after(16.0));
        assert_near(clock.left(after(16.0)), 108.0, 25.0);
        clock.reach(10.0, after(24.0));
        clock.begin(1, 0.0, after(24.0));
        clock.reach(1.0, after(44.0));
        assert_near(clock.left(after(44.0)), 80.0, 5.0);
        // Then it is as fast as estimated: the phase that is running counts for itself.
        clock.reach(4.0, after(74.0));
        assert_near(clock.left(after(74.0)), 10.0, 3.5);
    }

    #[test]
    fn a_cache_that_is_filled_by_the_first_epochs_misleads_nobody() {
        // Validation is computed in the first epoch alone, so that the first two cost less than twice the first.
        let (mut clock, start) = clock(&[(6.0, 40.0), (50.0, 50.0)]);
        let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
        clock.begin(0, 0.0, start);
        clock.reach(1.0, after(4.0));
        assert_near(clock.left(after(4.0)), 52.0, 1e-9);
        // Nothing is left to fill: its epochs are all the same.
        let (mut clock, start) = self::clock(&[(3.0, 40.0), (50.0, 50.0)]);
        clock.begin(0, 0.0, start);
        clock.reach(5.0, start + Duration::from_secs_f64(1.5));
        assert_near(clock.left(start + Duration::from_secs_f64(1.5)), 51.5, 1e-9);
    }

    #[test]
    fn without_an_estimate_the_last_phase_tells() {
        let (mut clock, start) = clock(&[]);
        let after = |seconds: f64| start + Duration::from_secs_f64(seconds);
        clock.begin(0, 3.0, start);
        clock.reach(5.0, after(2.0));
        assert_eq!(clock.left(after(2.0)), None, "nothing tells how long the other phase takes");
        clock.begin(1, 0.0, after(7.0));
        assert_eq!(clock.left(after(7.0)), None);
        clock.reach(1.0, after(10.0));
        assert_near(clock.left(after(10.0)), 12.0, 1e-9);
        assert_eq!(clock.told(after(10.0))["words"], "10 s so far, about 15 s left");
    }

    #[test]
    fn durations_read_well() {
        assert_eq!([0.4, 59.9, 61.0, 7260.0].map(whole), ["0 s", "59 s", "1 min 01 s", "2 h 01 min"]);
        assert_eq!(
            [0.2, 12.0, 71.0, 3599.0, 5400.0].map(rounded),
            ["1 s", "15 s", "1 min", "60 min", "1 h 30 min"]
        );
    }
}
