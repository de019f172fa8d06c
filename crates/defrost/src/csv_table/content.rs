//! The kind of file that holds a table: its first bytes decide, not its name.

use std::io::Read;
use std::path::Path;

use encoding_rs::Encoding;

use super::encoding::Decoded;
use super::layout::lay_out;
use super::records::Records;
use super::{CsvError, CsvTable, FileReading, MAX_BYTES, Record, TableFormat, json, separator};
use crate::files::{self, FileError};
use crate::remedy::{Note, Remedy};

/// The endings of tables' names.
const ENDINGS: [&str; 10] = ["csv", "tsv", "tab", "jsonl", "ndjson", "xlsx", "xlsb", "xls", "ods", "parquet"];
/// The first bytes of a compressed file.
const GZIP: &[u8] = b"\x1f\x8b";
/// The first bytes of a workbook, which is an archive.
const ZIP: &[u8] = b"PK\x03\x04";
/// The first bytes of a Parquet file.
const PARQUET: &[u8] = b"PAR1";
/// The beginning of a file has this many bytes.
const PEEK: u64 = 1 << 20;

/// Files of other kinds by their first bytes.
const OTHERS: [(&[u8], &str, &str); 7] = [
    (b"\x89HDF", "an HDF5 file", "write its table as CSV first"),
    (b"\x89PNG", "an image", "give the folder it is in"),
    (b"\xff\xd8\xff", "an image", "give the folder it is in"),
    (b"GIF8", "an image", "give the folder it is in"),
    (b"%PDF", "a PDF document", "write its table as CSV first"),
    (b"SQLite format 3\0", "an SQLite database", "write its table as CSV first"),
    (b"ARROW1", "an Arrow file", "write it as CSV first"),
];

/// Whether a path names a table, by its ending.
pub fn is_table_file(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// The beginning of a file of lines, or else the whole file.
pub(super) fn peek(path: &Path, format: &TableFormat) -> Result<CsvTable, CsvError> {
    let mut bytes = vec![];
    let file = files::open(path)?;
    file.take(PEEK).read_to_end(&mut bytes).map_err(FileError::at(path))?;
    let is_text = [GZIP, ZIP, PARQUET, b"["].iter().all(|start| !bytes.starts_with(start));
    let line =
        bytes.iter().rposition(|&byte| byte == b'\n').filter(|_| bytes.len() as u64 == PEEK && is_text);
    // Both bytes of a line end in UTF-16 are needed.
    match line.filter(|_| !bytes.contains(&0)) {
        Some(end) => parse(path, &bytes[..=end], format),
        None => CsvTable::read_as(path, format),
    }
}

/// A table from the bytes of a file.
pub(super) fn parse(path: &Path, bytes: &[u8], format: &TableFormat) -> Result<CsvTable, CsvError> {
    if bytes.starts_with(GZIP) {
        return parse(path, &unzipped(path, bytes)?, format);
    }
    if let Some(&(_, what, advice)) = OTHERS.iter().find(|(start, ..)| bytes.starts_with(start)) {
        return Err(CsvError::OtherKind { path: path.to_owned(), what, advice });
    }
    if bytes.starts_with(PARQUET) {
        return of_parquet(path, bytes, format);
    }
    // Workbooks are ZIP archives, or the compound files of old programs.
    match bytes.starts_with(ZIP) || bytes.starts_with(b"\xd0\xcf\x11\xe0") {
        true => of_workbook(path, bytes, format),
        false => of_text(path, bytes, format),
    }
}

fn unzipped(path: &Path, bytes: &[u8]) -> Result<Vec<u8>, CsvError> {
    let mut text = vec![];
    let mut reader = flate2::read::MultiGzDecoder::new(bytes).take(MAX_BYTES + 1);
    let read = reader.read_to_end(&mut text);
    let damaged = |reason: String| CsvError::Damaged { path: path.to_owned(), kind: "gzip file", reason };
    read.map_err(|error| damaged(error.to_string()))?;
    match text.len() as u64 > MAX_BYTES {
        true => Err(CsvError::TooLarge(path.to_owned())),
        false => Ok(text),
    }
}

#[cfg(feature = "spreadsheets")]
fn of_workbook(path: &Path, bytes: &[u8], format: &TableFormat) -> Result<CsvTable, CsvError> {
    let (sheet, records) = super::workbook::records(path, bytes, format.sheet.as_deref())?;
    let reading = FileReading { encoding: "UTF-8".to_owned(), sheet: Some(sheet), ..FileReading::default() };
    lay_out(path, records, format.header, reading)
}

#[cfg(not(feature = "spreadsheets"))]
fn of_workbook(path: &Path, _: &[u8], _: &TableFormat) -> Result<CsvTable, CsvError> {
    let (what, advice) = ("a workbook or an archive", "write its table as CSV");
    Err(CsvError::NotBuilt { path: path.to_owned(), what, feature: "spreadsheets", advice })
}

#[cfg(feature = "parquet")]
fn of_parquet(path: &Path, bytes: &[u8], _: &TableFormat) -> Result<CsvTable, CsvError> {
    let (names, mut records) = super::parquet::records(path, bytes)?;
    records.insert(0, Record { line: 0, cells: Ok(names.into_iter().collect()) });
    let reading = FileReading { encoding: "Parquet".to_owned(), ..FileReading::default() };
    lay_out(path, records, Some(true), reading)
}

#[cfg(not(feature = "parquet"))]
fn of_parquet(path: &Path, _: &[u8], _: &TableFormat) -> Result<CsvTable, CsvError> {
    let advice = "write it as CSV, with pandas: read_parquet(FILE).to_csv(\"data.csv\", index=False)";
    let what = "a Parquet file";
    Err(CsvError::NotBuilt { path: path.to_owned(), what, feature: "parquet", advice })
}

fn of_text(path: &Path, bytes: &[u8], format: &TableFormat) -> Result<CsvTable, CsvError> {
    let known =
        |name: &String| Encoding::for_label(name.as_bytes()).ok_or_else(|| CsvError::Encoding(name.clone()));
    let given = format.encoding.as_ref().map(known).transpose()?;
    let Decoded { mut text, encoding, guessed, damaged } = Decoded::of(bytes, given);
    let mut reading = FileReading { encoding: encoding.to_owned(), ..FileReading::default() };
    if guessed {
        reading.notes.push(encoding_note(&text, encoding));
    }
    if text.contains('\0') {
        text.retain(|letter| letter != '\0');
        reading.notes.push(Note::from("the file has NUL characters; they are not read".to_owned()));
    }
    // The line ends of old Macs.
    if text.contains('\r') && !text.contains('\n') {
        text = text.replace('\r', "\n");
    }
    if is_json(&text) {
        let damaged = |reason| CsvError::Damaged { path: path.to_owned(), kind: "JSON file", reason };
        let (names, mut records) = json::records(&text).map_err(damaged)?;
        records.insert(0, Record { line: 0, cells: Ok(names.into_iter().collect()) });
        return lay_out(path, records, Some(true), reading);
    }
    let (declared, start) =
        separator::declared(&text).map_or((None, 0), |(found, start)| (Some(found), start));
    let separator = match format.separator {
        Some(given) => u8::try_from(given).ok().filter(u8::is_ascii).ok_or(CsvError::Separator(given))?,
        None => declared.unwrap_or_else(|| separator::find(&text[start..])),
    };
    reading.separator = Some(char::from(separator));
    let Records { mut records, stray } =
        Records::split(&text[start..], separator, 1 + usize::from(start > 0));
    reading.notes.extend(stray_note(&stray));
    if damaged {
        records.iter_mut().for_each(leave_out_damaged);
    }
    lay_out(path, records, format.header, reading)
}

/// Whether text is a JSON object a line, or an array of them.
fn is_json(text: &str) -> bool {
    let text = text.trim();
    let in_array = text.strip_prefix('[').map(str::trim_start);
    text.starts_with("{\"") || in_array.is_some_and(|objects| objects.starts_with('{') && text.ends_with(']'))
}

fn leave_out_damaged(record: &mut Record) {
    let Ok(cells) = &record.cells else { return };
    let damaged = cells.iter().position(|cell| cell.contains(char::REPLACEMENT_CHARACTER));
    if let Some(column) = damaged {
        let reason = format!("cell {} has bytes that are no characters; save the file as UTF-8", column + 1);
        record.cells = Err(("encoding", reason));
    }
}

fn encoding_note(text: &str, encoding: &str) -> Note {
    let line = text.lines().enumerate().find(|(_, line)| !line.is_ascii());
    let example = line.and_then(|(line, text)| {
        let word = text.split(|letter: char| !letter.is_alphanumeric()).find(|word| !word.is_ascii())?;
        Some(format!("; line {} has `{word}`", line + 1))
    });
    let text = format!("the file is not UTF-8; it is read as {encoding}{}", example.unwrap_or_default());
    Note { text, remedy: Some(Remedy::SayEncoding) }
}

fn stray_note(lines: &[usize]) -> Option<Note> {
    let (first, more) = (lines.first()?, lines.len() - 1);
    let text = match more {
        0 => format!("line {first}: a quotation mark has no partner; it is read as a character"),
        _ => format!(
            "line {first} and {more} more: a quotation mark has no partner; it is read as a character"
        ),
    };
    Some(Note::from(text))
}
