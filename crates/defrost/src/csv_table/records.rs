//! From text to records: cells between separators, some of them in quotation marks.
//!
//! In a regular file a quotation mark that opens a cell has a partner, and behind that the cell ends. Where it is not
//! so, the mark is a character of the text, as in `5" screen`, and the line it is on ends the record: otherwise one
//! mark would swallow all lines up to the next.

use super::{Cells, MAX_CELL, Record, Wrong};

/// After this many marks without a partner, all other marks are characters, too.
const MAX_STRAY: usize = 1000;

/// The records of a text.
#[derive(Default)]
pub(super) struct Records {
    pub records: Vec<Record>,
    /// The lines on which a quotation mark has no partner.
    pub stray: Vec<usize>,
}

impl Records {
    /// Splits a text whose first line has this number.
    pub fn split(text: &str, separator: u8, first_line: usize) -> Self {
        let mut found = Self::default();
        let (mut start, mut line) = (0, first_line);
        while let Some((at, stray)) = found.read_regular(&text[start..], separator, line) {
            let rest = &text[start + at..];
            let length = rest.find('\n').map_or(rest.len(), |end| end + 1);
            found.stray.push(stray);
            found.read_plain(&rest[..length], separator, stray);
            (start, line) = (start + at + length, stray + 1);
            if found.stray.len() >= MAX_STRAY {
                found.read_plain(&text[start..], separator, line);
                break;
            }
        }
        found
    }

    /// Reads up to a record with a mark that has no partner; its place in `text`, and its line.
    fn read_regular(&mut self, text: &str, separator: u8, first_line: usize) -> Option<(usize, usize)> {
        let mut reader = reader(separator, true).from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        while let Ok(true) = reader.read_record(&mut record) {
            let position = record.position()?;
            let end = (reader.position().byte() as usize).min(text.len());
            let before = text.get(position.byte() as usize..end)?;
            // A position is that of the blank lines before a record.
            let raw = before.trim_start_matches(['\n', '\r']);
            let blank = before[..before.len() - raw.len()].bytes().filter(|&byte| byte == b'\n').count();
            let line = first_line + position.line() as usize - 1 + blank;
            if raw.trim_end().contains('\n') && !is_regular(raw.as_bytes(), separator) {
                return Some((end - raw.len(), line));
            }
            self.records.push(Record { line, cells: cells(&record) });
        }
        None
    }

    /// Reads lines whose marks are characters.
    fn read_plain(&mut self, text: &str, separator: u8, first_line: usize) {
        let mut reader = reader(separator, false).from_reader(text.as_bytes());
        let mut record = csv::StringRecord::new();
        while let Ok(true) = reader.read_record(&mut record) {
            let line = first_line + record.position().map_or(0, |position| position.line() as usize - 1);
            self.records.push(Record { line, cells: cells(&record) });
        }
    }
}

fn reader(separator: u8, quoting: bool) -> csv::ReaderBuilder {
    let mut builder = csv::ReaderBuilder::new();
    builder.delimiter(separator).flexible(true).has_headers(false).quoting(quoting);
    builder
}

fn cells(record: &csv::StringRecord) -> Result<Cells, Wrong> {
    if let Some((column, cell)) = record.iter().enumerate().find(|(_, cell)| cell.len() > MAX_CELL) {
        let (column, bytes) = (column + 1, cell.len());
        let reason = format!("cell {column} has {bytes} bytes; at most {MAX_CELL} are read");
        return Err(("too-long", reason));
    }
    Ok(Cells::trimmed(record))
}

/// Whether each mark that opens a cell has a partner that ends it.
fn is_regular(record: &[u8], separator: u8) -> bool {
    let (mut at, mut cell_begins, mut is_quoted) = (0, true, false);
    while at < record.len() {
        let (byte, next) = (record[at], record.get(at + 1).copied());
        if is_quoted && byte == b'"' {
            match next {
                Some(b'"') => at += 1,
                None | Some(b'\n' | b'\r') => is_quoted = false,
                Some(next) if next == separator => is_quoted = false,
                Some(_) => return false,
            }
        } else if !is_quoted {
            is_quoted = cell_begins && byte == b'"';
            cell_begins = byte == separator || byte == b'\n';
        }
        at += 1;
    }
    !is_quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> (Vec<(usize, String)>, Vec<usize>) {
        let found = Records::split(text, b',', 1);
        let shown =
            |record: Record| (record.line, record.cells.unwrap().iter().collect::<Vec<_>>().join("|"));
        (found.records.into_iter().map(shown).collect(), found.stray)
    }

    #[test]
    fn quoted_cells_may_have_lines_and_marks() {
        let (records, stray) = split("a,b\n\n\n\"x\n\"\"y\"\", z\",1\nlast,2");
        let expected = [(1, "a|b"), (4, "x\n\"y\", z|1"), (6, "last|2")];
        assert_eq!(records, expected.map(|(line, cells)| (line, cells.to_owned())));
        assert!(stray.is_empty());
    }

    #[test]
    fn a_mark_without_partner_swallows_no_lines() {
        let (records, stray) = split("a,b\nneg,\"awful\npos,fine\nneg,\"bad\npos,good\n");
        let expected = [(1, "a|b"), (2, "neg|\"awful"), (3, "pos|fine"), (4, "neg|\"bad"), (5, "pos|good")];
        assert_eq!(records, expected.map(|(line, cells)| (line, cells.to_owned())));
        assert_eq!(stray, [2, 4]);
    }

    #[test]
    fn many_marks_without_partner_take_no_longer() {
        let text = "neg,\"x\n".repeat(3 * MAX_STRAY);
        let (records, stray) = split(&text);
        assert_eq!((records.len(), stray.len()), (3 * MAX_STRAY, MAX_STRAY));
        assert_eq!(records.last().unwrap(), &(3 * MAX_STRAY, "neg|\"x".to_owned()));
    }
}
