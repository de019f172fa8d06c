//! Reading a table: named columns and rows of cells, as text.
//!
//! A table is text with separators (CSV, TSV), JSON objects, a sheet of a workbook, or a Parquet file; text may be compressed
//! with gzip.
//! The encoding, the separator and the header are found from the content and kept in [`FileReading`]; [`TableFormat`]
//! overrides them. A row that can't be read is left out and listed: the rows and the rows left out are all rows of the file.

pub(crate) mod cell;
mod cells;
mod content;
mod encoding;
mod json;
mod layout;
mod number_format;
#[cfg(feature = "parquet")]
mod parquet;
mod records;
mod separator;
mod uses;
#[cfg(feature = "spreadsheets")]
mod workbook;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::data::Skipped;
use crate::files::{self, FileError};
use crate::platform::fs;
use crate::remedy::{Note, Remedy};

pub use cells::Cells;
pub use content::is_table_file;
pub use number_format::NumberFormat;
pub(crate) use uses::{Use, Uses};

/// The largest file that is read, in bytes: all of it is held in memory.
const MAX_BYTES: u64 = 4 << 30;
/// The longest cell that is read, in bytes: as long as a text in a file of its own. What is made of a text takes many times its length.
const MAX_CELL: usize = 16 << 20;

/// A table of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CsvTable {
    /// The file, or a name for rows in memory.
    pub path: PathBuf,
    /// Whether the rows were given in memory; then their lines are numbers from 0.
    pub in_memory: bool,
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
    /// A cell for each column, without blanks around it.
    pub cells: Cells,
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
    cells: Result<Cells, Wrong>,
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
    /// It is of a kind that this program was built without.
    #[error("{}: this is {what}, which defrost reads if it is built with the feature `{feature}`; or {advice}", path.display())]
    NotBuilt {
        /// The file.
        path: PathBuf,
        /// What it is, with its article.
        what: &'static str,
        /// The feature of this crate.
        feature: &'static str,
        /// What to do otherwise.
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
    /// Columns in memory are of different lengths.
    #[error("column {column} has {found} cells, and the first one {expected}")]
    OtherLength {
        /// The column.
        column: String,
        /// How many cells it has.
        found: usize,
        /// How many the first has.
        expected: usize,
    },
    /// A column that says which rows validate says something else.
    #[error("{row}: `{cell}` is not true or false, 1 or 0, valid, train or test")]
    Use {
        /// The row.
        row: String,
        /// What it says.
        cell: String,
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
        let bytes = fs::metadata(path).map_err(FileError::at(path))?.len();
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
                in_memory: true,
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
            let cells = places.into_iter().map(|place| cells[place].trim()).collect();
            table.rows.push(Row { line: number, cells });
        }
        table.ok_or_else(|| CsvError::NoRows { path: path(), first: None })
    }

    /// Columns in memory, each given as its name and its cells; all are of one length.
    ///
    /// ```
    /// use defrost::csv_table::CsvTable;
    ///
    /// let table = CsvTable::from_columns([("age", ["31", "44"]), ("group", ["young", "old"])])?;
    /// assert_eq!((table.columns.len(), table.rows.len()), (2, 2));
    /// # Ok::<(), defrost::csv_table::CsvError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the table has no rows, if two columns have the same name, or if columns differ in length.
    pub fn from_columns<C: Into<String>, V: AsRef<str>, I: IntoIterator<Item = V>>(
        columns: impl IntoIterator<Item = (C, I)>,
    ) -> Result<Self, CsvError> {
        let path = || PathBuf::from("columns in memory");
        let (columns, cells): (Vec<String>, Vec<Vec<V>>) = columns
            .into_iter()
            .map(|(column, cells)| (column.into(), cells.into_iter().collect::<Vec<V>>()))
            .unzip();
        let mut seen = HashSet::new();
        if let Some(twice) = columns.iter().find(|name| !seen.insert(*name)) {
            return Err(CsvError::Twice { path: path(), name: twice.clone() });
        }
        let length = cells.first().map_or(0, Vec::len);
        if let Some(place) = cells.iter().position(|cells| cells.len() != length) {
            let (column, found) = (columns[place].clone(), cells[place].len());
            return Err(CsvError::OtherLength { column, found, expected: length });
        }
        let row = |line: usize| Row {
            line,
            cells: cells.iter().map(|cells| cells[line].as_ref().trim()).collect(),
        };
        let rows: Vec<Row> = (0..length).map(row).collect();
        let reading = FileReading { header: true, ..FileReading::default() };
        match rows.is_empty() {
            true => Err(CsvError::NoRows { path: path(), first: None }),
            false => Ok(Self { path: path(), in_memory: true, columns, rows, reading, ..Self::default() }),
        }
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
        self.rows.iter().map(move |row| &row.cells[column])
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

    /// What the row that begins on a line is called: its file and that line.
    pub fn name(&self, line: usize) -> String {
        match self.in_memory {
            true => format!("row {line}"),
            false => format!("{}:{line}", self.path.display()),
        }
    }
}

#[cfg(test)]
mod tests;
