//! A saved run that predicts.

use std::path::PathBuf;
use std::sync::Mutex;

use defrost::TrainedModel;
use defrost::export::ExportOptions;
use defrost::weights::collect;
use pyo3::prelude::*;

use crate::engine::{compute, lock};
use crate::errors::OrRaise as _;
use crate::learner::kind;
use crate::predictions::{PyInputs, answers, of_model};
use crate::results::measured;
use crate::values::{Array, record, state};

/// The saved run behind the package's `Model`. Its lock is only waited for where Python's is free: who holds it may want that one.
#[pyclass(module = "defrost._defrost", frozen)]
pub struct Model {
    /// Boxed, as a learner is.
    run: Box<Mutex<TrainedModel>>,
    task: String,
    classes: Vec<String>,
    predicts: &'static str,
}

/// Does the same with a run of any kind.
macro_rules! any {
    ($model:expr, $run:ident => $do:expr) => {
        match $model {
            TrainedModel::Image($run) => $do,
            TrainedModel::Text($run) => $do,
            TrainedModel::Table($run) => $do,
        }
    };
}

#[pymethods]
impl Model {
    /// Loads a run: its folder, or the file it was packed into.
    #[staticmethod]
    fn open(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let run = compute(py, || defrost::Learner::load(&path))?.or_raise()?;
        let (task, classes) = (run.task().to_owned(), run.classes().to_vec());
        let predicts = any!(&run, run => kind(run.manifest.loss.kind()));
        Ok(Self { run: Mutex::new(run).into(), task, classes, predicts })
    }

    /// The kind of its data: `vision`, `text` or `table`.
    fn task(&self) -> &str {
        &self.task
    }

    /// The names of its classes or labels; none where it gives a number.
    fn classes(&self) -> Vec<String> {
        self.classes.clone()
    }

    /// What it predicts: `class`, `labels` or `number`.
    fn predicts(&self) -> &'static str {
        self.predicts
    }

    /// The plan it was trained under.
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let plan = compute(py, || any!(&*lock(&self.run), run => run.manifest.plan.clone()))?;
        record(py, &plan)
    }

    /// The epochs of its training.
    fn history<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let epochs = compute(py, || any!(&*lock(&self.run), run => run.manifest.epochs.clone()))?;
        record(py, &epochs)
    }

    /// The prediction for each item.
    fn predict<'py>(&self, py: Python<'py>, inputs: PyInputs) -> PyResult<(Array<'py>, Bound<'py, PyAny>)> {
        let inputs = inputs.read(py)?;
        let found = compute(py, || of_model(&lock(&self.run), &inputs))?;
        answers(py, found)
    }

    /// The predictions for labelled data, and what they measure.
    fn evaluate<'py>(&self, py: Python<'py>, data: PathBuf) -> PyResult<(Array<'py>, Bound<'py, PyAny>)> {
        let found = compute(py, || lock(&self.run).evaluate(&data))?.or_raise()?;
        measured(py, &found.evaluation)
    }

    /// Writes it as an ONNX file; returns the files.
    fn export(&self, py: Python<'_>, file: PathBuf) -> PyResult<Vec<PathBuf>> {
        let exported = compute(py, || lock(&self.run).export(&file, &ExportOptions::default()))?;
        Ok(exported.or_raise()?.files)
    }

    /// The network's tensors by name.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Vec<(String, Array<'py>)>> {
        let tensors = compute(py, || any!(&*lock(&self.run), run => collect(run.network())))?;
        state(py, &tensors)
    }
}
