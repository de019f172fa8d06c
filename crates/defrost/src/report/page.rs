//! A report as a page: one file without scripts that works offline; or its sections alone, for another page.

use std::collections::BTreeSet;

use askama::Template;

use super::advice_section::AdviceSection;
use super::answers::Answered;
use super::errors_section::ErrorsSection;
use super::example_views::Listing;
use super::numbers::{self, measure, thousands};
use super::verdict::Verdict;
use super::{
    About, Chart, Problems, Report, State, TrainingItem, batch_losses, curves, draw_plan, draw_timeline,
    schedules,
};
use crate::data::Preview;
use crate::learner::{Decision, EpochRecord, Kept};
use crate::recipe::Method;
use crate::summary::{GroupState, GroupSummary, PhaseSummary};

/// How pages look, and the figures on them.
pub const PAGE_STYLE: &str =
    concat!(include_str!("../../templates/figures.css"), include_str!("../../templates/page.css"));

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    style: &'static str,
    sections: String,
}

#[derive(Template)]
#[template(path = "sections/all.html")]
struct Sections<'a> {
    report: &'a Report,
    /// The phase that is running.
    running: Option<usize>,
    lead: String,
    /// Whether thawing paid.
    choice: Option<&'a str>,
    notice: Option<String>,
    facts: Vec<Fact>,
    verdict: Option<Verdict>,
    answers: Vec<Answered>,
    plan: String,
    advice: Option<AdviceSection<'a>>,
    measured: bool,
    /// Whether the training batch is of images.
    pictured: bool,
    discriminative: bool,
    groups: Vec<GroupRow>,
    timeline: String,
    /// What the star on it marks.
    star: Option<String>,
    curves: Vec<Figure>,
    schedules: Vec<Figure>,
    metrics: Vec<String>,
    epochs: Vec<EpochRow>,
    estimates: Vec<EstimateRow>,
    validation: Option<ErrorsSection<'a>>,
    counts: String,
    problems: Option<Vec<ProblemRows<'a>>>,
}

struct Fact {
    name: String,
    value: String,
    note: String,
}

struct Figure {
    title: String,
    svg: String,
}

struct GroupRow {
    name: String,
    stages: String,
    params: String,
    phases: Vec<GroupCell>,
}

struct GroupCell {
    kind: &'static str,
    text: String,
}

struct EpochRow {
    phase: String,
    /// Its number; `best head` where that was computed.
    epoch: String,
    train_loss: String,
    valid_loss: String,
    metrics: Vec<String>,
    seconds: String,
    best: bool,
}

struct EstimateRow {
    phase: String,
    estimated: String,
    took: String,
    off: String,
    without: String,
}

struct ProblemRows<'a> {
    title: String,
    kind: &'a str,
    first: &'a [(String, String)],
    more: String,
}

impl Report {
    /// The page of this report: the same report gives the same bytes.
    pub fn to_html(&self) -> String {
        let page = Page { report: self, style: PAGE_STYLE, sections: self.sections() };
        page.render().expect("writing to a string never fails")
    }

    /// What its page shows, as HTML elements; they look as they should with [`PAGE_STYLE`]. While the run goes on, a hidden
    /// figure `batches` keeps a place for [`batch_losses`].
    pub fn sections(&self) -> String {
        let running = match self.state {
            State::Running { phase } => Some(phase),
            _ => None,
        };
        let figures = |charts: Vec<Chart>| {
            charts.iter().map(|chart| Figure { title: chart.title.clone(), svg: chart.draw() }).collect()
        };
        let metrics = self.measured();
        let about = &self.about;
        let sections = Sections {
            report: self,
            running,
            lead: self.lead(),
            choice: self.choice(),
            notice: self.notice(),
            facts: self.facts(),
            verdict: Verdict::of(self),
            answers: self.answers(),
            plan: draw_plan(&self.plan, &self.movements, running),
            advice: self.advice.as_ref().map(AdviceSection::of),
            measured: !self.movements.is_empty(),
            pictured: matches!(self.batch.first(), Some(TrainingItem { preview: Preview::Image { .. }, .. })),
            discriminative: self.plan.phases.iter().any(has_several_rates),
            groups: self.plan.groups.iter().map(|group| group_row(group, &self.plan.phases)).collect(),
            timeline: draw_timeline(self),
            star: self.star(),
            curves: figures(self.training_curves(running)),
            schedules: figures(schedules(self)),
            epochs: self.epoch_rows(&metrics),
            metrics: metrics.into_iter().map(named).collect(),
            estimates: self.estimates.iter().map(estimate_row).collect(),
            validation: ErrorsSection::of(self),
            problems: about.problems.as_ref().map(|problems| problems.iter().map(problem_rows).collect()),
            counts: self.counts(running.is_some()),
        };
        sections.render().expect("writing to a string never fails")
    }

    /// Losses and metrics; the losses of batches have a place of their own while the run goes on.
    fn training_curves(&self, running: Option<usize>) -> Vec<Chart> {
        let mut charts = curves(self);
        if running.is_none() && self.batch_losses.points().len() > 1 {
            charts.push(batch_losses(self, &self.batch_losses));
        }
        charts
    }

    fn star(&self) -> Option<String> {
        self.best()?;
        let by =
            self.monitored.as_deref().map_or("validation loss".to_owned(), |name| named(name.to_owned()));
        let [before, after] = self.sides();
        let is_weighed = self.decision.as_ref().is_some_and(Decision::is_weighed);
        let kept = match self.decision.as_ref().map(|decision| decision.kept) {
            Some(Kept::Between) => format!("; the weights kept are between {before} and {after}"),
            Some(Kept::Frozen) => format!("; the weights kept are {before}"),
            Some(Kept::Thawed) if is_weighed => format!("; the weights kept are {after}"),
            Some(Kept::Thawed | Kept::Only) | None => String::new(),
        };
        Some(format!("★ marks the best epoch by {by}{kept}"))
    }

    fn counts(&self, is_running: bool) -> String {
        let About { items, train, valid, .. } = &self.about;
        let (train, valid) = (thousands(*train), thousands(*valid));
        match is_running {
            true => format!("{train} {items} are trained on, {valid} validate."),
            false => format!("{train} {items} were trained on, {valid} validated."),
        }
    }

    fn lead(&self) -> String {
        let about = &self.about;
        let weights = format!("{}, {} weights", self.plan.arch, thousands(self.plan.total_params));
        let labels = match about.classes.len() {
            0 => "a number to predict".to_owned(),
            classes => format!("{classes} classes"),
        };
        match about.train {
            0 => format!("{weights}."),
            items => format!("{weights}, on {} {} with {labels}.", thousands(items), about.items),
        }
    }

    /// Whether thawing paid, where there was something to choose.
    pub(super) fn choice(&self) -> Option<&str> {
        let decision = self.decision.as_ref().filter(|decision| decision.kept != Kept::Only)?;
        Some(&decision.reason)
    }

    fn notice(&self) -> Option<String> {
        match &self.state {
            State::Running { phase } => {
                let name = self.plan.phases.get(*phase).map_or("", |phase| &phase.name);
                Some(format!("This run is not over: it is in phase {name}."))
            }
            State::EndedEarly { reason, .. } => Some(format!("This run ended early: {reason}.")),
            State::Finished { .. } | State::Unknown => None,
        }
    }

    fn facts(&self) -> Vec<Fact> {
        let fact = |name: &str, value: String, note: String| Fact { name: name.to_owned(), value, note };
        let mut facts = vec![];
        if let Some(best) = self.best().map(|best| &self.epochs[best]) {
            let wanted = ["accuracy", "f1", "exact_match", "mae", "rmse", "r2"];
            let metrics = self.validation.as_ref().map_or(&best.metrics, |validation| &validation.metrics);
            let found = wanted.iter().filter_map(|&name| Some((name, *metrics.get(name)?))).take(3);
            facts.extend(found.map(|(name, value)| {
                fact(&named(name.to_owned()), numbers::number(value), self.compared(name))
            }));
            let loss = self.validation.as_ref().map_or(best.valid_loss, |validation| validation.loss);
            facts.push(fact("validation loss", measure(loss), String::new()));
            let trained = match self.state {
                State::Running { .. } => format!("epochs so far: {}", self.epochs.len()),
                _ => self.phases_in_words(),
            };
            let [before, after] = self.sides();
            let is_weighed = self.decision.as_ref().is_some_and(Decision::is_weighed);
            let computed =
                |phase: &PhaseSummary| phase.name == best.phase && phase.method == Method::SolveHead;
            facts.push(match self.decision.as_ref().map(|decision| decision.kept) {
                Some(Kept::Between) => {
                    fact("weights", "between".to_owned(), format!("{before} and {after}; {trained}"))
                }
                Some(Kept::Frozen) => fact("weights", before.to_owned(), trained),
                Some(Kept::Thawed) if is_weighed => fact("weights", after.to_owned(), trained),
                _ if self.plan.phases.iter().any(computed) => fact("weights", before.to_owned(), trained),
                _ => fact("best epoch", format!("{} of {}", best.epoch, best.phase), trained),
            });
        }
        if let Some(calibration) = self.validation.as_ref().and_then(|validation| validation.calibration) {
            let [before, after] = [calibration.ece_before, calibration.ece_after].map(numbers::fraction);
            let note = format!(
                "the average distance between probabilities and how often they are right; {before} before they were scaled"
            );
            facts.push(fact("calibration error", after, note));
        }
        if let Some(seconds) = self.seconds() {
            facts.push(fact("took", numbers::seconds(seconds), String::new()));
        }
        facts
    }

    /// The interval of a metric, and what always the same answer reaches of it.
    fn compared(&self, name: &str) -> String {
        let Some(validation) = &self.validation else { return String::new() };
        let interval = validation.intervals.get(name).map(|interval| {
            format!(
                "{} to {} at 95 % confidence",
                numbers::number(interval.low),
                numbers::number(interval.high)
            )
        });
        let baseline = validation.baseline.get(name);
        let baseline = baseline
            .map(|&value| format!("{} by always saying {}", numbers::number(value), validation.always));
        interval.into_iter().chain(baseline).collect::<Vec<_>>().join("; ")
    }

    /// The names of what was measured.
    fn measured(&self) -> Vec<String> {
        let names: BTreeSet<&String> = self.epochs.iter().flat_map(|record| record.metrics.keys()).collect();
        names.into_iter().cloned().collect()
    }

    fn epoch_rows(&self, metrics: &[String]) -> Vec<EpochRow> {
        let best = self.best();
        let is_computed = |record: &EpochRecord| {
            self.plan.phases.iter().any(|one| one.name == record.phase && one.method == Method::SolveHead)
        };
        let row = |(place, record): (usize, &EpochRecord)| EpochRow {
            phase: record.phase.clone(),
            epoch: if is_computed(record) { "best head".to_owned() } else { record.epoch.to_string() },
            train_loss: measure(record.train_loss),
            valid_loss: measure(record.valid_loss),
            metrics: metrics
                .iter()
                .map(|name| record.metrics.get(name).map_or(String::new(), |&value| numbers::number(value)))
                .collect(),
            seconds: numbers::seconds(record.seconds),
            best: best == Some(place),
        };
        self.epochs.iter().enumerate().map(row).collect()
    }
}

/// A measure's name for people.
fn named(name: String) -> String {
    name.replace('_', " ")
}

fn has_several_rates(phase: &PhaseSummary) -> bool {
    let mut rates = phase.lr_max.iter().enumerate().filter(|(group, _)| !phase.frozen_groups.contains(group));
    rates.next().is_some_and(|(_, first)| rates.any(|(_, rate)| rate != first))
}

fn group_row(group: &GroupSummary, phases: &[PhaseSummary]) -> GroupRow {
    let cell = |phase: &PhaseSummary| match phase.state_of(group.index) {
        GroupState::Frozen => GroupCell { kind: "frozen", text: "frozen".to_owned() },
        GroupState::Solved => GroupCell { kind: "trains", text: "best head".to_owned() },
        GroupState::Trains(rate) => {
            GroupCell { kind: "trains", text: format!("trains {}", numbers::rate(rate)) }
        }
    };
    GroupRow {
        name: format!("{} {}", group.index, group.name),
        stages: group.stages.join(", "),
        params: thousands(group.params),
        phases: phases.iter().map(cell).collect(),
    }
}

fn problem_rows(problems: &Problems) -> ProblemRows<'_> {
    let Problems { kind, is_error, count, first } = problems;
    let what = if *is_error { "error" } else { "warning" };
    let plural = if *count == 1 { "" } else { "s" };
    let more = match count - first.len().min(*count) {
        0 => String::new(),
        more => format!("and {} more", thousands(more)),
    };
    ProblemRows { title: format!("{} {what}{plural}: {kind}", thousands(*count)), kind, first, more }
}

fn estimate_row(estimate: &crate::learner::PhaseEstimate) -> EstimateRow {
    EstimateRow {
        phase: estimate.phase.clone(),
        estimated: numbers::seconds(estimate.seconds),
        took: estimate.actual_seconds.map_or("–".to_owned(), numbers::seconds),
        off: estimate.difference().map_or("–".to_owned(), |more| {
            format!("{:.0} % {}", 100.0 * more.abs(), if more < 0.0 { "shorter" } else { "longer" })
        }),
        without: numbers::seconds(estimate.seconds_without_cache),
    }
}
