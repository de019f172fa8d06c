//! What was understood of data, told before anything is done with it.
//!
//! The law: nothing is lost or reinterpreted without a word. What a reader finds is either used or listed here, so that
//! files = items used + files listed.

mod folder;
mod table;

use serde::Serialize;

use crate::remedy::Note;

pub use folder::{FolderReading, IgnoredPath, NestedFolders, SplitReading, SplitUse};
pub use table::{ColumnReading, ColumnUse, OddCell, TableReading};

/// At most this many names are in a line; the rest is counted.
const NAMED: usize = 10;

/// What was understood of a data set. As JSON it is the object of its kind, without a name around it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Reading {
    /// A folder of class folders.
    Folder(FolderReading),
    /// A file of rows.
    Table(TableReading),
}

impl Reading {
    /// What was guessed, which is no part of [`lines`](Self::lines).
    pub fn notes(&self) -> &[Note] {
        match self {
            Self::Folder(_) => &[],
            Self::Table(reading) => &reading.notes,
        }
    }

    /// The same in a few lines for a screen; no control character of a name is left in them.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Folder(reading) => reading.lines(),
            Self::Table(reading) => reading.lines(),
        }
    }
}

/// A number with its thousands apart: `21,284,672`.
pub fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A name or cell as a screen can show it: characters that would steer the terminal are replaced.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// The first names in a line, and how many more there are.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    let first = names.take(NAMED).collect::<Vec<_>>().join(", ");
    match more {
        0 => first,
        _ => format!("{first} and {} more", thousands(more)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(["0", "999", "1,000", "21,284,672"], [0, 999, 1000, 21_284_672].map(thousands)[..]);
    }

    #[test]
    fn ten_names_are_listed_and_the_rest_is_counted() {
        let names =
            |count: usize| listed((0..count).map(|name| name.to_string()).collect::<Vec<_>>().into_iter());
        assert_eq!(names(3), "0, 1, 2");
        assert_eq!(names(1_012), "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,002 more");
    }
}
