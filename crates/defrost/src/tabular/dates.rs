//! Dates as numbers a network can use (fastai's `add_datepart`).

use crate::csv_table::{CsvTable, Row};

use super::schema::is_missing;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Date {
    year: i64,
    month: i64,
    day: i64,
}

/// What a column of dates becomes: its name and one of these, as `SaleYear`.
const PARTS: [&str; 13] = [
    "Year",
    "Month",
    "Week",
    "Day",
    "Dayofweek",
    "Dayofyear",
    "Is_month_end",
    "Is_month_start",
    "Is_quarter_end",
    "Is_quarter_start",
    "Is_year_end",
    "Is_year_start",
    "Elapsed",
];

/// Whether each cell of a column that is not missing begins with a date, as `2026-11-22` or `2026/11/22`.
pub fn is_of_dates(table: &CsvTable, column: usize) -> bool {
    let mut cells = table.cells(column).filter(|cell| !is_missing(cell)).peekable();
    cells.peek().is_some() && cells.all(|cell| Date::parse(cell).is_some())
}

/// The table with its columns of dates replaced by their parts.
pub fn expand(table: CsvTable) -> CsvTable {
    let dates: Vec<bool> = (0..table.columns.len()).map(|column| is_of_dates(&table, column)).collect();
    if !dates.contains(&true) {
        return table;
    }
    let name = |(column, &date): (&String, &bool)| match date {
        true => parts_of(stem(column)).collect(),
        false => vec![column.clone()],
    };
    let columns = table.columns.iter().zip(&dates).flat_map(name).collect();
    let row = |row: Row| {
        let cells = row.cells.into_iter().zip(&dates).flat_map(|(cell, &date)| match date {
            true => parts(&cell).unwrap_or_else(no_parts),
            false => vec![cell],
        });
        Row { name: row.name, cells: cells.collect() }
    };
    CsvTable { columns, rows: table.rows.into_iter().map(row).collect() }
}

/// `saledate` becomes `saleYear`, as in fastai.
pub fn stem(column: &str) -> &str {
    ["date", "Date"].iter().find_map(|ending| column.strip_suffix(ending)).unwrap_or(column)
}

/// The stem of a column that is a part of a date, if it has such a name.
pub fn stem_of_part(column: &str) -> Option<&str> {
    PARTS.iter().find_map(|part| column.strip_suffix(part))
}

/// The columns of a date's parts.
pub fn parts_of(stem: &str) -> impl Iterator<Item = String> {
    PARTS.iter().map(move |part| format!("{stem}{part}"))
}

/// The cells of a date that is missing.
pub fn no_parts() -> Vec<String> {
    vec![String::new(); PARTS.len()]
}

/// The cells of a date's parts, if a cell begins with a date.
pub fn parts(cell: &str) -> Option<Vec<String>> {
    let date = Date::parse(cell)?;
    let (first, last) = (date.day == 1, date.day == days_in(date.year, date.month));
    let flags = [
        last,
        first,
        last && date.month % 3 == 0,
        first && date.month % 3 == 1,
        last && date.month == 12,
        first && date.month == 1,
    ];
    let numbers = [date.year, date.month, date.iso_week(), date.day, date.weekday(), date.day_of_year()];
    let numbers = numbers.iter().map(i64::to_string);
    let elapsed = (date.days() * 86_400).to_string();
    Some(numbers.chain(flags.iter().map(bool::to_string)).chain([elapsed]).collect())
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl Date {
    fn parse(cell: &str) -> Option<Self> {
        let day = cell.split([' ', 'T']).next()?;
        let separator = if day.contains('/') { '/' } else { '-' };
        let mut parts = day.split(separator).map(|part| {
            let digits = part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<i64>().ok().filter(|_| digits)
        });
        let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
        let real = parts.next().is_none()
            && (1000..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        real.then_some(Self { year, month, day })
    }

    fn day_of_year(self) -> i64 {
        (1..self.month).map(|month| days_in(self.year, month)).sum::<i64>() + self.day
    }

    /// Days since 1 January 1970.
    fn days(self) -> i64 {
        let before =
            |year: i64| year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
        before(self.year - 1) - before(1969) + self.day_of_year() - 1
    }

    /// 0 is Monday.
    fn weekday(self) -> i64 {
        (self.days() + 3).rem_euclid(7)
    }

    /// The week of the year that its Thursday is in (ISO 8601).
    fn iso_week(self) -> i64 {
        let thursday = self.day_of_year() - self.weekday() + 3;
        let length = |year| if is_leap(year) { 366 } else { 365 };
        let in_year = match thursday {
            ..1 => thursday + length(self.year - 1),
            day if day > length(self.year) => day - length(self.year),
            day => day,
        };
        (in_year - 1) / 7 + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn parts_are_those_of_pandas() {
        // pandas.Timestamp: isocalendar().week, dayofweek, dayofyear, timestamp().
        for (cell, expected) in [
            ("2024-02-29", "2024 2 9 29 3 60 true false false false false false 1709164800"),
            ("2021/01/01 08:30", "2021 1 53 1 4 1 false true false true false true 1609459200"),
            ("2019-12-31", "2019 12 1 31 1 365 true false true false true false 1577750400"),
            ("1969-07-20", "1969 7 29 20 6 201 false false false false false false -14256000"),
        ] {
            assert_eq!(parts(cell).unwrap().join(" "), expected, "{cell}");
        }
    }

    #[test]
    fn only_columns_of_dates_are_replaced() {
        let csv = b"saledate,code\n2024-02-29,1-2\n,3-4\n";
        let table = expand(CsvTable::parse(Path::new("x.csv"), csv).unwrap().0);
        assert_eq!(
            (table.columns.len(), table.columns[0].as_str(), table.columns[13].as_str()),
            (14, "saleYear", "code")
        );
        assert_eq!(table.rows[1].cells[0], "");
        for cell in ["2023-02-29", "2024-13-01", "24-01-01", "2024-1", "2024-+1-01", "2024-01-01-01"] {
            assert_eq!(Date::parse(cell), None, "{cell}");
        }
    }
}
