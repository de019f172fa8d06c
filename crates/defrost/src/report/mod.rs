//! The report of a run: what was frozen, what was learned, and the errors.
//!
//! A [`Report`] is all that a run's page shows, as data. It is kept beside the run as `report.json`, so that the page
//! can be drawn again when the data is gone. Drawing is a pure function of it, and so are the single figures: a run that
//! is not over has the phases and epochs it has had so far.

mod advice_section;
mod answers;
mod chart;
mod comparison;
mod comparison_page;
mod curves;
mod errors_section;
mod example_views;
mod examples;
mod figure;
mod file_link;
mod gather;
mod numbers;
mod page;
mod plan_drawing;
mod predictions;
mod rate_curve;
mod store;
mod suspects;
mod timeline;
mod training_batch;
mod validation;
mod verdict;

use serde::{Deserialize, Serialize};

pub use advice_section::{advice_page, advice_section};
pub use chart::{Axis, Band, Chart, Curve, Mark, Scale};
pub use comparison::Comparison;
pub use comparison_page::{ComparedRun, comparison_page};
pub use curves::{batch_losses, curves, schedules};
pub use examples::{CellExamples, ExampleResult};
pub use figure::{STYLE, standalone};
pub use gather::Ended;
pub use numbers::{count, fraction, rate, seconds, thousands};
pub use page::PAGE_STYLE;
pub use plan_drawing::draw_plan;
pub use predictions::{PredictedItem, read_predictions, write_predictions};
pub use rate_curve::{draw_rates, sketch_rates};
pub use store::{RecordError, note_export, read, rewrite, write};
pub use timeline::draw_timeline;
pub use training_batch::TrainingItem;
pub use validation::ValidationReport;

use crate::check::{self, Problem, Severity};
use crate::interpret::Movement;
use crate::learner::{Advice, BatchLosses, Decision, EpochRecord, Kept, PhaseEstimate};
use crate::metrics::Interval;
use crate::recipe::{Method, ResolvedPhase};
use crate::summary::{PhaseSummary, PlanSummary};

/// At most this many problems of a kind are shown; the rest is counted.
const SHOWN: usize = 20;
/// A phase's schedule is drawn in this many steps.
const COURSE: usize = 60;

/// Everything that a report shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The data, the command and the environment.
    pub about: About,
    /// How far it has come.
    pub state: State,
    /// The plan: which groups were frozen and which trained.
    pub plan: PlanSummary,
    /// The course of rate and momentum in each phase.
    pub courses: Vec<Course>,
    /// The measurements of each epoch.
    pub epochs: Vec<EpochRecord>,
    /// The metric that makes the best epoch; the validation loss where there is none.
    #[serde(alias = "deciding")]
    pub monitored: Option<String>,
    /// The phases' estimated and actual seconds.
    #[serde(alias = "quotes")]
    pub estimates: Vec<PhaseEstimate>,
    /// How far each stage has moved; empty as long as nothing is known.
    pub movements: Vec<Movement>,
    /// The advice measured before training, with `--advise`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Advice>,
    /// Which weights the run ended with, and why; nothing of runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// The best epoch's predictions for the validation items.
    #[serde(alias = "findings")]
    pub validation: Option<ValidationReport>,
    /// The losses of the batches that were trained on; nothing of runs of earlier versions.
    #[serde(default)]
    pub batch_losses: BatchLosses,
    /// Items of a batch as training saw them; nothing of runs of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub batch: Vec<TrainingItem>,
    /// What it was exported to, and how the answers there compared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<ExportEntry>,
}

/// A file that a run was exported to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportEntry {
    /// The file.
    pub file: String,
    /// What its answers were compared with, and how far they were apart.
    pub compared: String,
}

/// The facts about a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// The data's name.
    pub name: String,
    /// The kind of data: `vision`, `text`, `tabular`.
    pub task: String,
    /// The name of its items, in the plural.
    pub items: String,
    /// Class names; none where the label is a number.
    pub classes: Vec<String>,
    /// Items that were trained on.
    pub train: usize,
    /// Items that validate.
    pub valid: usize,
    /// What a check of the data has found, worst first; none if there was no check.
    pub problems: Option<Vec<Problems>>,
    /// What was understood of the data, in lines; nothing of runs of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reading: Vec<String>,
    /// What was found about the data on the way.
    pub notes: Vec<String>,
    /// The command that made the run.
    pub command: String,
    /// Versions and settings worth knowing, by name.
    pub made_with: Vec<(String, String)>,
}

/// All that is wrong with data in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problems {
    /// A word for it.
    pub kind: String,
    /// Whether it loses items or makes metrics wrong.
    pub is_error: bool,
    /// How many there are.
    pub count: usize,
    /// The first of them: where, and what is wrong there.
    pub first: Vec<(String, String)>,
}

impl Problems {
    /// Those that a check has found, kind by kind.
    pub fn of(check: &check::Report) -> Vec<Self> {
        let of_a_kind = |a: &Problem, b: &Problem| (a.severity, a.kind) == (b.severity, b.kind);
        let problems = |problems: &[Problem]| {
            let Problem { kind, severity, .. } = problems[0];
            let first = problems.iter().take(SHOWN);
            Self {
                kind: kind.to_owned(),
                is_error: severity == Severity::Error,
                count: check.counts.get(kind).copied().unwrap_or(problems.len()),
                first: first.map(|problem| (problem.path.clone(), problem.detail.clone())).collect(),
            }
        };
        check.problems.chunk_by(of_a_kind).map(problems).collect()
    }
}

/// How far a run has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is in this phase, counted from 0.
    Running {
        /// Which.
        phase: usize,
    },
    /// It is over; the seconds it took in all.
    Finished {
        /// Seconds, setting up included.
        seconds: f64,
    },
    /// It ended before its last phase did.
    EndedEarly {
        /// Seconds, setting up included.
        seconds: f64,
        /// Why.
        reason: String,
    },
    /// An earlier version did not tell.
    Unknown,
}

/// How rate and momentum move in a phase: settings at equal distances from its start to its end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// The factor of each group's highest rate.
    pub rate_factors: Vec<f64>,
    /// Momentum.
    pub momentum: Vec<f64>,
}

impl Course {
    /// That of a phase.
    pub fn of(phase: &ResolvedPhase) -> Self {
        let settings = (0..=COURSE).map(|step| phase.schedule.at(step as f64 / COURSE as f64));
        let (rate_factors, momentum) = settings.map(|hyper| (hyper.rate_factor, hyper.momentum)).unzip();
        Self { rate_factors, momentum }
    }
}

impl Report {
    /// The state before training.
    pub fn planned(about: About, plan: PlanSummary, phases: &[ResolvedPhase]) -> Self {
        Self {
            about,
            state: State::Running { phase: 0 },
            plan,
            courses: phases.iter().map(Course::of).collect(),
            epochs: vec![],
            monitored: None,
            estimates: vec![],
            movements: vec![],
            advice: None,
            decision: None,
            validation: None,
            batch_losses: BatchLosses::default(),
            batch: vec![],
            exports: vec![],
        }
    }

    /// The best epoch so far, as its place in [`epochs`](Self::epochs).
    pub fn best(&self) -> Option<usize> {
        let better = |best: Option<usize>, place: usize| match best {
            Some(best)
                if !self.epochs[place].is_better_than(&self.epochs[best], self.monitored.as_deref()) =>
            {
                Some(best)
            }
            _ => Some(place),
        };
        (0..self.epochs.len()).fold(None, better)
    }

    /// The metric that tells how good the run is: its name, and its value on the validation items. The one by which its weights were
    /// chosen, or else the one that made the best epoch, or the loss.
    pub fn result(&self) -> Option<(&str, f64)> {
        let validation = self.validation.as_ref()?;
        let chosen = self.decision.as_ref().map(|decision| decision.metric_name.as_str());
        let named = chosen.into_iter().chain(self.monitored.as_deref());
        let found = named.filter_map(|name| Some((name, *validation.metrics.get(name)?))).next();
        Some(found.unwrap_or(("loss", validation.loss)))
    }

    /// The interval of that result.
    pub fn interval(&self) -> Option<Interval> {
        let (name, _) = self.result()?;
        self.validation.as_ref()?.intervals.get(name).copied()
    }

    /// The phases that were trained and the weights that were kept, in a few words: `best head, thawed 4 epochs; between is kept`.
    pub fn trained(&self) -> String {
        let kept = self.decision.as_ref().and_then(|decision| match decision.kept {
            Kept::Only => None,
            Kept::Frozen => Some("frozen"),
            Kept::Thawed => Some("thawed"),
            Kept::Between => Some("between"),
        });
        self.phases_in_words() + &kept.map_or_else(String::new, |kept| format!("; {kept} is kept"))
    }

    /// `best head, thawed 4 epochs`.
    fn phases_in_words(&self) -> String {
        let phase = |(phase, span): (&PhaseSummary, &Span)| {
            let work = phase.in_words(span.to - span.from);
            if phase.method == Method::Steps { format!("{} {work}", phase.name) } else { work }
        };
        let phases: Vec<String> = self.plan.phases.iter().zip(&self.spans()).map(phase).collect();
        phases.join(", ")
    }

    /// The seconds that it took, once it is over.
    pub fn seconds(&self) -> Option<f64> {
        match self.state {
            State::Finished { seconds } | State::EndedEarly { seconds, .. } => Some(seconds),
            State::Running { .. } | State::Unknown => None,
        }
    }

    /// Epochs that are over or still to come.
    pub fn epochs_in_all(&self) -> usize {
        self.spans().last().map_or(0, |span| span.to)
    }

    /// Where each phase lies on the axis of epochs that are over or planned: from, to, and the epochs that were run. A
    /// phase that ended early is as long as it was.
    fn spans(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = vec![];
        let mut epochs = self.epochs.iter().peekable();
        for (index, phase) in self.plan.phases.iter().enumerate() {
            let mut run = 0;
            // Phases may share a name; the epochs of each begin at 1.
            while run < phase.epochs
                && epochs.peek().is_some_and(|record| record.phase == phase.name && record.epoch == run + 1)
            {
                epochs.next();
                run += 1;
            }
            let over = match self.state {
                State::Running { phase } => index < phase,
                _ => true,
            };
            let from = spans.last().map_or(0, |span| span.to);
            spans.push(Span {
                from,
                to: from + if over { run } else { phase.epochs },
                run,
                planned: phase.epochs,
            });
        }
        spans
    }
}

/// Where a phase lies on an axis of epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: usize,
    to: usize,
    /// Epochs that are over.
    run: usize,
    planned: usize,
}

#[cfg(test)]
mod tests;
