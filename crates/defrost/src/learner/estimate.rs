//! How long training will take, measured on a few batches before it starts.
//!
//! An estimate changes nothing: weights, statistics and optimizer are restored, the cache of the trial batches is
//! thrown away, and draws are functions of the position in training.

use serde::{Deserialize, Serialize};

use super::features::Part;
use super::head::HeadSolver;
use super::run::MEASURED;
use super::{Learner, LearnerError};
use crate::data::{Dataset, Draws, Variant};
use crate::optim::StepOptions;
use crate::platform::Instant;
use crate::prefix::{Cache, CacheLimits, Prefix};
use crate::recipe::{Method, ResolvedPhase};
use crate::schedule::MOMENTUM;
use crate::stage::Network;

/// Runs of fewer steps than this are over before an estimate would be worth its time.
const MIN_STEPS: usize = 50;
/// How many steps are timed, and after how many seconds no further one is.
const TIMED_STEPS: usize = 3;
const TIMED_SECONDS: f64 = 1.0;
/// How many items are looked up to tell which fraction of the rows is kept already.
const LOOKED_UP: usize = 256;

/// The estimated and actual cost of a phase.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseEstimate {
    /// The phase's name.
    pub phase: String,
    /// Seconds it should take, to its last epoch.
    pub seconds: f64,
    /// Seconds it would take if nothing were kept.
    pub seconds_without_cache: f64,
    /// Bytes of memory that the cached features should take.
    pub memory_bytes: u64,
    /// Bytes that they should take in files.
    pub disk_bytes: u64,
    /// Whether it may end before its last epoch.
    #[serde(default)]
    pub at_most: bool,
    /// Seconds it took; none while it runs, or if it was ended before its last epoch.
    pub actual_seconds: Option<f64>,
}

impl PhaseEstimate {
    /// How much longer the phase took than estimated, as a fraction of the estimate: 0.1 is a tenth longer, negative is
    /// shorter.
    pub fn difference(&self) -> Option<f64> {
        let more = self.actual_seconds? / self.seconds - 1.0;
        more.is_finite().then_some(more)
    }
}

/// Seconds of a step, and of the validation of an item.
#[derive(Clone, Copy)]
pub(super) struct Timing {
    pub step: f64,
    pub valid: f64,
}

impl<N: Network> Learner<N> {
    /// Measures what these phases will cost and notes it in the history. A run too short for that has no
    /// estimate: the list is empty.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`], found before anything is trained.
    pub fn estimate(&mut self, phases: &[ResolvedPhase]) -> Result<&[PhaseEstimate], LearnerError> {
        let steps: usize = phases.iter().map(|phase| phase.epochs * self.batches_per_epoch()).sum();
        if steps >= MIN_STEPS {
            let (state, plan) = (self.state(None), self.plan.clone());
            let mut cached = std::mem::replace(&mut self.cache, Cache::new(CacheLimits::none()));
            let estimates = self.estimate_phases(phases, &mut cached);
            self.cache = cached;
            self.set_plan(plan);
            self.go_back(&state);
            self.history.set_estimates(estimates?);
        }
        Ok(self.history.estimates())
    }

    fn estimate_phases(
        &mut self,
        phases: &[ResolvedPhase],
        cached: &mut Cache,
    ) -> Result<Vec<PhaseEstimate>, LearnerError> {
        let mut epoch = self.history.epochs() as u64;
        let mut estimates = vec![];
        for phase in phases {
            self.set_plan(phase.plan.clone());
            estimates.push(self.estimate_phase(phase, epoch, cached)?);
            epoch += phase.epochs as u64;
        }
        Ok(estimates)
    }

    fn estimate_phase(
        &mut self,
        phase: &ResolvedPhase,
        epoch: u64,
        cached: &mut Cache,
    ) -> Result<PhaseEstimate, LearnerError> {
        let draws = Draws { seed: self.options.seed, epoch };
        self.cache = Cache::new(CacheLimits::none());
        let fresh = self.timing(draws)?;
        match phase.method {
            Method::Steps => {}
            Method::SolveHead => {
                let solver = HeadSolver::for_items(self.train.len());
                let variants = self.head_variants(&solver);
                let search = self.search_seconds(&solver, variants.len());
                let passes = self.estimate_passes(phase, fresh, (&variants, self.train.len()), cached);
                return Ok(PhaseEstimate {
                    seconds: passes.seconds + search,
                    seconds_without_cache: passes.seconds_without_cache + search,
                    ..passes
                });
            }
            Method::Measure => {
                let items = self.train.len().min(MEASURED);
                return Ok(self.estimate_passes(phase, fresh, (&[Variant::Original], items), cached));
            }
        }
        let (steps, epochs) = (self.batches_per_epoch() as f64, phase.epochs as f64);
        let valid = self.valid.len() as f64;
        let without = epochs * (steps * fresh.step + valid * fresh.valid);
        let estimate = PhaseEstimate {
            phase: phase.name.clone(),
            seconds: without,
            seconds_without_cache: without,
            memory_bytes: 0,
            disk_bytes: 0,
            at_most: phase.patience.is_some(),
            actual_seconds: None,
        };
        if self.plan.constant_stages() == 0 || cached.stores_nothing() {
            return Ok(estimate);
        }

        self.cache = Cache::new(CacheLimits::memory(u64::MAX));
        let again = self.timing(draws)?;
        let row = self.cache.memory_bytes() / self.cache.entries_in_memory().max(1) as u64;
        let variants = self.distinct_variants(draws, phase.epochs);
        let rows = (self.train.len() * variants + self.valid.len()) as u64;
        let (memory, disk) = cached.room_for(rows * row);
        let fitting = memory.max(disk) as f64 / (rows * row).max(1) as f64;
        let prefix = Prefix::of(self.network(), self.plan.constant_stages());
        let known = cached_fraction(&prefix, &*self.train, self.variants(draws, variants), cached);
        let known_valid = cached_fraction(&prefix, &*self.valid, std::iter::once(Variant::Original), cached);
        // What does not fit is computed each time it is looked at; the rest once, or not at all.
        let tta = |each: f64, once: f64, known: f64| {
            each * (1.0 - fitting) + once.min(each) * fitting * (1.0 - known)
        };
        let per_epoch = steps * self.options.step_size() as f64;
        let steps_computed = tta(epochs * per_epoch, (self.train.len() * variants) as f64, known)
            / self.options.step_size() as f64;
        let seconds = epochs * (steps * again.step + valid * again.valid)
            + steps_computed * (fresh.step - again.step).max(0.0)
            + tta(epochs * valid, valid, known_valid) * (fresh.valid - again.valid).max(0.0);
        Ok(PhaseEstimate { seconds, memory_bytes: memory, disk_bytes: disk, ..estimate })
    }

    /// The passes through the body for each of these variants of each item.
    fn estimate_passes(
        &mut self,
        phase: &ResolvedPhase,
        fresh: Timing,
        (variants, items): (&[Variant], usize),
        cached: &mut Cache,
    ) -> PhaseEstimate {
        let items = (items * variants.len()) as f64;
        let prefix = Prefix::of(self.network(), self.plan.constant_stages());
        let known = cached_fraction(&prefix, &*self.train, variants.iter().copied(), cached);
        let known_valid = cached_fraction(&prefix, &*self.valid, std::iter::once(Variant::Original), cached);
        let valid = self.valid.len() as f64;
        PhaseEstimate {
            phase: phase.name.clone(),
            seconds: fresh.valid * (items * (1.0 - known) + valid * (1.0 - known_valid)),
            seconds_without_cache: fresh.valid * (items + valid),
            memory_bytes: 0,
            disk_bytes: 0,
            at_most: false,
            actual_seconds: None,
        }
    }

    /// Times training steps and a validation batch, each after a first one that is not timed and may fill the cache.
    pub(super) fn timing(&mut self, draws: Draws) -> Result<Timing, LearnerError> {
        let steps = self.steps(draws);
        let items = steps.first().ok_or(LearnerError::NoItems)?;
        let settings = StepOptions { rates: vec![0.0; self.plan.groups().count()], momentum: MOMENTUM };
        self.train_batch(items, draws, 0, &settings)?;
        let (started, mut timed) = (Instant::now(), 0);
        while timed == 0 || (timed < TIMED_STEPS && started.elapsed().as_secs_f64() < TIMED_SECONDS) {
            self.train_batch(items, draws, 0, &settings)?;
            timed += 1;
        }
        let step = started.elapsed().as_secs_f64() / f64::from(timed as u32);

        let items: Vec<usize> = (0..self.valid.len().min(self.options.batch_size)).collect();
        if items.is_empty() {
            return Ok(Timing { step, valid: 0.0 });
        }
        self.score(&items)?;
        let started = Instant::now();
        self.score(&items)?;
        Ok(Timing { step, valid: started.elapsed().as_secs_f64() / items.len() as f64 })
    }

    /// Runs validation items through the network.
    fn score(&mut self, items: &[usize]) -> Result<(), LearnerError> {
        let features = self.features(Part::Valid, items, None)?;
        let stages = self.plan.constant_stages()..self.plan.groups().stages().len();
        let scores = self.network().valid().forward(features, stages).single::<2>();
        scores.into_data();
        Ok(())
    }

    /// In how many ways these epochs look at an item.
    fn distinct_variants(&self, draws: Draws, epochs: usize) -> usize {
        let variants: std::collections::HashSet<_> =
            self.variants(draws, epochs).map(|variant| self.train.fingerprint(0, variant)).collect();
        variants.len()
    }

    fn variants(&self, draws: Draws, epochs: usize) -> impl Iterator<Item = Variant> + use<N> {
        let variants = self.options.variants;
        let epochs = draws.epoch..draws.epoch + (epochs as u64).min(variants);
        epochs.map(move |epoch| Variant::Augmented(Draws { epoch, ..draws }.among(variants)))
    }
}

/// The fraction of a prefix's features of some items, in these variants, that is cached already.
fn cached_fraction(
    prefix: &Prefix,
    data: &dyn Dataset,
    variants: impl Iterator<Item = Variant>,
    cached: &mut Cache,
) -> f64 {
    let step = data.len().div_ceil(LOOKED_UP).max(1);
    let (mut found, mut all) = (0, 0);
    for variant in variants {
        for item in (0..data.len()).step_by(step) {
            all += 1;
            found += u32::from(prefix.contains(data.fingerprint(item, variant), cached));
        }
    }
    f64::from(found) / f64::from(all.max(1))
}
