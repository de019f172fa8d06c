//! The state of a run, and the commands to it.

use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use defrost::learner::{BatchLosses, Position};
use defrost::report::Report;

use super::clock::Clock;
use super::recent::Recent;

/// The step that a run is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// No batch has been trained on yet.
    GettingReady,
    /// It trains.
    Training,
    /// It will pause after the batch it is at.
    Pausing,
    /// It waits.
    Paused,
    /// It will end after the batch it is at.
    Stopping,
    /// Training is over; its result is measured and saved.
    Saving,
    /// All is over.
    Over,
}

/// A command to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// To wait.
    Pause,
    /// To go on.
    Resume,
    /// To end training and save what has been learned.
    Stop,
}

impl Step {
    /// The step after this command; none if it is too late for it.
    pub fn after(self, command: Command) -> Option<Self> {
        use Step::{GettingReady, Over, Paused, Pausing, Saving, Stopping, Training};
        match (command, self) {
            (Command::Pause, GettingReady | Training) => Some(Pausing),
            (Command::Resume, Pausing | Paused) => Some(Training),
            // It is so already.
            (Command::Pause, Pausing | Paused) | (Command::Resume, GettingReady | Training) => Some(self),
            (Command::Stop, GettingReady | Training | Pausing | Paused | Stopping) => Some(Stopping),
            (Command::Pause | Command::Resume, Stopping) | (_, Saving | Over) => None,
        }
    }
}

/// Where a run is saved.
#[derive(Clone, Debug, Serialize)]
pub struct Saved {
    /// Its report.
    pub report: String,
    /// The command that serves it.
    pub serve: String,
}

/// A snapshot of a run.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its current step.
    pub step: Step,
    /// What its report would say; another one each time that it changes.
    pub report: Arc<Report>,
    /// The last batch of the epoch that is running, and its loss.
    pub batch: Option<(Position, f64)>,
    /// The losses of all batches.
    pub losses: BatchLosses,
    /// How long it has taken and will take.
    pub clock: Clock,
    /// The validation items that are shown, once they are chosen.
    pub items: Option<Arc<Value>>,
    /// Their predictions after the last epoch.
    pub recent: Option<Arc<Recent>>,
    /// Where the run is saved, once it is.
    pub saved: Option<Saved>,
    /// Whether training ended by a command.
    pub stopped: bool,
    /// How the run ended.
    pub words: String,
}

impl Snapshot {
    /// The state before training.
    pub fn before(report: Report) -> Self {
        let clock = Clock::start(&report.plan, Instant::now());
        let report = Arc::new(report);
        let words = "The run has ended; its terminal says why.".to_owned();
        Self {
            step: Step::GettingReady,
            report,
            batch: None,
            losses: BatchLosses::default(),
            clock,
            items: None,
            recent: None,
            saved: None,
            stopped: false,
            words,
        }
    }

    /// The report, to be changed; those who have seen it keep the one they saw.
    pub fn report_mut(&mut self) -> &mut Report {
        Arc::make_mut(&mut self.report)
    }

    /// Notes the result of the run, and where it is saved.
    pub fn end(&mut self, report: Report, words: String, saved: Saved) {
        (self.step, self.report, self.words) = (Step::Over, Arc::new(report), words);
        self.saved = Some(saved);
    }

    /// The epochs of the phase that is running, as far as they are over.
    pub fn epochs_of_phase(&self) -> f64 {
        self.batch.map_or(0.0, |(place, _)| {
            (place.epoch - 1) as f64 + place.batch as f64 / place.batches.max(1) as f64
        })
    }

    /// Notes that there is no more to come.
    pub fn close(&mut self) {
        self.step = Step::Over;
    }

    /// How many epochs are over, with the part of the one that is running.
    pub fn epochs(&self) -> f64 {
        let part = self.batch.map_or(0.0, |(place, _)| place.batch as f64 / place.batches.max(1) as f64);
        self.report.epochs.len() as f64 + part
    }
}

/// What is known now, for the one who writes it and all who read it.
#[derive(Clone, Debug)]
pub struct RunState(Arc<watch::Sender<Snapshot>>);

impl RunState {
    /// With what is known at first.
    pub fn new(snapshot: Snapshot) -> Self {
        Self(Arc::new(watch::Sender::new(snapshot)))
    }

    /// The current state.
    pub fn snapshot(&self) -> Snapshot {
        self.0.borrow().clone()
    }

    /// The run's current step.
    pub fn step(&self) -> Step {
        self.0.borrow().step
    }

    /// Changes what is known.
    pub fn change(&self, change: impl FnOnce(&mut Snapshot)) {
        self.0.send_modify(change);
    }

    /// Asks something of the run; returns what it does then, or what it does that can't be changed.
    pub fn ask(&self, command: Command) -> Result<Step, Step> {
        let mut answer = Err(Step::Over);
        self.change(|snapshot| {
            answer = snapshot.step.after(command).ok_or(snapshot.step);
            snapshot.step = answer.unwrap_or(snapshot.step);
        });
        answer
    }

    /// Tells of every change from now on, and of what is known now.
    pub fn watch(&self) -> watch::Receiver<Snapshot> {
        let mut receiver = self.0.subscribe();
        receiver.mark_changed();
        receiver
    }
}

#[cfg(test)]
mod tests {
    use super::Step::{GettingReady, Over, Paused, Pausing, Saving, Stopping, Training};
    use super::*;

    #[test]
    fn what_is_asked_for_follows_from_what_is_done() {
        let all = [GettingReady, Training, Pausing, Paused, Stopping, Saving, Over];
        let after = |command| all.map(|step| step.after(command));
        let (pausing, training, stopping) = (Some(Pausing), Some(Training), Some(Stopping));
        assert_eq!(after(Command::Pause), [pausing, pausing, pausing, Some(Paused), None, None, None]);
        assert_eq!(
            after(Command::Resume),
            [Some(GettingReady), training, training, training, None, None, None]
        );
        assert_eq!(after(Command::Stop), [stopping, stopping, stopping, stopping, stopping, None, None]);
    }
}
