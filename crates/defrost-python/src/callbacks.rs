//! What happens in a training, handed to an object of Python's while it happens.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use defrost::learner::{AdviceProgress, BatchReport, Flow, Observer, Position, RolledBack};
use defrost::metrics::Metric;
use defrost::optim::StepOptions;
use defrost::{EpochRecord, Prediction, ResolvedPhase, Target};
use pyo3::call::PyCallArgs;
use pyo3::prelude::*;
use pythonize::pythonize;
use serde::Serialize;

use crate::engine::lock;
use crate::values::{record, rows};

/// What a learner shares with its observer.
#[derive(Clone, Default)]
pub struct Shared {
    /// Ends training after the batch.
    pub stop: Arc<AtomicBool>,
    raised: Arc<Mutex<Option<PyErr>>>,
}

impl Shared {
    /// Forgets what an earlier training left.
    pub fn clear(&self) {
        self.stop.store(false, Ordering::Relaxed);
        lock(&self.raised).take();
    }

    /// Ends training after the batch with this exception.
    fn fail(&self, error: PyErr) {
        lock(&self.raised).get_or_insert(error);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// The exception that ended training, if one did.
    pub fn raised(&self) -> Option<PyErr> {
        lock(&self.raised).take()
    }
}

/// A function of Python's as a metric: of predictions as an array, and of labels. One that raises ends training.
pub fn metric(name: String, measure: Py<PyAny>, shared: &Shared) -> Metric {
    let shared = shared.clone();
    Metric::new(name, move |predictions: &[Prediction], targets: &[Target]| {
        let measured = Python::try_attach(|py| {
            let found: Vec<&[f32]> = predictions.iter().map(|found| found.0.as_slice()).collect();
            let targets = record(py, &targets.iter().map(Plain::of).collect::<Vec<_>>())?;
            measure.bind(py).call1((rows(py, &found)?, targets))?.extract::<f64>()
        });
        match measured? {
            Ok(value) => Some(value),
            Err(error) => {
                shared.fail(error);
                None
            }
        }
    })
}

/// A label as Python has it.
#[derive(Serialize)]
#[serde(untagged)]
enum Plain<'a> {
    Class(usize),
    Labels(&'a [usize]),
    Number(f32),
}

impl<'a> Plain<'a> {
    fn of(target: &'a Target) -> Self {
        match target {
            Target::Class(class) => Self::Class(*class),
            Target::Labels(labels) => Self::Labels(labels),
            Target::Number(number) => Self::Number(*number),
        }
    }
}

/// Calls the methods of an object: one that gives `False` ends the run after measuring; one that raises ends it after the batch.
pub struct Events {
    handler: Py<PyAny>,
    shared: Shared,
    /// The rates and the momentum of the batch that is trained on.
    settings: (Vec<f64>, f64),
}

impl Events {
    pub fn new(handler: Py<PyAny>, shared: Shared) -> Self {
        Self { handler, shared, settings: (vec![], 0.0) }
    }

    fn call<A>(&self, name: &str, arguments: impl for<'py> FnOnce(Python<'py>) -> PyResult<A>) -> Flow
    where
        A: for<'py> PyCallArgs<'py>,
    {
        let outcome = Python::try_attach(|py| {
            let given = self.handler.bind(py).call_method1(name, arguments(py)?)?;
            Ok::<_, PyErr>(!given.is_none() && !given.is_truthy()?)
        });
        match outcome {
            Some(Ok(false)) | None => Flow::Continue,
            Some(Ok(true)) => Flow::EndRun,
            Some(Err(error)) => {
                self.shared.fail(error);
                Flow::Continue
            }
        }
    }
}

impl Observer for Events {
    fn phase_started(&mut self, phase: &ResolvedPhase) {
        let (name, epochs) = (phase.name.clone(), phase.epochs);
        self.call("phase_started", |_| Ok((name, epochs)));
    }

    fn epoch_started(&mut self, epoch: usize, epochs: usize) {
        self.call("epoch_started", |_| Ok((epoch, epochs)));
    }

    fn batch_started(&mut self, _: &Position, settings: &mut StepOptions) {
        self.settings = (settings.rates.clone(), settings.momentum);
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        let (Position { batch, batches, .. }, loss) = (report.position, report.loss);
        let (rates, momentum) = self.settings.clone();
        self.call("batch_ended", |_| Ok((batch, batches, loss, rates, momentum)))
    }

    fn rolled_back(&mut self, event: &RolledBack) {
        let factor = event.rate_factor;
        self.call("rolled_back", |_| Ok((factor,)));
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        self.call("epoch_ended", |py| Ok((pythonize(py, record)?.unbind(),)))
    }

    fn checkpoint_failed(&mut self, reason: &str) {
        let reason = reason.to_owned();
        self.call("checkpoint_failed", |_| Ok((reason,)));
    }

    fn phase_ended(&mut self, name: &str) {
        let name = name.to_owned();
        self.call("phase_ended", |_| Ok((name,)));
    }

    fn advising(&mut self, progress: &AdviceProgress) {
        let text = progress.doing.clone();
        self.call("advising", |_| Ok((text,)));
    }
}
