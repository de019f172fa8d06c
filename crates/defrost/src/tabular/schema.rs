//! How the cells of each column become numbers, learned from the training rows.
//!
//! fastai's `Categorify` (categories sorted, 0 for what is missing or was never seen), `FillMissing` (the
//! median, and a flag beside it) and `Normalize` (mean 0, standard deviation 1 over the training rows).

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

/// What stands for a missing cell.
const MISSING: [&str; 7] = ["", "na", "n/a", "nan", "null", "none", "?"];
/// A column of numbers with at most so many different ones is a column of categories (fastai's `max_card`).
const MAX_CARDINALITY: usize = 20;
/// Added to standard deviations, as in fastai.
const EPSILON: f64 = 1e-7;

/// The input columns, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Schema {
    /// The columns.
    pub columns: Vec<Column>,
}

/// A column and what becomes of its cells.
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
        /// What a missing cell is taken for.
        median: f64,
        /// The training rows' mean, missing cells filled.
        mean: f64,
        /// The training rows' standard deviation.
        std: f64,
        /// Whether a category tells that the cell was missing.
        flagged: bool,
    },
}

/// A row as it enters the network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Encoded {
    /// A number for each category.
    pub categories: Vec<u32>,
    /// The normalised numbers.
    pub numbers: Vec<f32>,
}

impl Schema {
    /// The cardinality of each category, 0 included: those of columns, then those that flag missing numbers.
    pub fn cardinalities(&self) -> Vec<usize> {
        let of_columns = self.columns.iter().filter_map(|column| match &column.encoding {
            Encoding::Category(values) => Some(values.len() + 1),
            Encoding::Number { .. } => None,
        });
        let flags = self.columns.iter().filter(|column| column.is_flagged()).map(|_| 3);
        of_columns.chain(flags).collect()
    }

    /// How many numbers a row has.
    pub fn numbers(&self) -> usize {
        self.columns.iter().filter(|column| matches!(column.encoding, Encoding::Number { .. })).count()
    }

    /// Encodes the cells of this schema's columns.
    ///
    /// # Errors
    ///
    /// If a cell should be a number and is none; the message says which.
    pub fn encode<'a>(&self, cells: impl Iterator<Item = &'a str>) -> Result<Encoded, String> {
        let (mut encoded, mut flags) = (Encoded::default(), vec![]);
        for (column, cell) in self.columns.iter().zip(cells) {
            match &column.encoding {
                Encoding::Category(values) => {
                    let place = values.binary_search_by(|value| value.as_str().cmp(cell));
                    encoded.categories.push(place.map_or(0, |place| place as u32 + 1));
                }
                Encoding::Number { median, mean, std, flagged } => {
                    let missing = is_missing(cell);
                    let number = if missing { Some(*median) } else { number(cell) };
                    let number = number.ok_or_else(|| {
                        format!("column `{}` holds numbers, and this is `{cell}`", column.name)
                    })?;
                    encoded.numbers.push(((number - mean) / std) as f32);
                    flags.extend(flagged.then_some(1 + u32::from(missing)));
                }
            }
        }
        encoded.categories.extend(flags);
        Ok(encoded)
    }

    /// A row's cells as the network reads them, each behind its column's name; what is missing, or was never seen in
    /// training, is `?`.
    pub fn decode(&self, row: &Encoded) -> Vec<(String, String)> {
        let (mut categories, mut numbers) = (row.categories.iter(), row.numbers.iter());
        let flags = row.categories.len() - self.columns.iter().filter(|column| column.is_flagged()).count();
        let mut flags = row.categories[flags..].iter();
        let cell = |column: &Column| {
            let text = match &column.encoding {
                Encoding::Category(values) => {
                    let place = categories.next().and_then(|&place| (place as usize).checked_sub(1));
                    place.and_then(|place| values.get(place)).cloned()
                }
                Encoding::Number { mean, std, flagged, .. } => {
                    let number = numbers.next().map(|&number| f64::from(number) * std + mean);
                    let missing = *flagged && flags.next() == Some(&2);
                    // Normalised numbers have seven digits: what is finer than that is none of the cell's.
                    let grain = std * 1e-6;
                    number.filter(|_| !missing).map(|number| shown((number / grain).round() * grain))
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
            };
            if !sound {
                return Err(format!("the encoding of column `{name}` is damaged"));
            }
        }
        if self.columns.is_empty() { Err("there are no input columns".to_owned()) } else { Ok(()) }
    }
}

/// A number that has been normalised and back in f32, in six digits.
fn shown(number: f64) -> String {
    let digits = if number == 0.0 { 0 } else { number.abs().log10().floor() as i32 };
    let text = format!("{number:.*}", (5 - digits).clamp(0, 12) as usize);
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

impl Column {
    /// Learns what becomes of a column from its cells in the training rows.
    pub fn learn(name: &str, cells: &[&str]) -> Self {
        let encoding = if holds_numbers(cells) { learn_number(cells) } else { learn_category(cells) };
        Self { name: name.to_owned(), encoding }
    }

    fn is_flagged(&self) -> bool {
        matches!(self.encoding, Encoding::Number { flagged: true, .. })
    }
}

/// Whether a cell is missing.
pub fn is_missing(cell: &str) -> bool {
    MISSING.contains(&cell.to_lowercase().as_str())
}

/// A finite number.
pub fn number(cell: &str) -> Option<f64> {
    cell.parse().ok().filter(|number: &f64| number.is_finite())
}

/// Whether cells are numbers rather than categories: fastai's `cont_cat_split`. Numbers with a fraction always
/// are; whole ones if there are more than 20 different.
pub fn holds_numbers(cells: &[&str]) -> bool {
    let present = || cells.iter().filter(|cell| !is_missing(cell));
    let Some(numbers) = present().map(|cell| number(cell)).collect::<Option<Vec<f64>>>() else {
        return false;
    };
    let distinct: HashSet<u64> = numbers.iter().map(|number| number.to_bits()).collect();
    let whole = numbers.iter().all(|number| number.fract() == 0.0);
    !numbers.is_empty() && (!whole || distinct.len() > MAX_CARDINALITY)
}

fn learn_category(cells: &[&str]) -> Encoding {
    let values: BTreeSet<&str> = cells.iter().copied().filter(|cell| !is_missing(cell)).collect();
    Encoding::Category(values.into_iter().map(str::to_owned).collect())
}

fn learn_number(cells: &[&str]) -> Encoding {
    let mut present: Vec<f64> = cells.iter().filter_map(|cell| number(cell)).collect();
    present.sort_by(f64::total_cmp);
    let middle = present.len() / 2;
    let median = match present.len() {
        0 => 0.0,
        odd if odd % 2 == 1 => present[middle],
        _ => f64::midpoint(present[middle - 1], present[middle]),
    };
    let missing = cells.len() - present.len();
    let count = cells.len().max(1) as f64;
    let filled = || present.iter().copied().chain(std::iter::repeat_n(median, missing));
    let mean = filled().sum::<f64>() / count;
    let std = (filled().map(|number| (number - mean).powi(2)).sum::<f64>() / count).sqrt() + EPSILON;
    Encoding::Number { median, mean, std, flagged: missing > 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(columns: &[(&str, &[&str])]) -> Schema {
        Schema { columns: columns.iter().map(|(name, cells)| Column::learn(name, cells)).collect() }
    }

    #[test]
    fn columns_are_split_as_fastai_does() {
        let whole: Vec<String> = (0..21).map(|number| number.to_string()).collect();
        let whole: Vec<&str> = whole.iter().map(String::as_str).collect();
        assert!(holds_numbers(&whole) && !holds_numbers(&whole[..20]));
        assert!(holds_numbers(&["1.5", "NA", "2"]));
        assert!(!holds_numbers(&["1.5", "x"]) && !holds_numbers(&["", "NA"]));
    }

    #[test]
    fn cells_become_what_fastai_makes_of_them() {
        // pandas: median 2.5, mean of (1.5, 2.5, 2.5, 3.5) 2.5, std(ddof=0) the root of 1/2.
        let schema = schema(&[("job", &["b", "a", "", "b"]), ("pay", &["1.5", "", "2.5", "3.5"])]);
        assert_eq!(schema.cardinalities(), [3, 3]);
        let encode = |job, pay| schema.encode([job, pay].into_iter()).unwrap();
        assert_eq!(encode("b", "3.5").categories, [2, 1]);
        assert_eq!(encode("never seen", "").categories, [0, 2]);
        assert!((encode("b", "3.5").numbers[0] - 2f32.sqrt()).abs() < 1e-5);
        assert_eq!(encode("b", "?").numbers, [0.0]);
        let wrong = schema.encode(["a", "much"].into_iter()).unwrap_err();
        assert_eq!(wrong, "column `pay` holds numbers, and this is `much`");
    }

    #[test]
    fn a_row_can_be_read_again() {
        let schema = schema(&[("job", &["b", "a", "", "b"]), ("pay", &["1.5", "", "2.5", "3.5"])]);
        let shown = |job, pay| schema.decode(&schema.encode([job, pay].into_iter()).unwrap());
        let cells =
            |job: &str, pay: &str| [("job".to_owned(), job.to_owned()), ("pay".to_owned(), pay.to_owned())];
        assert_eq!(shown("a", "1.5"), cells("a", "1.5"));
        assert_eq!(shown("never seen", ""), cells("?", "?"));
        assert_eq!(
            ["0", "39", "-0.05", "1234567", "1.23457"],
            [0.0, 39.000_002, -0.05, 1_234_567.0, 1.234_567].map(super::shown)[..]
        );
    }
}
