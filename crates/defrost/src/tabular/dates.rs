//! Dates as numbers a network can use (fastai's `add_datepart`).

use super::cell_value::CellValue;

/// A day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    pub year: i64,
    pub month: i64,
    pub day: i64,
}

/// What a column of dates becomes: its stem and one of these, as `SaleYear`.
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
/// What it becomes beside these where some cells have a time of day.
const TIMED_PARTS: [&str; 2] = ["Hour", "Minute"];

/// `saledate` becomes `saleYear`, as in fastai.
pub fn stem(column: &str) -> &str {
    ["date", "Date"].iter().find_map(|ending| column.strip_suffix(ending)).unwrap_or(column)
}

/// The stem of a column that is a part of a date, if it has such a name.
pub fn stem_of_part(column: &str) -> Option<&str> {
    PARTS.iter().find_map(|part| column.strip_suffix(part))
}

/// The columns of a date's parts.
pub fn parts_of(stem: &str, timed: bool) -> impl Iterator<Item = String> {
    PARTS[..].iter().chain(&TIMED_PARTS[..if timed { 2 } else { 0 }]).map(move |part| format!("{stem}{part}"))
}

/// The values of a date's parts, given the minute of its day.
pub fn parts<'a>(date: Date, minutes: i64, timed: bool) -> impl Iterator<Item = CellValue<'a>> {
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
    let elapsed = date.days() * 86_400 + minutes * 60;
    let time = [minutes / 60, minutes % 60].into_iter().take(if timed { 2 } else { 0 });
    let number = |number: i64| CellValue::Number(number as f64);
    let flags = flags.map(|flag| CellValue::Text(if flag { "true" } else { "false" }));
    numbers.map(number).into_iter().chain(flags).chain([number(elapsed)]).chain(time.map(number))
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
    /// A day of the years 1000 to 9999, if there is one.
    pub fn new(year: i64, month: i64, day: i64) -> Option<Self> {
        let real = (1000..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in(year, month)).contains(&day);
        real.then_some(Self { year, month, day })
    }

    fn day_of_year(self) -> i64 {
        (1..self.month).map(|month| days_in(self.year, month)).sum::<i64>() + self.day
    }

    /// Days since 1 January 1970.
    pub(super) fn days(self) -> i64 {
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

    #[test]
    fn parts_are_those_of_pandas() {
        // pandas.Timestamp: isocalendar().week, dayofweek, dayofyear, timestamp().
        for (date, minutes, expected) in [
            ((2024, 2, 29), 0, "2024 2 9 29 3 60 true false false false false false 1709164800"),
            ((2021, 1, 1), 0, "2021 1 53 1 4 1 false true false true false true 1609459200"),
            ((2019, 12, 31), 0, "2019 12 1 31 1 365 true false true false true false 1577750400"),
            ((1969, 7, 20), 0, "1969 7 29 20 6 201 false false false false false false -14256000"),
            ((2024, 2, 29), 510, "2024 2 9 29 3 60 true false false false false false 1709195400 8 30"),
        ] {
            let date = Date::new(date.0, date.1, date.2).unwrap();
            let parts: Vec<String> = parts(date, minutes, minutes > 0).map(|part| part.to_string()).collect();
            assert_eq!(parts.join(" "), expected);
        }
        assert_eq!(Date::new(2023, 2, 29), None);
    }
}
