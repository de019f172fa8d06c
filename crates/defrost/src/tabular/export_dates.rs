//! The parts of dates as a graph: `dates::parts`, computed on seconds since 1970 began. NaN gives NaN, and false for flags.

use crate::graph::{Element, Graph, Value};

/// Years, months and days of a calendar that begins in March, so that the day of a leap year comes last
/// (<https://howardhinnant.github.io/date_algorithms.html>).
struct Calendar<'a>(&'a mut Graph);

impl Calendar<'_> {
    fn constant(&mut self, number: f64) -> Value {
        self.0.double(number)
    }

    /// `a x + b`
    fn line(&mut self, a: f64, x: Value, b: f64) -> Value {
        let [a, b] = [a, b].map(|number| self.constant(number));
        let product = self.0.node("Mul", &[x, a]);
        self.0.node("Add", &[product, b])
    }

    fn plus(&mut self, x: Value, y: Value) -> Value {
        self.0.node("Add", &[x, y])
    }

    fn minus(&mut self, x: Value, y: Value) -> Value {
        self.0.node("Sub", &[x, y])
    }

    /// Whole parts of this size.
    fn parts(&mut self, x: Value, size: f64) -> Value {
        let size = self.constant(size);
        let parts = self.0.node("Div", &[x, size]);
        self.0.node("Floor", &[parts])
    }

    /// What is left of whole parts of this size.
    fn rest(&mut self, x: Value, size: f64) -> Value {
        let parts = self.parts(x, size);
        let whole = self.line(size, parts, 0.0);
        self.minus(x, whole)
    }

    fn is(&mut self, x: Value, number: f64) -> Value {
        let number = self.constant(number);
        self.0.node("Equal", &[x, number])
    }

    fn and(&mut self, x: Value, y: Value) -> Value {
        self.0.node("And", &[x, y])
    }

    /// 1 where it is so, 0 elsewhere.
    fn as_number(&mut self, is: Value) -> Value {
        self.0.cast(is, Element::F64)
    }

    /// Days before a year ends, since year 1 began.
    fn before_end(&mut self, year: Value) -> Value {
        let mut days = self.line(365.0, year, 0.0);
        let [fours, hundreds, four_hundreds] = [4.0, 100.0, 400.0].map(|years| self.parts(year, years));
        days = self.plus(days, fours);
        days = self.minus(days, hundreds);
        self.plus(days, four_hundreds)
    }

    /// The first day of a month, counted from March, among the days of a year that begins there.
    fn month_begins(&mut self, month: Value) -> Value {
        let fifths = self.line(153.0, month, 2.0);
        self.parts(fifths, 5.0)
    }
}

/// Days before 1970, since year 1 began.
const BEFORE_1970: f64 = 719_162.0;

/// The parts of dates, `[batch]` each, in the order of `dates::parts`; with each whether it is a flag, 0 or 1.
pub(super) fn export_parts(graph: &mut Graph, seconds: Value, timed: bool) -> Vec<(Value, bool)> {
    let missing = graph.node("IsNaN", &[seconds]);
    let c = &mut Calendar(graph);
    let days = c.parts(seconds, 86_400.0);
    let in_day = c.rest(seconds, 86_400.0);
    let minutes = c.parts(in_day, 60.0);

    // Since 1 March of year 0, in cycles of 400 years.
    let since = c.line(1.0, days, 719_468.0);
    let cycle = c.parts(since, 146_097.0);
    let day_of_cycle = c.rest(since, 146_097.0);
    let [fours, centuries, cycles] = [1460.0, 36_524.0, 146_096.0].map(|days| c.parts(day_of_cycle, days));
    let without = c.minus(day_of_cycle, fours);
    let without = c.plus(without, centuries);
    let without = c.minus(without, cycles);
    let year_of_cycle = c.parts(without, 365.0);
    let before = c.before_end(year_of_cycle);
    let day_of_march_year = c.minus(day_of_cycle, before);
    let fifths = c.line(5.0, day_of_march_year, 2.0);
    let march_month = c.parts(fifths, 153.0);
    let begins = c.month_begins(march_month);
    let day = c.minus(day_of_march_year, begins);
    let day = c.line(1.0, day, 1.0);
    let ten = c.constant(9.5);
    let is_next = c.0.node("Greater", &[march_month, ten]);
    let next = c.as_number(is_next);
    let month = c.line(1.0, march_month, 3.0);
    let back = c.line(-12.0, next, 0.0);
    let month = c.plus(month, back);
    let year = c.line(400.0, cycle, 0.0);
    let year = c.plus(year, year_of_cycle);
    let year = c.plus(year, next);

    let last_year = c.line(1.0, year, -1.0);
    let two_years_ago = c.line(1.0, year, -2.0);
    let [until_year, until_last, until_end] = [last_year, two_years_ago, year].map(|year| c.before_end(year));
    let day_of_year = c.minus(days, until_year);
    let day_of_year = c.line(1.0, day_of_year, BEFORE_1970 + 1.0);
    let (length, length_of_last) = (c.minus(until_end, until_year), c.minus(until_year, until_last));
    let since_monday = c.line(1.0, days, 3.0);
    let weekday = c.rest(since_monday, 7.0);

    // The week of the year that its Thursday is in.
    let thursday = c.minus(day_of_year, weekday);
    let thursday = c.line(1.0, thursday, 3.0);
    let one = c.constant(1.0);
    let is_earlier = c.0.node("Less", &[thursday, one]);
    let is_later = c.0.node("Greater", &[thursday, length]);
    let [earlier, later] = [is_earlier, is_later].map(|is| c.as_number(is));
    let earlier = c.0.node("Mul", &[earlier, length_of_last]);
    let later = c.0.node("Mul", &[later, length]);
    let in_year = c.plus(thursday, earlier);
    let in_year = c.minus(in_year, later);
    let in_year = c.line(1.0, in_year, -1.0);
    let week = c.parts(in_year, 7.0);
    let week = c.line(1.0, week, 1.0);

    // February, the last month from March on, ends with the leap day.
    let following = c.line(1.0, march_month, 1.0);
    let ends = c.month_begins(following);
    let usual = c.minus(ends, begins);
    let february = c.line(1.0, length, -337.0);
    let is_february = c.is(march_month, 11.0);
    let days_in_month = c.0.node("Where", &[is_february, february, usual]);
    let is_last = c.0.node("Equal", &[day, days_in_month]);
    let is_first = c.is(day, 1.0);
    let of_quarter = c.rest(month, 3.0);
    let [ends_quarter, begins_quarter] = [0.0, 1.0].map(|rest| c.is(of_quarter, rest));
    let [is_december, is_january] = [12.0, 1.0].map(|number| c.is(month, number));
    let flags = [
        is_last,
        is_first,
        c.and(is_last, ends_quarter),
        c.and(is_first, begins_quarter),
        c.and(is_last, is_december),
        c.and(is_first, is_january),
    ];
    let nothing = c.constant(f64::NAN);
    let flags = flags.map(|flag| {
        let flag = c.as_number(flag);
        c.0.node("Where", &[missing, nothing, flag])
    });
    let mut elapsed = c.line(86_400.0, days, 0.0);
    if timed {
        let of_day = c.line(60.0, minutes, 0.0);
        elapsed = c.plus(elapsed, of_day);
    }
    let clock = [c.parts(minutes, 60.0), c.rest(minutes, 60.0)];
    let numbers = [year, month, week, day, weekday, day_of_year].map(|number| (number, false));
    let flags = flags.map(|flag| (flag, true));
    let clock = clock.map(|number| (number, false)).into_iter().take(if timed { 2 } else { 0 });
    numbers.into_iter().chain(flags).chain([(elapsed, false)]).chain(clock).collect()
}
