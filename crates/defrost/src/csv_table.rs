//! Reading a CSV file: named columns and rows of cells, as text.
//!
//! A row that is not as wide as the header or not valid UTF-8 is left out and listed; nothing in a file can
//! do more harm than that.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::data::Skipped;
use crate::files::{self, FileError};

/// The largest file that is read, in bytes: all of it is held in memory.
const MAX_BYTES: u64 = 4 << 30;
/// The longest cell that is read, in bytes: as long as a text in a file of its own. What is made of a text takes many times its length.
const MAX_CELL: usize = 16 << 20;

/// A table of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvTable {
    /// The names of the columns, each of them once.
    pub columns: Vec<String>,
    /// The rows, each as wide as `columns`.
    pub rows: Vec<Row>,
}

/// A row of a [`CsvTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it is: the file and the line it begins on.
    pub name: String,
    /// A cell for each column, without blanks around it.
    pub cells: Vec<String>,
}

/// A file is no table.
#[derive(Debug, Error)]
pub enum CsvError {
    /// It can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It would not fit.
    #[error("{}: {bytes} bytes are too many to hold in memory; at most {MAX_BYTES} are read", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// There is no line with names.
    #[error("{}: a CSV file begins with a line that names its columns; this one has none", .0.display())]
    NoHeader(PathBuf),
    /// Two columns can't be told apart.
    #[error("{}: two columns are called `{name}`; rename one", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// There is nothing below the names, or nothing that can be read.
    #[error("{}: there are no rows that can be read{}", path.display(), first.as_ref().map_or(String::new(), |first| format!("; the first: {first}")))]
    NoRows {
        /// The file.
        path: PathBuf,
        /// The first row that can't be read and its reason.
        first: Option<Skipped>,
    },
    /// Rows in memory have different columns.
    #[error("{row} has the columns {found}, and the first row {expected}")]
    OtherColumns {
        /// The row.
        row: String,
        /// Its columns.
        found: String,
        /// Those of the first.
        expected: String,
    },
    /// No such column.
    #[error("{file}: there is no column `{name}`; the columns are {columns}")]
    NoColumn {
        /// The file.
        file: String,
        /// The name given.
        name: String,
        /// All names.
        columns: String,
    },
}

impl CsvTable {
    /// Reads a file. Cells are separated by commas, semicolons or tabs, whichever its first line has most of.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has no header or no rows.
    pub fn read(path: &Path) -> Result<(Self, Vec<Skipped>), CsvError> {
        let bytes = std::fs::metadata(path).map_err(FileError::at(path))?.len();
        if bytes > MAX_BYTES {
            return Err(CsvError::TooLarge { path: path.to_owned(), bytes });
        }
        Self::parse(path, &files::read(path)?)
    }

    /// Reads the bytes of a file that is called `path`.
    ///
    /// # Errors
    ///
    /// If there is no header or no row.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<(Self, Vec<Skipped>), CsvError> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let mut reader =
            csv::ReaderBuilder::new().delimiter(separator(bytes)).flexible(true).from_reader(bytes);
        let header = reader.byte_headers().ok().filter(|header| header.iter().any(|name| !name.is_empty()));
        let header = header.ok_or_else(|| CsvError::NoHeader(path.to_owned()))?;
        let columns: Vec<String> =
            header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|name| !seen.insert(*name)) {
            return Err(CsvError::Twice { path: path.to_owned(), name: twice.clone() });
        }
        let (mut rows, mut skipped) = (vec![], vec![]);
        for record in reader.byte_records() {
            let read = record.map_err(|error| (0, ("bad-row", error.to_string()))).and_then(|record| {
                let line = record.position().map_or(0, csv::Position::line);
                cells(&record, &columns).map(|cells| (line, cells)).map_err(|wrong| (line, wrong))
            });
            match read {
                Ok((line, cells)) => rows.push(Row { name: format!("{}:{line}", path.display()), cells }),
                Err((line, (kind, reason))) => {
                    skipped.push(Skipped { path: format!("{}:{line}", path.display()).into(), kind, reason });
                }
            }
        }
        if rows.is_empty() {
            return Err(CsvError::NoRows { path: path.to_owned(), first: skipped.into_iter().next() });
        }
        Ok((Self { columns, rows }, skipped))
    }

    /// Rows in memory, each given as its columns and cells; all have the columns of the first.
    ///
    /// # Errors
    ///
    /// If there are no rows, two columns of the same name, or a row with other columns than the first.
    pub fn from_rows<C: Into<String>, V: Into<String>, R: IntoIterator<Item = (C, V)>>(
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Self, CsvError> {
        let path = || PathBuf::from("rows in memory");
        let mut table: Option<Self> = None;
        for (number, row) in rows.into_iter().enumerate() {
            let (columns, cells): (Vec<String>, Vec<String>) =
                row.into_iter().map(|(column, cell)| (column.into(), cell.into())).unzip();
            let name = format!("row {number}");
            let table = table.get_or_insert_with(|| Self { columns: columns.clone(), rows: vec![] });
            let mut seen = HashSet::new();
            if let Some(twice) = columns.iter().find(|name| !seen.insert(*name)) {
                return Err(CsvError::Twice { path: path(), name: twice.clone() });
            }
            let find = |name: &String| columns.iter().position(|column| column == name);
            let places: Option<Vec<usize>> = table.columns.iter().map(find).collect();
            let places = places.filter(|places| places.len() == columns.len());
            let Some(places) = places else {
                let (found, expected) = (columns.join(", "), table.columns.join(", "));
                return Err(CsvError::OtherColumns { row: name, found, expected });
            };
            let cells = places.into_iter().map(|place| cells[place].trim().to_owned()).collect();
            table.rows.push(Row { name, cells });
        }
        table.ok_or_else(|| CsvError::NoRows { path: path(), first: None })
    }

    /// The index of a column.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the message lists the columns.
    pub fn column(&self, file: &Path, name: &str) -> Result<usize, CsvError> {
        self.columns.iter().position(|column| column == name).ok_or_else(|| CsvError::NoColumn {
            file: file.display().to_string(),
            name: name.to_owned(),
            columns: self.columns.join(", "),
        })
    }

    /// The cells of a column.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row.cells[column].as_str())
    }
}

/// Whether a path names a table, by its ending.
pub fn is_csv_file(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| ending == "csv" || ending == "tsv")
}

fn separator(bytes: &[u8]) -> u8 {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |separator: u8| line.iter().filter(|&&byte| byte == separator).count();
    // The last of equals wins: a comma where there is none of them.
    [b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator)).unwrap_or(b',')
}

/// The cells of a row, or a word for what is wrong with it and the reason.
fn cells(record: &csv::ByteRecord, columns: &[String]) -> Result<Vec<String>, (&'static str, String)> {
    if record.len() != columns.len() {
        let reason = format!("it has {} cells and the header {}", record.len(), columns.len());
        return Err(("bad-row", reason));
    }
    let text = |(cell, column): (&[u8], &String)| {
        if cell.len() > MAX_CELL {
            let reason = format!("column `{column}` has {} bytes; at most {MAX_CELL} are read", cell.len());
            return Err(("too-long", reason));
        }
        let text = std::str::from_utf8(cell);
        text.map(|text| text.trim().to_owned()).map_err(|_| {
            ("encoding", format!("column `{column}` is not valid UTF-8; save the file as UTF-8"))
        })
    };
    record.iter().zip(columns).map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<(CsvTable, Vec<Skipped>), CsvError> {
        CsvTable::parse(Path::new("data.csv"), bytes)
    }

    fn refusal(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    #[test]
    fn cells_are_what_stands_between_separators() {
        for text in
            ["a,b\n1,\"two\nlines\"\n", "a;b\n1;\"two\nlines\"\n", "\u{feff}a\tb\n1\t\"two\nlines\"\n"]
        {
            let (table, skipped) = parse(text.as_bytes()).unwrap();
            assert_eq!((table.columns.join(" "), skipped.len()), ("a b".to_owned(), 0));
            assert_eq!(table.rows[0].cells, ["1", "two\nlines"]);
            assert_eq!(table.rows[0].name, "data.csv:2");
        }
    }

    #[test]
    fn bad_rows_are_left_out_and_say_why() {
        let (table, skipped) = parse(b"a,b\n1,2\n1\n\xff,3\n4,5\n").unwrap();
        assert_eq!(table.rows.len(), 2);
        let reasons: Vec<String> = skipped.iter().map(ToString::to_string).collect();
        let expected = [
            "data.csv:3: it has 1 cells and the header 2",
            "data.csv:4: column `a` is not valid UTF-8; save the file as UTF-8",
        ];
        assert_eq!(reasons, expected);
    }

    #[test]
    fn rows_in_memory_may_name_their_columns_in_any_order() {
        let table = CsvTable::from_rows([[("a", "1"), ("b", " 2 ")], [("b", "4"), ("a", "3")]]).unwrap();
        assert_eq!(table.columns, ["a", "b"]);
        assert_eq!(table.rows[1].cells, ["3", "4"]);
        let refusal = |rows: Vec<Vec<(&str, &str)>>| CsvTable::from_rows(rows).unwrap_err().to_string();
        assert_eq!(
            refusal(vec![vec![("a", "1")], vec![("b", "1")]]),
            "row 1 has the columns b, and the first row a"
        );
        assert_eq!(
            refusal(vec![vec![("a", "1"), ("a", "2")]]),
            "rows in memory: two columns are called `a`; rename one"
        );
        assert_eq!(refusal(vec![]), "rows in memory: there are no rows that can be read");
    }

    #[test]
    fn a_cell_longer_than_any_text_is_left_out() {
        let long = ["a,b\n1,", &"x".repeat(MAX_CELL + 1), "\n4,", &"y".repeat(MAX_CELL), "\n"].concat();
        let (table, skipped) = parse(long.as_bytes()).unwrap();
        assert_eq!((table.rows.len(), table.rows[0].name.as_str()), (1, "data.csv:3"));
        assert_eq!(
            skipped[0].to_string(),
            "data.csv:2: column `b` has 16777217 bytes; at most 16777216 are read"
        );
    }

    #[test]
    fn what_is_no_table_says_why() {
        assert!(refusal(b"").starts_with("data.csv: a CSV file begins with a line that names its columns"));
        assert_eq!(refusal(b"a,a\n1,2\n"), "data.csv: two columns are called `a`; rename one");
        assert_eq!(refusal(b"a,b\n"), "data.csv: there are no rows that can be read");
        let first = "data.csv: there are no rows that can be read; the first: data.csv:2: it has 1 cells and the header 2";
        assert_eq!(refusal(b"a,b\n1\n"), first);
        let (table, _) = parse(b"a,b\n1,2\n").unwrap();
        let missing = table.column(Path::new("data.csv"), "c").unwrap_err().to_string();
        assert_eq!(missing, "data.csv: there is no column `c`; the columns are a, b");
    }
}
