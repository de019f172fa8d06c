//! The use of the columns of a file of images or texts: one input, the labels, and what divides or groups the rows.

use super::{LabelColumns, kind_word};
use crate::csv_table::CsvTable;
use crate::reading::{ColumnReading, ColumnUse};
use crate::remedy::Note;

/// Which columns are used, and for what.
pub(crate) struct Roles {
    /// The column of images or texts.
    pub input: usize,
    /// The kind of its cells, in the words of a [reading](crate::reading).
    pub input_kind: &'static str,
    pub labels: LabelColumns,
    /// The column that says which rows belong together.
    pub group: Option<usize>,
    /// The column that says which rows validate.
    pub valid: Option<usize>,
}

impl Roles {
    fn of(&self, column: usize) -> ColumnUse {
        match column {
            column if column == self.input => ColumnUse::Input,
            column if self.labels.places().contains(&column) => ColumnUse::Label,
            column if Some(column) == self.valid => ColumnUse::Split,
            column if Some(column) == self.group => ColumnUse::Group,
            _ => ColumnUse::Nothing,
        }
    }

    /// How each column was read.
    pub fn readings(&self, table: &CsvTable) -> Vec<ColumnReading> {
        let reading = |(column, name): (usize, &String)| {
            let used_as = self.of(column);
            let kind = match used_as {
                ColumnUse::Input => self.input_kind,
                ColumnUse::Label => kind_word(self.labels.kind()),
                _ => "category",
            };
            let missing = table.cells(column).filter(|cell| cell.is_empty()).count();
            ColumnReading { name: name.clone(), kind, missing, odd: vec![], used_as }
        };
        table.columns.iter().enumerate().map(reading).collect()
    }

    /// A note about an unused column that seems to say which rows validate, if none is named.
    pub fn division_note(&self, table: &CsvTable) -> Option<Note> {
        let unused = (0..table.columns.len()).filter(|&column| self.of(column) == ColumnUse::Nothing);
        table.division_note(unused).filter(|_| self.valid.is_none())
    }
}
