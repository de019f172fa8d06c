//! Numbers as people write them: `1,234.50`, `1.234,50`, `$12`, `12 %`, `3 kg`.

use serde::{Deserialize, Serialize};

use super::cell::{is_missing, number};

/// How the numbers of a column are written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberFormat {
    /// Whether a comma stands before the fraction, and not between thousands.
    pub decimal_comma: bool,
    /// The unit before or behind the numbers, such as `€` or `kg`; usually empty.
    pub unit: String,
}

/// How a column of numbers was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    pub format: NumberFormat,
    /// How many cells are numbers.
    pub numbers: usize,
    /// A cell that would be another number if commas were read the other way.
    pub ambiguous: Option<String>,
}

/// Currencies that may precede a number.
const CURRENCIES: [&str; 14] =
    ["$", "€", "£", "¥", "₹", "₽", "₩", "US$", "USD", "EUR", "GBP", "CHF", "JPY", "Rs."];
/// Units that may follow a number without a blank.
const UNITS: [&str; 30] = [
    "%", "kg", "g", "mg", "t", "lb", "lbs", "oz", "km", "m", "cm", "mm", "mi", "ft", "in", "l", "ml", "s",
    "ms", "min", "h", "kWh", "kW", "W", "V", "A", "GB", "MB", "°C", "°F",
];

impl NumberFormat {
    /// The format by which the most cells are numbers. `comma` says whether a comma stands before the fraction, if that is
    /// known; `likely_comma` whether that is more likely than not.
    pub fn learn(cells: &[&str], comma: Option<bool>, likely_comma: bool) -> Learned {
        let unit = usual_unit(cells);
        let read = |decimal_comma: bool| {
            let format = Self { decimal_comma, unit: unit.clone() };
            (cells.iter().filter(|cell| format.read(cell).is_some()).count(), format)
        };
        let (point, comma_read) = (read(false), read(true));
        let decimal_comma = comma.unwrap_or_else(|| match comma_read.0.cmp(&point.0) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Equal => likely_comma && cells.iter().any(|cell| cell.contains(',')),
        });
        let (numbers, format) = if decimal_comma { comma_read.clone() } else { point.clone() };
        let other = if decimal_comma { &point.1 } else { &comma_read.1 };
        let differs = |cell: &&&str| {
            let read = [format.read(cell), other.read(cell)];
            cell.contains(',') && matches!(read, [Some(one), Some(two)] if one != two)
        };
        let open = comma.is_none() && point.0 == comma_read.0;
        let ambiguous = open.then(|| cells.iter().find(differs)).flatten().map(|cell| (*cell).to_owned());
        Learned { format, numbers, ambiguous }
    }

    /// The format of these cells; a comma that may be either stands between thousands.
    pub fn of(cells: &[&str]) -> Self {
        let present: Vec<&str> = cells.iter().copied().filter(|cell| !is_missing(cell)).collect();
        Self::learn(&present, None, false).format
    }

    /// A number as programs write it, such as `1234.5`, as a cell in this format.
    pub fn write(&self, number: &str) -> String {
        let number = if self.decimal_comma { number.replace('.', ",") } else { number.to_owned() };
        // A number without a unit is none of percent.
        if self.unit == "%" { number + "%" } else { number }
    }

    /// The finite number that a cell is, if it is one.
    pub fn read(&self, cell: &str) -> Option<f64> {
        if !cell.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        // Most numbers are written as programs write them.
        if self.unit.is_empty()
            && !self.decimal_comma
            && let Some(number) = number(cell)
        {
            return Some(number);
        }
        let (number, unit) = split_unit(cell);
        // Half of 50 % is none of 0.5: with percent, all have it.
        if unit != self.unit && !(unit.is_empty() && self.unit != "%") {
            return None;
        }
        let text = number.replace('−', "-");
        let (point, group) = if self.decimal_comma { (',', '.') } else { ('.', ',') };
        let (whole, fraction) = text.split_once(point).map_or((text.as_str(), None), |(a, b)| (a, Some(b)));
        let whole = ungrouped(whole, group)?;
        let text = match fraction {
            Some(fraction) if fraction.contains([point, group]) => return None,
            Some(fraction) => format!("{whole}.{fraction}"),
            None => whole,
        };
        self::number(&text)
    }
}

/// Digits without what groups them by three.
fn ungrouped(whole: &str, group: char) -> Option<String> {
    let groups = [group, ' ', '\u{a0}', '\u{202f}', '\'', '’', '_'];
    let Some(used) = whole.chars().find(|letter| groups.contains(letter)) else {
        return Some(whole.to_owned());
    };
    let mut parts = whole.split(used);
    let first = parts.next()?.trim_start_matches(['+', '-']);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let grouped =
        (1..=3).contains(&first.len()) && digits(first) && !(first.len() > 1 && first.starts_with('0'));
    let thousands = first != "0" && parts.all(|part| part.len() == 3 && digits(part));
    (grouped && thousands).then(|| whole.replace(used, ""))
}

/// A cell without its unit, and the unit.
fn split_unit(cell: &str) -> (&str, &str) {
    let is_digit = |byte: u8| byte.is_ascii_digit();
    let Some(first) = cell.bytes().position(is_digit) else { return (cell, "") };
    let last = cell.bytes().rposition(is_digit).unwrap_or(first);
    let (before, behind) = (&cell[..first], &cell[last + 1..]);
    let sign_less = before.trim_matches(['+', '-', '−', '.', ',', ' ', '\u{a0}']);
    if CURRENCIES.contains(&sign_less) && behind.trim().is_empty() {
        let at = before.find(sign_less).unwrap_or_default();
        let rest = &cell[at + sign_less.len()..];
        // Of `-$5` and `$ 5`, the number is `-5` and `5`.
        return match at {
            0 => (rest.trim(), sign_less),
            _ => (cell, ""),
        };
    }
    let unit = behind.trim_start_matches(['.', ',']).trim();
    let spaced = behind.starts_with([' ', '\u{a0}'])
        && unit.chars().all(|letter| letter.is_alphabetic() || "/²³%°€$£".contains(letter));
    let known = CURRENCIES.contains(&unit) || UNITS.contains(&unit);
    match !unit.is_empty() && sign_less.is_empty() && (spaced || known) {
        true => (cell[..cell.len() - behind.len()].trim(), unit),
        false => (cell, ""),
    }
}

/// The unit that most cells have; none where most have none.
fn usual_unit(cells: &[&str]) -> String {
    let mut counts = std::collections::BTreeMap::new();
    for unit in cells.iter().map(|cell| split_unit(cell).1).filter(|unit| !unit.is_empty()) {
        *counts.entry(unit).or_insert(0) += 1;
    }
    let without = cells.len() - counts.values().sum::<usize>();
    let usual = counts.into_iter().max_by_key(|&(_, count)| count).filter(|&(_, count)| count >= without);
    usual.map_or(String::new(), |(unit, _)| unit.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(cells: &[&str], likely_comma: bool) -> (Vec<Option<f64>>, Learned) {
        let learned = NumberFormat::learn(cells, None, likely_comma);
        (cells.iter().map(|cell| learned.format.read(cell)).collect(), learned)
    }

    #[test]
    fn numbers_are_read_as_their_column_writes_them() {
        for (cells, numbers) in [
            (&["1.5", "-2", "+3e2", ".5"][..], &[1.5, -2.0, 300.0, 0.5][..]),
            (&["1,5", "2,25"], &[1.5, 2.25]),
            (&["1,234.50", "12"], &[1234.5, 12.0]),
            (&["1.234,50", "12"], &[1234.5, 12.0]),
            (&["1,234,567", "1,000"], &[1_234_567.0, 1000.0]),
            (&["1 234", "12"], &[1234.0, 12.0]),
            (&["1'234.5", "12"], &[1234.5, 12.0]),
            (&["$5", "$1,200.50", "7"], &[5.0, 1200.5, 7.0]),
            (&["5,50 €", "7,25 €"], &[5.5, 7.25]),
            (&["50%", "7.5%"], &[50.0, 7.5]),
            (&["3 kg", "4.5 kg"], &[3.0, 4.5]),
            (&["3kg", "4.5kg"], &[3.0, 4.5]),
            (&["−3", "4"], &[-3.0, 4.0]),
        ] {
            let (found, Learned { numbers: count, ambiguous, .. }) = learned(cells, false);
            assert_eq!(found, numbers.iter().map(|&number| Some(number)).collect::<Vec<_>>(), "{cells:?}");
            assert_eq!((count, ambiguous), (cells.len(), None), "{cells:?}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for cells in [
            &["A12", "B7"][..],
            &["12a", "7b"],
            &["1-2", "3-4"],
            &["1.2.3", "4.5.6"],
            &["inf"],
            &["-"],
            &["12 High St", "9 Low Rd"],
        ] {
            assert!(learned(cells, false).0.contains(&None), "{cells:?}");
        }
        assert_eq!(learned(&["50%", "40%", "0.5"], false).0[2], None);
    }

    #[test]
    fn a_comma_that_may_be_either_is_said() {
        let cells = ["1,234", "5,678", "12"];
        let (read, Learned { ambiguous, .. }) = learned(&cells, false);
        assert_eq!((read[0], ambiguous.as_deref()), (Some(1234.0), Some("1,234")));
        assert_eq!(learned(&cells, true).0[0], Some(1.234));
        assert_eq!(NumberFormat::learn(&cells, Some(true), false).ambiguous, None);
    }
}
