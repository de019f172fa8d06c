//! From records to a table: its header, the names of its columns, its rows.

use std::collections::HashSet;
use std::path::Path;

use super::separator::{counts, mode};
use super::{Cells, CsvError, CsvTable, FileReading, Record, Row, SkippedRow};
use crate::remedy::{Note, Remedy};

/// The header is one of this many records.
const PREAMBLE: usize = 30;
/// At most this many records are compared with a possible header.
const SAMPLE: usize = 1000;

/// Lays records out as a table. `header` says whether the first record names the columns, if that is known.
pub(super) fn lay_out(
    path: &Path,
    mut records: Vec<Record>,
    header: Option<bool>,
    mut reading: FileReading,
) -> Result<CsvTable, CsvError> {
    let shape = Shape::of(&records);
    let before: Vec<Record> = records.drain(..shape.preamble).collect();
    reading.notes.extend(preamble_note(&before));
    let first = records.first().and_then(|first| first.cells.as_ref().ok());
    let Some(first) = first.filter(|cells| cells.iter().any(|cell| !cell.is_empty())) else {
        return Err(CsvError::NoHeader(path.to_owned()));
    };
    let given = header.is_some();
    let data = if given { None } else { looks_like_data(first, &records[1..]) };
    reading.header = header.unwrap_or(data.is_none());
    if let Some(reason) = data {
        let columns = first.len();
        let text = format!(
            "the first line is read as data, not as column names: {reason}; the columns are called `{}` to `{}`",
            unnamed(0),
            unnamed(columns - 1)
        );
        reading.notes.push(Note { text, remedy: Some(Remedy::SayHeader) });
    }
    let mut names: Vec<String> = vec![];
    if reading.header {
        names.extend(first.iter().map(str::to_owned));
        records.remove(0);
    }
    if shape.named_rows {
        names.insert(0, String::new());
    }
    names.resize(names.len().max(if reading.header { 0 } else { shape.cells }), String::new());
    let mut table = CsvTable {
        path: path.to_owned(),
        columns: vec![],
        rows: vec![],
        skipped: vec![],
        reading,
        in_memory: false,
    };
    let header: Cells = names.iter().collect();
    table.columns = called(names, &mut table.reading.notes);
    table.fill(records, &header);
    table.drop_blank_columns(&header);
    if table.rows.is_empty() {
        let first = table.left_out().next();
        return Err(CsvError::NoRows { path: path.to_owned(), first });
    }
    Ok(table)
}

/// What most records look like.
struct Shape {
    /// Cells of a row.
    cells: usize,
    /// Records before the header.
    preamble: usize,
    /// Whether rows have one more cell than the header: their names, as R writes them.
    named_rows: bool,
}

impl Shape {
    fn of(records: &[Record]) -> Self {
        let cells_of = |record: &Record| record.cells.as_ref().map_or(0, Cells::len);
        let counts = counts(records.iter().take(SAMPLE).map(cells_of).filter(|&cells| cells > 0));
        let (cells, most) = mode(&counts);
        let shape = |preamble, named_rows| Self { cells, preamble, named_rows };
        let comments = records.iter().take(PREAMBLE).take_while(|record| is_comment(record)).count();
        if comments > 0 && records.get(comments).is_some_and(|record| cells_of(record) == cells) {
            return shape(comments, false);
        }
        let Some(first) = records.first().filter(|record| cells_of(record) != cells) else {
            return shape(0, false);
        };
        let longer = records.iter().filter_map(|record| record.cells.as_ref().ok());
        let mut longer = longer.filter(|row| row.len() > cells_of(first));
        if longer.all(|row| row.iter().skip(cells_of(first)).all(str::is_empty)) {
            return shape(0, false);
        }
        if cells_of(first) > 1 && cells_of(first) + 1 == cells && most * 10 >= (records.len() - 1) * 9 {
            return shape(0, true);
        }
        let header = records.iter().take(PREAMBLE).position(|record| cells_of(record) == cells);
        // A header may be wider than most rows.
        let shorter = records[..header.unwrap_or(0)].iter().all(|record| cells_of(record) < cells);
        shape(header.filter(|_| shorter).unwrap_or(0), false)
    }
}

fn is_comment(record: &Record) -> bool {
    record.cells.as_ref().is_ok_and(|cells| cells.iter().next().is_some_and(|cell| cell.starts_with('#')))
}

fn preamble_note(before: &[Record]) -> Option<Note> {
    let cells = before.first()?.cells.as_ref().ok()?;
    let (line, text) = (before[0].line, cells.iter().collect::<Vec<_>>().join(" ").trim().to_owned());
    let count = match before.len() {
        1 => "1 line before the header is".to_owned(),
        count => format!("{count} lines before the header are"),
    };
    Some(Note::from(format!("{count} not read; line {line}: `{text}`")))
}

/// Why a first line holds data rather than names, if it does.
fn looks_like_data(first: &Cells, others: &[Record]) -> Option<String> {
    let others = others.iter().take(SAMPLE).filter_map(|record| record.cells.as_ref().ok());
    let others: Vec<&Cells> = others.filter(|row| row.len() == first.len() && *row != first).collect();
    if others.len() < 3 {
        return None;
    }
    let (mut reason, mut numbers) = (None, vec![]);
    for (column, name) in first.iter().enumerate() {
        let cells: Vec<&str> =
            others.iter().map(|row| &row[column]).filter(|cell| !cell.is_empty()).collect();
        let of_numbers = cells.iter().filter(|cell| number(cell).is_some()).count() * 10 >= cells.len() * 9;
        match number(name) {
            _ if cells.is_empty() || name.is_empty() => {}
            Some(value) if of_numbers => numbers.push((value, name)),
            // A word above numbers is their name.
            None if of_numbers => return None,
            _ if cells.contains(&name) => {
                reason = reason.or_else(|| Some(format!("`{name}` occurs again in its column")));
            }
            _ => {}
        }
    }
    // Years and counting numbers name columns.
    let counting = numbers.len() > 1 && numbers.windows(2).all(|pair| pair[1].0 - pair[0].0 == 1.0);
    let years = numbers.iter().all(|(value, _)| value.fract() == 0.0 && (1900.0..=2100.0).contains(value));
    let of_numbers = numbers.first().filter(|_| !counting && !years);
    reason.or_else(|| of_numbers.map(|(_, name)| format!("`{name}` is a number, as its column is")))
}

/// A number as either half of the world writes it.
fn number(cell: &str) -> Option<f64> {
    cell.parse()
        .ok()
        .or_else(|| cell.replace(',', ".").parse().ok())
        .filter(|number: &f64| number.is_finite())
}

/// What a column without a name is called.
fn unnamed(column: usize) -> String {
    format!("column {}", column + 1)
}

/// The names of columns, each once.
fn called(names: Vec<String>, notes: &mut Vec<Note>) -> Vec<String> {
    let mut taken: HashSet<String> = names.iter().cloned().collect();
    let mut seen = HashSet::new();
    let mut call = |(column, name): (usize, String)| {
        let name = if name.is_empty() { unnamed(column) } else { name };
        if seen.insert(name.clone()) {
            return name;
        }
        let another = (2..).map(|count| format!("{name} ({count})")).find(|name| !taken.contains(name));
        let another = another.unwrap_or_default();
        notes.push(Note::from(format!("two columns are called `{name}`; the second is read as `{another}`")));
        taken.insert(another.clone());
        seen.insert(another.clone());
        another
    };
    names.into_iter().enumerate().map(&mut call).collect()
}

impl CsvTable {
    /// Adds records as rows; those that don't fit the columns are left out.
    fn fill(&mut self, records: Vec<Record>, header: &Cells) {
        let (wide, mut surplus) = (self.columns.len(), 0);
        for Record { line, cells } in records {
            let row = cells.and_then(|mut cells| {
                if cells.len() > wide && cells.iter().skip(wide).all(str::is_empty) {
                    cells.truncate(wide);
                    surplus += 1;
                }
                match cells.len() {
                    _ if self.reading.header && cells == *header => {
                        Err(("repeated-header", "it repeats the header".to_owned()))
                    }
                    count if count == wide => Ok(cells),
                    count => Err(("bad-row", format!("it has {count} cells and the header {wide}"))),
                }
            });
            match row {
                Ok(cells) => self.rows.push(Row { line, cells }),
                Err((kind, reason)) => self.skipped.push(SkippedRow { line, kind, reason }),
            }
        }
        if surplus > 0 {
            let rows = if surplus == 1 { "1 row has" } else { &format!("{surplus} rows have") };
            let text = format!("{rows} an empty cell behind the last column; it is not read");
            self.reading.notes.push(Note::from(text));
        }
    }

    /// Drops columns at the end that have neither name nor content: a separator at the end of each line makes them.
    fn drop_blank_columns(&mut self, header: &Cells) {
        let is_blank = |column: usize| header[column].is_empty() && self.cells(column).all(str::is_empty);
        let blank = (0..header.len()).rev().take_while(|&column| is_blank(column)).count();
        if !self.reading.header || blank == 0 || self.rows.is_empty() {
            return;
        }
        let kept = self.columns.len() - blank;
        self.columns.truncate(kept);
        self.rows.iter_mut().for_each(|row| row.cells.truncate(kept));
    }
}
