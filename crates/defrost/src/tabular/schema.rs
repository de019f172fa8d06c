//! How the cells of each column become numbers, learned from the training rows.
//!
//! Categories are fastai's `Categorify` (sorted, 0 for what is missing or was never seen). Numbers are [`Quantiles`], or
//! in fastai's [`Design`] its `FillMissing` (the median, and a flag beside it) and `Normalize` (mean 0, standard deviation 1
//! over the training rows).

use std::collections::HashSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::cell_value::CellValue;
use super::date_format::{DateFormat, Order};
use super::dates;
use super::input::{Format, Input};
use super::quantiles::{Quantiles, quantile};
use crate::csv_table::NumberFormat;
use crate::csv_table::cell;
use crate::metrics::Remark;

/// A column of numbers with at most this many different ones is a column of categories (fastai's `max_card`).
const MAX_CARDINALITY: usize = 20;
/// Added to standard deviations, as in fastai.
const EPSILON: f64 = 1e-7;
/// How many standard deviations from the mean a number may be. Beyond that it is out of range, because the network's sums could
/// overflow.
const FARTHEST: f64 = 1e15;

/// What becomes of numbers, and which network reads them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Design {
    /// fastai's: columns of few whole numbers are categories, numbers are standardised, each dense layer has a norm.
    #[default]
    Fastai,
    /// Numbers are encoded over [`Quantiles`]; dense layers have dropout and no norms.
    Quantiles,
}

/// The input columns, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "SavedSchema")]
pub struct Schema {
    /// What becomes of numbers; fastai's in bundles that don't say.
    pub design: Design,
    /// What a row holds.
    pub inputs: Vec<Input>,
    /// What the network reads, in the order of the inputs: a date is several columns.
    pub columns: Vec<Column>,
}

/// A schema as bundles have it. Those of old don't have inputs.
#[derive(Deserialize)]
struct SavedSchema {
    #[serde(default)]
    design: Design,
    #[serde(default)]
    inputs: Vec<Input>,
    columns: Vec<Column>,
}

impl From<SavedSchema> for Schema {
    fn from(SavedSchema { design, inputs, columns }: SavedSchema) -> Self {
        let inputs = if inputs.is_empty() { inputs_of(&columns) } else { inputs };
        Self { design, inputs, columns }
    }
}

/// The inputs that columns are made from, as their names tell.
fn inputs_of(columns: &[Column]) -> Vec<Input> {
    let parts = dates::parts_of("", false).count();
    let (mut inputs, mut rest) = (vec![], columns);
    while let Some(Column { name, encoding }) = rest.first() {
        let stem = dates::stem_of_part(name).filter(|stem| {
            let names = rest.iter().take(parts).map(|column| column.name.clone());
            names.eq(dates::parts_of(stem, false))
        });
        let (name, format) = match (stem, encoding) {
            (Some(stem), _) => {
                let format = DateFormat { order: Order::YearFirst, timed: false };
                (format!("{stem}date"), Format::Date(format))
            }
            (None, Encoding::Category(_)) => (name.clone(), Format::Category),
            (None, _) => (name.clone(), Format::Number(NumberFormat::default())),
        };
        let input = Input { name, format, missing: vec![] };
        rest = &rest[input.width()..];
        inputs.push(input);
    }
    inputs
}

/// A column of the network and what becomes of its cells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What becomes of its cells.
    pub encoding: Encoding,
}

/// How a cell becomes a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Its place among these, from 1; 0 for what is missing or none of them.
    Category(Vec<String>),
    /// `(cell - mean) / std`.
    Number {
        /// The value of a missing cell.
        median: f64,
        /// The training rows' mean, missing cells filled.
        mean: f64,
        /// The training rows' standard deviation.
        std: f64,
        /// Whether a category tells that the cell was missing.
        flagged: bool,
    },
    /// The number, and how far it fills the bins between quantiles.
    Quantiles(Quantiles),
}

/// A row whose cells have been read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// A number for each category: those of columns, then whether numbers are missing.
    pub categories: Vec<u32>,
    /// The numbers as they stand in the table; none where a cell is missing.
    pub numbers: Vec<Option<f64>>,
}

impl Encoding {
    /// How many numbers the network reads of a cell.
    fn width(&self) -> usize {
        match self {
            Self::Category(_) => 0,
            Self::Number { .. } => 1,
            Self::Quantiles(quantiles) => quantiles.width(),
        }
    }

    /// Whether a category tells that a number is missing.
    fn is_flagged(&self) -> bool {
        match self {
            Self::Category(_) => false,
            Self::Number { flagged, .. } | Self::Quantiles(Quantiles { flagged, .. }) => *flagged,
        }
    }

    /// Whether cells are categories.
    fn is_category(&self) -> bool {
        matches!(self, Self::Category(_))
    }

    /// Whether the network can read this number.
    fn is_in_range(&self, number: f64) -> bool {
        match self {
            Self::Number { mean, std, .. } => deviation(number, *mean, *std).abs() <= FARTHEST,
            Self::Category(_) | Self::Quantiles(_) => true,
        }
    }

    /// Appends what the network reads of a number.
    fn encode(&self, number: Option<f64>, into: &mut Vec<f32>) {
        match self {
            Self::Category(_) => {}
            Self::Number { median, mean, std, .. } => {
                into.push(deviation(number.unwrap_or(*median), *mean, *std) as f32);
            }
            Self::Quantiles(quantiles) => quantiles.encode(number, into),
        }
    }
}

impl Schema {
    /// The cardinality of each category, 0 included: those of columns, then those that flag missing numbers.
    pub fn cardinalities(&self) -> Vec<usize> {
        let of_columns = self.columns.iter().filter_map(|column| match &column.encoding {
            Encoding::Category(values) => Some(values.len() + 1),
            Encoding::Number { .. } | Encoding::Quantiles(_) => None,
        });
        let flags = self.columns.iter().filter(|column| column.encoding.is_flagged()).map(|_| 3);
        of_columns.chain(flags).collect()
    }

    /// How many numbers the network reads of a row.
    pub fn numbers(&self) -> usize {
        self.columns.iter().map(|column| column.encoding.width()).sum()
    }

    /// The schema of these columns, whose inputs follow from their names.
    pub fn of_columns(design: Design, columns: Vec<Column>) -> Self {
        Self { design, inputs: inputs_of(&columns), columns }
    }

    /// Learns what becomes of cells, given those of each input by its place.
    pub(super) fn learn<'a, C: Iterator<Item = &'a str>>(
        design: Design,
        inputs: Vec<Input>,
        cells: impl Fn(usize) -> C + Sync,
    ) -> Self {
        let mut taken: HashSet<String> = inputs.iter().map(|input| input.name.clone()).collect();
        let mut named = |input: &Input| {
            let names = input.columns(&taken);
            taken.extend(names.iter().cloned());
            names
        };
        let names: Vec<Vec<String>> = inputs.iter().map(&mut named).collect();
        let learn = |(place, (input, names)): (usize, (&Input, Vec<String>))| {
            let (mut values, width) = (vec![], input.width());
            cells(place).for_each(|cell| input.read_leniently(cell, &mut values));
            let columns = names.into_iter().enumerate().map(|(part, name)| {
                let values: Vec<CellValue> = values.iter().copied().skip(part).step_by(width).collect();
                match input.format {
                    // What is said to be categories is, even where all of them are numbers.
                    Format::Category => Column { name, encoding: learn_category(&values) },
                    _ => Column::learn(design, name, &values),
                }
            });
            columns.collect::<Vec<Column>>()
        };
        let columns = inputs.par_iter().zip(names).enumerate().flat_map_iter(learn).collect();
        Self { design, inputs, columns }
    }

    /// Reads a row's cells, one for each input, as they stand in a file.
    ///
    /// # Errors
    ///
    /// If a cell is not what its column holds; the message says which.
    pub fn read<'a>(&self, cells: impl Iterator<Item = &'a str>) -> Result<Encoded, String> {
        let mut values = Vec::with_capacity(self.columns.len());
        for (input, cell) in self.inputs.iter().zip(cells) {
            input.read(cell, &mut values)?;
        }
        self.encode(values)
    }

    /// The same where cells that don't fit are missing cells, as they are among the rows that are learned from.
    pub(super) fn read_leniently<'a>(&self, cells: impl Iterator<Item = &'a str>) -> Result<Encoded, String> {
        let mut values = Vec::with_capacity(self.columns.len());
        self.inputs.iter().zip(cells).for_each(|(input, cell)| input.read_leniently(cell, &mut values));
        self.encode(values)
    }

    /// What a person should know about a row that was read from these cells: values that training has not seen.
    pub fn remarks<'a>(&self, row: &Encoded, cells: impl Iterator<Item = &'a str>) -> Vec<Remark> {
        let (mut categories, mut numbers) = (row.categories.iter(), row.numbers.iter());
        let mut columns = self.columns.iter();
        let mut remarks = vec![];
        let mut is_empty = true;
        let remark = |name: &str, text: String| Remark {
            part: Some(name.to_owned()),
            text: format!("column `{name}`: {text}"),
        };
        for (input, cell) in self.inputs.iter().zip(cells) {
            for Column { encoding, .. } in columns.by_ref().take(input.width()) {
                let is_plain = !matches!(input.format, Format::Date(_));
                let (name, missing) = (&input.name, input.is_missing(cell));
                is_empty &= missing;
                match encoding {
                    Encoding::Category(_) if categories.next() == Some(&0) && is_plain && !missing => {
                        let text = format!("`{cell}` is not in the training data; it counts as missing");
                        remarks.push(remark(name, text));
                    }
                    Encoding::Category(_) => {}
                    Encoding::Number { .. } => drop(numbers.next()),
                    Encoding::Quantiles(quantiles) => {
                        let (least, most) = quantiles.range();
                        let number = numbers.next().copied().flatten();
                        if number.is_some_and(|number| is_plain && !(least..=most).contains(&number)) {
                            let (least, most) = (shown(least), shown(most));
                            let text = format!("{cell} is outside the training data, {least} to {most}");
                            remarks.push(remark(name, text));
                        }
                    }
                }
            }
        }
        if is_empty {
            let text = "all values are missing; the answer is that for a row of unknown values".to_owned();
            remarks.push(Remark { part: None, text });
        }
        remarks
    }

    /// Encodes the values of the network's columns.
    ///
    /// # Errors
    ///
    /// If a value should be a number and is none; the message says which.
    pub fn encode<'a>(&self, values: impl IntoIterator<Item = CellValue<'a>>) -> Result<Encoded, String> {
        let (mut encoded, mut flags) = (Encoded::default(), vec![]);
        for (column, value) in self.columns.iter().zip(values) {
            column.check(value)?;
            let encoding = &column.encoding;
            if let Encoding::Category(values) = encoding {
                let place = match value {
                    CellValue::Missing => None,
                    CellValue::Number(number) => cell::find(values, &number.to_string()),
                    CellValue::Text(text) => cell::find(values, text),
                };
                encoded.categories.push(place.map_or(0, |place| place as u32 + 1));
                continue;
            }
            let number = value.number();
            encoded.numbers.push(number);
            flags.extend(encoding.is_flagged().then_some(1 + u32::from(number.is_none())));
        }
        encoded.categories.extend(flags);
        Ok(encoded)
    }

    /// Appends what the network reads of a row's numbers, [`numbers`](Self::numbers) of them.
    pub(super) fn read_numbers(&self, row: &Encoded, into: &mut Vec<f32>) {
        let columns = self.columns.iter().filter(|column| !column.encoding.is_category());
        columns.zip(&row.numbers).for_each(|(column, &number)| column.encoding.encode(number, into));
    }

    /// A row with what `other` holds for one of the inputs.
    pub(super) fn exchanged(&self, input: usize, row: &Encoded, other: &Encoded) -> Encoded {
        let from: usize = self.inputs[..input].iter().map(Input::width).sum();
        let columns = from..from + self.inputs[input].width();
        let mut exchanged = row.clone();
        let (mut category, mut number) = (0, 0);
        let mut flag = self.columns.iter().filter(|column| column.encoding.is_category()).count();
        for (place, Column { encoding, .. }) in self.columns.iter().enumerate() {
            let is_taken = columns.contains(&place);
            if encoding.is_category() {
                if is_taken {
                    exchanged.categories[category] = other.categories[category];
                }
                category += 1;
                continue;
            }
            if is_taken {
                exchanged.numbers[number] = other.numbers[number];
            }
            number += 1;
            if encoding.is_flagged() {
                if is_taken {
                    exchanged.categories[flag] = other.categories[flag];
                }
                flag += 1;
            }
        }
        exchanged
    }

    /// A row's cells as they were read, each behind its column's name; what is missing, or was never seen in training, is
    /// `?`.
    pub fn decode(&self, row: &Encoded) -> Vec<(String, String)> {
        let (mut categories, mut numbers) = (row.categories.iter(), row.numbers.iter());
        let cell = |column: &Column| {
            let text = match &column.encoding {
                Encoding::Category(values) => {
                    let place = categories.next().and_then(|&place| (place as usize).checked_sub(1));
                    place.and_then(|place| values.get(place)).cloned()
                }
                Encoding::Number { .. } | Encoding::Quantiles(_) => {
                    numbers.next().copied().flatten().map(shown)
                }
            };
            (column.name.clone(), text.unwrap_or_else(|| "?".to_owned()))
        };
        self.columns.iter().map(cell).collect()
    }

    /// Refuses what can't have been learned from rows.
    ///
    /// # Errors
    ///
    /// If a number is not finite, or categories are not sorted; the message says of which column.
    pub fn check(&self) -> Result<(), String> {
        for Column { name, encoding } in &self.columns {
            let sound = match encoding {
                Encoding::Category(values) => values.is_sorted(),
                Encoding::Number { median, mean, std, .. } => {
                    [median, mean, std].iter().all(|number| number.is_finite()) && *std > 0.0
                }
                Encoding::Quantiles(quantiles) => quantiles.is_sound(),
            };
            if !sound {
                return Err(format!("the encoding of column `{name}` is damaged"));
            }
        }
        let widths: usize = self.inputs.iter().map(Input::width).sum();
        if widths != self.columns.len() {
            return Err(format!(
                "{} inputs make {widths} columns, not {}",
                self.inputs.len(),
                self.columns.len()
            ));
        }
        if self.columns.is_empty() { Err("there are no input columns".to_owned()) } else { Ok(()) }
    }
}

/// A number as people write it.
fn shown(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-5..1e16 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

impl Column {
    /// Whether the network can read a value.
    ///
    /// # Errors
    ///
    /// If it should be a number and is none, or is out of range; the message says so.
    pub(super) fn check(&self, value: CellValue) -> Result<(), String> {
        let Self { name, encoding } = self;
        match value.number() {
            _ if encoding.is_category() => Ok(()),
            None if !value.is_missing() => {
                Err(format!("column `{name}` holds numbers, and this is `{value}`"))
            }
            Some(number) if !encoding.is_in_range(number) => {
                Err(format!("column `{name}`: {} is out of range", shown(number)))
            }
            _ => Ok(()),
        }
    }

    /// Learns what becomes of a column from its cells in the training rows.
    pub fn learn(design: Design, name: String, cells: &[CellValue]) -> Self {
        let encoding = match design {
            Design::Fastai if holds_numbers(cells) => learn_number(cells),
            Design::Fastai => learn_category(cells),
            Design::Quantiles => learn_quantiles(cells).unwrap_or_else(|| learn_category(cells)),
        };
        Self { name, encoding }
    }
}

/// Whether cells are numbers rather than categories: fastai's `cont_cat_split`. Numbers with a fraction always
/// are; whole ones if there are more than 20 different.
pub fn holds_numbers(cells: &[CellValue]) -> bool {
    let present = cells.iter().filter(|cell| !cell.is_missing());
    let Some(numbers) = present.map(|cell| cell.number()).collect::<Option<Vec<f64>>>() else {
        return false;
    };
    let distinct: HashSet<u64> = numbers.iter().map(|number| number.to_bits()).collect();
    let whole = numbers.iter().all(|number| number.fract() == 0.0);
    !numbers.is_empty() && (!whole || distinct.len() > MAX_CARDINALITY)
}

fn learn_category(cells: &[CellValue]) -> Encoding {
    let mut seen = HashSet::new();
    let values = cells.iter().filter(|cell| !cell.is_missing() && seen.insert(**cell));
    let values: Vec<String> = values.map(CellValue::to_string).collect();
    Encoding::Category(cell::values(values.iter().map(String::as_str)))
}

/// The numbers among cells, sorted.
fn sorted_numbers(cells: &[CellValue]) -> Vec<f64> {
    let mut numbers: Vec<f64> = cells.iter().filter_map(|cell| cell.number()).collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers
}

fn learn_number(cells: &[CellValue]) -> Encoding {
    let present = sorted_numbers(cells);
    let median = quantile(&present, 0.5);
    let missing = cells.len() - present.len();
    let count = cells.len().max(1) as f64;
    let filled = || present.iter().copied().chain(std::iter::repeat_n(median, missing));
    // Squares and sums are of numbers in this unit, so that none overflows; a power of two changes no digit.
    let greatest = present.iter().fold(0.0f64, |greatest, number| greatest.max(number.abs()));
    let unit = greatest.log2().ceil().clamp(0.0, 1023.0).exp2();
    let mean = filled().map(|number| number / unit).sum::<f64>() / count;
    let variance = filled().map(|number| (number / unit - mean).powi(2)).sum::<f64>() / count;
    Encoding::Number {
        median,
        mean: mean * unit,
        std: variance.sqrt() * unit + EPSILON,
        flagged: missing > 0,
    }
}

/// How far a number is from the mean, in standard deviations.
fn deviation(number: f64, mean: f64, std: f64) -> f64 {
    match number - mean {
        apart if apart.is_finite() => apart / std,
        _ => number / std - mean / std,
    }
}

/// Nothing where not all cells are numbers or missing, or all numbers are the same.
fn learn_quantiles(cells: &[CellValue]) -> Option<Encoding> {
    let numbers = sorted_numbers(cells);
    let missing = cells.iter().filter(|cell| cell.is_missing()).count();
    let all = numbers.len() + missing == cells.len();
    all.then(|| Quantiles::learn(&numbers, missing > 0)).flatten().map(Encoding::Quantiles)
}

#[cfg(test)]
mod tests;
