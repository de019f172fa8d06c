//! A phase as it runs, and where one starts.

use super::average::Average;
use super::checkpoint::Progress;
use super::events::Position;
use super::state::State;
use crate::platform::Instant;
use crate::recipe::ResolvedPhase;

/// A phase as it runs.
pub(super) struct Running {
    /// With its rates as they are now: lower than planned after a loss was NaN.
    pub phase: ResolvedPhase,
    pub average: Option<Average>,
    /// Where it is; its seconds are those of earlier sessions.
    pub progress: Progress,
    /// The state at the start of the epoch, while one is running.
    pub began: Option<State>,
    pub started: Instant,
    pub epoch_started: Instant,
}

impl Running {
    /// Where it is, with the seconds up to now.
    pub fn progress_now(&self) -> Progress {
        let epoch_seconds = match self.began {
            Some(_) => self.progress.epoch_seconds + self.epoch_started.elapsed().as_secs_f64(),
            None => 0.0,
        };
        Progress { phase_seconds: self.seconds(), epoch_seconds, ..self.progress }
    }

    /// The time it has taken.
    pub fn seconds(&self) -> f64 {
        self.progress.phase_seconds + self.started.elapsed().as_secs_f64()
    }

    /// The progress as observers count.
    pub fn position(&self, batches: usize) -> Position {
        let Progress { epoch, batch, .. } = self.progress;
        Position { epoch: epoch + 1, epochs: self.phase.epochs, batch, batches }
    }
}

/// Where a phase starts.
pub(super) struct Start {
    pub progress: Progress,
    /// For a run that goes on, what training had moved there, and as the epoch began.
    pub now: Option<State>,
    pub began: Option<State>,
}

impl Start {
    /// From its beginning.
    pub fn of_phase(phase: usize) -> Self {
        Self { progress: Progress::at_start_of(phase), now: None, began: None }
    }
}
