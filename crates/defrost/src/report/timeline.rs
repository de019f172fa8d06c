//! The phases on a time line: a row each, as long as it took, cut into its epochs.

use askama::Template;

use super::{Report, numbers};
use crate::recipe::Method;

const WIDTH: f64 = 400.0;
const ROW: f64 = 38.0;
const BAR: f64 = 14.0;
/// About the width of a character.
const CHARACTER: f64 = 6.1;

struct Row {
    y: f64,
    text_x: f64,
    anchor: &'static str,
    text: String,
    x: f64,
    width: f64,
    /// Whether everything trains in it, or only a part.
    whole: bool,
    /// Where its epochs end, the last left out.
    cuts: Vec<f64>,
    best: Option<f64>,
}

#[derive(Template)]
#[template(path = "timeline.svg", escape = "html")]
struct Drawn {
    width: f64,
    height: f64,
    bar: f64,
    description: String,
    rows: Vec<Row>,
}

/// The phases as an SVG element; phases that have not begun are as long as they were estimated, or as their epochs.
pub fn draw_timeline(report: &Report) -> String {
    let (spans, best) = (report.spans(), report.best());
    let lengths: Vec<Vec<f64>> = report
        .plan
        .phases
        .iter()
        .zip(&spans)
        .map(|(phase, span)| {
            let measured =
                report.epochs.iter().skip(span.from).take(span.run).map(|record| record.seconds.max(0.0));
            let estimate = report.estimates.iter().find(|estimate| estimate.phase == phase.name);
            let usual =
                mean(&report.epochs.iter().map(|record| record.seconds).collect::<Vec<_>>()).unwrap_or(1.0);
            let to_come = estimate.map_or(usual, |estimate| estimate.seconds / phase.epochs.max(1) as f64);
            let to_come =
                std::iter::repeat_n(to_come, span.to - span.from - span.run.min(span.to - span.from));
            measured.chain(to_come).collect()
        })
        .collect();
    let total: f64 = lengths.iter().flatten().sum::<f64>().max(1e-9);
    let x = |seconds: f64| (seconds / total * WIDTH * 10.0).round() / 10.0;
    let mut before = 0.0;
    let mut rows = vec![];
    for (index, ((phase, span), epochs)) in report.plan.phases.iter().zip(&spans).zip(&lengths).enumerate() {
        let (from, length) = (before, epochs.iter().sum::<f64>());
        let ends: Vec<f64> = epochs
            .iter()
            .scan(from, |end, epoch| {
                *end += epoch;
                Some(*end)
            })
            .collect();
        let took = if span.run == 0 {
            String::new()
        } else {
            format!(
                ", {}",
                numbers::seconds(
                    report.epochs.iter().skip(span.from).take(span.run).map(|r| r.seconds).sum()
                )
            )
        };
        let all = phase.in_words(span.planned);
        let is_part = phase.method == Method::Steps && span.run != span.planned;
        let done = if is_part { format!("{} of {all}", span.run) } else { all };
        let text = format!("{}: {done}{took}", phase.name);
        let ends_at = x(from) + text.chars().count() as f64 * CHARACTER;
        let (text_x, anchor) = if ends_at < WIDTH { (x(from), "start") } else { (x(from + length), "end") };
        let is_here = best.filter(|best| (span.from..span.from + span.run).contains(best));
        rows.push(Row {
            y: index as f64 * ROW,
            text_x,
            anchor,
            text,
            x: x(from),
            width: (x(from + length) - x(from)).max(1.0),
            whole: phase.frozen_groups.is_empty(),
            cuts: ends.iter().take(ends.len().saturating_sub(1)).map(|&end| x(end)).collect(),
            best: is_here.map(|best| {
                let place = best - span.from;
                let begin = if place == 0 { from } else { ends[place - 1] };
                x(f64::midpoint(begin, ends[place]))
            }),
        });
        before += length;
    }
    let description = rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join("; ");
    let height = rows.len() as f64 * ROW + 4.0;
    Drawn { width: WIDTH, height, bar: BAR, description, rows }
        .render()
        .expect("writing to a string never fails")
}

fn mean(numbers: &[f64]) -> Option<f64> {
    (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64)
}
