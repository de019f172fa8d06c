//! Reading a table: named columns and rows of cells, as text.
//!
//! A table is text with separators (CSV, TSV), JSON objects, or a sheet of a workbook; text may be compressed with gzip.
//! The encoding, the separator and the header are found from the content and kept in [`FileReading`]; [`TableFormat`]
//! overrides them. A row that can't be read is left out and listed: the rows and the rows left out are all rows of the file.

pub(crate) mod cell;
mod content;
mod encoding;
mod json;
mod layout;
mod number_format;
mod records;
mod separator;
#[cfg(feature = "spreadsheets")]
mod workbook;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::data::Skipped;
use crate::files::{self, FileError};
use crate::remedy::{Note, Remedy};

pub use content::is_table_file;
pub use number_format::NumberFormat;

/// The largest file that is read, in bytes: all of it is held in memory.
const MAX_BYTES: u64 = 4 << 30;
/// The longest cell that is read, in bytes: as long as a text in a file of its own. What is made of a text takes many times its length.
const MAX_CELL: usize = 16 << 20;

/// A table of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvTable {
    /// The file, or a name for rows in memory.
    pub path: PathBuf,
    /// The names of the columns, each of them once.
    pub columns: Vec<String>,
    /// The rows, each as wide as `columns`.
    pub rows: Vec<Row>,
    /// The rows that can't be read.
    pub skipped: Vec<SkippedRow>,
    /// How the file was read.
    pub reading: FileReading,
}

/// A row of a [`CsvTable`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The line it begins on, from 1.
    pub line: usize,
    /// Where it is: the file and that line.
    pub name: String,
    /// A cell for each column, without blanks around it.
    pub cells: Vec<String>,
}

/// A row that can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRow {
    /// The line it begins on, from 1.
    pub line: usize,
    /// A word for what is wrong, stable for machines.
    pub kind: &'static str,
    /// What is wrong.
    pub reason: String,
}

/// How a file was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileReading {
    /// The encoding of its text, as `UTF-8`.
    pub encoding: String,
    /// What separates its cells; none in JSON and workbooks.
    pub separator: Option<char>,
    /// Whether the columns were named.
    pub header: bool,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
    /// Notes about guesses, and about text that was read differently than it looks.
    pub notes: Vec<Note>,
}

/// How a file is to be read. What is `None` is found from its content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableFormat {
    /// The encoding of its text, by a name that the WHATWG's standard knows, as `windows-1251`.
    pub encoding: Option<String>,
    /// What separates its cells: an ASCII character.
    pub separator: Option<char>,
    /// Whether its first line names the columns.
    pub header: Option<bool>,
    /// The sheet of a workbook.
    pub sheet: Option<String>,
}

/// A word for what is wrong with a row, stable for machines, and the reason.
type Wrong = (&'static str, String);

/// Cells as they lie in the file: a row, the header or a line before it.
struct Record {
    line: usize,
    cells: Result<Vec<String>, Wrong>,
}

/// A file is no table.
#[derive(Debug, Error)]
pub enum CsvError {
    /// It can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It would not fit.
    #[error("{}: more than {MAX_BYTES} bytes are too many to hold in memory", .0.display())]
    TooLarge(PathBuf),
    /// It is something else.
    #[error("{}: this is {what}, and no table; {}", path.display(), advice)]
    OtherKind {
        /// The file.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// It is of a kind that can be read, and is not whole.
    #[error("{}: this {kind} can't be read: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Of what kind.
        kind: &'static str,
        /// Why.
        reason: String,
    },
    /// There is no encoding of this name.
    #[error("`{0}` is no encoding; some are utf-8, utf-16le, windows-1252, windows-1251, shift_jis, gb18030")]
    Encoding(String),
    /// A separator is one byte.
    #[error("`{0}` can't separate cells; take one ASCII character, such as , ; | or a tab")]
    Separator(char),
    /// More sheets than one have rows.
    #[error("{}: this workbook has several sheets: {sheets}", path.display())]
    Sheets {
        /// The file.
        path: PathBuf,
        /// Their names.
        sheets: String,
    },
    /// No such sheet.
    #[error("{}: there is no sheet `{name}`; the sheets are {sheets}", path.display())]
    NoSheet {
        /// The file.
        path: PathBuf,
        /// The name given.
        name: String,
        /// All names.
        sheets: String,
    },
    /// There is no line with names.
    #[error("{}: a table begins with a line that names its columns; this one has none", .0.display())]
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
    #[error("{file}: there is no column `{name}`; the columns are {columns}{}", if *.named { "" } else { "; its first line is read as data" })]
    NoColumn {
        /// The file.
        file: String,
        /// The name given.
        name: String,
        /// All names.
        columns: String,
        /// Whether the file names its columns.
        named: bool,
    },
}

impl CsvError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Sheets { .. } => Some(Remedy::NameSheet),
            Self::NoColumn { named: false, .. } => Some(Remedy::SayHeader),
            _ => None,
        }
    }
}

impl CsvTable {
    /// Reads a file as its content looks.
    ///
    /// # Errors
    ///
    /// If it can't be read, or has no header or no rows.
    pub fn read(path: &Path) -> Result<Self, CsvError> {
        Self::read_as(path, &TableFormat::default())
    }

    /// Reads a file in this format.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), or if there is no such encoding or sheet.
    pub fn read_as(path: &Path, format: &TableFormat) -> Result<Self, CsvError> {
        let bytes = std::fs::metadata(path).map_err(FileError::at(path))?.len();
        if bytes > MAX_BYTES {
            return Err(CsvError::TooLarge(path.to_owned()));
        }
        let table = Self::parse(path, &files::read(path)?, format)?;
        let FileReading { encoding, separator, .. } = &table.reading;
        tracing::debug!(file = %path.display(), encoding, ?separator, rows = table.rows.len(), "file of rows read");
        Ok(table)
    }

    /// Reads the beginning of a file, if that is enough to tell what it holds.
    ///
    /// # Errors
    ///
    /// As [`read_as`](Self::read_as).
    pub fn peek(path: &Path, format: &TableFormat) -> Result<Self, CsvError> {
        content::peek(path, format)
    }

    /// Reads the bytes of a file that is called `path`.
    ///
    /// # Errors
    ///
    /// As [`read_as`](Self::read_as).
    pub fn parse(path: &Path, bytes: &[u8], format: &TableFormat) -> Result<Self, CsvError> {
        content::parse(path, bytes, format)
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
            let reading = || FileReading { header: true, ..FileReading::default() };
            let table = table.get_or_insert_with(|| Self {
                path: path(),
                columns: columns.clone(),
                reading: reading(),
                ..Self::default()
            });
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
            table.rows.push(Row { line: number, name, cells });
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
            named: self.reading.header,
        })
    }

    /// The cells of a column.
    pub fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().map(move |row| row.cells[column].as_str())
    }

    /// Whether a column has no name in its file.
    pub fn is_nameless(&self, column: usize) -> bool {
        self.reading.header && self.columns[column] == format!("column {}", column + 1)
    }

    /// All rows of the file in their order: those that can be read, and those that can't.
    pub fn all_rows(&self) -> Vec<Result<&Row, &SkippedRow>> {
        let mut rows: Vec<Result<&Row, &SkippedRow>> =
            self.rows.iter().map(Ok).chain(self.skipped.iter().map(Err)).collect();
        rows.sort_by_key(|row| row.map_or_else(|skipped| skipped.line, |row| row.line));
        rows
    }

    /// The rows that can't be read, as items that are left out.
    pub fn left_out(&self) -> impl Iterator<Item = Skipped> {
        self.skipped.iter().map(|row| Skipped {
            path: self.name(row.line).into(),
            kind: row.kind,
            reason: row.reason.clone(),
        })
    }

    /// What the row that begins on a line is called.
    pub fn name(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<CsvTable, CsvError> {
        CsvTable::parse(Path::new("data.csv"), bytes, &TableFormat::default())
    }

    fn refusal(bytes: &[u8]) -> String {
        parse(bytes).unwrap_err().to_string()
    }

    /// Columns, rows and notes, each in a line.
    fn shown(text: &str) -> (String, Vec<String>, Vec<String>) {
        let table = parse(text.as_bytes()).unwrap();
        let rows = table.rows.iter().map(|row| format!("{} {}", row.line, row.cells.join("|")));
        let left_out = table.left_out().map(|row| row.to_string());
        let rows = rows.chain(left_out).collect();
        (table.columns.join("|"), rows, table.reading.notes.iter().map(ToString::to_string).collect())
    }

    fn read(text: &str) -> (String, Vec<String>) {
        let (columns, rows, _) = shown(text);
        (columns, rows)
    }

    fn is(columns: &str, rows: &[&str]) -> (String, Vec<String>) {
        (columns.to_owned(), rows.iter().map(|&row| row.to_owned()).collect())
    }

    #[test]
    fn cells_are_what_stands_between_separators() {
        for text in [
            "a,b\n1,\"two\nlines\"\n",
            "a;b\r\n1;\"two\nlines\"\r\n",
            "\u{feff}a\tb\n1\t\"two\nlines\"\n",
            "sep=|\na|b\n1|\"two\nlines\"\n",
        ] {
            let table = parse(text.as_bytes()).unwrap();
            assert_eq!((table.columns.join(" "), table.skipped.len()), ("a b".to_owned(), 0), "{text}");
            assert_eq!(table.rows[0].cells, ["1", "two\nlines"]);
        }
        assert_eq!(read("a,b\r1,2\r3,4\r"), is("a|b", &["2 1|2", "3 3|4"]));
    }

    #[test]
    fn bad_rows_are_left_out_and_say_why() {
        let table = parse("a,b\n1,2\n1\n\n4,é\n".as_bytes()).unwrap();
        assert_eq!(table.rows.len(), 2);
        let reasons: Vec<String> = table.left_out().map(|row| row.to_string()).collect();
        assert_eq!(reasons, ["data.csv:3: it has 1 cells and the header 2"]);
        let damaged = parse(&[b"a,b\n1,2\n\xff,3\n".to_vec(), "4,été\n".into()].concat()).unwrap();
        let reasons: Vec<String> = damaged.left_out().map(|row| row.to_string()).collect();
        assert_eq!(reasons, ["data.csv:3: cell 1 has bytes that are no characters; save the file as UTF-8"]);
    }

    #[test]
    fn lines_before_the_header_are_no_rows() {
        let (columns, rows, notes) = shown("Report of today\n\na,b,c\n1,2,3\n4,5,6\n");
        assert_eq!((columns, rows), is("a|b|c", &["4 1|2|3", "5 4|5|6"]));
        assert_eq!(notes, ["1 line before the header is not read; line 1: `Report of today`"]);
        assert_eq!(read("# made by R\na,b\n1,2\n4,5\n"), is("a|b", &["3 1|2", "4 4|5"]));
    }

    #[test]
    fn a_first_line_of_data_is_a_row() {
        let (columns, rows, notes) = shown("1.5,cat\n2.5,dog\n3.5,cat\n4.5,dog\n");
        assert_eq!((columns.as_str(), rows.len()), ("column 1|column 2", 4));
        assert!(
            notes[0].starts_with("the first line is read as data, not as column names: `cat` occurs again"),
            "{notes:?}"
        );
        for text in [
            "text,label\none,a\ntwo,b\nthree,a\nfour,b\n",
            "country,2019,2020\na,1,2\nb,3,4\nc,5,6\n",
            "0,1\n5,6\n7,8\n9,9\n",
        ] {
            assert_eq!(shown(text).2, [""; 0], "{text}");
        }
        let told = TableFormat { header: Some(true), ..TableFormat::default() };
        let table = CsvTable::parse(Path::new("x"), b"1.5,cat\n2.5,dog\n3.5,cat\n4.5,dog\n", &told).unwrap();
        assert_eq!(table.columns, ["1.5", "cat"]);
    }

    #[test]
    fn separators_at_the_end_make_no_column() {
        assert_eq!(read("a,b,\n1,2,\n3,4,\n"), is("a|b", &["2 1|2", "3 3|4"]));
        let (columns, rows, notes) = shown("a,b\n1,2,\n3,4,\n5,6\n");
        assert_eq!((columns, rows), is("a|b", &["2 1|2", "3 3|4", "4 5|6"]));
        assert_eq!(notes, ["2 rows have an empty cell behind the last column; it is not read"]);
    }

    #[test]
    fn columns_without_a_name_of_their_own_get_one() {
        assert_eq!(read(",x,x\n0,1,2\n1,3,4\n"), is("column 1|x|x (2)", &["2 0|1|2", "3 1|3|4"]));
        // R writes the names of rows, and no name for their column.
        assert_eq!(read("x,y\nr1,1,2\nr2,3,4\n"), is("column 1|x|y", &["2 r1|1|2", "3 r2|3|4"]));
    }

    #[test]
    fn a_header_that_comes_again_is_no_row() {
        let (_, rows) = read("a,b\n1,2\na,b\n3,4\n");
        assert_eq!(rows, ["2 1|2", "4 3|4", "data.csv:3: it repeats the header"]);
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
        let table = parse(long.as_bytes()).unwrap();
        assert_eq!((table.rows.len(), table.rows[0].name.as_str()), (1, "data.csv:3"));
        let reason = table.left_out().next().unwrap().to_string();
        assert_eq!(reason, "data.csv:2: cell 2 has 16777217 bytes; at most 16777216 are read");
    }

    #[test]
    fn what_is_no_table_says_why() {
        assert!(refusal(b"").starts_with("data.csv: a table begins with a line that names its columns"));
        assert_eq!(refusal(b"a,b\n"), "data.csv: there are no rows that can be read");
        assert!(
            refusal(b"PAR1....")
                .starts_with("data.csv: this is a Parquet file, and no table; write it as CSV first")
        );
        assert!(refusal(b"\x1f\x8b\x08broken").starts_with("data.csv: this gzip file can't be read"));
        assert!(refusal(b"PK\x03\x04broken").starts_with("data.csv: this workbook can't be read"));
        let table = parse(b"a,b\n1,2\n").unwrap();
        let missing = table.column(Path::new("data.csv"), "c").unwrap_err().to_string();
        assert_eq!(missing, "data.csv: there is no column `c`; the columns are a, b");
        let told = TableFormat { encoding: Some("klingon".to_owned()), ..TableFormat::default() };
        let unknown = CsvTable::parse(Path::new("x"), b"a,b\n1,2\n", &told).unwrap_err().to_string();
        assert!(unknown.starts_with("`klingon` is no encoding"));
    }

    #[test]
    fn compressed_tables_are_read() {
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(vec![], flate2::Compression::fast());
        packed.write_all(b"a,b\n1,2\n").unwrap();
        assert_eq!(parse(&packed.finish().unwrap()).unwrap().rows[0].cells, ["1", "2"]);
    }
}
