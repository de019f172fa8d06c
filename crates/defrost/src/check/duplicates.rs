//! The same item more than once.

use std::collections::HashMap;

use super::{Entry, Part, Problem, Severity};
use crate::data::{Fingerprint, Target};

/// Items that are the same as one before them, the training items being first. An item with a twin on the other
/// side of the split makes validation too good, one with another label can't be learned: how bad that is `severity`
/// says, for rows of a few columns may be equal without being copies.
pub fn duplicates(entries: &[Entry], classes: &[String], severity: Severity) -> Vec<Problem> {
    let mut firsts: HashMap<Fingerprint, &Entry> = HashMap::new();
    let mut problems = vec![];
    for entry in in_order(entries) {
        let first = *firsts.entry(entry.content).or_insert(entry);
        if std::ptr::eq(first, entry) {
            continue;
        }
        let same = format!("the same as {}", first.name);
        if first.target != entry.target {
            let [label, other] = [entry, first].map(|entry| label(&entry.target, classes));
            let detail = format!("{same}, but labelled {label} and the other {other}");
            problems
                .push(Problem { severity, ..Problem::warning(&entry.name, "conflicting-labels", detail) });
        }
        if first.part != entry.part {
            let detail = format!("{same}, which is trained on: it makes validation look too good");
            problems.push(Problem {
                severity,
                ..Problem::warning(&entry.name, "duplicate-across-split", detail)
            });
        } else if first.target == entry.target {
            problems.push(Problem::warning(&entry.name, "duplicate", same));
        }
    }
    problems
}

/// The items to train on, then those to validate on.
fn in_order(entries: &[Entry]) -> impl Iterator<Item = &Entry> {
    [Part::Train, Part::Valid]
        .into_iter()
        .flat_map(|part| entries.iter().filter(move |entry| entry.part == part))
}

/// A label as a person reads it.
fn label(target: &Target, classes: &[String]) -> String {
    let name = |class: &usize| classes.get(*class).map_or("?", String::as_str);
    match target {
        Target::Class(class) => name(class).to_owned(),
        Target::Labels(labels) if labels.is_empty() => "nothing".to_owned(),
        Target::Labels(labels) => labels.iter().map(name).collect::<Vec<_>>().join(" "),
        Target::Number(number) => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    fn found(entries: &[Entry]) -> Vec<(String, &'static str, String)> {
        let classes = ["cat", "dog"].map(str::to_owned);
        let problems = duplicates(entries, &classes, Severity::Error).into_iter();
        problems.map(|problem| (problem.path, problem.kind, problem.detail)).collect()
    }

    #[test]
    fn twins_are_named_with_the_one_that_trains() {
        let entries = [
            entry("v", Part::Valid, 0, "x"),
            entry("a", Part::Train, 0, "x"),
            entry("b", Part::Train, 0, "x"),
            entry("c", Part::Train, 0, "y"),
        ];
        let across = "the same as a, which is trained on: it makes validation look too good";
        let expected = [("b", "duplicate", "the same as a"), ("v", "duplicate-across-split", across)];
        assert_eq!(found(&entries), expected.map(|(a, b, c)| (a.to_owned(), b, c.to_owned())));
    }

    #[test]
    fn one_item_with_two_labels_is_a_conflict() {
        let entries = [entry("a", Part::Train, 0, "x"), entry("b", Part::Train, 1, "x")];
        let detail = "the same as a, but labelled dog and the other cat".to_owned();
        assert_eq!(found(&entries), [("b".to_owned(), "conflicting-labels", detail)]);
        let kinds = |entries: &[Entry]| found(entries).into_iter().map(|found| found.1).collect::<Vec<_>>();
        let entries = [entry("a", Part::Train, 0, "x"), entry("b", Part::Valid, 1, "x")];
        assert_eq!(kinds(&entries), ["conflicting-labels", "duplicate-across-split"]);
    }
}
