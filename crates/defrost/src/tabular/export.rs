//! How a table's cells become numbers, as a graph: an input for each column, as it comes.
//!
//! Columns of categories are texts. Columns of numbers are numbers, with NaN for a missing one; a time of day is its minutes, a
//! date the seconds since 1970 began, as numpy and pandas have them. Texts such as `$1,200` can't be taken apart in a graph.

use std::collections::{BTreeMap, BTreeSet};

use super::cell_value::CellValue;
use super::dates::{self, Date};
use super::export_dates::export_parts;
use super::input::{Format, Input};
use super::quantiles::Quantiles;
use super::schema::{Column, Encoding, Schema};
use crate::csv_table::cell;
use crate::graph::{Array, Attribute, Element, Graph, NoGraph, Numbers, Value};

/// What a graph is given for a column, and what the table's own columns hold then.
type Cell<'a> = (Given, Vec<CellValue<'a>>);

enum Given {
    Text(String),
    Number(f64),
}

/// What the network reads of a row: places of categories, of flags behind them, and numbers.
#[derive(Default)]
struct Read {
    categories: Vec<Value>,
    flags: Vec<Value>,
    numbers: Vec<Value>,
}

impl Schema {
    /// Adds an input for each column. Given are the places of categories, `[batch]` each, and then the numbers,
    /// `[batch, numbers]`, if there are any.
    ///
    /// # Errors
    ///
    /// If a column's encoding does not fit its cells.
    pub(super) fn export(&self, graph: &mut Graph) -> Result<Vec<Value>, NoGraph> {
        graph.enter("prepare");
        let mut columns = self.columns.iter();
        let mut read = Read::default();
        for input in &self.inputs {
            let own: Vec<&Column> = columns.by_ref().take(input.width()).collect();
            let dims = [graph.batch()];
            if input.format == Format::Category {
                let cells = graph.input(&input.name, Element::Text, &dims);
                let Some(Encoding::Category(values)) = own.first().map(|column| &column.encoding) else {
                    return Err(NoGraph::new(
                        format!("column `{}`", input.name),
                        "its texts are encoded as numbers",
                    ));
                };
                read.categories.push(place_of_text(graph, cells, input, values));
                continue;
            }
            let cells = graph.input(&input.name, Element::F64, &dims);
            match input.format {
                Format::Date(format) => {
                    let parts = export_parts(graph, cells, format.timed);
                    for (column, (part, is_flag)) in own.into_iter().zip(parts) {
                        read.push(graph, column, part, is_flag);
                    }
                }
                _ => own.into_iter().for_each(|column| read.push(graph, column, cells, false)),
            }
        }
        let Read { mut categories, flags, numbers } = read;
        categories.extend(flags);
        if !numbers.is_empty() {
            categories.push(graph.concat(&numbers, 1));
        }
        Ok(categories)
    }

    /// Rows that differ in everything: as inputs of the graph, and as the values of the columns.
    pub(super) fn export_rows(&self) -> (BTreeMap<String, Array>, Vec<Vec<CellValue<'_>>>) {
        let mut inputs = BTreeMap::new();
        let mut rows: Vec<Vec<CellValue>> = vec![];
        let mut columns = self.columns.iter();
        for input in &self.inputs {
            let own: Vec<&Column> = columns.by_ref().take(input.width()).collect();
            let cells = example_cells(input, &own);
            let rows_needed = cells.len();
            rows.resize_with(rows.len().max(rows_needed), Vec::new);
            let (mut texts, mut numbers) = (vec![], vec![]);
            for (row, (given, values)) in rows.iter_mut().zip(cells) {
                match given {
                    Given::Text(text) => texts.push(text),
                    Given::Number(number) => numbers.push(number),
                }
                row.extend(values);
            }
            let array = match numbers.is_empty() {
                true => Array { shape: vec![texts.len()], numbers: Numbers::Texts(texts) },
                false => Array::doubles(numbers.clone(), &[numbers.len()]),
            };
            inputs.insert(input.name.clone(), array);
        }
        (inputs, rows)
    }
}

impl Read {
    /// A column of numbers `[batch]`, NaN where one is missing, or of flags, 0 and 1.
    fn push(&mut self, graph: &mut Graph, column: &Column, cells: Value, is_flag: bool) {
        match &column.encoding {
            Encoding::Category(values) => {
                // A flag is one of two words, whatever they are in the data.
                let spelled: Vec<f64> = match is_flag {
                    true => values
                        .iter()
                        .map(|value| f64::from(u8::from(value.eq_ignore_ascii_case("true"))))
                        .collect(),
                    false => values.iter().map(|value| cell::number(value).unwrap_or(f64::NAN)).collect(),
                };
                self.categories.push(place_of_number(graph, cells, &spelled));
            }
            Encoding::Number { median, mean, std, flagged } => {
                let missing = graph.node("IsNaN", &[cells]);
                let filled = filled(graph, missing, *median, cells);
                let [mean, std] = [mean, std].map(|number| graph.double(*number));
                let apart = graph.node("Sub", &[filled, mean]);
                let number = graph.node("Div", &[apart, std]);
                self.push_number(graph, number);
                self.push_flag(graph, *flagged, missing);
            }
            Encoding::Quantiles(quantiles) => {
                let missing = graph.node("IsNaN", &[cells]);
                self.push_quantiles(graph, quantiles, missing, cells);
                self.push_flag(graph, quantiles.flagged, missing);
            }
        }
    }

    /// The number in scales from the median, softly bounded, then how far each bin is filled.
    fn push_quantiles(&mut self, graph: &mut Graph, quantiles: &Quantiles, missing: Value, cells: Value) {
        let filled = filled(graph, missing, quantiles.median, cells);
        let [median, scale, third] =
            [quantiles.median, quantiles.scale, 1.0 / 3.0].map(|number| graph.double(number));
        let apart = graph.node("Sub", &[filled, median]);
        let scaled = graph.node("Div", &[apart, scale]);
        let [low, high, one] = [-1e9, 1e9, 1.0].map(|number| graph.double(number));
        let scaled = graph.node("Clip", &[scaled, low, high]);
        let thirds = graph.node("Mul", &[scaled, third]);
        let squares = graph.node("Mul", &[thirds, thirds]);
        let squares = graph.node("Add", &[squares, one]);
        let root = graph.node("Sqrt", &[squares]);
        let bounded = graph.node("Div", &[scaled, root]);

        // Halves, so that no difference is out of range.
        let bins = quantiles.edges.len() - 1;
        let lows: Vec<f64> = quantiles.edges[..bins].iter().map(|edge| edge / 2.0).collect();
        let widths: Vec<f64> = quantiles.edges.windows(2).map(|bin| bin[1] / 2.0 - bin[0] / 2.0).collect();
        let [lows, widths] = [lows, widths].map(|row| graph.constant(Array::doubles(row, &[1, bins])));
        let half = graph.double(0.5);
        let halves = graph.node("Mul", &[filled, half]);
        let halves = graph.unsqueeze(halves, 1);
        let above = graph.node("Sub", &[halves, lows]);
        let parts = graph.node("Div", &[above, widths]);
        let none = graph.double(0.0);
        let parts = graph.node("Clip", &[parts, none, one]); // [batch, bins]

        let bounded = graph.unsqueeze(bounded, 1);
        let mut all = graph.concat(&[bounded, parts], 1);
        if quantiles.flagged {
            let missing = graph.unsqueeze(missing, 1);
            all = graph.node("Where", &[missing, none, all]);
        }
        self.numbers.push(graph.cast(all, Element::F32));
    }

    fn push_number(&mut self, graph: &mut Graph, number: Value) {
        let number = graph.unsqueeze(number, 1);
        self.numbers.push(graph.cast(number, Element::F32));
    }

    /// 2 where a number is missing, and 1 where it is there.
    fn push_flag(&mut self, graph: &mut Graph, flagged: bool, missing: Value) {
        if flagged {
            let flag = graph.cast(missing, Element::I64);
            let one = graph.constant(1i64);
            self.flags.push(graph.node("Add", &[flag, one]));
        }
    }
}

fn filled(graph: &mut Graph, missing: Value, by: f64, cells: Value) -> Value {
    let by = graph.double(by);
    graph.node("Where", &[missing, by, cells])
}

/// The place of each text among the values, from 1; 0 for what is missing or none of them.
fn place_of_text(graph: &mut Graph, cells: Value, input: &Input, values: &[String]) -> Value {
    let found = |spelling: String| {
        let place = cell::find(values, &spelling).filter(|_| !input.is_missing(&spelling))?;
        Some((spelling, place as i64 + 1))
    };
    let (mut keys, mut places): (Vec<String>, Vec<i64>) =
        spellings(values).into_iter().filter_map(found).unzip();
    if keys.is_empty() {
        (keys, places) = (vec![String::new()], vec![0]);
    }
    let attributes = [
        ("keys_strings", Attribute::Texts(keys)),
        ("values_int64s", Attribute::Ints(places)),
        ("default_int64", Attribute::Int(0)),
    ];
    graph.node_with("LabelEncoder", &[cells], &attributes)
}

/// The usual spellings of values: a file in which cells are spelled in yet another way has them corrected first.
fn spellings(values: &[String]) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for value in values {
        let lower = value.to_lowercase();
        let mut letters = lower.chars();
        let capital = letters.next().map(|first| first.to_uppercase().chain(letters).collect());
        let decimal = cell::number(value).map(|number| format!("{number:.1}"));
        all.extend([value.clone(), cell::plain(value), value.to_uppercase(), lower.clone()]);
        all.extend(capital.into_iter().chain(decimal));
    }
    if values.iter().any(|value| ["true", "false"].contains(&cell::plain(value).as_str())) {
        all.extend(["0", "1"].map(str::to_owned));
    }
    all
}

/// The place of each number among the values, from 1; 0 for what is missing or none of them.
fn place_of_number(graph: &mut Graph, cells: Value, values: &[f64]) -> Value {
    let cells = graph.unsqueeze(cells, 1);
    // With one that none equals, so that there is at least one.
    let values: Vec<f64> = values.iter().copied().chain([f64::NAN]).collect();
    let places = (1..=values.len()).map(|place| place as f32).collect();
    let (width, places) = (values.len(), graph.constant(Array::floats(places, &[1, values.len()])));
    let values = graph.constant(Array::doubles(values, &[1, width]));
    let is_equal = graph.node("Equal", &[cells, values]);
    let is_equal = graph.cast(is_equal, Element::F32);
    let place = graph.node("Mul", &[is_equal, places]);
    let place = graph.sum(place, 1, false);
    graph.cast(place, Element::I64)
}

/// Days on which calendars differ, and a minute of each.
const DAYS: [(i64, i64, i64, i64); 6] = [
    (2024, 2, 29, 510),
    (2021, 1, 1, 0),
    (2019, 12, 31, 1439),
    (1969, 7, 20, 1),
    (2000, 3, 1, 720),
    (2026, 9, 30, 61),
];

/// As many cells for each column: usual ones, unusual ones, a missing one.
fn example_cells<'a>(input: &Input, columns: &[&'a Column]) -> Vec<Cell<'a>> {
    let number = |number: f64| (Given::Number(number), vec![CellValue::Number(number)]);
    let missing = || (Given::Number(f64::NAN), vec![CellValue::Missing; columns.len()]);
    match (&input.format, columns.first().map(|column| &column.encoding)) {
        (Format::Date(format), _) => {
            let cell = |(year, month, day, minutes): (i64, i64, i64, i64)| {
                let minutes = if format.timed { minutes } else { 0 };
                let date = Date::new(year, month, day)?;
                let seconds = date.days() * 86_400 + minutes * 60;
                Some((Given::Number(seconds as f64), dates::parts(date, minutes, format.timed).collect()))
            };
            DAYS.into_iter().filter_map(cell).chain([missing()]).collect()
        }
        (Format::Category, Some(Encoding::Category(values))) => {
            let text = |text: &'a str| (Given::Text(text.to_owned()), vec![CellValue::Text(text)]);
            let value = |place: usize| values.get(place % values.len().max(1)).map_or("", String::as_str);
            let cells = (0..DAYS.len() - 1).map(|row| text(value(row * 7)));
            let unseen = text("never seen");
            cells.chain([unseen, (Given::Text(String::new()), vec![CellValue::Missing])]).collect()
        }
        (_, Some(Encoding::Category(values))) => {
            let numbers: Vec<f64> = values.iter().filter_map(|value| cell::number(value)).collect();
            let value = |row: usize| numbers.get(row % numbers.len().max(1)).copied().unwrap_or(0.5);
            (0..DAYS.len()).map(|row| number(value(row))).chain([missing()]).collect()
        }
        (_, encoding) => {
            let (middle, scale) = match encoding {
                Some(Encoding::Quantiles(quantiles)) => (quantiles.median, quantiles.scale),
                Some(Encoding::Number { mean, std, .. }) => (*mean, *std),
                _ => (0.0, 1.0),
            };
            let apart = [0.0, 0.1, 0.7, -0.4, 3.0, -20.0];
            apart.into_iter().map(|apart| number(middle + apart * scale)).chain([missing()]).collect()
        }
    }
}
