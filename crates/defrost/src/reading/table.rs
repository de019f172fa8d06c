//! The reading of a file of rows: its format, its rows and its columns.

use serde::{Serialize, Serializer};

use super::{listed, shown, thousands};
#[cfg(feature = "_tables")]
use crate::csv_table::CsvTable;
use crate::remedy::Note;

/// How a file of rows was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TableReading {
    /// The file.
    #[serde(skip)]
    pub path: String,
    /// The encoding of its text, as `UTF-8`.
    pub encoding: String,
    /// What separates its cells; nothing in JSON and workbooks.
    pub separator: Option<char>,
    /// Whether the columns are named in it.
    pub header: bool,
    /// The sheet of a workbook.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sheet: Option<String>,
    /// How many rows it has: those that are used, those that are for testing, and those that are left out.
    pub lines: usize,
    /// How many are used.
    pub rows_used: usize,
    /// How many are for testing, as a column says; they are left for evaluating.
    pub rows_for_testing: usize,
    /// How many are left out; each is listed with what is wrong with it.
    pub rows_left_out: usize,
    /// Its columns.
    pub columns: Vec<ColumnReading>,
    /// Notes about guesses, and about text that was read differently than it looks.
    #[serde(serialize_with = "texts")]
    pub notes: Vec<Note>,
}

/// How a column was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ColumnReading {
    /// Its name.
    pub name: String,
    /// What its cells are: `number`, `category`, `date`, `time`, `text`, `image`, `labels`.
    pub kind: &'static str,
    /// How many cells are missing.
    pub missing: usize,
    /// The cells that are not of that kind; they count as missing.
    pub odd: Vec<OddCell>,
    /// Its use.
    pub used_as: ColumnUse,
}

/// A cell that is not what its column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OddCell {
    /// The line of its row.
    pub line: usize,
    /// The cell.
    pub value: String,
}

/// The use of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnUse {
    /// The network reads it.
    Input,
    /// It is predicted.
    Label,
    /// It says which items belong together.
    Group,
    /// It says which rows validate.
    Split,
    /// Nothing.
    Nothing,
}

impl TableReading {
    /// The reading of a file, of which `used` rows are used.
    #[cfg(feature = "_tables")]
    pub(crate) fn of(table: &CsvTable, used: usize, columns: Vec<ColumnReading>, notes: &[Note]) -> Self {
        let lines = table.rows.len() + table.skipped.len();
        Self {
            path: table.path.display().to_string(),
            encoding: table.reading.encoding.clone(),
            separator: table.reading.separator,
            header: table.reading.header,
            sheet: table.reading.sheet.clone(),
            lines,
            rows_used: used,
            rows_for_testing: 0,
            rows_left_out: lines - used,
            columns,
            notes: notes.to_vec(),
        }
    }

    /// The same with another number of used rows.
    #[cfg(feature = "vision")]
    pub(crate) fn with_used(self, used: usize) -> Self {
        let left_out = self.lines.saturating_sub(used + self.rows_for_testing);
        Self { rows_used: used, rows_left_out: left_out, ..self }
    }

    /// The same where this many of the rows that are not used are for testing.
    #[cfg(feature = "_tables")]
    pub(crate) fn with_tests(self, tests: usize) -> Self {
        let left_out = self.rows_left_out.saturating_sub(tests);
        Self { rows_for_testing: tests, rows_left_out: left_out, ..self }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let separator = self.separator.map(|separator| match separator {
            ',' => ", separated by commas".to_owned(),
            ';' => ", separated by semicolons".to_owned(),
            '\t' => ", separated by tabs".to_owned(),
            ' ' => ", separated by blanks".to_owned(),
            other => format!(", separated by {other}"),
        });
        let sheet = self.sheet.as_ref().map(|sheet| format!(", sheet {}", shown(sheet)));
        let tests = match self.rows_for_testing {
            0 => String::new(),
            rows => format!(", {} for testing", thousands(rows)),
        };
        let left_out = match self.rows_left_out {
            0 => String::new(),
            rows => format!(", {} left out", thousands(rows)),
        };
        let header = if self.header { "" } else { ", without a line of column names" };
        let mut lines = vec![format!(
            "{}: {}{}{}{header}: {} rows used{tests}{left_out}",
            shown(&self.path),
            self.encoding,
            separator.unwrap_or_default(),
            sheet.unwrap_or_default(),
            thousands(self.rows_used)
        )];
        for (word, used_as) in [
            ("label", ColumnUse::Label),
            ("inputs", ColumnUse::Input),
            ("belong together by", ColumnUse::Group),
            ("validate by", ColumnUse::Split),
            ("columns not used", ColumnUse::Nothing),
        ] {
            let columns: Vec<&ColumnReading> =
                self.columns.iter().filter(|column| column.used_as == used_as).collect();
            if !columns.is_empty() {
                let named = columns.iter().map(|column| format!("{} ({})", shown(&column.name), column.kind));
                lines.push(format!("{word}: {}", listed(named)));
            }
        }
        lines
    }
}

fn texts<S: Serializer>(notes: &[Note], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(notes.iter().map(|note| &note.text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_says_what_became_of_rows_and_columns() {
        let column = |name: &str, kind, used_as| ColumnReading {
            name: name.into(),
            kind,
            missing: 0,
            odd: vec![],
            used_as,
        };
        let odd = vec![OddCell { line: 5, value: "n/d".into() }, OddCell { line: 9, value: "-".into() }];
        let reading = TableReading {
            path: "data.csv".into(),
            encoding: "windows-1252".into(),
            separator: Some(';'),
            header: true,
            sheet: None,
            lines: 1_200,
            rows_used: 1_195,
            rows_for_testing: 3,
            rows_left_out: 2,
            columns: vec![
                ColumnReading { odd, ..column("age", "number", ColumnUse::Input) },
                column("kind", "category", ColumnUse::Label),
                column("id", "number", ColumnUse::Nothing),
            ],
            notes: vec!["a note".to_owned().into()],
        };
        assert_eq!(
            reading.lines(),
            [
                "data.csv: windows-1252, separated by semicolons: 1,195 rows used, 3 for testing, 2 left out",
                "label: kind (category)",
                "inputs: age (number)",
                "columns not used: id (number)",
            ]
        );
    }
}
