//! The observer that notes what happens, and carries out commands between two batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use defrost::learner::{BatchReport, Evaluation, Flow, History, Observer, Position, Resumed, RolledBack};
use defrost::ops::SpinGuard;
use defrost::report::State;
use defrost::{EpochRecord, ResolvedPhase};

use super::recent::Watched;
use super::state::{RunState, Step};

/// How often a run that is paused looks whether it goes on.
const LOOK: Duration = Duration::from_millis(50);

/// What keeps the threads awake while training computes, shared between the command and its observer.
#[derive(Clone)]
pub struct HeldGuard(Arc<Mutex<Option<SpinGuard>>>);

impl HeldGuard {
    /// One that holds from now on.
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Some(SpinGuard::new()))))
    }

    fn hold(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(SpinGuard::new());
    }

    /// Lets the threads sleep; returns whether they were held awake.
    pub fn release(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().is_some()
    }
}

/// Writes to the state, and obeys it.
pub struct Watcher {
    state: RunState,
    /// The first phase that has not begun.
    phase: usize,
    watched: Watched,
    stop: Arc<AtomicBool>,
    spin_guard: HeldGuard,
}

impl Watcher {
    /// One that stops waiting when `stop` is raised.
    pub fn new(state: RunState, watched: Watched, stop: Arc<AtomicBool>, spin_guard: HeldGuard) -> Self {
        Self { state, phase: 0, watched, stop, spin_guard }
    }

    /// Waits while the run is paused; returns how training goes on.
    fn apply_command(&self) -> Flow {
        if self.state.step() == Step::Pausing {
            self.wait();
        }
        if self.state.step() != Step::Stopping {
            return Flow::Continue;
        }
        self.state.change(|snapshot| snapshot.stopped = true);
        Flow::EndRun
    }

    fn wait(&self) {
        let was_spinning = self.spin_guard.release();
        self.state.change(|snapshot| {
            // Unless it was to go on or to stop in this moment.
            if snapshot.step == Step::Pausing {
                snapshot.step = Step::Paused;
            }
            snapshot.clock.pause(Instant::now());
        });
        while self.state.step() == Step::Paused && !self.stop.load(Ordering::Relaxed) {
            sleep(LOOK);
        }
        self.state.change(|snapshot| snapshot.clock.resume(Instant::now()));
        if was_spinning {
            self.spin_guard.hold();
        }
    }
}

impl Observer for Watcher {
    fn run_started(&mut self, _phases: &[ResolvedPhase]) {
        self.state.change(|snapshot| {
            if snapshot.step == Step::GettingReady {
                snapshot.step = Step::Training;
            }
        });
    }

    fn phase_started(&mut self, phase: &ResolvedPhase) {
        let name = &phase.name;
        let from = self.phase;
        self.state.change(|snapshot| {
            // A run that goes on begins with a later phase than its first.
            let later = snapshot.report.plan.phases.iter().skip(from);
            let phase = from + later.take_while(|phase| phase.name != *name).count();
            snapshot.report_mut().state = State::Running { phase };
            snapshot.clock.begin(phase, 0.0, Instant::now());
            self.phase = phase + 1;
        });
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        let Position { epoch, batch, batches, .. } = event.position;
        let place = (epoch - 1) as f64 + batch as f64 / batches.max(1) as f64;
        let phase = self.phase.saturating_sub(1);
        self.state.change(|snapshot| {
            snapshot.report_mut().epochs = [event.earlier, event.epochs].concat();
            snapshot.clock.begin(phase, place, Instant::now());
        });
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        self.state.change(|snapshot| {
            snapshot.batch = Some((report.position, report.loss));
            let place = snapshot.epochs();
            snapshot.losses.push(place, report.loss);
            snapshot.clock.reach(snapshot.epochs_of_phase(), Instant::now());
        });
        self.apply_command()
    }

    fn rolled_back(&mut self, _event: &RolledBack) {
        self.state.change(|snapshot| {
            snapshot.batch = None;
            let place = snapshot.epochs();
            snapshot.losses.forget_after(place);
        });
    }

    fn evaluated(&mut self, record: &EpochRecord, evaluation: &Evaluation) {
        self.state.change(|snapshot| {
            let recent = self.watched.after(record, evaluation, snapshot.recent.as_deref());
            snapshot.recent = Some(Arc::new(recent));
        });
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        self.state.change(|snapshot| {
            snapshot.batch = None;
            snapshot.clock.reach(record.epoch as f64, Instant::now());
            snapshot.report_mut().epochs.push(record.clone());
        });
        self.apply_command()
    }

    fn run_ended(&mut self, history: &History) {
        self.state.change(|snapshot| {
            snapshot.step = Step::Saving;
            snapshot.clock.end();
            snapshot.report_mut().estimates = history.estimates().to_vec();
        });
    }
}
