//! Rows from a sheet of a workbook: Excel's `.xlsx`, `.xlsb` and `.xls`, LibreOffice's `.ods`.

use std::io::Cursor;
use std::path::Path;

use calamine::{Data, ExcelDateTime, Reader, Sheets, open_workbook_auto_from_rs};

use super::separator::{counts, mode};
use super::{CsvError, Record};

/// The records of the sheet of this name, or of the only one that has cells; and what it is called.
pub(super) fn records(
    path: &Path,
    bytes: &[u8],
    sheet: Option<&str>,
) -> Result<(String, Vec<Record>), CsvError> {
    let damaged = |reason: String| CsvError::Damaged { path: path.to_owned(), kind: "workbook", reason };
    let mut book =
        open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| damaged(error.to_string()))?;
    let names = book.sheet_names();
    let sheets = || names.join(", ");
    if let Some(wanted) = sheet.filter(|wanted| !names.iter().any(|name| name == wanted)) {
        return Err(CsvError::NoSheet { path: path.to_owned(), name: wanted.to_owned(), sheets: sheets() });
    }
    let mut found: Vec<(String, Vec<Record>)> = vec![];
    for name in names.iter().filter(|name| sheet.is_none_or(|wanted| wanted == *name)) {
        let records = read_sheet(&mut book, name).map_err(&damaged)?;
        if !records.is_empty() {
            found.push((name.clone(), records));
        }
    }
    if found.len() > 1 {
        return Err(CsvError::Sheets { path: path.to_owned(), sheets: sheets() });
    }
    found.pop().ok_or_else(|| CsvError::NoRows { path: path.to_owned(), first: None })
}

fn read_sheet(book: &mut Sheets<Cursor<&[u8]>>, name: &str) -> Result<Vec<Record>, String> {
    let range = book.worksheet_range(name).map_err(|error| error.to_string())?;
    let first = range.start().map_or(0, |(row, _)| row as usize);
    let rows = range.rows().enumerate().filter(|(_, row)| row.iter().any(|cell| *cell != Data::Empty));
    let record = |(row, cells): (usize, &[Data])| Record {
        line: first + row + 1,
        cells: Ok(cells.iter().map(|cell| shown(cell).trim().to_owned()).collect()),
    };
    Ok(without_padding(rows.map(record).collect()))
}

/// All rows of a sheet are as wide as its widest. Those above the header are lines of text: their empty cells are dropped.
fn without_padding(mut records: Vec<Record>) -> Vec<Record> {
    let filled = |record: &Record| {
        let Ok(cells) = &record.cells else { return 0 };
        (1..=cells.len()).rev().find(|&count| !cells[count - 1].is_empty()).unwrap_or(0)
    };
    let (width, _) = mode(&counts(records.iter().map(filled)));
    let above = records.iter().take_while(|record| filled(record) < width).count();
    for record in &mut records[..above] {
        let filled = filled(record);
        record.cells.iter_mut().for_each(|cells| cells.truncate(filled));
    }
    records
}

/// A cell as a CSV file would have it.
fn shown(cell: &Data) -> String {
    match cell {
        Data::DateTime(time) if time.is_datetime() => date(time),
        cell => cell.to_string(),
    }
}

fn date(time: &ExcelDateTime) -> String {
    let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
    match (hour, minute, second) {
        (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}"),
    }
}
