//! Runs side by side, as a page.

use std::collections::HashMap;

use askama::Template;

use super::page::PAGE_STYLE;
use super::verdict::{Bars, Row};
use super::{Comparison, PredictedItem, Report, numbers};
use crate::learner::Gain;

/// At most this many items of a side are listed.
const LISTED: usize = 30;

/// A run to compare.
#[derive(Clone, Copy, Debug)]
pub struct ComparedRun<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its report.
    pub report: &'a Report,
    /// Its predictions for the validation items.
    pub predictions: &'a [PredictedItem],
}

#[derive(Template)]
#[template(path = "comparison.html")]
struct Page<'a> {
    style: &'static str,
    title: String,
    bars: Bars,
    runs: Vec<RunRow<'a>>,
    pairs: Vec<Pair<'a>>,
}

struct RunRow<'a> {
    name: &'a str,
    network: &'a str,
    items: String,
    trained: String,
    rates: String,
}

struct Pair<'a> {
    title: String,
    sentence: String,
    first: &'a str,
    second: &'a str,
    sides: [Side<'a>; 2],
}

/// The items that one run alone is right on.
struct Side<'a> {
    title: String,
    rows: Vec<[&'a str; 4]>,
    more: usize,
}

/// A page of runs side by side, and of the first beside each other one; `comparisons` are those with the first.
pub fn comparison_page(runs: &[ComparedRun<'_>], comparisons: &[Option<Comparison>]) -> String {
    let metric = runs.first().and_then(|run| run.report.result()).map_or("loss", |(metric, _)| metric);
    let pairs = runs.iter().skip(1).zip(comparisons).map(|(run, found)| pair(&runs[0], run, found.as_ref()));
    let page = Page {
        style: PAGE_STYLE,
        title: runs.iter().map(|run| run.name).collect::<Vec<_>>().join(", "),
        bars: Bars::of(metric, runs.iter().filter_map(|run| bar(run, metric)).collect()),
        runs: runs.iter().map(run_row).collect(),
        pairs: pairs.collect(),
    };
    page.render().expect("writing to a string never fails")
}

fn bar(run: &ComparedRun<'_>, metric: &str) -> Option<Row> {
    let validation = run.report.validation.as_ref()?;
    let value = if metric == "loss" { validation.loss } else { *validation.metrics.get(metric)? };
    let range = validation.intervals.get(metric).map(|interval| [interval.low, interval.high]);
    Some(Row { name: run.name.to_owned(), value, range, seconds: run.report.seconds(), kept: false })
}

fn run_row<'a>(run: &ComparedRun<'a>) -> RunRow<'a> {
    let Report { about, plan, .. } = run.report;
    let rates = plan.phases.iter().filter_map(|phase| {
        let highest = phase.lr_max.iter().copied().filter(|&rate| rate > 0.0);
        let (low, high) = (highest.clone().reduce(f64::min)?, highest.reduce(f64::max)?);
        let rates = if low < high { format!("{} to ", numbers::rate(low)) } else { String::new() };
        Some(format!("{} {rates}{}", phase.name, numbers::rate(high)))
    });
    RunRow {
        name: run.name,
        network: &plan.arch,
        items: format!("{} + {} {}", about.train, about.valid, about.items),
        trained: run.report.trained(),
        rates: rates.collect::<Vec<_>>().join(", "),
    }
}

fn pair<'a>(first: &ComparedRun<'a>, second: &ComparedRun<'a>, found: Option<&Comparison>) -> Pair<'a> {
    let are_numbers = first.report.about.classes.is_empty();
    let side = |run: &ComparedRun<'a>, better: &[String]| {
        let word = if are_numbers { "is nearer in" } else { "alone is right in" };
        Side {
            title: format!("{} {word} {}", run.name, better.len()),
            rows: rows(first, second, better),
            more: better.len().saturating_sub(LISTED),
        }
    };
    let (first_better, second_better) =
        found.map_or((&[][..], &[][..]), |found| (&found.first_better, &found.second_better));
    Pair {
        title: format!("{} beside {}", second.name, first.name),
        sentence: found.map_or_else(
            || "They have no validation item in common, so they can't be compared.".to_owned(),
            |found| sentence(found, are_numbers),
        ),
        first: first.name,
        second: second.name,
        sides: [side(second, second_better), side(first, first_better)],
    }
}

fn sentence(Comparison { items, gain, .. }: &Comparison, are_numbers: bool) -> String {
    let Gain { value, low, high } = gain;
    let difference = match are_numbers {
        true => {
            format!("its mean error is smaller by {value:.4} ({low:.4} to {high:.4} with 95 % confidence)")
        }
        false => {
            let [value, low, high] = [value, low, high].map(|share| 100.0 * share);
            format!("{value:+.1} points ({low:+.1} to {high:+.1} with 95 % confidence)")
        }
    };
    let clear = match gain.is_better() {
        Some(true) => "It is better.",
        Some(false) => "It is worse.",
        None => "These items can't tell which is better.",
    };
    format!("On the {items} validation items of both: {difference}. {clear}")
}

/// Name, label and both predictions of these items.
fn rows<'a>(first: &ComparedRun<'a>, second: &ComparedRun<'a>, items: &[String]) -> Vec<[&'a str; 4]> {
    let by_name = |run: &ComparedRun<'a>| -> HashMap<&'a str, &'a PredictedItem> {
        run.predictions.iter().map(|item| (item.item.as_str(), item)).collect()
    };
    let (of_first, of_second) = (by_name(first), by_name(second));
    let row = |name: &String| {
        let (a, b) = (of_first.get(name.as_str())?, of_second.get(name.as_str())?);
        Some([a.item.as_str(), a.label.as_str(), a.prediction.as_str(), b.prediction.as_str()])
    };
    items.iter().take(LISTED).filter_map(row).collect()
}
