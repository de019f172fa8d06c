//! What happens while a run trains, kept until the worker asks for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use defrost::learner::{AdviceProgress, BatchReport, Flow, Observer, RolledBack};
use defrost::{EpochRecord, ResolvedPhase};
use serde::Serialize;

use crate::words::report_advising;

/// Something that has happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// A phase begins.
    Phase { name: String },
    /// A batch has been trained on.
    Batch { epoch: usize, epochs: usize, batch: usize, batches: usize, loss: f64 },
    /// An epoch has been measured.
    Epoch { record: EpochRecord },
    /// The loss was NaN, and the epoch starts again at lower rates.
    RolledBack,
}

/// What has happened since the worker last asked, and whether the run is to end early. Clones share it.
#[derive(Clone, Default)]
pub struct Events {
    happened: Arc<Mutex<Vec<Event>>>,
    stop: Arc<AtomicBool>,
}

impl Events {
    /// Takes what has happened.
    pub fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.happened.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks the run to end after this batch and to keep the best of what there is, or not to.
    pub fn end_early(&self, stop: bool) {
        self.stop.store(stop, Ordering::Relaxed);
    }

    /// Whether it is to end early.
    pub fn ends_early(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn push(&self, event: Event) {
        self.happened.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    fn flow(&self) -> Flow {
        if self.ends_early() { Flow::EndRun } else { Flow::Continue }
    }
}

impl Observer for Events {
    fn phase_started(&mut self, phase: &ResolvedPhase) {
        self.push(Event::Phase { name: phase.name.clone() });
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        let BatchReport { position, loss } = *report;
        let (epoch, epochs, batch, batches) =
            (position.epoch, position.epochs, position.batch, position.batches);
        self.push(Event::Batch { epoch, epochs, batch, batches, loss });
        self.flow()
    }

    /// Says so at once: the worker that asked for an advice hears nothing else before the end.
    fn advising(&mut self, progress: &AdviceProgress) {
        report_advising(&progress.doing, progress.used as f64, progress.passes as f64);
    }

    fn rolled_back(&mut self, _event: &RolledBack) {
        self.push(Event::RolledBack);
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        self.push(Event::Epoch { record: record.clone() });
        self.flow()
    }
}
