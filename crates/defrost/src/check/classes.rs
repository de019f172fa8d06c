//! Classes that can hardly be learned: of few items, or two that are meant to be one.

use std::collections::BTreeMap;

use unicode_normalization::UnicodeNormalization;

use super::{Entry, Part, Problem};
use crate::data::Target;

/// Classes of fewer items than this are hard to learn and their measures are mostly chance.
const FEW: usize = 10;

/// Classes or labels of few items, and those that validation has none of.
pub fn few_items(entries: &[Entry], classes: &[String]) -> Vec<Problem> {
    let mut counts = vec![[0; 2]; classes.len()];
    for entry in entries {
        let of: &[usize] = match &entry.target {
            Target::Class(class) => std::slice::from_ref(class),
            Target::Labels(labels) => labels,
            Target::Number(_) => &[],
        };
        of.iter().for_each(|&class| counts[class][entry.part as usize] += 1);
    }
    let mut problems = vec![];
    for (class, counts) in classes.iter().zip(counts) {
        let [train, valid] = [Part::Train, Part::Valid].map(|part| counts[part as usize]);
        if train == 0 {
            let detail = format!("nothing to train on, {valid} to validate");
            problems.push(Problem::error(class, "no-items", detail));
            continue;
        }
        if train + valid < FEW {
            let detail =
                format!("only {train} to train on and {valid} to validate; at least {FEW} in all are better");
            problems.push(Problem::warning(class, "few-items", detail));
        }
        if valid == 0 {
            let detail = format!("{train} to train on, but nothing to validate");
            problems.push(Problem::warning(class, "not-validated", detail));
        }
    }
    problems
}

/// Classes whose names differ only in case, blanks, hyphens, or characters that look the same.
pub fn look_alikes(classes: &[String]) -> Vec<Problem> {
    let mut firsts: BTreeMap<String, &String> = BTreeMap::new();
    let mut problems = vec![];
    for class in classes {
        let first = *firsts.entry(essence(class)).or_insert(class);
        if first != class {
            let detail =
                format!("looks like `{first}` but is another class than it; rename one if they are the same");
            problems.push(Problem::error(class, "look-alike-classes", detail));
        }
    }
    problems
}

/// A name as it is read, whatever it is written like.
fn essence(name: &str) -> String {
    // Zero-width spaces and joiners, a byte order mark, a soft hyphen.
    let invisible = ['\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}', '\u{ad}'];
    let dropped =
        |c: &char| c.is_whitespace() || c.is_control() || matches!(c, '-' | '_') || invisible.contains(c);
    let essence: String = name.nfkc().filter(|c| !dropped(c)).flat_map(char::to_lowercase).collect();
    if essence.is_empty() { name.to_owned() } else { essence }
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn names_that_read_the_same_look_alike() {
        let alike = |a: &str, b: &str| !look_alikes(&names(&[a, b])).is_empty();
        for (a, b) in [
            ("Dog", "dog "),
            ("T-shirt", "t_shirt"),
            ("ice cream", "icecream"),
            ("caf\u{e9}", "cafe\u{301}"),
            ("a\u{200b}b", "ab"),
            ("\u{ff21}1", "a1"),
        ] {
            assert!(alike(a, b), "{a:?} {b:?}");
        }
        for (a, b) in [("dog", "dogs"), ("c", "c++"), ("class 1", "class 2"), ("-", "_"), ("1.5", "15")] {
            assert!(!alike(a, b), "{a:?} {b:?}");
        }
        let problem = &look_alikes(&names(&["Dog", "cat", "dog"]))[0];
        assert_eq!((problem.path.as_str(), problem.kind), ("dog", "look-alike-classes"));
        assert!(problem.detail.starts_with("looks like `Dog`"), "{}", problem.detail);
    }

    #[test]
    fn small_classes_are_told_with_their_numbers() {
        let item = |part, class| entry("x", part, class, "");
        let mut entries = vec![item(Part::Train, 0); 9];
        entries.push(item(Part::Valid, 0));
        entries.extend([item(Part::Train, 1), item(Part::Valid, 2)]);
        let problems = few_items(&entries, &names(&["enough", "few", "none"]));
        let found: Vec<_> = problems.iter().map(|problem| (problem.path.as_str(), problem.kind)).collect();
        assert_eq!(found, [("few", "few-items"), ("few", "not-validated"), ("none", "no-items")]);
        let expected = "only 1 to train on and 0 to validate; at least 10 in all are better";
        assert_eq!(problems[0].detail, expected);
    }
}
