//! `defrost compare RUN RUN…`

use std::io::Write as _;

use serde_json::{Value, json};

use defrost::files;
use defrost::learner::Gain;
use defrost::report::{ComparedRun, Comparison, PredictedItem, comparison_page, read_predictions};

use super::print_json;
use crate::Outcome;
use crate::args::CompareArguments;
use crate::failure::{Blame, Failure};
use crate::run::Overview;
use crate::show::seconds;

/// Shows runs side by side, and compares each with the first, item by item.
pub fn compare(arguments: &CompareArguments) -> Outcome {
    let runs: Vec<Overview> =
        arguments.runs.iter().map(|run| Overview::of(run)).collect::<Result<_, _>>().or_usage()?;
    let predictions: Vec<Vec<PredictedItem>> =
        arguments.runs.iter().map(|run| read_predictions(run)).collect::<Result<_, _>>().or_usage()?;
    let are_numbers = runs[0].is_of_numbers();
    if let Some(other) = runs.iter().find(|run| run.is_of_numbers() != are_numbers) {
        return Err(Failure::usage(format!(
            "{} and {}: one predicts numbers and the other classes; they can't be compared",
            runs[0].run, other.run
        )));
    }
    let compared: Vec<Option<Comparison>> =
        predictions[1..].iter().map(|other| Comparison::of(&predictions[0], other, are_numbers)).collect();
    if let Some(file) = &arguments.html {
        let of = runs.iter().zip(&predictions).map(|(run, predictions)| ComparedRun {
            name: &run.run,
            report: &run.report,
            predictions,
        });
        let page = comparison_page(&of.collect::<Vec<_>>(), &compared);
        files::write_atomically(file, |to| to.write_all(page.as_bytes())).or_usage()?;
    }
    if arguments.json {
        let pairs =
            runs[1..].iter().zip(&compared).map(|(run, comparison)| pair_json(&runs[0], run, comparison));
        return print_json(&json!({
            "runs": runs.iter().map(Overview::json).collect::<Vec<_>>(),
            "pairs": pairs.collect::<Vec<_>>(),
        }));
    }
    for (place, run) in runs.iter().enumerate() {
        lines(place + 1, run).iter().for_each(|line| println!("{line}"));
    }
    for (place, comparison) in compared.iter().enumerate() {
        println!();
        pair_lines(place + 2, comparison.as_ref(), are_numbers).iter().for_each(|line| println!("{line}"));
    }
    Ok(())
}

/// The path of a run, its plan and its result.
fn lines(number: usize, run: &Overview) -> [String; 3] {
    let about = &run.report.about;
    let took = run.report.seconds().map_or_else(String::new, |took| format!(", after {}", seconds(took)));
    let (arch, items) = (&run.report.plan.arch, &about.items);
    [
        format!("{number}  {}", run.run),
        format!("   {arch}, {} + {} {items}: {}", about.train, about.valid, run.report.trained()),
        format!("   {}{took}", run.result().unwrap_or_else(|| "no result is kept".to_owned())),
    ]
}

/// How a run does beside the first.
fn pair_lines(number: usize, comparison: Option<&Comparison>, are_numbers: bool) -> Vec<String> {
    let Some(Comparison { items, gain, first_better, second_better }) = comparison else {
        return vec![format!(
            "{number} beside 1: they have no validation item in common, so they can't be compared"
        )];
    };
    let verdict = match gain.is_better() {
        Some(true) => "better",
        Some(false) => "worse",
        None => "these items can't tell",
    };
    let Gain { value, low, high } = gain;
    let measure = match are_numbers {
        true => format!("mean error smaller by {value:.4} ({low:.4} to {high:.4})"),
        false => {
            let [value, low, high] = [value, low, high].map(|share| 100.0 * share);
            format!("{value:+.1} points ({low:+.1} to {high:+.1})")
        }
    };
    let alone = |who: usize, better: &[String]| {
        let word = if are_numbers { "nearer in" } else { "right in" };
        let such = better.first().map_or_else(String::new, |name| format!(", such as {name}"));
        format!("   {word} {who} alone: {}{such}", better.len())
    };
    vec![
        format!("{number} beside 1, on the {items} validation items of both: {measure}: {verdict}"),
        alone(number, second_better),
        alone(1, first_better),
    ]
}

fn pair_json(first: &Overview, second: &Overview, comparison: &Option<Comparison>) -> Value {
    let found = comparison.as_ref();
    json!({
        "first": first.run,
        "second": second.run,
        "items": found.map_or(0, |found| found.items),
        "gain": found.map(|found| found.gain),
        "first_better": found.map(|found| &found.first_better),
        "second_better": found.map(|found| &found.second_better),
    })
}
