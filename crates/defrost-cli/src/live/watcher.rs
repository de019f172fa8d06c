//! The observer that notes what happens, and carries out commands between two batches.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::Duration;

use defrost::learner::{BatchReport, Flow, History, Observer, Resumed, RolledBack};
use defrost::ops::SpinGuard;
use defrost::report::State;
use defrost::{EpochRecord, ResolvedPhase};

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
    stop: Arc<AtomicBool>,
    spin_guard: HeldGuard,
}

impl Watcher {
    /// One that stops waiting when `stop` is raised.
    pub fn new(state: RunState, stop: Arc<AtomicBool>, spin_guard: HeldGuard) -> Self {
        Self { state, phase: 0, stop, spin_guard }
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
        });
        while self.state.step() == Step::Paused && !self.stop.load(Ordering::Relaxed) {
            sleep(LOOK);
        }
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
            self.phase = phase + 1;
        });
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        self.state.change(|snapshot| snapshot.report_mut().epochs = [event.earlier, event.epochs].concat());
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        self.state.change(|snapshot| {
            snapshot.batch = Some((report.position, report.loss));
            let place = snapshot.epochs();
            snapshot.losses.push(place, report.loss);
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

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        self.state.change(|snapshot| {
            snapshot.batch = None;
            snapshot.report_mut().epochs.push(record.clone());
        });
        self.apply_command()
    }

    fn run_ended(&mut self, history: &History) {
        self.state.change(|snapshot| {
            snapshot.step = Step::Saving;
            snapshot.report_mut().estimates = history.estimates().to_vec();
        });
    }
}
