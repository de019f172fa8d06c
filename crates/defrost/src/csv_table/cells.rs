//! The cells of a row.

use std::fmt;
use std::ops::Index;

/// The cells of a row, side by side in one piece of memory: a table of a million rows is a few allocations a row.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Cells(csv::StringRecord);

impl Cells {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Each of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.iter()
    }

    /// Those up to a place.
    pub(super) fn truncate(&mut self, length: usize) {
        self.0.truncate(length);
    }

    /// Cells without the blanks around them.
    pub(super) fn trimmed(record: &csv::StringRecord) -> Self {
        let mut cells = csv::StringRecord::with_capacity(record.as_slice().len(), record.len());
        record.iter().for_each(|cell| cells.push_field(cell.trim()));
        Self(cells)
    }
}

impl Index<usize> for Cells {
    type Output = str;

    fn index(&self, place: usize) -> &str {
        &self.0[place]
    }
}

impl<S: AsRef<str>> FromIterator<S> for Cells {
    fn from_iter<I: IntoIterator<Item = S>>(cells: I) -> Self {
        Self(cells.into_iter().collect())
    }
}

impl fmt::Debug for Cells {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}
