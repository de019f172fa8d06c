//! The measurements of an advice, as a section of a report or a page of its own.

use askama::Template;

use super::numbers::{self, measure};
use super::page::PAGE_STYLE;
use super::{Axis, Chart, Curve, Mark, Scale};
use crate::learner::{Advice, CurvePoint, Depth, Gain, Trial};

/// The data of the template.
pub(super) struct AdviceSection<'a> {
    pub sentences: &'a [String],
    pub command: &'a str,
    pub depths: Option<String>,
    pub curve: Option<String>,
    pub trials: Vec<Row>,
    pub probes: Vec<Row>,
    pub cost: String,
    pub metric: &'a str,
}

/// A row of a table.
pub(super) struct Row {
    pub name: String,
    pub metric: String,
    pub interval: String,
    pub gain: String,
    pub note: String,
}

#[derive(Template)]
#[template(path = "sections/advice.html")]
struct Section<'a> {
    advice: AdviceSection<'a>,
}

#[derive(Template)]
#[template(path = "advice.html")]
struct Page<'a> {
    name: &'a str,
    style: &'static str,
    advice: AdviceSection<'a>,
}

/// A page of an advice about data of this name: the same advice gives the same bytes.
pub fn advice_page(advice: &Advice, name: &str) -> String {
    let page = Page { name, style: PAGE_STYLE, advice: AdviceSection::of(advice) };
    page.render().expect("writing to a string never fails")
}

/// The same as one HTML element, for another page.
pub fn advice_section(advice: &Advice) -> String {
    Section { advice: AdviceSection::of(advice) }.render().expect("writing to a string never fails")
}

impl<'a> AdviceSection<'a> {
    pub fn of(advice: &'a Advice) -> Self {
        let Advice { metric_name, depths, together, trials, data_curve, budget, .. } = advice;
        let mut probes: Vec<Row> = depths.iter().map(probe_row).collect();
        probes.extend(together.iter().map(|together| Row {
            name: "all together".to_owned(),
            metric: measure(together.metric),
            interval: interval(together.low, together.high),
            gain: difference(Some(together.gain)),
            note: numbers::thousands(together.features),
        }));
        Self {
            sentences: &advice.advice,
            command: &advice.command,
            depths: (depths.len() > 1).then(|| depth_chart(metric_name, depths).draw()),
            curve: (data_curve.len() > 1).then(|| data_chart(metric_name, data_curve).draw()),
            trials: trials.iter().map(trial_row).collect(),
            probes,
            cost: format!(
                "It took {} and {} of {} passes: a pass is one item forward through the whole network.",
                numbers::seconds(budget.seconds_used),
                numbers::thousands(budget.passes_used as usize),
                numbers::thousands(budget.passes as usize)
            ),
            metric: metric_name,
        }
    }
}

fn probe_row(depth: &Depth) -> Row {
    Row {
        name: depth.stage.clone(),
        metric: measure(depth.metric),
        interval: interval(depth.low, depth.high),
        gain: difference(Some(depth.gain)),
        note: numbers::thousands(depth.features),
    }
}

fn trial_row(trial: &Trial) -> Row {
    let epochs = if trial.epochs == 1 { "1 epoch".to_owned() } else { format!("{} epochs", trial.epochs) };
    Row {
        name: trial.plan.clone(),
        metric: measure(trial.metric),
        interval: interval(trial.low, trial.high),
        gain: difference(trial.gain),
        note: format!(
            "{} items, {epochs}, {}",
            numbers::thousands(trial.items),
            numbers::seconds(trial.seconds)
        ),
    }
}

fn interval(low: f64, high: f64) -> String {
    format!("{} to {}", measure(low), measure(high))
}

fn difference(gain: Option<Gain>) -> String {
    gain.map_or_else(String::new, |Gain { value, low, high }| {
        format!("{value:+.4} ({low:+.4} to {high:+.4})")
    })
}

/// A measure and its interval over some axis.
fn chart(title: &str, x: Axis, y: &str, points: &[(f64, f64, f64, f64)]) -> Chart {
    let line = |name: &str, mark, of: fn(&(f64, f64, f64, f64)) -> f64| Curve {
        name: name.to_owned(),
        points: points.iter().map(|point| (point.0, of(point))).collect(),
        mark,
    };
    Chart {
        title: title.to_owned(),
        description: format!("{y} at {} points, with intervals at 95 %", points.len()),
        x,
        y: Axis::over(y, points.iter().flat_map(|point| [point.2, point.3])).rounded(),
        bands: vec![],
        curves: vec![
            line(y, Mark::DottedLine, |point| point.1),
            line("low", Mark::Line, |point| point.2),
            line("high", Mark::Line, |point| point.3),
        ],
    }
}

fn depth_chart(metric: &str, depths: &[Depth]) -> Chart {
    let number = |place: usize| (place + 1) as f64;
    let points: Vec<_> = depths
        .iter()
        .enumerate()
        .map(|(place, depth)| (number(place), depth.metric, depth.low, depth.high))
        .collect();
    let x = Axis { scale: Scale::Whole, ..Axis::over("depth", [1.0, depths.len() as f64]) };
    chart("What is known at each depth", x, metric, &points)
}

fn data_chart(metric: &str, curve: &[CurvePoint]) -> Chart {
    let points: Vec<_> =
        curve.iter().map(|point| (point.items as f64, point.metric, point.low, point.high)).collect();
    let x = Axis::over("training items", [0.0, points.iter().map(|point| point.0).fold(0.0, f64::max)]);
    chart("What more data brings", x, metric, &points)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{AdvisedPlan, Spent};

    #[test]
    fn a_page_shows_what_was_measured_and_escapes_names() {
        let gain = Gain { value: 0.03, low: -0.01, high: 0.07 };
        let depth = |stage: &str, metric| Depth {
            stage: stage.to_owned(),
            features: 1280,
            metric,
            low: metric - 0.1,
            high: metric + 0.1,
            gain,
        };
        let point = |fraction, items, metric| CurvePoint {
            fraction,
            items,
            metric,
            low: metric - 0.1,
            high: metric + 0.1,
            draws: 1,
        };
        let trial = Trial {
            plan: "from <b>".to_owned(),
            choice: AdvisedPlan::Thaw { groups: vec![1] },
            metric: 0.81,
            low: 0.7,
            high: 0.9,
            gain: Some(gain),
            seconds: 12.0,
            items: 1500,
            epochs: 1,
            finished: true,
        };
        let mut advice = Advice {
            metric_name: "accuracy".to_owned(),
            budget: Spent {
                seconds: None,
                seconds_per_pass: None,
                passes: 12_000,
                passes_used: 9_000,
                seconds_used: 31.0,
            },
            depths: vec![depth("early", 0.5), depth("late", 0.8)],
            together: None,
            trials: vec![trial],
            data_curve: vec![point(0.5, 10, 0.7), point(1.0, 20, 0.8)],
            more_data: Some(gain),
            advice: vec!["Train <this>.".to_owned()],
            plan: AdvisedPlan::HeadOnly,
            command: "defrost train data --epochs 0".to_owned(),
        };
        let page = advice_page(&advice, "a & b");
        assert!(page.contains(&advice_section(&advice)));
        for shown in [
            "a &#38; b",
            "Train &#60;this&#62;.",
            "from &#60;b&#62;",
            "1,500 items, 1 epoch, 12.0 s",
            "+0.0300 (-0.0100 to +0.0700)",
            "defrost train data --epochs 0",
            "9,000 of 12,000 passes",
        ] {
            assert!(page.contains(shown), "{shown}: {page}");
        }
        assert_eq!(page.matches("<svg ").count(), 2);
        (advice.depths, advice.data_curve) = (vec![], vec![]);
        let page = advice_page(&advice, "table");
        assert!(!page.contains("<svg ") && !page.contains("A probe of each depth"), "{page}");
    }
}
