//! `defrost check DATA`

use std::io::Write as _;
use std::path::Path;

use defrost::check::{Problem, Report, Severity};
use defrost::{Reading, files};

use super::print_json;
use crate::Outcome;
use crate::args::{CheckArguments, Task};
use crate::domain::{Domain, for_domain};
use crate::failure::{Blame, Failure};
use crate::remedies::{note, worded};
use crate::show::thousands;
use crate::terminal::name;
use crate::training;

/// At most this many problems of a kind are shown to people; `--json` lists them all.
const EXAMPLES: usize = 3;

/// Shows what is wrong with data; fails if items are lost or measures would be wrong.
pub fn check(arguments: &CheckArguments) -> Outcome {
    for_domain!(Task::of_data(&arguments.data, &arguments.options)?, check_on(arguments))
}

fn check_on<D: Domain>(arguments: &CheckArguments) -> Outcome {
    training::start_threads(arguments.options.threads)?;
    if let Some(path) = &arguments.show_batch {
        let png = D::show_batch(&arguments.options, &arguments.data)?.to_png().or_failure()?;
        files::write_atomically(path, |file| file.write_all(&png)).or_usage()?;
        eprintln!("the first training batch: {}", path.display());
    }
    let report = worded(D::check(&arguments.options, &arguments.data)?);
    if let Some(path) = &arguments.left_out {
        write_left_out(path, &report)?;
    }
    match arguments.json {
        true => print_json(&report)?,
        false => {
            report.reading.iter().flat_map(Reading::lines).for_each(|line| println!("{line}"));
            report.reading.iter().flat_map(Reading::notes).for_each(|text| println!("note: {}", note(text)));
            print!("{}: {}", arguments.data.display(), summary(&report, D::ITEMS));
        }
    }
    if report.has_errors() { Err(Failure::Found) } else { Ok(()) }
}

/// Writes a line for each item that is left out.
fn write_left_out(path: &Path, report: &Report) -> Result<(), Failure> {
    files::write_atomically(path, |file| {
        let mut writer = csv::Writer::from_writer(file);
        writer.write_record(["item", "kind", "reason"])?;
        for Problem { path, kind, detail, .. } in &report.left_out {
            writer.write_record([path.as_str(), *kind, detail.as_str()])?;
        }
        writer.flush()
    })
    .or_usage()
}

/// What was found, a paragraph a kind.
fn summary(report: &Report, items: &str) -> String {
    let labels = match report.classes.len() {
        0 => "a number to predict".to_owned(),
        classes => format!("{classes} classes"),
    };
    let (train, valid) = (thousands(report.items.train), thousands(report.items.valid));
    let mut text = format!("{train} {items} to train on, {valid} to validate, {labels}\n");
    let of_a_kind = |a: &Problem, b: &Problem| (a.severity, a.kind) == (b.severity, b.kind);
    for problems in report.problems.chunk_by(of_a_kind) {
        let Problem { kind, severity, .. } = problems[0];
        let word = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let count = report.counts.get(kind).copied().unwrap_or(0);
        text += &format!("\n{word}: {kind}, {}\n", thousands(count));
        for Problem { path, detail, .. } in &problems[..problems.len().min(EXAMPLES)] {
            text += &format!("  {}: {detail}\n", name(path));
        }
        if count > EXAMPLES {
            text += &format!("  and {} more; --json lists them\n", thousands(count - EXAMPLES));
        }
    }
    match report.problems.is_empty() {
        true => text + "no problems found\n",
        false => text,
    }
}
