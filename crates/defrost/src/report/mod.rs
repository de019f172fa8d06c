//! The report of a run: what is frozen, what was learned, where it errs.
//!
//! A [`Report`] is all that a run's page shows, as data. It is kept beside the run as `report.json`, so that the page
//! can be drawn again when the data is gone. Drawing is a pure function of it, and so are the single figures: a run that
//! is not over has the phases and epochs it has had so far.

mod chart;
mod curves;
mod figure;
mod findings;
mod gather;
mod numbers;
mod page;
mod plan_drawing;
mod store;
mod timeline;

use serde::{Deserialize, Serialize};

pub use chart::{Axis, Band, Chart, Curve, Mark, Scale};
pub use curves::{curves, schedules};
pub use figure::{STYLE, standalone};
pub use findings::{Case, Findings};
pub use gather::Ended;
pub use numbers::{count, rate, seconds, share, thousands};
pub use plan_drawing::draw_plan;
pub use store::{RecordError, read, rewrite, write};
pub use timeline::draw_timeline;

use crate::data::Skipped;
use crate::interpret::Movement;
use crate::learner::{EpochRecord, PhaseQuote};
use crate::recipe::Phase;
use crate::summary::PlanSummary;

/// So many items that were left out are listed; the rest is counted.
const LISTED: usize = 50;
/// In so many steps a phase's schedule is drawn.
const COURSE: usize = 60;

/// All that is told about a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// What it was run on, and how.
    pub about: About,
    /// How far it has come.
    pub state: State,
    /// What was frozen, what trained.
    pub plan: PlanSummary,
    /// The course of rate and momentum in each phase.
    pub courses: Vec<Course>,
    /// What was measured, epoch by epoch.
    pub epochs: Vec<EpochRecord>,
    /// The measure that makes the best epoch; the validation loss where there is none.
    pub deciding: Option<String>,
    /// What the phases were expected to take, and took.
    pub quotes: Vec<PhaseQuote>,
    /// How far each stage has moved; empty as long as nothing is known.
    pub movements: Vec<Movement>,
    /// What the best epoch's network makes of the validation items.
    pub findings: Option<Findings>,
}

/// What a run is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// What the data is called.
    pub name: String,
    /// The kind of data: `vision`, `text`, `tabular`.
    pub task: String,
    /// What its items are called.
    pub items: String,
    /// Class names; none where the label is a number.
    pub classes: Vec<String>,
    /// Items that were trained on.
    pub train: usize,
    /// Items that validate.
    pub valid: usize,
    /// The first items that were left out.
    pub skipped: Vec<LeftOut>,
    /// How many were left out.
    pub skipped_count: usize,
    /// What was found about the data on the way.
    pub notes: Vec<String>,
    /// The command that made the run.
    pub command: String,
    /// Versions and settings worth knowing, by name.
    pub made_with: Vec<(String, String)>,
}

/// An item that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Which.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl About {
    /// The same, without these items.
    #[must_use]
    pub fn without(mut self, skipped: &[Skipped]) -> Self {
        let left_out = |skipped: &Skipped| LeftOut {
            path: skipped.path.display().to_string(),
            reason: skipped.reason.clone(),
        };
        self.skipped = skipped.iter().take(LISTED).map(left_out).collect();
        self.skipped_count = skipped.len();
        self
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
    /// It is over, after so many seconds in all.
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
    /// What each group's highest rate is multiplied with.
    pub rate_factors: Vec<f64>,
    /// Momentum.
    pub momentum: Vec<f64>,
}

impl Course {
    /// That of a phase.
    pub fn of(phase: &Phase) -> Self {
        let settings = (0..=COURSE).map(|step| phase.schedule.at(step as f64 / COURSE as f64));
        let (rate_factors, momentum) =
            settings.map(|setting| (setting.rate_factor, setting.momentum)).unzip();
        Self { rate_factors, momentum }
    }
}

impl Report {
    /// What is known before training.
    pub fn planned(about: About, plan: PlanSummary, phases: &[Phase]) -> Self {
        Self {
            about,
            state: State::Running { phase: 0 },
            plan,
            courses: phases.iter().map(Course::of).collect(),
            epochs: vec![],
            deciding: None,
            quotes: vec![],
            movements: vec![],
            findings: None,
        }
    }

    /// The best epoch so far, as its place in [`epochs`](Self::epochs).
    pub fn best(&self) -> Option<usize> {
        let better = |best: Option<usize>, place: usize| match best {
            Some(best)
                if !self.epochs[place].is_better_than(&self.epochs[best], self.deciding.as_deref()) =>
            {
                Some(best)
            }
            _ => Some(place),
        };
        (0..self.epochs.len()).fold(None, better)
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
