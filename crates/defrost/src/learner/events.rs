//! Events of training, for observers that watch or steer it. The time that an observer takes after a batch or an
//! epoch does not count as training: it may wait.

use serde::{Deserialize, Serialize};

use super::advice::AdviceProgress;
use super::evaluate::Evaluation;
use super::history::{EpochRecord, History};
use crate::optim::StepOptions;
use crate::recipe::ResolvedPhase;

/// Where in a phase a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The epoch in the phase, from 1.
    pub epoch: usize,
    /// Epochs in the phase.
    pub epochs: usize,
    /// The batch in the epoch, from 1.
    pub batch: usize,
    /// Batches in the epoch.
    pub batches: usize,
}

/// A batch has been trained on.
#[derive(Clone, Copy, Debug)]
pub struct BatchReport {
    /// Which.
    pub position: Position,
    /// The batch's loss.
    pub loss: f64,
}

/// The loss was NaN, and training has gone back to where the epoch began.
#[derive(Clone, Copy, Debug)]
pub struct RolledBack {
    /// Where the loss was NaN.
    pub position: Position,
    /// The factor of all rates from now on, to the end of the phase.
    pub rate_factor: f64,
}

/// An interrupted run goes on.
#[derive(Clone, Copy, Debug)]
pub struct Resumed<'a> {
    /// The place after which it goes on: the last batch trained on, 0 at an epoch's start.
    pub position: Position,
    /// Epochs of the phases before it.
    pub earlier: &'a [EpochRecord],
    /// The phase's epochs that are over.
    pub epochs: &'a [EpochRecord],
}

/// How training goes on. Of several observers, the one who wants to stop most decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Flow {
    /// As planned.
    #[default]
    Continue,
    /// With the next phase. The epoch that is running is measured first.
    EndPhase,
    /// Not at all. The epoch that is running is measured first.
    EndRun,
}

/// Something that watches or steers training. Every method does nothing unless implemented. It goes with its learner where that is
/// sent to another thread.
pub trait Observer: Send {
    /// Phases are about to run.
    fn run_started(&mut self, _phases: &[ResolvedPhase]) {}

    /// A phase begins. In a run that goes on, its rates may be fractions of those planned.
    fn phase_started(&mut self, _phase: &ResolvedPhase) {}

    /// An interrupted run goes on in the phase that has just begun. An observer that decides by past epochs has to
    /// take it from here.
    fn resumed(&mut self, _event: &Resumed<'_>) {}

    /// An epoch begins, counted from 1, or goes on.
    fn epoch_started(&mut self, _epoch: usize, _epochs: usize) {}

    /// A batch is about to be trained on, at these rates and this momentum, which may be changed.
    fn batch_started(&mut self, _position: &Position, _settings: &mut StepOptions) {}

    /// A batch has been trained on.
    fn batch_ended(&mut self, _report: &BatchReport) -> Flow {
        Flow::Continue
    }

    /// The loss was NaN: the epoch starts again at lower rates.
    fn rolled_back(&mut self, _event: &RolledBack) {}

    /// An epoch has been trained, and the network has predicted all validation items. [`epoch_ended`](Self::epoch_ended) follows.
    fn evaluated(&mut self, _record: &EpochRecord, _evaluation: &Evaluation) {}

    /// An epoch has been trained and evaluated.
    fn epoch_ended(&mut self, _record: &EpochRecord) -> Flow {
        Flow::Continue
    }

    /// A checkpoint could not be written, for this reason; the one before stays, and no further one is tried.
    fn checkpoint_failed(&mut self, _reason: &str) {}

    /// A phase has ended.
    fn phase_ended(&mut self, _name: &str) {}

    /// An [advice](crate::Learner::advise) has come so far.
    fn advising(&mut self, _progress: &AdviceProgress) {}

    /// All phases have ended; the network is that of the best epoch.
    fn run_ended(&mut self, _history: &History) {}
}
