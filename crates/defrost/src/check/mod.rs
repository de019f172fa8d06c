//! What is wrong with data, found before any training.
//!
//! A domain looks at its items and lists what it finds; what holds for items of any kind (the same item twice,
//! classes of few items, class names that look alike) is found here. A report lists the worst first.

mod classes;
mod duplicates;

use std::collections::BTreeMap;

use serde::Serialize;

pub use classes::{few_items, look_alikes};
pub use duplicates::duplicates;

use crate::data::{Dataset, Fingerprint, Skipped, Target, Variant};
use crate::reading::Reading;
use crate::remedy::Remedy;

/// At most this many problems of a kind are listed; the rest is counted.
pub const LISTED: usize = 10_000;

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Items are lost, or what training measures would be wrong.
    Error,
    /// Training can cope with it; a person should know.
    Warning,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Where: a file, a file and a line, a class, a column.
    pub path: String,
    /// A word for it, stable for machines, as `duplicate`.
    pub kind: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong, for people.
    pub detail: String,
    /// What can be done about it.
    #[serde(skip)]
    pub remedy: Option<Remedy>,
    /// Whether an item is left out for it.
    #[serde(skip)]
    pub leaves_out: bool,
}

impl Problem {
    /// A problem that loses items or makes metrics wrong.
    pub fn error(path: impl Into<String>, kind: &'static str, detail: impl Into<String>) -> Self {
        Self { severity: Severity::Error, ..Self::warning(path, kind, detail) }
    }

    /// A problem that training can cope with.
    pub fn warning(path: impl Into<String>, kind: &'static str, detail: impl Into<String>) -> Self {
        let (path, detail) = (path.into(), detail.into());
        Self { path, kind, severity: Severity::Warning, detail, remedy: None, leaves_out: false }
    }

    /// The same, with what can be done about it.
    #[must_use]
    pub fn with(self, remedy: Remedy) -> Self {
        Self { remedy: Some(remedy), ..self }
    }
}

impl From<Skipped> for Problem {
    /// An item that can't be read is lost.
    fn from(skipped: Skipped) -> Self {
        let problem = Self::error(skipped.path.display().to_string(), skipped.kind, skipped.reason);
        Self { leaves_out: true, ..problem }
    }
}

/// Which side of the split an item is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// It is trained on.
    Train,
    /// It is validated on.
    Valid,
}

/// An item that can be used.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is called: a path, a file and a line.
    pub name: String,
    /// Which side of the split it is on.
    pub part: Part,
    /// Its label.
    pub target: Target,
    /// Of its content: equal for items that are the same.
    pub content: Fingerprint,
}

impl Entry {
    /// The items of a part of the data, as a network sees them.
    pub fn all(data: &dyn Dataset, part: Part) -> impl Iterator<Item = Self> + '_ {
        (0..data.len()).map(move |item| Self {
            name: data.name(item),
            part,
            target: data.target(item),
            content: data.fingerprint(item, Variant::Original),
        })
    }
}

/// How many items can be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ItemCounts {
    /// To train on.
    pub train: usize,
    /// To validate on.
    pub valid: usize,
}

/// What a check has found.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// What was understood of the data; nothing where it is in memory.
    pub reading: Option<Reading>,
    /// Class names; none where labels are numbers.
    pub classes: Vec<String>,
    /// The items that can be used.
    pub items: ItemCounts,
    /// What is wrong, worst first, then by kind and path; at most [`LISTED`] of a kind.
    pub problems: Vec<Problem>,
    /// How many problems of each kind there are.
    pub counts: BTreeMap<&'static str, usize>,
    /// The problems for which an item is left out, all of them.
    #[serde(skip)]
    pub left_out: Vec<Problem>,
}

impl Report {
    /// What a domain has found, together with what holds for items of any kind. How bad it is that two items are equal
    /// though they should not be, `twins` says.
    pub fn new(classes: Vec<String>, entries: &[Entry], mut problems: Vec<Problem>, twins: Severity) -> Self {
        let train = entries.iter().filter(|entry| entry.part == Part::Train).count();
        problems.extend(duplicates(entries, &classes, twins));
        problems.extend(few_items(entries, &classes));
        problems.extend(look_alikes(&classes));
        Self { classes, items: ItemCounts { train, valid: entries.len() - train }, ..Self::of(problems) }
    }

    /// Problems alone, of data that is none.
    pub fn of(mut problems: Vec<Problem>) -> Self {
        let order = |problem: &Problem| (problem.severity, problem.kind);
        problems.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.path.cmp(&b.path)));
        let left_out = problems.iter().filter(|problem| problem.leaves_out).cloned().collect();
        let mut counts = BTreeMap::new();
        problems.retain(|problem| {
            let count = counts.entry(problem.kind).or_insert(0);
            *count += 1;
            *count <= LISTED
        });
        Self { problems, counts, left_out, ..Self::default() }
    }

    /// The same of data that was read so.
    #[must_use]
    pub fn with_reading(self, reading: Option<Reading>) -> Self {
        Self { reading, ..self }
    }

    /// Whether there is a problem that loses items or makes metrics wrong.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An item whose content is `content`.
    pub fn entry(name: &str, part: Part, class: usize, content: &str) -> Entry {
        let content = Fingerprint::of(&[content.as_bytes()]);
        Entry { name: name.to_owned(), part, target: Target::Class(class), content }
    }

    #[test]
    fn the_worst_comes_first_and_long_lists_are_cut() {
        let many = (0..LISTED + 5).map(|n| Problem::warning(format!("{n:06}"), "tiny", ""));
        let worse = [Problem::error("b", "empty", ""), Problem::error("a", "empty", "")];
        let report = Report::of(many.chain(worse).collect());
        let first: Vec<&str> = report.problems[..3].iter().map(|problem| problem.path.as_str()).collect();
        assert_eq!(first, ["a", "b", "000000"]);
        assert_eq!(report.problems.len(), LISTED + 2);
        assert_eq!(report.counts, BTreeMap::from([("empty", 2), ("tiny", LISTED + 5)]));
        assert!(report.has_errors() && !Report::default().has_errors());
    }
}
