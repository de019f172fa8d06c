//! The curves of a run: losses, metrics, rate and momentum.

use super::chart::{Axis, Band, Chart, Curve, Mark, Scale};
use super::{Report, Span, numbers};
use crate::learner::{BatchLosses, EpochRecord, Kept};
use crate::summary::GroupState;

/// Interrupts a curve.
const GAP: (f64, f64) = (f64::NAN, f64::NAN);

/// Loss, and the monitored metric if there is one, over the epochs so far; none before the first.
pub fn curves(report: &Report) -> Vec<Chart> {
    let over = |value: &dyn Fn(&EpochRecord) -> Option<f64>| {
        let points = report.epochs.iter().enumerate().map(|(place, record)| match value(record) {
            Some(value) => ((place + 1) as f64, value),
            None => GAP,
        });
        points.collect::<Vec<_>>()
    };
    if report.epochs.is_empty() {
        return vec![];
    }
    let curve = |name: &str, points| Curve { name: name.to_owned(), points, mark: Mark::DottedLine };
    let loss = vec![
        curve("validation", over(&|record| Some(record.valid_loss))),
        curve("training", over(&|record| Some(record.train_loss))),
    ];
    let mut charts = vec![chart(report, "Loss", "loss", loss)];
    for name in ["accuracy", "f1", "mae", "rmse"] {
        let is_measured = report.epochs.iter().any(|record| record.metrics.contains_key(name));
        let is_wanted = match &report.monitored {
            Some(monitored) => monitored == name,
            None => name == "mae",
        };
        if is_measured && is_wanted {
            let points = over(&|record| record.metrics.get(name).copied());
            charts.push(chart(report, &title(name), name, beside_what_is_kept(report, name, points)));
        }
    }
    charts
}

/// A metric after each epoch; if the weights that are kept are of no epoch, theirs as well.
fn beside_what_is_kept(report: &Report, metric: &str, points: Vec<(f64, f64)>) -> Vec<Curve> {
    let decision = report.decision.as_ref();
    let of_no_epoch = decision
        .filter(|decision| decision.kept == Kept::Between && decision.metric_name == metric)
        .and_then(|decision| decision.between.as_ref());
    let Some(between) = of_no_epoch else {
        return vec![Curve { name: String::new(), points, mark: Mark::DottedLine }];
    };
    let kept = vec![(0.0, between.metric), (report.epochs.len() as f64, between.metric)];
    vec![
        Curve { name: "after each epoch".to_owned(), points, mark: Mark::DottedLine },
        Curve { name: "kept, between".to_owned(), points: kept, mark: Mark::Line },
    ]
}

/// The losses of batches as training saw them, and their running average.
pub fn batch_losses(report: &Report, losses: &BatchLosses) -> Chart {
    let curve = |name: &str, points: Vec<(f64, f64)>, mark| Curve { name: name.to_owned(), points, mark };
    let curves = vec![
        curve("smoothed", losses.smoothed(), Mark::Line),
        curve("each batch", losses.points().to_vec(), Mark::Faint),
    ];
    chart(report, "Training loss, batch by batch", "loss", curves)
}

/// The rate of each group that trains and momentum, over all epochs of the plan; none if the courses are not known.
pub fn schedules(report: &Report) -> Vec<Chart> {
    if report.courses.len() != report.plan.phases.len() || report.courses.is_empty() {
        return vec![];
    }
    let spans = report.spans();
    let rates = report.plan.groups.iter().filter_map(|group| {
        let mut points = vec![];
        for ((phase, course), span) in report.plan.phases.iter().zip(&report.courses).zip(&spans) {
            if let GroupState::Trains(rate) = phase.state_of(group.index) {
                points
                    .extend(course_points(&course.rate_factors, span).map(|(x, factor)| (x, factor * rate)));
            }
            points.push(GAP);
        }
        let name = format!("{} {}", group.index, group.name);
        points.iter().any(|(x, _)| x.is_finite()).then_some(Curve { name, points, mark: Mark::Line })
    });
    let momentum = report
        .courses
        .iter()
        .zip(&spans)
        .flat_map(|(course, span)| course_points(&course.momentum, span).chain([GAP]));
    let momentum = Curve { name: String::new(), points: momentum.collect(), mark: Mark::Line };
    vec![
        chart(report, "Learning rate of each group", "rate", rates.collect()),
        chart(report, "Momentum", "momentum", vec![momentum]),
    ]
}

/// A course over the part of its phase that was run or is to be run.
fn course_points(course: &[f64], span: &Span) -> impl Iterator<Item = (f64, f64)> {
    let (from, to) = (span.from as f64, span.to as f64);
    let step = span.planned as f64 / (course.len().max(2) - 1) as f64;
    course
        .iter()
        .enumerate()
        .map(move |(index, value)| (from + index as f64 * step, *value))
        .filter(move |(x, _)| *x <= to + 1e-9)
}

/// A chart over epochs, with the phases behind it.
fn chart(report: &Report, title: &str, label: &str, curves: Vec<Curve>) -> Chart {
    let spans = report.spans();
    let last = spans.last().map_or(0, |span| span.to).max(report.epochs.len());
    let bands = report.plan.phases.iter().zip(&spans).map(|(phase, span)| Band {
        name: phase.name.clone(),
        from: span.from as f64,
        to: span.to as f64,
    });
    let values = curves.iter().flat_map(|curve| curve.points.iter().map(|point| point.1));
    let y = Axis::over(label, values).rounded();
    let said = curves.iter().filter_map(|curve| {
        let mut finite = curve.points.iter().map(|point| point.1).filter(|value| value.is_finite());
        let first = finite.next()?;
        let last = finite.next_back().unwrap_or(first);
        let name = if curve.name.is_empty() { label } else { &curve.name };
        Some(match first == last {
            true => format!("{name} is {}", numbers::number(first)),
            false => format!("{name} goes from {} to {}", numbers::number(first), numbers::number(last)),
        })
    });
    let description = said.collect::<Vec<_>>().join("; ");
    let x = Axis { label: "epoch".to_owned(), range: (0.0, last.max(1) as f64), scale: Scale::Whole };
    Chart { title: title.to_owned(), description, x, y, bands: bands.collect(), curves }
}

/// A measure's name as a title.
fn title(name: &str) -> String {
    match name {
        "accuracy" => "Accuracy on validation items".to_owned(),
        "f1" => "F1 on validation items".to_owned(),
        "mae" => "Mean absolute error on validation items".to_owned(),
        other => format!("{other} on validation items"),
    }
}
