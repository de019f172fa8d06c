//! An input column of a table: the kind of its cells, and how they are read.
//!
//! The kind of a column follows from all of its cells, also those of validation rows: the split must not change how a file
//! is read. A few cells that don't fit a column of numbers or dates are missing cells; each is listed.

use std::collections::{BTreeMap, HashSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::cell_value::CellValue;
use super::date_format::{self, DateFormat, Order};
use super::dates;
use crate::csv_table::NumberFormat;
use crate::csv_table::cell::{is_missing, number};
use crate::remedy::{Note, Remedy};

/// A column that a row holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// Its name.
    pub name: String,
    /// How its cells are read.
    pub format: Format,
    /// Words for a missing cell in this column, beside the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
}

/// How cells are read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// As one of several values.
    Category,
    /// As a number.
    Number(NumberFormat),
    /// As a date, which becomes its parts: year, month, week, day and more.
    Date(DateFormat),
    /// As a time of day, which becomes minutes.
    TimeOfDay,
}

/// A kind of column, to override the kind that is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Numbers.
    Number,
    /// Numbers with a comma before the fraction.
    DecimalComma,
    /// Numbers with a point before the fraction.
    DecimalPoint,
    /// One of several values.
    Category,
    /// Dates.
    Date,
    /// Dates whose year stands first.
    YearFirst,
    /// Dates whose day stands first.
    DayFirst,
    /// Dates whose month stands first.
    MonthFirst,
}

/// The names of all kinds, as [`ColumnKind::from_str`] knows them.
pub const COLUMN_KINDS: [(&str, ColumnKind); 8] = [
    ("number", ColumnKind::Number),
    ("decimal-comma", ColumnKind::DecimalComma),
    ("decimal-point", ColumnKind::DecimalPoint),
    ("category", ColumnKind::Category),
    ("date", ColumnKind::Date),
    ("year-first", ColumnKind::YearFirst),
    ("day-first", ColumnKind::DayFirst),
    ("month-first", ColumnKind::MonthFirst),
];

impl FromStr for ColumnKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = COLUMN_KINDS.into_iter().find(|(known, _)| *known == name);
        let names = || COLUMN_KINDS.map(|(name, _)| name).join(", ");
        found
            .map(|(_, kind)| kind)
            .ok_or_else(|| format!("`{name}` is no kind of column; there are {}", names()))
    }
}

/// A column as it was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Understood {
    pub input: Input,
    /// How many cells are missing, by the usual words.
    pub missing: usize,
    /// The cells that don't fit, by line; they are missing cells, too.
    pub odd: Vec<(usize, String)>,
    /// Notes about guesses.
    pub notes: Vec<Note>,
}

/// A column holds numbers or dates if this fraction of its cells are.
const MOST: f64 = 0.95;
/// A few words that stand for missing numbers may be more.
const MARKERS: usize = 2;
/// Times of day and dates with two digits for the year look like other things.
const FEW: usize = 10;

impl Understood {
    /// Reads a column, given the line and the text of its cells. `comma` says whether numbers with a comma before the
    /// fraction are likely.
    pub fn of(name: &str, cells: &[(usize, &str)], kind: Option<ColumnKind>, comma: bool) -> Self {
        let present: Vec<&str> = cells.iter().map(|cell| cell.1).filter(|cell| !is_missing(cell)).collect();
        let (format, notes) = match kind {
            Some(kind) => (as_told(kind, &present, comma), vec![]),
            None => guessed(name, &present, comma),
        };
        let input = Input { name: name.to_owned(), format, missing: vec![] };
        let fits = |cell: &str| is_missing(cell) || input.format.fits(cell);
        let odd = cells.iter().filter(|(_, cell)| !fits(cell)).map(|&(line, cell)| (line, cell.to_owned()));
        let odd: Vec<(usize, String)> = odd.collect();
        let markers = markers(&odd);
        Self { input: Input { missing: markers, ..input }, missing: cells.len() - present.len(), odd, notes }
    }
}

/// Words that occur several times among cells that don't fit mean a missing cell.
fn markers(odd: &[(usize, String)]) -> Vec<String> {
    let mut counts = BTreeMap::new();
    odd.iter().for_each(|(_, cell)| *counts.entry(cell).or_insert(0) += 1);
    counts.into_iter().filter(|&(_, count)| count > 1).map(|(cell, _)| cell.clone()).take(FEW).collect()
}

fn as_told(kind: ColumnKind, present: &[&str], comma: bool) -> Format {
    let number = |decimal_comma| Format::Number(NumberFormat::learn(present, decimal_comma, comma).format);
    let date = |order| Format::Date(DateFormat::learn(present, order).format);
    match kind {
        ColumnKind::Number => number(None),
        ColumnKind::DecimalComma => number(Some(true)),
        ColumnKind::DecimalPoint => number(Some(false)),
        ColumnKind::Category => Format::Category,
        ColumnKind::Date => date(None),
        ColumnKind::YearFirst => date(Some(Order::YearFirst)),
        ColumnKind::DayFirst => date(Some(Order::DayFirst)),
        ColumnKind::MonthFirst => date(Some(Order::MonthFirst)),
    }
}

fn guessed(name: &str, present: &[&str], comma: bool) -> (Format, Vec<Note>) {
    let note = |text: String, kind: &'static str| {
        vec![Note { text, remedy: Some(Remedy::SayKind { column: name.to_owned(), kind }) }]
    };
    let most = |count: usize| count > 0 && count as f64 >= MOST * present.len() as f64;
    let all = |count: usize| count > 0 && (most(count) || count + 1 == present.len());
    let all_numbers = present.iter().all(|cell| number(cell).is_some());
    let days = !all_numbers || present.iter().all(|cell| cell.len() == 8);
    if !days && !present.is_empty() {
        return (Format::Number(NumberFormat::default()), vec![]);
    }
    let dates = DateFormat::learn(present, None);
    if all(dates.dates) && days {
        let Some(cell) = dates.ambiguous else { return (Format::Date(dates.format), vec![]) };
        let has_year =
            |cell: &&&str| cell.split(|letter: char| !letter.is_ascii_digit()).any(|part| part.len() >= 4);
        if present.iter().filter(has_year).count() * 2 < present.len() {
            let text = format!(
                "column `{name}` has dates such as `{cell}`, whose order is not clear; they are read as categories"
            );
            return (Format::Category, note(text, "year-first"));
        }
        let first = if dates.format.order == Order::MonthFirst { "month" } else { "day" };
        let text = format!("column `{name}`: `{cell}` is read with the {first} first");
        return (Format::Date(dates.format), note(text, "day-first"));
    }
    let clocks = present.iter().filter(|cell| date_format::minutes(cell).is_some()).count();
    if all(clocks) {
        return (Format::TimeOfDay, vec![]);
    }
    let numbers = NumberFormat::learn(present, None, comma);
    let marked = numbers.numbers * 2 >= present.len() && {
        let others: HashSet<&&str> =
            present.iter().filter(|cell| numbers.format.read(cell).is_none()).collect();
        let distinct: HashSet<&&str> = present.iter().filter(|cell| !others.contains(cell)).collect();
        others.len() <= MARKERS && distinct.len() > 2 * FEW
    };
    if !(all(numbers.numbers) && numbers.numbers > 1 || most(numbers.numbers) || marked) {
        return (Format::Category, vec![]);
    }
    let notes = numbers.ambiguous.map(|cell| {
        let read = numbers.format.read(&cell).unwrap_or_default();
        let kind = if numbers.format.decimal_comma { "decimal-point" } else { "decimal-comma" };
        note(format!("column `{name}`: `{cell}` is read as {read}"), kind)
    });
    (Format::Number(numbers.format), notes.unwrap_or_default())
}

impl Format {
    /// Appends the values of a cell, if it is of this format; says whether it is.
    fn read<'a>(&self, cell: &'a str, into: &mut Vec<CellValue<'a>>) -> bool {
        let number = match self {
            Self::Category => {
                into.push(CellValue::Text(cell));
                return true;
            }
            Self::Date(format) => {
                let Some((date, minutes)) = format.read(cell) else { return false };
                into.extend(dates::parts(date, minutes, format.timed));
                return true;
            }
            Self::Number(format) => format.read(cell),
            Self::TimeOfDay => date_format::minutes(cell).map(|minutes| minutes as f64),
        };
        into.extend(number.map(CellValue::Number));
        number.is_some()
    }

    /// Whether a cell is of this format.
    fn fits(&self, cell: &str) -> bool {
        match self {
            Self::Category => true,
            Self::Date(format) => format.read(cell).is_some(),
            Self::Number(format) => format.read(cell).is_some(),
            Self::TimeOfDay => date_format::minutes(cell).is_some(),
        }
    }

    /// What cells of this format are, with an example.
    fn example(&self) -> &'static str {
        match self {
            Self::Category => "one of several values",
            Self::Number(_) => "numbers",
            Self::Date(DateFormat { order: Order::YearFirst, .. }) => "dates as 2026-11-22",
            Self::Date(DateFormat { order: Order::DayFirst, .. }) => "dates as 22/11/2026",
            Self::Date(DateFormat { order: Order::MonthFirst, .. }) => "dates as 11/22/2026",
            Self::TimeOfDay => "times as 08:30",
        }
    }
}

impl Input {
    /// Whether a cell of this column is missing.
    pub fn is_missing(&self, cell: &str) -> bool {
        is_missing(cell) || self.missing.iter().any(|word| word == cell)
    }

    /// Appends the values of the network's columns; they are missing if the cell is.
    ///
    /// # Errors
    ///
    /// If the cell is not what its column holds; the message says so, and nothing is appended.
    pub fn read<'a>(&self, cell: &'a str, into: &mut Vec<CellValue<'a>>) -> Result<(), String> {
        if self.is_missing(cell) {
            self.push_missing(into);
        } else if !self.format.read(cell, into) {
            let (name, what) = (&self.name, self.format.example());
            return Err(format!("column `{name}` holds {what}, and this is `{cell}`"));
        }
        Ok(())
    }

    /// The same where a cell that is not what its column holds is a missing one.
    pub fn read_leniently<'a>(&self, cell: &'a str, into: &mut Vec<CellValue<'a>>) {
        if self.is_missing(cell) || !self.format.read(cell, into) {
            self.push_missing(into);
        }
    }

    fn push_missing(&self, into: &mut Vec<CellValue>) {
        into.extend(std::iter::repeat_n(CellValue::Missing, self.width()));
    }

    /// How many of the network's columns this is.
    pub fn width(&self) -> usize {
        match self.format {
            Format::Date(DateFormat { timed, .. }) => dates::parts_of("", timed).count(),
            _ => 1,
        }
    }

    /// The names of the network's columns; `taken` are those that are no longer free.
    pub fn columns(&self, taken: &HashSet<String>) -> Vec<String> {
        let Format::Date(DateFormat { timed, .. }) = self.format else { return vec![self.name.clone()] };
        let usual: Vec<String> = dates::parts_of(dates::stem(&self.name), timed).collect();
        match usual.iter().any(|name| taken.contains(name)) {
            true => dates::parts_of(&format!("{} ", self.name), timed).collect(),
            false => usual,
        }
    }

    /// This column as another file writes it: where most cells can't be read, in the format they all have, if there is one.
    #[must_use]
    pub fn as_written(&self, cells: &[&str]) -> Self {
        let present: Vec<&str> = cells.iter().copied().filter(|cell| !self.is_missing(cell)).collect();
        let read = present.iter().filter(|cell| self.format.fits(cell)).count();
        if read * 2 > present.len() || present.is_empty() {
            return self.clone();
        }
        let format = match &self.format {
            Format::Number(_) => {
                let learned = NumberFormat::learn(&present, None, true);
                (learned.numbers == present.len()).then_some(Format::Number(learned.format))
            }
            Format::Date(DateFormat { timed, .. }) => {
                let learned = DateFormat::learn(&present, None);
                let clear = learned.dates == present.len() && learned.ambiguous.is_none();
                clear.then_some(Format::Date(DateFormat { timed: *timed, ..learned.format }))
            }
            Format::Category | Format::TimeOfDay => None,
        };
        Self { format: format.unwrap_or_else(|| self.format.clone()), ..self.clone() }
    }

    /// The kind of the column, in a word.
    pub fn kind(&self) -> &'static str {
        match self.format {
            Format::Category => "category",
            Format::Number(_) => "number",
            Format::Date(_) => "date",
            Format::TimeOfDay => "time",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understood(cells: &[&str]) -> Understood {
        let cells: Vec<(usize, &str)> =
            cells.iter().enumerate().map(|(row, &cell)| (row + 2, cell)).collect();
        Understood::of("x", &cells, None, false)
    }

    fn values(input: &Input, cell: &str) -> Result<Vec<String>, String> {
        let mut values = vec![];
        input.read(cell, &mut values)?;
        Ok(values.iter().map(CellValue::to_string).collect())
    }

    fn with(cells: usize, odd: &[&'static str]) -> Vec<String> {
        let numbers = (0..cells).map(|number| (number * 3).to_string());
        numbers.chain(odd.iter().map(|&cell| cell.to_owned())).collect()
    }

    fn kind(cells: &[&str]) -> &'static str {
        understood(cells).input.kind()
    }

    #[test]
    fn kinds_follow_from_the_cells() {
        for (cells, expected) in [
            (&["1", "2", ""][..], "number"),
            (&["1,5", "2,5"], "number"),
            (&["a", "b"], "category"),
            (&["A1", "A2"], "category"),
            (&["True", "False"], "category"),
            (&["2024-01-01", "NA"], "date"),
            (&["20240101", "20231231"], "date"),
            (&["2019", "2020"], "number"),
            (&["12:30", "8:15"], "time"),
            (&["01-02-03", "04-05-06"], "category"),
            (&["", "NA"], "category"),
        ] {
            assert_eq!(kind(cells), expected, "{cells:?}");
        }
    }

    #[test]
    fn a_few_odd_cells_are_missing_cells() {
        let cells = with(60, &["unknown"]);
        let found = understood(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!((found.input.kind(), found.odd), ("number", vec![(62, "unknown".to_owned())]));
        let cells = with(60, &["-"; 20]);
        let found = understood(&cells.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(
            (found.input.kind(), found.odd.len(), found.input.missing),
            ("number", 20, vec!["-".to_owned()])
        );
        let cells = with(60, &["a", "b", "c", "d", "e", "f"]);
        assert_eq!(kind(&cells.iter().map(String::as_str).collect::<Vec<_>>()), "category");
        assert_eq!(kind(&["2024-01-01", "2024-01-02", "0000-00-00"]), "date");
    }

    #[test]
    fn a_kind_that_is_told_is_taken() {
        let read = |kind: ColumnKind, cell: &str| {
            values(&Understood::of("x", &[(2, cell)], Some(kind), false).input, cell)
        };
        assert_eq!(read(ColumnKind::Category, "1.0"), Ok(vec!["1.0".to_owned()]));
        assert_eq!(read(ColumnKind::DecimalComma, "1,234"), Ok(vec!["1.234".to_owned()]));
        assert_eq!(read(ColumnKind::DayFirst, "01/02/2024").unwrap()[..2], ["2024", "2"]);
        assert_eq!(read(ColumnKind::Number, "x").unwrap_err(), "column `x` holds numbers, and this is `x`");
        assert_eq!("day-first".parse(), Ok(ColumnKind::DayFirst));
        assert!(
            "days"
                .parse::<ColumnKind>()
                .unwrap_err()
                .starts_with("`days` is no kind of column; there are number, ")
        );
    }

    #[test]
    fn another_file_may_write_a_column_in_another_way() {
        let trained = understood(&["1.5", "2.5", "1000.5"]).input;
        assert_eq!(values(&trained.as_written(&["1,5", "2,25"]), "1,5"), Ok(vec!["1.5".to_owned()]));
        assert_eq!(trained.as_written(&["1.5", "x"]), trained);
        let dated = understood(&["2024-01-01", "2024-02-02"]).input;
        assert_eq!(values(&dated.as_written(&["02/29/2024"]), "02/29/2024").unwrap()[..2], ["2024", "2"]);
        assert_eq!(dated.as_written(&["01/02/2024"]), dated, "the order is not clear");
    }
}
