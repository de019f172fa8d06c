//! The columns of a table: which are inputs, and of which kind.

use std::collections::{BTreeMap, HashSet};

use rayon::prelude::*;

use super::cell_value::CellValue;
use super::input::{ColumnKind, Format, Understood};
use crate::csv_table::CsvTable;
use crate::csv_table::cell::{is_missing, number};
use crate::reading::{ColumnReading, ColumnUse, OddCell};
use crate::remedy::{Note, Remedy};

/// A column whose cells differ in more rows than this fraction, and in more than [`FEW`], has names or codes.
const DISTINCT: f64 = 0.5;
const FEW: usize = 20;

/// A column of a table.
pub(super) struct TableColumn {
    /// Its place in the table.
    pub place: usize,
    pub understood: Understood,
    pub used_as: ColumnUse,
    /// Whether it is not used because of its cells.
    pub is_unused_by_its_cells: bool,
}

/// The given facts about columns.
pub(super) struct Told<'a> {
    /// The place of the label's column.
    pub label: usize,
    /// The columns that are not inputs.
    pub ignored: &'a [String],
    /// The one of those that says which rows belong together.
    pub together: Option<&'a str>,
    /// The column that says which rows validate.
    pub split: Option<&'a str>,
    /// The kinds of columns that are given.
    pub kinds: &'a BTreeMap<String, ColumnKind>,
}

/// Looks at all columns of a table but the label's. With a column that numbers or names the rows, the network could
/// memorise them: such a column is not used, and a note says so.
pub(super) fn understand(csv: &CsvTable, told: &Told) -> (Vec<TableColumn>, Vec<Note>) {
    let comma = csv.reading.separator == Some(';');
    let look = |place: usize| {
        let mut notes = vec![];
        let name = csv.columns[place].as_str();
        let cells: Vec<(usize, &str)> = csv.rows.iter().map(|row| (row.line, &row.cells[place])).collect();
        let kind = told.kinds.get(name).copied();
        let understood = Understood::of(name, &cells, kind, comma);
        let is_ignored = told.split == Some(name) || told.ignored.iter().any(|ignored| ignored == name);
        let reason = if is_ignored || kind.is_some() { None } else { why_unused(csv, place, &understood) };
        let is_unused_by_its_cells = reason.is_some();
        let used_as = match () {
            () if told.together == Some(name) => ColumnUse::Group,
            () if told.split == Some(name) => ColumnUse::Split,
            () if is_ignored || is_unused_by_its_cells => ColumnUse::Nothing,
            () => ColumnUse::Input,
        };
        if let Some(text) = reason {
            let (column, kind) = (name.to_owned(), understood.input.kind());
            notes.extend(understood.notes.iter().cloned());
            notes.push(Note { text, remedy: Some(Remedy::SayKind { column, kind }) });
        }
        if used_as == ColumnUse::Input {
            notes.extend(understood.notes.iter().cloned());
            notes.extend(odd_note(&understood));
        }
        (TableColumn { place, understood, used_as, is_unused_by_its_cells }, notes)
    };
    let places = (0..csv.columns.len()).into_par_iter().filter(|&place| place != told.label);
    let (columns, notes): (Vec<TableColumn>, Vec<Vec<Note>>) = places.map(look).unzip();
    (columns, notes.concat())
}

/// A note about cells that don't fit their column.
fn odd_note(understood: &Understood) -> Option<Note> {
    let ((line, cell), more) = (understood.odd.first()?, understood.odd.len() - 1);
    let (name, kind) = (&understood.input.name, understood.input.kind());
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let text = format!("column `{name}` ({kind}): `{cell}` in line {line}{more} is read as missing");
    Some(Note { text, remedy: Some(Remedy::SayKind { column: name.clone(), kind: "category" }) })
}

/// Why a column is not used, if its cells are the reason.
fn why_unused(csv: &CsvTable, place: usize, understood: &Understood) -> Option<String> {
    let name = &understood.input.name;
    if numbers_rows(csv, place) {
        return Some(format!("column `{name}` numbers the rows; it is not used"));
    }
    if understood.input.format != Format::Category {
        return None;
    }
    let distinct = csv.cells(place).filter(|cell| !is_missing(cell)).collect::<HashSet<_>>().len();
    let rows = csv.rows.len();
    let named = distinct > FEW && distinct as f64 > DISTINCT * rows as f64;
    named.then(|| format!("column `{name}` has {distinct} different values in {rows} rows; it is not used"))
}

/// Whether a column counts the rows: one by one, or in any order if it has no name.
fn numbers_rows(csv: &CsvTable, place: usize) -> bool {
    let nameless = csv.is_nameless(place) || csv.columns[place].to_lowercase().starts_with("unnamed:");
    let whole = |cell| number(cell).filter(|number| number.fract() == 0.0);
    if nameless {
        let mut seen = HashSet::new();
        let is_new = |cell| whole(cell).is_some_and(|number| seen.insert(number.to_bits()));
        return csv.rows.len() > 1 && csv.cells(place).all(is_new);
    }
    let mut last = None;
    let counts_on = |cell| match (last, whole(cell)) {
        (Some(before), Some(number)) if number - before != 1.0 => false,
        (_, number) => {
            last = number;
            number.is_some()
        }
    };
    csv.rows.len() > FEW && csv.cells(place).all(counts_on)
}

impl TableColumn {
    /// The column in a reading.
    pub fn reading(&self) -> ColumnReading {
        let Understood { input, missing, odd, .. } = &self.understood;
        let odd = odd.iter().map(|(line, value)| OddCell { line: *line, value: value.clone() });
        ColumnReading {
            name: input.name.clone(),
            kind: input.kind(),
            missing: *missing,
            odd: odd.collect(),
            used_as: self.used_as,
        }
    }

    /// Whether it is a column of dates.
    pub fn is_of_dates(&self) -> bool {
        matches!(self.understood.input.format, Format::Date(_))
    }

    /// The values of the cells; those that don't fit are missing. For columns that are no dates.
    pub fn values<'a>(&self, csv: &'a CsvTable) -> Vec<CellValue<'a>> {
        let mut values = Vec::with_capacity(csv.rows.len());
        csv.cells(self.place).for_each(|cell| self.understood.input.read_leniently(cell, &mut values));
        values
    }
}
