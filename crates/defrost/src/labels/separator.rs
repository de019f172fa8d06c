//! Several labels in one cell: `clear primary`, `a, b`, `a|b`, `a / b`, `['a', 'b']`.

use crate::remedy::{Note, Remedy};

/// The separator of labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LabelSeparator {
    /// This character.
    Char(char),
    /// Commas, in brackets and quotation marks.
    List,
    /// Blanks.
    Blanks,
}

impl LabelSeparator {
    /// The separator in the cells of a column.
    pub fn of<'a>(cells: impl Iterator<Item = &'a str>) -> Self {
        let cells: Vec<&str> = cells.filter(|cell| !cell.is_empty()).collect();
        if !cells.is_empty() && cells.iter().all(|cell| is_list(cell)) {
            return Self::List;
        }
        // A slash is also part of names.
        let marks = [("|", '|'), (";", ';'), (",", ','), (" / ", '/')];
        let used = marks.into_iter().find(|(mark, _)| cells.iter().any(|cell| cell.contains(mark)));
        used.map_or(Self::Blanks, |(_, separator)| Self::Char(separator))
    }

    /// The separator by which the most labels in the cells of a column are `known` ones.
    pub fn among<'a>(cells: impl Iterator<Item = &'a str>, known: &[String]) -> Self {
        let cells: Vec<&str> = cells.collect();
        let found = |separator: &Self| {
            let labels = cells.iter().flat_map(|cell| split_labels(cell, separator));
            labels.filter(|label| known.contains(label)).count()
        };
        let usual = Self::of(cells.iter().copied());
        let others = ['|', ';', ',', '/'].map(Self::Char).into_iter().chain([Self::List, Self::Blanks]);
        // The first of equals.
        [usual].into_iter().chain(others).rev().max_by_key(found).unwrap_or(usual)
    }

    /// A note about a separator that was guessed.
    pub fn note(self) -> Option<Note> {
        let between = match self {
            Self::List => return None,
            Self::Blanks => "blanks".to_owned(),
            Self::Char(separator) => format!("`{separator}`"),
        };
        let text = format!("labels are read with {between} between them");
        Some(Note { text, remedy: Some(Remedy::SayLabelSeparator) })
    }
}

/// Whether a cell is a list in brackets.
pub(super) fn is_list(cell: &str) -> bool {
    cell.starts_with('[') && cell.ends_with(']')
}

/// Whether a cell looks like several labels.
pub(super) fn looks_several(cell: &str) -> bool {
    is_list(cell) || ["|", ";", " / "].iter().any(|mark| cell.contains(mark))
}

/// The labels of a cell.
pub(super) fn split_labels(cell: &str, separator: &LabelSeparator) -> Vec<String> {
    let tidy = |label: &str| label.trim().trim_matches(['\'', '"']).to_owned();
    let labels: Vec<String> = match separator {
        LabelSeparator::Blanks => cell.split_whitespace().map(str::to_owned).collect(),
        LabelSeparator::Char(separator) => {
            cell.split(*separator).map(|label| label.trim().to_owned()).collect()
        }
        LabelSeparator::List => cell.trim_matches(['[', ']']).split(',').map(tidy).collect(),
    };
    labels.into_iter().filter(|label| !label.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_split_as_their_column_has_them() {
        for (cells, expected) in [
            (&["clear primary", "haze"][..], &["clear", "primary"][..]),
            (&["a, b", "No Finding"], &["a", "b"]),
            (&["a|b", ""], &["a", "b"]),
            (&["a b;c", "d"], &["a b", "c"]),
            (&["a b / c", "d"], &["a b", "c"]),
            (&["a/b c", "d"], &["a/b", "c"]),
            (&["['a', 'b c']", "[]"], &["a", "b c"]),
            (&["[\"a\",\"b\"]"], &["a", "b"]),
        ] {
            let separator = LabelSeparator::of(cells.iter().copied());
            assert_eq!(split_labels(cells[0], &separator), expected, "{cells:?}");
        }
        assert!(split_labels("[]", &LabelSeparator::List).is_empty());
    }

    #[test]
    fn known_labels_tell_the_separator() {
        let known = ["clear sky", "haze"].map(str::to_owned);
        let among = |cells: &[&str]| {
            let separator = LabelSeparator::among(cells.iter().copied(), &known);
            cells.iter().map(|cell| split_labels(cell, &separator)).collect::<Vec<_>>()
        };
        assert_eq!(among(&["clear sky", "haze"]), [["clear sky"], ["haze"]]);
        assert_eq!(among(&["clear sky, haze"]), [["clear sky", "haze"]]);
        assert_eq!(among(&["['haze', 'clear sky']"]), [["haze", "clear sky"]]);
    }
}
