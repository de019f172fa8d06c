//! Measurements of a learner on its validation items, and figures.

use std::collections::BTreeMap;

use defrost::bundle::ModelConfig;
use defrost::learner::Evaluation;
use defrost::metrics::Interval;
use defrost::report::{Axis, Chart, Curve, Mark, ValidationReport, standalone};
use defrost::tabular::TableModelConfig;
use defrost::text::TextModelConfig;
use defrost::vision::ImageModelConfig;
use defrost::{LearnerError, Network, PlanSummary, Target};
use pyo3::prelude::*;
use pythonize::depythonize;
use serde::Serialize;

use crate::errors::{OrRaise as _, argument};
use crate::learner::{AnyLearner, Learner, any};
use crate::predictions::{PyInputs, answers, of_learner};
use crate::values::{Array, record, rows};

/// Metrics without the predictions.
#[derive(Serialize)]
struct Measured<'a> {
    loss: f64,
    metrics: &'a BTreeMap<String, f64>,
    intervals: BTreeMap<String, Interval>,
    confusion: Option<Vec<Vec<usize>>>,
    classes: Option<Vec<usize>>,
    labels: Option<Vec<&'a [usize]>>,
    numbers: Option<Vec<f32>>,
}

/// The labels of an item; none if it has a class or a number.
fn labels(target: &Target) -> Option<&[usize]> {
    match target {
        Target::Labels(labels) => Some(labels),
        _ => None,
    }
}

/// An evaluation for Python: the predictions as an array, and the rest as a dict.
pub fn measured<'py>(py: Python<'py>, evaluation: &Evaluation) -> PyResult<(Array<'py>, Bound<'py, PyAny>)> {
    let found: Vec<&[f32]> = evaluation.predictions.iter().map(|found| found.0.as_slice()).collect();
    let targets = evaluation.targets.iter();
    let measured = Measured {
        loss: evaluation.loss,
        metrics: &evaluation.metrics,
        intervals: evaluation.intervals(),
        confusion: evaluation.confusion(),
        classes: targets.clone().map(Target::class).collect(),
        labels: targets.clone().map(labels).collect(),
        numbers: targets.map(Target::number).collect(),
    };
    Ok((rows(py, &found)?, record(py, &measured)?))
}

#[pymethods]
impl Learner {
    /// The predictions for the validation items as the network is now, and what they measure.
    fn evaluate<'py>(&self, py: Python<'py>) -> PyResult<(Array<'py>, Bound<'py, PyAny>)> {
        let found = self.with(py, |learner| {
            any!(learner, learner => learner.evaluate().map(|found| found.calibrated(learner.reliability().temperature)))
        })?;
        measured(py, &found.or_raise()?)
    }

    /// The names of the validation items.
    fn valid_names(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |learner| {
            any!(learner, learner => (0..learner.valid().len()).map(|item| learner.valid().name(item)).collect())
        })
    }

    /// The prediction for each item now.
    fn predict<'py>(&self, py: Python<'py>, inputs: PyInputs) -> PyResult<(Array<'py>, Bound<'py, PyAny>)> {
        let inputs = inputs.read(py)?;
        let found = self.with(py, |learner| of_learner(learner, &inputs))?;
        answers(py, found)
    }

    /// What a report says of the validation items: metrics with intervals, confused classes, items with the highest losses.
    fn interpret<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let found = self.with(py, |learner| match learner {
            AnyLearner::Image(learner) => interpret::<_, ImageModelConfig>(learner),
            AnyLearner::Text(learner) => interpret::<_, TextModelConfig>(learner),
            AnyLearner::Table(learner) => interpret::<_, TableModelConfig>(learner),
        })?;
        record(py, &found.or_raise()?)
    }
}

/// What a report says of the validation items, if there are any.
fn interpret<N: Network, M: ModelConfig<Network = N>>(
    learner: &mut defrost::Learner<N>,
) -> Result<Option<ValidationReport>, LearnerError> {
    let Some(model) = learner.model::<M>().cloned() else { return Ok(None) };
    let (classes, thresholds) = (learner.classes(), learner.best_thresholds()?);
    ValidationReport::of(learner, &model, &classes, &thresholds)
}

/// A plan as an SVG figure.
#[pyfunction]
pub fn draw_plan(summary: &Bound<'_, PyAny>) -> PyResult<String> {
    let plan: PlanSummary = depythonize(summary)?;
    Ok(standalone(&defrost::report::draw_plan(&plan, &[], None)))
}

/// Curves of numbers as an SVG figure: each has a name and points.
#[pyfunction]
pub fn draw_curve(
    title: String,
    axes: (String, String),
    curves: Vec<(String, Vec<(f64, f64)>)>,
) -> PyResult<String> {
    if curves.iter().all(|(_, points)| points.is_empty()) {
        return Err(argument(format!("{title}: there is nothing to draw yet")));
    }
    let all = || curves.iter().flat_map(|(_, points)| points);
    let x = Axis::over(&axes.0, all().map(|point| point.0));
    let y = Axis::over(&axes.1, all().map(|point| point.1));
    let curves = curves.iter().map(|(name, points)| Curve {
        name: name.clone(),
        points: points.clone(),
        mark: Mark::Line,
    });
    let description = title.clone();
    let chart = Chart { title, description, x, y, bands: vec![], curves: curves.collect() };
    Ok(standalone(&chart.draw()))
}
