//! Dates as people write them: which part is the day, and whether there are hours.

use serde::{Deserialize, Serialize};

use super::dates::Date;

/// How the dates of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DateFormat {
    /// Which part of a date stands where.
    pub order: Order,
    /// Whether some have a time of day.
    pub timed: bool,
}

/// Which part of a date stands where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// `2026-11-22`, `2026/11/22`, `20261122`, `2026-11`.
    YearFirst,
    /// `22.11.2026`, `22/11/26`, `22 Nov 2026`.
    DayFirst,
    /// `11/22/2026`, `Nov 22, 2026`.
    MonthFirst,
}

/// How a column of dates was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    pub format: DateFormat,
    /// How many cells are dates.
    pub dates: usize,
    /// A cell that would be another date in another order, where all cells allow that.
    pub ambiguous: Option<String>,
}

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const ORDERS: [Order; 3] = [Order::YearFirst, Order::MonthFirst, Order::DayFirst];
/// This many cells show whether a column may hold dates.
const SAMPLE: usize = 100;
/// The orders that are right where years have two digits, `24-01-15`.
const SHORT: std::ops::Range<i64> = 0..100;

impl DateFormat {
    /// The order by which the most cells are dates. `order` is the right one, if that is known.
    pub fn learn(cells: &[&str], order: Option<Order>) -> Learned {
        // Most columns are none of dates, as a few cells tell.
        let is_date = |cell: &&str| ORDERS.iter().any(|&order| read(order, cell).is_some());
        let none = order.is_none() && !cells.iter().take(SAMPLE).any(is_date);
        let cells = if none { &[] } else { cells };
        let orders: Vec<Order> = order.map_or(ORDERS.to_vec(), |order| vec![order]);
        let tallies: Vec<Tally> = orders.into_iter().map(|order| Tally::of(order, cells)).collect();
        // The first of equals.
        let best = tallies.iter().rev().max_by_key(|tally| tally.dates);
        let Tally { order: best, dates, timed } = best.copied().unwrap_or(Tally::of(Order::YearFirst, &[]));
        let other = tallies.iter().find(|other| other.order != best && other.dates == dates && dates > 0);
        let day = |order: Order, cell: &str| read(order, cell).map(|(day, _)| day);
        let differs = |other: &Tally| cells.iter().find(|cell| day(best, cell) != day(other.order, cell));
        let ambiguous = other.and_then(differs).map(|cell| (*cell).to_owned());
        Learned { format: Self { order: best, timed }, dates, ambiguous }
    }

    /// The day and the minute of the day that a cell is, if it is a date.
    pub fn read(self, cell: &str) -> Option<(Date, i64)> {
        read(self.order, cell).map(|(date, minutes)| (date, minutes.unwrap_or(0)))
    }
}

/// The cells that are dates if their parts stand in an order.
#[derive(Clone, Copy)]
struct Tally {
    order: Order,
    dates: usize,
    /// Whether some have a time of day.
    timed: bool,
}

impl Tally {
    fn of(order: Order, cells: &[&str]) -> Self {
        let mut tally = Self { order, dates: 0, timed: false };
        for (_, minutes) in cells.iter().filter_map(|cell| read(order, cell)) {
            tally.dates += 1;
            tally.timed |= minutes.is_some_and(|minutes| minutes > 0);
        }
        tally
    }
}

/// The minute of the day of `8:30`, `08:30:15` or `8:30 pm`.
pub fn minutes(cell: &str) -> Option<i64> {
    if !cell.as_bytes().contains(&b':') {
        return None;
    }
    let lower = cell.trim().trim_end_matches('Z').to_lowercase();
    let (clock, noon) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim(), Some(0)),
        (_, Some(clock)) => (clock.trim(), Some(12)),
        _ => (lower.as_str(), None),
    };
    // A zone is no part of the time of day there.
    let clock = clock.split(['+', '-']).next()?.trim();
    let parts: Vec<&str> = clock.split(':').collect();
    let number = |text: &str| {
        text.parse::<i64>().ok().filter(|_| text.len() <= 2 && text.bytes().all(|b| b.is_ascii_digit()))
    };
    let (hour, minute) = match parts[..] {
        [hour, minute] | [hour, minute, _] => (number(hour)?, number(minute)?),
        _ => return None,
    };
    if let [_, _, seconds] = parts[..] {
        seconds.parse::<f64>().ok().filter(|seconds| (0.0..61.0).contains(seconds))?;
    }
    let hour = match noon {
        Some(noon) if (1..=12).contains(&hour) => hour % 12 + noon,
        Some(_) => return None,
        None => hour,
    };
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
}

/// A date, and its minute of the day if it says one.
fn read(order: Order, cell: &str) -> Option<(Date, Option<i64>)> {
    let cell = cell.trim();
    // Bytes are searched faster than characters, and these are ASCII.
    let find = |byte: u8| cell.bytes().position(|other| other == byte);
    let is_clock = |&at: &usize| at >= 8 && cell.bytes().take(at).all(|byte| !byte.is_ascii_alphabetic());
    let at = match (find(b'T').filter(is_clock), find(b':')) {
        (Some(at), _) => Some(at),
        (None, Some(colon)) => Some(cell[..colon].rfind(' ')?),
        (None, None) => None,
    };
    let (day, clock) = at.map_or((cell, None), |at| (&cell[..at], Some(&cell[at + 1..])));
    let minutes = clock.map(minutes);
    if minutes == Some(None) {
        return None;
    }
    let day = day.trim().trim_end_matches(',');
    Some((read_day(order, day)?, minutes.flatten()))
}

fn read_day(order: Order, day: &str) -> Option<Date> {
    if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        let number = |range: std::ops::Range<usize>| day[range].parse::<i64>().ok();
        let date = Date::new(number(0..4)?, number(4..6)?, number(6..8)?)?;
        return (order == Order::YearFirst && (1900..2100).contains(&date.year)).then_some(date);
    }
    let separator =
        [b'-', b'/', b'.', b' '].into_iter().find(|separator| day.as_bytes().contains(separator))?;
    let mut parts = day
        .split(|letter| letter == char::from(separator))
        .map(|part| part.trim_end_matches(','))
        .filter(|part| !part.is_empty());
    let (first, second, third) = (parts.next()?, parts.next()?, parts.next());
    if parts.next().is_some() {
        return None;
    }
    let number = |text: &str| {
        text.parse::<i64>().ok().filter(|_| text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit()))
    };
    let month = |text: &str| number(text).or_else(|| month_name(text));
    let year = |text: &str| {
        let year = number(text)?;
        match text.len() {
            4 => Some(year),
            // Nobody writes 24.12.31 or 24/12/31 for a day of 2024.
            2 if order == Order::YearFirst && separator != b'-' => None,
            // As pandas and C do.
            2 if SHORT.contains(&year) => Some(if year < 69 { 2000 + year } else { 1900 + year }),
            _ => None,
        }
    };
    // A year of four digits says by itself that it stands first.
    let order = if first.len() == 4 && number(first).is_some() { Order::YearFirst } else { order };
    match (order, third) {
        (Order::YearFirst, Some(third)) => Date::new(year(first)?, month(second)?, number(third)?),
        (Order::YearFirst, None) if first.len() == 4 => Date::new(number(first)?, month(second)?, 1),
        (Order::DayFirst, Some(third)) => Date::new(year(third)?, month(second)?, number(first)?),
        (Order::MonthFirst, Some(third)) => Date::new(year(third)?, month(first)?, number(second)?),
        _ => None,
    }
}

fn month_name(text: &str) -> Option<i64> {
    let word = text.to_lowercase();
    let found = MONTHS.iter().position(|month| word.starts_with(month) && word.len() <= 9)?;
    word.chars().all(char::is_alphabetic).then_some(found as i64 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn learned(cells: &[&str]) -> (Vec<String>, Learned) {
        let learned = DateFormat::learn(cells, None);
        let shown = |cell: &&str| match learned.format.read(cell) {
            Some((Date { year, month, day }, minutes)) => format!("{year}-{month}-{day} {minutes}"),
            None => "none".to_owned(),
        };
        (cells.iter().map(shown).collect(), learned)
    }

    #[test]
    fn the_order_follows_from_all_cells() {
        for (cells, expected) in [
            (&["2024-02-29", "2024/1/5"][..], &["2024-2-29 0", "2024-1-5 0"][..]),
            (&["29/02/2024", "01/02/2024"], &["2024-2-29 0", "2024-2-1 0"]),
            (&["02/29/2024", "01/02/2024"], &["2024-2-29 0", "2024-1-2 0"]),
            (&["29.02.24"], &["2024-2-29 0"]),
            (&["20240229", "20240105"], &["2024-2-29 0", "2024-1-5 0"]),
            (&["2024-02"], &["2024-2-1 0"]),
            (&["99-02-28", "98-12-31"], &["1999-2-28 0", "1998-12-31 0"]),
            (&["2024-02-29T08:30:00Z", "2024-02-29 20:15"], &["2024-2-29 510", "2024-2-29 1215"]),
            (&["2024-02-29 8:30 PM"], &["2024-2-29 1230"]),
            (&["29 Feb 2024", "1 march 2024"], &["2024-2-29 0", "2024-3-1 0"]),
            (&["Feb 29, 2024"], &["2024-2-29 0"]),
            (&["2024-02-29T08:30:00+02:00"], &["2024-2-29 510"]),
        ] {
            let (found, Learned { dates, ambiguous, .. }) = learned(cells);
            assert_eq!(found, expected, "{cells:?}");
            assert_eq!((dates, ambiguous), (cells.len(), None), "{cells:?}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for cell in [
            "2023-02-29",
            "2024-13-01",
            "2024-+1-01",
            "2024-01-01-01",
            "0000-00-00",
            "1-2",
            "12:30",
            "2024-01-01 25:00",
            "12345678",
        ] {
            assert_eq!(learned(&[cell]).0, ["none"], "{cell}");
        }
    }

    #[test]
    fn an_order_that_is_open_is_said() {
        let (read, Learned { ambiguous, .. }) = learned(&["01/02/2024", "03/04/2024"]);
        assert_eq!((read[0].as_str(), ambiguous.as_deref()), ("2024-1-2 0", Some("01/02/2024")));
        let known = DateFormat::learn(&["01/02/2024"], Some(Order::DayFirst));
        assert_eq!((known.format.order, known.ambiguous), (Order::DayFirst, None));
    }

    #[test]
    fn times_of_day_are_minutes() {
        for (cell, expected) in [
            ("8:30", Some(510)),
            ("12:00 am", Some(0)),
            ("23:59:59.5", Some(1439)),
            ("24:00", None),
            ("8", None),
        ] {
            assert_eq!(minutes(cell), expected, "{cell}");
        }
    }
}
