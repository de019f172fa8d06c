//! Training a learner.

use std::path::PathBuf;

use defrost::learner::{AdviseOptions, Budget, CheckpointOptions, LrFindOptions};
use defrost::report::{draw_rates, sketch_rates};
use defrost::{FineTune, Recipe, Schedule};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::errors::{OrRaise as _, argument};
use crate::learner::{AnyLearner, Learner, any};
use crate::options::{RecipeOptions, rates};
use crate::values::record;

impl Learner {
    /// Trains under the current plan.
    fn run_schedule(&self, py: Python<'_>, epochs: usize, lr: &str, schedule: Schedule) -> PyResult<()> {
        let rates = rates(lr)?;
        let fit = |learner: &mut AnyLearner| any!(learner, learner => learner.fit_scheduled(epochs, rates, schedule));
        self.with(py, fit)?.or_raise()
    }
}

#[pymethods]
impl Learner {
    /// Trains at constant rates.
    fn fit(&self, py: Python<'_>, epochs: usize, lr: &str) -> PyResult<()> {
        self.run_schedule(py, epochs, lr, Schedule::Constant)
    }

    /// Trains warming up and annealing.
    fn fit_one_cycle(
        &self,
        py: Python<'_>,
        epochs: usize,
        lr: &str,
        shape: (f64, f64, f64),
        momentum: [f64; 3],
    ) -> PyResult<()> {
        let (div_factor, final_div_factor, pct_start) = shape;
        let schedule = Schedule::OneCycle { div_factor, final_div_factor, pct_start, momentum };
        self.run_schedule(py, epochs, lr, schedule)
    }

    /// Trains flat, then annealing.
    fn fit_flat_cos(
        &self,
        py: Python<'_>,
        epochs: usize,
        lr: &str,
        final_div_factor: f64,
        flat: f64,
    ) -> PyResult<()> {
        self.run_schedule(py, epochs, lr, Schedule::FlatCos { flat, final_div_factor })
    }

    /// Trains in cosine cycles.
    fn fit_sgdr(&self, py: Python<'_>, cycles: u32, first: usize, lr: &str, factor: usize) -> PyResult<()> {
        let schedule = Schedule::Restarts { cycles, factor: factor as f64 };
        self.run_schedule(py, Schedule::restart_epochs(first, cycles, factor), lr, schedule)
    }

    /// fastai's recipe.
    fn fine_tune(
        &self,
        py: Python<'_>,
        epochs: usize,
        lr: &str,
        freeze_epochs: usize,
        shape: (f64, f64, f64),
    ) -> PyResult<()> {
        let (rates, (rate_spread, pct_start, div_factor)) = (rates(lr)?, shape);
        let usual = FineTune::new(epochs);
        let recipe = FineTune { freeze_epochs, rates, rate_spread, pct_start, div_factor, ..usual };
        self.with(py, |learner| any!(learner, learner => learner.fine_tune(recipe)))?.or_raise()
    }

    /// Trains as the command does, with checkpoints in a folder if there is one; or resumes from there.
    fn train(
        &self,
        py: Python<'_>,
        options: &Bound<'_, PyDict>,
        checkpoints: Option<PathBuf>,
        resume: bool,
        accept_changes: bool,
    ) -> PyResult<()> {
        let options = options.extract::<RecipeOptions>()?;
        let epochs = options.epochs;
        let usual = self.with(py, |learner| any!(learner, learner => learner.usual_recipe(epochs)))?;
        let recipe: Recipe = options.read(usual)?;
        let train = |learner: &mut AnyLearner| {
            any!(learner, learner => {
                let phases = learner.resolve(recipe)?;
                if let Some(folder) = checkpoints {
                    learner.checkpoint(CheckpointOptions { accept_changes, ..CheckpointOptions::new(folder) });
                }
                match resume {
                    true => learner.resume(&phases),
                    false => learner.run(&phases),
                }
            })
        };
        self.with(py, train)?.or_raise()
    }

    /// Keeps no more checkpoints, and removes that of a run that is saved.
    fn end_checkpoints(&self, py: Python<'_>, saved: bool) -> PyResult<()> {
        let end = |learner: &mut AnyLearner| {
            any!(learner, learner => {
                let discarded = if saved { learner.discard_checkpoint() } else { Ok(()) };
                learner.checkpoint(None);
                discarded
            })
        };
        self.with(py, end)?.or_raise()
    }

    /// Why the frozen or the thawed network was kept, if that was decided.
    fn decision<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let decision = self.with(py, |learner| any!(learner, learner => learner.decision().cloned()))?;
        record(py, &decision)
    }

    /// The epochs so far, and the best one if the last run chose one.
    fn history<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (epochs, best) = self.with(py, |learner| {
            any!(learner, learner => (learner.history().records().to_vec(), learner.best().cloned()))
        })?;
        Ok((record(py, &epochs)?, record(py, &best)?))
    }

    /// Tries rising rates: the points and suggestions, a figure of them, and a sketch in characters.
    fn lr_find<'py>(
        &self,
        py: Python<'py>,
        start: f64,
        end: f64,
        steps: usize,
    ) -> PyResult<(Bound<'py, PyAny>, String, String)> {
        if !(start > 0.0 && end > start) {
            return Err(argument(format!("start_lr={start:e}, end_lr={end:e}: rates rise from above 0")));
        }
        let options = LrFindOptions { start, end, steps };
        let found =
            self.with(py, |learner| any!(learner, learner => learner.lr_find(&options)))?.or_raise()?;
        Ok((record(py, &found)?, draw_rates(&found), sketch_rates(&found)))
    }

    /// Measures what to freeze: the advice, and a page of it.
    fn advise<'py>(
        &self,
        py: Python<'py>,
        seconds: Option<f64>,
        items: String,
    ) -> PyResult<(Bound<'py, PyAny>, String)> {
        let budget = seconds.map_or(Budget::OneTraining, Budget::Seconds);
        let advise = |learner: &mut AnyLearner| {
            let can_cut = matches!(learner, AnyLearner::Image(_));
            let options = AdviseOptions { budget, recipe: None, can_cut, items };
            any!(learner, learner => learner.advise(&options))
        };
        let advice = self.with(py, advise)?.or_raise()?;
        Ok((record(py, &advice)?, defrost::report::advice_page(&advice, "these data")))
    }
}
