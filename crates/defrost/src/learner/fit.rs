//! A learner's commands: freeze and unfreeze, train for some epochs, run phases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::best::Bests;
use super::head::HeadSolver;
use super::phase::Start;
use super::unfinished::UnfinishedRun;
use super::{Learner, LearnerError};
use crate::plan::FreezePlan;
use crate::rates::IntoRates;
use crate::recipe::{FineTune, Method, Recipe, ResolvedPhase};
use crate::schedule::Schedule;
use crate::stage::Network;

impl<N: Network> Learner<N> {
    /// Freezes the first groups (fastai's `freeze_to`); the optimizer forgets its averages.
    ///
    /// # Errors
    ///
    /// If there is no such position.
    pub fn freeze_to(&mut self, position: isize) -> Result<(), LearnerError> {
        let plan = self.plan.freeze_to(position)?;
        self.set_plan(plan.into());
        Ok(())
    }

    /// Freezes all groups but the last.
    ///
    /// # Errors
    ///
    /// If there is one group only.
    pub fn freeze(&mut self) -> Result<(), LearnerError> {
        let plan = self.plan.freeze()?;
        self.set_plan(plan.into());
        Ok(())
    }

    /// Thaws all groups.
    pub fn unfreeze(&mut self) {
        let plan = self.plan.unfreeze();
        self.set_plan(plan.into());
    }

    /// Freezes and unfreezes as a phase would.
    ///
    /// # Errors
    ///
    /// If the phase is one of another network.
    pub fn freeze_for(&mut self, phase: &ResolvedPhase) -> Result<(), LearnerError> {
        self.check_phases(std::slice::from_ref(phase))?;
        self.set_plan(phase.plan.clone());
        Ok(())
    }

    /// Trains the named groups and no others.
    ///
    /// # Errors
    ///
    /// If there is no such group.
    pub fn train_only<S: AsRef<str>>(&mut self, groups: &[S]) -> Result<(), LearnerError> {
        let plan = self.plan.train_only(groups)?;
        self.set_plan(plan.into());
        Ok(())
    }

    pub(super) fn set_plan(&mut self, plan: Arc<FreezePlan>) {
        self.stepper.clear();
        self.update_network(|network, _| plan.apply(network));
        self.plan = plan;
    }

    /// Trains under the current plan, at constant rates. As every `fit`, it ends with the weights that training left, and
    /// there is no [best](Learner::best) epoch then.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn fit(&mut self, epochs: usize, rates: impl IntoRates) -> Result<(), LearnerError> {
        self.fit_scheduled(epochs, rates, Schedule::Constant)
    }

    /// Trains under the current plan, warming up and annealing (arXiv 1708.07120).
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn fit_one_cycle(&mut self, epochs: usize, rates: impl IntoRates) -> Result<(), LearnerError> {
        self.fit_scheduled(epochs, rates, Schedule::ONE_CYCLE)
    }

    /// Trains under the current plan, flat and then annealing.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn fit_flat_cos(&mut self, epochs: usize, rates: impl IntoRates) -> Result<(), LearnerError> {
        self.fit_scheduled(epochs, rates, Schedule::FLAT_COS)
    }

    /// Trains under the current plan in cosine cycles (arXiv 1608.03983): the first takes `first` epochs, each further one
    /// `factor` times those of the one before.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn fit_sgdr(
        &mut self,
        cycles: u32,
        first: usize,
        factor: usize,
        rates: impl IntoRates,
    ) -> Result<(), LearnerError> {
        let schedule = Schedule::Restarts { cycles, factor: factor as f64 };
        self.fit_scheduled(Schedule::restart_epochs(first, cycles, factor), rates, schedule)
    }

    /// Trains under the current plan under any schedule.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn fit_scheduled(
        &mut self,
        epochs: usize,
        rates: impl IntoRates,
        schedule: Schedule,
    ) -> Result<(), LearnerError> {
        self.plan.require_training()?;
        let phase = ResolvedPhase {
            name: format!("fit {}", self.history.phases() + 1),
            plan: self.plan.clone(),
            rates: rates.into_rates()?.for_groups(self.plan.groups().count())?,
            schedule,
            epochs,
            method: Method::Steps,
            compared: false,
            head_penalty: None,
            patience: None,
        };
        self.described.phases.push(phase.clone());
        let outcome = self.run_phase(&phase, Start::of_phase(0));
        // The weights are those that training left, so no epoch is the one they are of.
        self.bests = Bests::default();
        outcome.map(|_| ())
    }

    /// Freezes, trains the head, unfreezes, trains everything at lower rates; ends with the best epoch's
    /// weights. A plain number is fastai's recipe with this many unfrozen epochs.
    ///
    /// # Errors
    ///
    /// As [`Learner::run`].
    pub fn fine_tune(&mut self, recipe: impl Into<FineTune>) -> Result<(), LearnerError> {
        let phases = self.resolve(recipe.into())?;
        self.run(&phases)
    }

    /// The phases of a recipe for this network.
    ///
    /// # Errors
    ///
    /// If the recipe does not fit the layer groups.
    pub fn resolve(&self, recipe: impl Into<Recipe>) -> Result<Vec<ResolvedPhase>, LearnerError> {
        Ok(recipe.into().resolve(&self.plan)?)
    }

    /// Runs phases one after the other and ends with the weights of their best epoch, after an error
    /// too.
    ///
    /// # Errors
    ///
    /// If a phase is one of another network (found before anything is trained), an item can't be read, the loss is NaN even at a quarter of the rate, or a stop was requested.
    pub fn run(&mut self, phases: &[ResolvedPhase]) -> Result<(), LearnerError> {
        let mut run = self.begin(phases)?;
        self.finish(&mut run)
    }

    /// Goes on with a run of these phases from its [`checkpoint`](Self::checkpoint), in a learner that was made
    /// as the run's was. It ends with the same bytes as if it had never been interrupted.
    ///
    /// # Errors
    ///
    /// If there is no checkpoint, it is damaged, or it is of a run with other settings or other data; then as
    /// [`run`](Self::run).
    pub fn resume(&mut self, phases: &[ResolvedPhase]) -> Result<(), LearnerError> {
        let mut run = self.begin_at_checkpoint(phases)?;
        self.finish(&mut run)
    }

    /// Stops a run between two batches as soon as `stop` is true, with [`LearnerError::Interrupted`], after a
    /// checkpoint if one is kept.
    pub fn stop_on(&mut self, stop: Arc<AtomicBool>) {
        self.stop = Some(stop);
    }

    /// Refuses to continue if a stop was requested.
    pub(super) fn check_stop(&self) -> Result<(), LearnerError> {
        match self.is_asked_to_stop() {
            true => Err(LearnerError::Interrupted),
            false => Ok(()),
        }
    }

    /// Whether a stop was requested.
    pub(super) fn is_asked_to_stop(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    pub(super) fn check_phases(&self, phases: &[ResolvedPhase]) -> Result<(), LearnerError> {
        match phases.iter().find(|phase| phase.plan.groups() != self.plan.groups()) {
            Some(other) => Err(LearnerError::OtherNetwork { phase: other.name.clone() }),
            None => Ok(()),
        }
    }

    /// Solves for the head that a phase starts with, if that is not the one that the phase before ended with.
    pub(super) fn solve_first_head(&mut self, phase: &ResolvedPhase) -> Result<(), LearnerError> {
        if let Some(penalty) = phase.head_penalty {
            self.set_plan(phase.plan.freeze()?.into());
            self.solve_head(&HeadSolver::with_penalty(penalty))?;
        }
        Ok(())
    }

    pub(super) fn run_phases(&mut self, phases: &[ResolvedPhase], start: Start) -> Result<(), LearnerError> {
        self.train_phases(&mut UnfinishedRun::new(phases, start))
    }
}
