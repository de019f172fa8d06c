//! Problems in texts. No tokenizer is needed to find them.

use super::source::{LabelledText, LabelledTexts, TextParts, ValidTexts};
use crate::check::{Entry, Part, Problem, Report, Severity};
use crate::data::split::{self, SplitError};
use crate::data::{Fingerprint, Skipped};

/// What is wrong with texts that have been read.
///
/// # Errors
///
/// If validation can't be split off.
pub(super) fn report(TextParts { train, valid, .. }: &TextParts, seed: u64) -> Result<Report, SplitError> {
    let mut problems = vec![];
    let mut entries = look_at(train, Part::Train, &mut problems);
    match valid {
        ValidTexts::Given(valid) => entries.extend(look_at(valid, Part::Valid, &mut problems)),
        ValidTexts::Fraction(fraction) => {
            let items: Vec<_> =
                usable(train).map(|text| (&text.target, text.belongs_to.as_deref())).collect();
            let split = split::split_together(&items, *fraction, seed)?;
            split.valid.into_iter().for_each(|item| entries[item].part = Part::Valid);
        }
    }
    Ok(Report::new(train.classes.clone(), &entries, problems, Severity::Error))
}

/// The texts that can be used; those that can't, and those that are odd, are problems.
fn look_at(texts: &LabelledTexts, part: Part, problems: &mut Vec<Problem>) -> Vec<Entry> {
    problems.extend(texts.skipped.iter().cloned().map(Problem::from));
    let empty = texts.items.iter().filter(|text| is_empty(text));
    problems.extend(empty.map(|LabelledText { name, .. }| {
        let (path, reason) = (name.into(), "the text is empty".to_owned());
        Problem::from(Skipped { path, kind: "empty-text", reason })
    }));
    let mut entries = vec![];
    for LabelledText { name, text, target, .. } in usable(texts) {
        if let Some(trace) = garbled(text) {
            let detail = format!("`{}` in it was not read in its own encoding", trace.escape_debug());
            problems.push(Problem::warning(name, "garbled-text", detail));
        }
        let (name, target) = (name.clone(), target.clone());
        entries.push(Entry { name, part, target, content: content(text) });
    }
    entries
}

fn is_empty(text: &LabelledText) -> bool {
    text.text.trim().is_empty()
}

/// The texts that have one.
fn usable(texts: &LabelledTexts) -> impl Iterator<Item = &LabelledText> {
    texts.items.iter().filter(|text| !is_empty(text))
}

/// Of the words: case and blanks make no other text.
fn content(text: &str) -> Fingerprint {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    Fingerprint::of(&[words.join(" ").as_bytes()])
}

/// What a wrong encoding has left in a text: characters that stand for unreadable bytes, control characters, or
/// UTF-8 that was read as Latin-1 or Windows-1252.
fn garbled(text: &str) -> Option<&str> {
    let pairs = text.char_indices().zip(text.chars().skip(1).map(Some).chain([None]));
    for ((at, first), second) in pairs {
        let alone = first == char::REPLACEMENT_CHARACTER || first.is_control() && !first.is_whitespace();
        let length = match (first, second) {
            _ if alone => first.len_utf8(),
            // Two bytes of UTF-8, and the first two of three.
            ('Â' | 'Ã', Some(second @ '\u{80}'..='\u{bf}')) | ('â', Some(second @ ('\u{80}' | '€'))) => {
                first.len_utf8() + second.len_utf8()
            }
            _ => continue,
        };
        return Some(&text[at..at + length]);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::{TextColumns, TextData};
    use super::*;
    use crate::data::Validation;

    const SEED: u64 = 1;

    fn found(csv: &str) -> Vec<(String, &'static str)> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, csv).unwrap();
        let columns = TextColumns { text: Some("text".into()), label: Some("label".into()) };
        let data = TextData::open(&path).unwrap().columns(columns);
        let report = data.validation(Validation::Fraction(0.5)).seed(SEED).check().unwrap();
        let line = |path: String| path.rsplit(':').next().unwrap_or_default().to_owned();
        let few = ["few-items", "not-validated"];
        let problems = report.problems.into_iter().filter(|problem| !few.contains(&problem.kind));
        problems.map(|problem| (line(problem.path), problem.kind)).collect()
    }

    #[test]
    fn what_is_wrong_with_texts_is_found() {
        assert_eq!(found("text,label\none,a\ntwo,a\nthree,b\nfour,b\n"), []);
        let kinds = |csv: &str| found(csv).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>();
        let clean = "text,label\none,a\ntwo,a\nthree,b\nfour,b\n";
        assert_eq!(
            found(&format!("{clean},a\n \t,b\n")),
            [("6", "empty-text"), ("7", "empty-text")].map(|(line, kind)| (line.to_owned(), kind))
        );
        assert_eq!(kinds(&format!("{clean}five,\n")), ["no-label"]);
        assert_eq!(kinds(&format!("{clean}five,a,b\n")), ["bad-row"]);
        assert!(kinds(&format!("{clean}One ,b\n")).contains(&"conflicting-labels"));
        let twice = kinds(&format!("{clean}One,a\none,a\nONE,a\n"));
        assert!(twice.contains(&"duplicate-across-split") && twice.contains(&"duplicate"), "{twice:?}");
        assert_eq!(kinds("text,label\none,a\ntwo,a\nthree,A\nfour,A\n"), ["look-alike-classes"]);
    }

    #[test]
    fn texts_read_in_a_wrong_encoding_are_garbled() {
        for (text, trace) in [
            ("caf\u{c3}\u{a9}", "\u{c3}\u{a9}"),
            ("it\u{e2}\u{20ac}\u{2122}s", "\u{e2}\u{20ac}"),
            ("caf\u{fffd}", "\u{fffd}"),
            ("a\u{0}b", "\u{0}"),
        ] {
            assert_eq!(garbled(text), Some(trace), "{text}");
        }
        for text in ["café, 5 € à la carte", "ÂME", "Ça va? tab\tand\nline", "naïve Ã la carte", "日本語"]
        {
            assert_eq!(garbled(text), None, "{text}");
        }
    }
}
