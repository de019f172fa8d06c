//! The value of a cell.

use std::fmt;
use std::hash::{Hash, Hasher};

use crate::csv_table::cell::{is_missing, number};

/// What a cell was read as. A date is several of them.
#[derive(Clone, Copy, Debug)]
pub enum CellValue<'a> {
    /// Nothing.
    Missing,
    /// A finite number.
    Number(f64),
    /// One of several values.
    Text(&'a str),
}

impl<'a> CellValue<'a> {
    /// A cell in plain spelling.
    pub fn plain(cell: &'a str) -> Self {
        if is_missing(cell) { Self::Missing } else { Self::Text(cell) }
    }

    /// The number it is.
    pub fn number(self) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Number(number) => Some(number),
            Self::Text(text) => number(text),
        }
    }

    /// Whether there is none.
    pub fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }
}

impl PartialEq for CellValue<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing, Self::Missing) => true,
            (Self::Number(one), Self::Number(two)) => one.to_bits() == two.to_bits(),
            (Self::Text(one), Self::Text(two)) => one == two,
            _ => false,
        }
    }
}

impl Eq for CellValue<'_> {}

impl Hash for CellValue<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Missing => {}
            Self::Number(number) => number.to_bits().hash(state),
            Self::Text(text) => text.hash(state),
        }
    }
}

impl fmt::Display for CellValue<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Number(number) => number.fmt(formatter),
            Self::Text(text) => formatter.write_str(text),
        }
    }
}
