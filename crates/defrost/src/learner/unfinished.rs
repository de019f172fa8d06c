//! A run that goes on in parts, for a program that has other things to do in between on the same thread, as a page has.

use super::best::Bests;
use super::checkpoint::CheckpointTrigger;
use super::phase::{Running, Start};
use super::{Flow, Learner, LearnerError};
use crate::ops;
use crate::platform::Instant;
use crate::recipe::ResolvedPhase;
use crate::stage::Network;

/// Whether a run is to rest.
pub(super) type Rest = Box<dyn Fn() -> bool + Send>;

/// A run of phases that is not over. It belongs to the learner that began it, and to no other.
pub struct UnfinishedRun {
    phases: Vec<ResolvedPhase>,
    place: Place,
}

/// Where a run is.
enum Place {
    /// Before a phase.
    Before(Box<Start>),
    /// In the phase of this number.
    In(usize, Box<Running>),
}

impl UnfinishedRun {
    pub(super) fn new(phases: &[ResolvedPhase], start: Start) -> Self {
        Self { phases: phases.to_vec(), place: Place::Before(Box::new(start)) }
    }
}

impl<N: Network> Learner<N> {
    /// Begins a run of phases that goes on in parts; trains nothing yet.
    ///
    /// # Errors
    ///
    /// If a phase is one of another network, or there is no room for checkpoints.
    pub fn begin(&mut self, phases: &[ResolvedPhase]) -> Result<UnfinishedRun, LearnerError> {
        self.check_phases(phases)?;
        self.begin_checkpoints(phases)?;
        (self.bests, self.decision) = (Bests::default(), None);
        Ok(self.begin_from(phases, Start::of_phase(0)))
    }

    /// Begins where a [checkpoint](Self::checkpoint) of a run of these phases is, as [`resume`](Self::resume) does.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume), before anything is trained.
    pub fn begin_at_checkpoint(&mut self, phases: &[ResolvedPhase]) -> Result<UnfinishedRun, LearnerError> {
        self.check_phases(phases)?;
        let start = self.read_checkpoint(phases)?;
        Ok(self.begin_from(phases, start))
    }

    fn begin_from(&mut self, phases: &[ResolvedPhase], start: Start) -> UnfinishedRun {
        self.described.phases.extend_from_slice(phases);
        self.tell(|observer, _| {
            observer.run_started(phases);
            Flow::Continue
        });
        UnfinishedRun::new(phases, start)
    }

    /// Trains until the run is over, or `rest` says to rest between two batches; true when it is over. In parts or as a
    /// whole, a run ends with the same bytes. Nothing else may train the network or freeze it in between.
    ///
    /// ```no_run
    /// # use defrost::{Learner, LearnerError, Network};
    /// use std::time::{Duration, Instant};
    ///
    /// # fn train<N: Network>(mut learner: Learner<N>) -> Result<(), LearnerError> {
    /// let phases = learner.resolve(learner.usual_recipe(None))?;
    /// let mut run = learner.begin(&phases)?;
    /// let rest = || {
    ///     let started = Instant::now();
    ///     move || started.elapsed() > Duration::from_millis(100)
    /// };
    /// while !learner.go_on(&mut run, rest())? {
    ///     // Do other things here.
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn go_on(
        &mut self,
        run: &mut UnfinishedRun,
        rest: impl Fn() -> bool + Send + 'static,
    ) -> Result<bool, LearnerError> {
        self.rest = Some(Box::new(rest));
        let outcome = self.train_phases(run);
        self.rest = None;
        match outcome {
            Err(LearnerError::Interrupted) if !self.is_asked_to_stop() => Ok(false),
            outcome => self.end(run, outcome).map(|()| true),
        }
    }

    /// Trains to the end of a run.
    pub(super) fn finish(&mut self, run: &mut UnfinishedRun) -> Result<(), LearnerError> {
        let outcome = self.train_phases(run);
        self.end(run, outcome)
    }

    /// Decides which weights stay. Whatever happened, what was learned before is not lost.
    fn end(&mut self, run: &UnfinishedRun, outcome: Result<(), LearnerError>) -> Result<(), LearnerError> {
        let outcome = outcome.and_then(|()| self.decide(&run.phases));
        self.end_checkpoints();
        self.restore_best();
        self.calibrate_to_best();
        ops::release_memory();
        self.tell(|observer, learner| {
            observer.run_ended(&learner.history);
            Flow::Continue
        });
        outcome
    }

    /// Trains the rest of a run's phases. After an interruption this goes on where it was.
    pub(super) fn train_phases(&mut self, run: &mut UnfinishedRun) -> Result<(), LearnerError> {
        loop {
            let (number, flow) = match &mut run.place {
                Place::Before(start) => {
                    let number = start.progress.phase;
                    let Some(phase) = run.phases.get(number) else { return Ok(()) };
                    if start.now.is_none() {
                        self.solve_first_head(phase)?;
                    }
                    self.set_plan(phase.plan.clone());
                    let start = std::mem::replace(&mut **start, Start::of_phase(number));
                    let is_new_run = number == 0 && start.now.is_none();
                    let running = Box::new(self.begin_phase(phase, start));
                    let paused =
                        if is_new_run { self.pause(&running, CheckpointTrigger::Now) } else { Ok(()) };
                    run.place = Place::In(number, running);
                    paused?;
                    continue;
                }
                Place::In(number, running) => {
                    running.go_on();
                    let outcome = self.finish_phase(running);
                    running.rest();
                    (*number, outcome?)
                }
            };
            if flow == Flow::EndRun {
                return Ok(());
            }
            run.place = Place::Before(Box::new(Start::of_phase(number + 1)));
        }
    }

    /// Interrupts a run that is to stop or to rest.
    pub(super) fn check_rest(&self) -> Result<(), LearnerError> {
        match self.rest.as_ref().is_some_and(|rest| rest()) {
            true => Err(LearnerError::Interrupted),
            false => self.check_stop(),
        }
    }
}

impl Running {
    /// Its clocks go on.
    fn go_on(&mut self) {
        (self.started, self.epoch_started) = (Instant::now(), Instant::now());
    }

    /// Keeps the seconds that its clocks have counted; they start anew when it goes on.
    fn rest(&mut self) {
        self.progress = self.progress_now();
        self.go_on();
    }
}
