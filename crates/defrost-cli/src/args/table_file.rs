//! Options that say how a file of rows is read, where its content says it wrongly.

use clap::{Args, ValueEnum};

use defrost::csv_table::TableFormat;
use defrost::tabular::ColumnKind;

/// How a file of rows is read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Reading a file of rows (found from its content by default)")]
pub struct TableFileOptions {
    /// What a column holds: number, decimal-comma, decimal-point, category, date, year-first, day-first or month-first; can be repeated
    #[arg(long = "column", value_name = "NAME=KIND", value_parser = column_kind)]
    pub column_kinds: Vec<(String, ColumnKind)>,
    /// The sheet of a workbook
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// Whether the first line names the columns
    #[arg(long, value_name = "YES|NO")]
    pub header: Option<Header>,
    /// The character between cells; tab for a tab
    #[arg(long, value_name = "CHAR", value_parser = separator)]
    pub separator: Option<char>,
    /// The encoding, as utf-8, windows-1252 or shift_jis
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
}

/// Whether the first line names the columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Header {
    Yes,
    No,
}

impl TableFileOptions {
    /// How the file is read.
    pub fn format(&self) -> TableFormat {
        TableFormat {
            encoding: self.encoding.clone(),
            separator: self.separator,
            header: self.header.map(|header| header == Header::Yes),
            sheet: self.sheet.clone(),
        }
    }
}

fn column_kind(text: &str) -> Result<(String, ColumnKind), String> {
    // A column's name may have the sign.
    let (name, kind) = text.rsplit_once('=').ok_or("write it as NAME=KIND, such as age=number")?;
    Ok((name.to_owned(), kind.parse()?))
}

fn separator(text: &str) -> Result<char, String> {
    let mut letters = text.chars();
    match (text, letters.next(), letters.next()) {
        ("tab" | "\\t", ..) => Ok('\t'),
        (_, Some(letter), None) => Ok(letter),
        _ => Err("one character, or tab".to_owned()),
    }
}
