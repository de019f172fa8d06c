//! What a command says of the data before it begins.

use std::path::Path;

use defrost::report::Problems;

use super::report_reading;
use crate::domain::Data;
use crate::remedies;
use crate::show::tell;

/// Says how the data was understood, and warns of items that are left out.
pub fn report_data(data: &Data, items: &str, root: &Path) {
    report_reading(data.report.reading.as_ref());
    for note in &data.notes {
        tell!("note: {}", remedies::note(note));
    }
    let (train, valid, left_out) = (data.train.len(), data.valid.len(), data.skipped.len());
    if let Some(first) = data.skipped.first() {
        let all = train + valid + left_out;
        eprintln!("warning: left out: {left_out} of {all} {items}; the first: {first}");
    }
    let labels = match data.classes.len() {
        0 => "a number to predict".to_owned(),
        classes => format!("{classes} classes"),
    };
    tell!("{}: {train} {items} to train on, {valid} to validate, {labels}", root.display());
}

/// Says which kinds of problems the data has, besides items that can't be read.
pub fn report_problems(problems: &[Problems], skipped: usize) {
    let count: usize = problems.iter().map(|problems| problems.count).sum();
    if count > skipped {
        let kinds: Vec<&str> = problems.iter().map(|problems| problems.kind.as_str()).collect();
        tell!(
            "note: a check of the data found: {}; the report and `defrost check` say where",
            kinds.join(", ")
        );
    }
}
