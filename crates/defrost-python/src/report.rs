//! The report of a learner.

use std::path::{Path, PathBuf};

use defrost::bundle::ModelConfig;
use defrost::files;
use defrost::learner::LearnerError;
use defrost::ops::isa_level;
use defrost::report::{self, About, Ended, PredictedItem, RecordError, Report};
use defrost::tabular::TableModelConfig;
use defrost::text::TextModelConfig;
use defrost::vision::ImageModelConfig;
use defrost::{Network, PlanSummary};
use pyo3::prelude::*;

use crate::errors::{Blamed, OrRaise as _};
use crate::learner::{AnyLearner, Learner};

/// What the package knows of a run.
#[derive(Clone, FromPyObject)]
#[pyo3(from_item_all)]
pub struct RunWords {
    /// The data's name.
    name: String,
    /// The name of its items, in the plural.
    items: String,
    /// The calls that made the run.
    calls: String,
}

/// The facts about a run.
fn about<N: Network, M: ModelConfig<Network = N>>(
    learner: &defrost::Learner<N>,
    model: &M,
    words: RunWords,
) -> About {
    let kernels = isa_level().map_or("unknown", |level| level.name());
    let made_with = [
        ("defrost", env!("CARGO_PKG_VERSION").to_owned()),
        ("number format", model.precision().name().to_owned()),
        ("kernels", kernels.to_owned()),
        ("threads", defrost::platform::threads().to_string()),
        ("seed", learner.options().seed.to_string()),
        ("batch", learner.options().batch_size.to_string()),
    ];
    About {
        name: words.name,
        task: M::TASK.to_owned(),
        items: words.items,
        classes: learner.classes(),
        train: learner.train_items(),
        valid: learner.valid().len(),
        problems: None,
        reading: vec![],
        notes: learner.notes().iter().map(ToString::to_string).collect(),
        command: words.calls,
        made_with: made_with.map(|(name, value)| (name.to_owned(), value)).to_vec(),
    }
}

/// The report of what the learner has been trained to.
fn report<N: Network, M: ModelConfig<Network = N>>(
    learner: &mut defrost::Learner<N>,
    words: RunWords,
    start: &defrost::weights::Tensors,
    seconds: f64,
) -> Result<Option<Report>, LearnerError> {
    let Some(model) = learner.model::<M>().cloned() else { return Ok(None) };
    let phases = learner.phases().to_vec();
    let plan: PlanSummary = learner.summary();
    let thresholds = learner.best_thresholds()?;
    let planned = Report::planned(about(learner, &model, words), plan, &phases);
    planned.ended(learner, &model, &Ended { seconds, early: None, start, thresholds: &thresholds }).map(Some)
}

impl Learner {
    fn draw(&self, py: Python<'_>, words: RunWords) -> PyResult<Report> {
        let seconds = self.made.elapsed().as_secs_f64();
        let start = &self.start;
        let found = self.with(py, |learner| match learner {
            AnyLearner::Image(learner) => report::<_, ImageModelConfig>(learner, words, start, seconds),
            AnyLearner::Text(learner) => report::<_, TextModelConfig>(learner, words, start, seconds),
            AnyLearner::Table(learner) => report::<_, TableModelConfig>(learner, words, start, seconds),
        })?;
        Ok(found.or_raise()?.expect("every learner of this module has its model"))
    }
}

#[pymethods]
impl Learner {
    /// The report as a page.
    fn report(&self, py: Python<'_>, words: RunWords) -> PyResult<String> {
        Ok(self.draw(py, words)?.to_html())
    }

    /// Writes what the command writes beside a saved network: the report, the history and the predictions; returns the page.
    fn write_report(&self, py: Python<'_>, folder: PathBuf, words: RunWords) -> PyResult<PathBuf> {
        let report = self.draw(py, words)?;
        self.with(py, |learner| {
            crate::learner::any!(learner, learner => {
                let thresholds = learner.best_thresholds().or_raise()?;
                let predictions = PredictedItem::all(learner, &thresholds).or_raise()?;
                write(&folder, learner, &report, &predictions).map_err(Blamed::raised)
            })
        })?
    }
}

fn write<N: Network>(
    folder: &Path,
    learner: &defrost::Learner<N>,
    report: &Report,
    predictions: &[PredictedItem],
) -> Result<PathBuf, RecordError> {
    let history = learner.history().to_csv();
    files::write_atomically(&folder.join("history.csv"), |file| {
        std::io::Write::write_all(file, history.as_bytes())
    })?;
    report::write_predictions(folder, learner, predictions)?;
    report::write(folder, report)
}
