//! What training will cost, measured on a few of its batches before it starts.
//!
//! A quote changes nothing: weights, statistics and optimizer are put back, what the trial batches keep is
//! thrown away, and draws are functions of the position in training.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::boundary::Part;
use super::{Learner, LearnerError};
use crate::data::{Dataset, Draws, View};
use crate::optim::StepSettings;
use crate::prefix::{Cache, CacheLimits, Prefix};
use crate::recipe::Phase;
use crate::schedule::MOMENTUM;
use crate::stage::Network;

/// Runs of fewer steps than this are over before a quote would be worth its time.
const MIN_STEPS: usize = 50;
/// How many steps are timed, and after how many seconds no further one is.
const TIMED_STEPS: usize = 3;
const TIMED_SECONDS: f64 = 1.0;
/// How many items are looked up to tell which share of the rows is kept already.
const LOOKED_UP: usize = 256;

/// What a phase is expected to cost, and what it cost.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseQuote {
    /// The phase's name.
    pub phase: String,
    /// Seconds it should take.
    pub seconds: f64,
    /// Seconds it would take if nothing were kept.
    pub seconds_without_cache: f64,
    /// Bytes of memory that what is kept of the prefix's work should take.
    pub memory_bytes: u64,
    /// Bytes that it should take in files.
    pub disk_bytes: u64,
    /// Seconds it took; nothing as long as it runs, or if somebody ended it before its last epoch.
    pub actual_seconds: Option<f64>,
}

impl PhaseQuote {
    /// How far the quote was off, as a share of what the phase took: 0.1 is a tenth too much.
    pub fn error(&self) -> Option<f64> {
        self.actual_seconds.filter(|&seconds| seconds > 0.0).map(|seconds| self.seconds / seconds - 1.0)
    }
}

/// Seconds of a step, and of the validation of an item.
#[derive(Clone, Copy)]
struct Pace {
    step: f64,
    valid: f64,
}

impl<N: Network> Learner<N> {
    /// Measures what these phases will cost and notes it in the history. A run too short for that has no
    /// quote: the list is empty.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`], found before anything is trained.
    pub fn quote(&mut self, phases: &[Phase]) -> Result<&[PhaseQuote], LearnerError> {
        let steps: usize = phases.iter().map(|phase| phase.epochs * self.batches_per_epoch()).sum();
        if steps >= MIN_STEPS {
            let (state, plan) = (self.state(None), self.plan.clone());
            let mut kept = std::mem::replace(&mut self.cache, Cache::new(CacheLimits::none()));
            let quotes = self.quote_phases(phases, &mut kept);
            self.cache = kept;
            self.set_plan(plan);
            self.go_back(&state);
            self.history.set_quotes(quotes?);
        }
        Ok(self.history.quotes())
    }

    fn quote_phases(&mut self, phases: &[Phase], kept: &mut Cache) -> Result<Vec<PhaseQuote>, LearnerError> {
        let mut epoch = self.history.epochs() as u64;
        let mut quotes = vec![];
        for phase in phases {
            self.thaw(&phase.thaw)?;
            quotes.push(self.quote_phase(phase, epoch, kept)?);
            epoch += phase.epochs as u64;
        }
        Ok(quotes)
    }

    fn quote_phase(
        &mut self,
        phase: &Phase,
        epoch: u64,
        kept: &mut Cache,
    ) -> Result<PhaseQuote, LearnerError> {
        let draws = Draws { seed: self.options.seed, epoch };
        self.cache = Cache::new(CacheLimits::none());
        let fresh = self.pace(draws)?;
        let (steps, epochs) = (self.batches_per_epoch() as f64, phase.epochs as f64);
        let valid = self.valid.len() as f64;
        let without = epochs * (steps * fresh.step + valid * fresh.valid);
        let quote = PhaseQuote {
            phase: phase.name.clone(),
            seconds: without,
            seconds_without_cache: without,
            memory_bytes: 0,
            disk_bytes: 0,
            actual_seconds: None,
        };
        if self.plan.constant_stages() == 0 || kept.keeps_nothing() {
            return Ok(quote);
        }

        self.cache = Cache::new(CacheLimits::memory(u64::MAX));
        let again = self.pace(draws)?;
        let row = self.cache.memory_bytes() / self.cache.rows_in_memory().max(1) as u64;
        let views = self.distinct_views(draws, phase.epochs);
        let rows = (self.train.len() * views + self.valid.len()) as u64;
        let (memory, disk) = kept.room_for(rows * row);
        let fitting = memory.max(disk) as f64 / (rows * row).max(1) as f64;
        let prefix = Prefix::of(self.network(), self.plan.constant_stages());
        let known = known_share(&prefix, &*self.train, self.views(draws, views), kept);
        let known_valid = known_share(&prefix, &*self.valid, std::iter::once(View::Plain), kept);
        // What does not fit is computed each time it is looked at; the rest once, or not at all.
        let looks = |each: f64, once: f64, known: f64| {
            each * (1.0 - fitting) + once.min(each) * fitting * (1.0 - known)
        };
        let per_epoch = steps * self.options.step_size() as f64;
        let steps_computed = looks(epochs * per_epoch, (self.train.len() * views) as f64, known)
            / self.options.step_size() as f64;
        let seconds = epochs * (steps * again.step + valid * again.valid)
            + steps_computed * (fresh.step - again.step).max(0.0)
            + looks(epochs * valid, valid, known_valid) * (fresh.valid - again.valid).max(0.0);
        Ok(PhaseQuote { seconds, memory_bytes: memory, disk_bytes: disk, ..quote })
    }

    /// Times training steps and a validation batch, each after one that is not timed: with what is kept of
    /// that, if anything is.
    fn pace(&mut self, draws: Draws) -> Result<Pace, LearnerError> {
        let steps = self.steps(draws);
        let items = steps.first().ok_or(LearnerError::NoItems)?;
        let settings = StepSettings { rates: vec![0.0; self.plan.groups().count()], momentum: MOMENTUM };
        self.train_batch(items, draws, 0, &settings)?;
        let (started, mut timed) = (Instant::now(), 0);
        while timed == 0 || (timed < TIMED_STEPS && started.elapsed().as_secs_f64() < TIMED_SECONDS) {
            self.train_batch(items, draws, 0, &settings)?;
            timed += 1;
        }
        let step = started.elapsed().as_secs_f64() / f64::from(timed as u32);

        let items: Vec<usize> = (0..self.valid.len().min(self.options.batch_size)).collect();
        if items.is_empty() {
            return Ok(Pace { step, valid: 0.0 });
        }
        self.score(&items)?;
        let started = Instant::now();
        self.score(&items)?;
        Ok(Pace { step, valid: started.elapsed().as_secs_f64() / items.len() as f64 })
    }

    /// Runs validation items through the network.
    fn score(&mut self, items: &[usize]) -> Result<(), LearnerError> {
        let boundary = self.boundary(Part::Valid, items, None)?;
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        let scores = self.network().valid().forward(boundary, stages).single::<2>();
        scores.into_data();
        Ok(())
    }

    /// In how many ways these epochs look at an item.
    fn distinct_views(&self, draws: Draws, epochs: usize) -> usize {
        let views: std::collections::HashSet<_> =
            self.views(draws, epochs).map(|view| self.train.fingerprint(0, view)).collect();
        views.len()
    }

    fn views(&self, draws: Draws, epochs: usize) -> impl Iterator<Item = View> + use<N> {
        let views = self.options.views;
        let epochs = draws.epoch..draws.epoch + (epochs as u64).min(views);
        epochs.map(move |epoch| View::Augmented(Draws { epoch, ..draws }.among(views)))
    }
}

/// Which share of what a prefix makes of some items in these views is kept already.
fn known_share(
    prefix: &Prefix,
    data: &dyn Dataset,
    views: impl Iterator<Item = View>,
    kept: &mut Cache,
) -> f64 {
    let step = data.len().div_ceil(LOOKED_UP).max(1);
    let (mut found, mut all) = (0, 0);
    for view in views {
        for item in (0..data.len()).step_by(step) {
            all += 1;
            found += u32::from(prefix.knows(data.fingerprint(item, view), kept));
        }
    }
    f64::from(found) / f64::from(all.max(1))
}
