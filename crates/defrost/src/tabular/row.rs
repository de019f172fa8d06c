//! A row given by column, as people and programs give it: what it has to hold, and how it is encoded.

use std::collections::BTreeMap;

use super::input::Format;
use super::schema::{Column, Encoded, Encoding, Schema};
use crate::metrics::Remark;

/// Something a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name of its column.
    pub name: String,
    /// What it holds.
    pub kind: FieldKind,
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// A number.
    Number,
    /// One of these; anything else counts as missing.
    Category(Vec<String>),
    /// A day, as `2026-11-22`.
    Date,
    /// A time of day, as `08:30`.
    Time,
}

/// A row as the network reads it, and what training has not seen of it.
pub(super) type ReadRow = (Encoded, Vec<Remark>);

impl Schema {
    /// What a row has to hold.
    pub fn fields(&self) -> Vec<Field> {
        let mut columns = self.columns.iter();
        let mut fields = vec![];
        for input in &self.inputs {
            let first = columns.next();
            columns.by_ref().take(input.width() - 1).for_each(drop);
            let kind = match (&input.format, first.map(|column| &column.encoding)) {
                (Format::Date(_), _) => FieldKind::Date,
                (Format::TimeOfDay, _) => FieldKind::Time,
                (_, Some(Encoding::Category(values))) => FieldKind::Category(values.clone()),
                _ => FieldKind::Number,
            };
            fields.push(Field { name: input.name.clone(), kind });
        }
        fields
    }

    /// The places of the inputs among these columns.
    ///
    /// # Errors
    ///
    /// If one is not there; its name.
    pub(super) fn places<'a>(&'a self, columns: &[String]) -> Result<Vec<usize>, &'a str> {
        self.inputs.iter().map(|input| place(columns, &input.name).ok_or(input.name.as_str())).collect()
    }

    /// A number as programs write it, such as `1234.5`, as a cell of this column: with a comma before the fraction where the column has
    /// that.
    pub fn number_cell(&self, column: &str, number: &str) -> String {
        let names: Vec<String> = self.inputs.iter().map(|input| input.name.to_lowercase()).collect();
        let input = place(&names, &column.to_lowercase()).map(|place| &self.inputs[place].format);
        match input {
            Some(Format::Number(format)) => format.write(number),
            _ => number.to_owned(),
        }
    }

    /// Why a row given by column can't be encoded: each column that is not there or whose cell is not what it holds, and the
    /// reason. None if it can be.
    pub fn problems(&self, row: &BTreeMap<String, String>) -> Vec<(String, String)> {
        let (names, cells): (Vec<String>, Vec<&str>) =
            row.iter().map(|(name, cell)| (name.clone(), cell.trim())).unzip();
        let mut columns = self.columns.iter();
        let mut problems = vec![];
        for input in &self.inputs {
            let own: Vec<&Column> = columns.by_ref().take(input.width()).collect();
            let mut values = vec![];
            let read = match place(&names, &input.name) {
                None => Err(format!("there is no column `{}`", input.name)),
                Some(place) => input.read(cells[place], &mut values),
            };
            let read = read.and_then(|()| {
                values.into_iter().zip(own).try_for_each(|(value, column)| column.check(value))
            });
            problems.extend(read.err().map(|reason| (input.name.clone(), reason)));
        }
        problems
    }

    /// Encodes a row given by column, and says what training has not seen of it; an empty cell is missing. Columns that are
    /// no inputs may be there.
    ///
    /// # Errors
    ///
    /// If a column is not there, or a cell is not what its column holds; the message says which.
    pub(super) fn encode_row(&self, row: &BTreeMap<String, String>) -> Result<ReadRow, String> {
        let (names, cells): (Vec<String>, Vec<&str>) =
            row.iter().map(|(name, cell)| (name.clone(), cell.trim())).unzip();
        let places = self.places(&names).map_err(|missing| {
            let inputs: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
            format!(
                "there is no column `{missing}`; a row has {}; leave unknown cells empty",
                inputs.join(", ")
            )
        })?;
        let cells = || places.iter().map(|&place| cells[place]);
        let encoded = self.read(cells())?;
        let remarks = self.remarks(&encoded, cells());
        Ok((encoded, remarks))
    }
}

/// The place of a name among these columns: the same name, or else one that differs in case alone.
fn place(columns: &[String], name: &str) -> Option<usize> {
    let exact = columns.iter().position(|column| column == name);
    exact.or_else(|| columns.iter().position(|column| column.to_lowercase() == name.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::super::input::Understood;
    use super::super::schema::Design;
    use super::*;

    fn schema() -> Schema {
        let columns = ["job", "pay", "saledate"];
        let rows = [vec!["b", "1.5", "2024-01-01"], vec!["a", "", "2025-06-30"], vec!["", "2.5", ""]];
        let input = |place: usize| {
            let cells: Vec<(usize, &str)> = rows.iter().map(|row| (0, row[place])).collect();
            Understood::of(columns[place], &cells, None, false).input
        };
        let cells = |place: usize| rows.iter().map(move |row| row[place]);
        Schema::learn(Design::Quantiles, (0..3).map(input).collect(), cells)
    }

    fn row(cells: &[(&str, &str)]) -> BTreeMap<String, String> {
        cells.iter().map(|&(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    }

    #[test]
    fn a_date_is_one_field() {
        let kinds: Vec<(String, FieldKind)> =
            schema().fields().into_iter().map(|field| (field.name, field.kind)).collect();
        let expected = [
            ("job", FieldKind::Category(vec!["a".to_owned(), "b".to_owned()])),
            ("pay", FieldKind::Number),
            ("saledate", FieldKind::Date),
        ];
        assert_eq!(kinds, expected.map(|(name, kind)| (name.to_owned(), kind)));
    }

    #[test]
    fn a_row_is_encoded_as_its_line_in_a_file_would_be() {
        let schema = schema();
        let given = row(&[("SaleDate", "2026-11-22"), ("pay", " 2.5 "), ("job", "a"), ("label", "x")]);
        let line = schema.read(["a", "2.5", "2026-11-22"].into_iter()).unwrap();
        assert_eq!(schema.encode_row(&given).unwrap().0, line);
        let unknown = row(&[("saledate", ""), ("pay", ""), ("job", "")]);
        assert_eq!(schema.encode_row(&unknown).unwrap().0, schema.read([""; 3].into_iter()).unwrap());
    }

    #[test]
    fn a_number_is_written_as_its_column_has_it() {
        let input = |name: &str, cells: &[&str]| {
            let cells: Vec<(usize, &str)> = cells.iter().map(|&cell| (0, cell)).collect();
            Understood::of(name, &cells, None, true).input
        };
        let columns = [["1,5", "20 %", "a"], ["12,25", "30 %", "1.5"]];
        let cells = |place: usize| columns.map(|row| row[place]);
        let names = ["Weight", "share", "kind"];
        let inputs = (0..3).map(|place| input(names[place], &cells(place))).collect();
        let schema = Schema::learn(Design::Quantiles, inputs, |place| cells(place).into_iter());
        for (column, number, cell) in [
            ("weight", "1.234", "1,234"),
            ("share", "2.5", "2.5%"),
            ("kind", "1.5", "1.5"),
            ("no", "1.5", "1.5"),
        ] {
            assert_eq!(schema.number_cell(column, number), cell, "{column}");
        }
        let row = row(&[("weight", "1,234"), ("share", "2.5%"), ("kind", "a")]);
        assert_eq!(schema.encode_row(&row).unwrap().0.numbers, [Some(1.234), Some(2.5)]);
    }

    #[test]
    fn all_that_does_not_fit_is_named() {
        let problems = |cells: &[(&str, &str)]| schema().problems(&row(cells));
        assert_eq!(problems(&[("Job", "never seen"), ("pay", ""), ("saledate", "2026-11-22")]), []);
        let expected = [
            ("job", "there is no column `job`"),
            ("pay", "column `pay` holds numbers, and this is `much`"),
            ("saledate", "column `saledate` holds dates as 2026-11-22, and this is `today`"),
        ];
        let expected = expected.map(|(name, reason)| (name.to_owned(), reason.to_owned()));
        assert_eq!(problems(&[("saledate", "today"), ("pay", "much")]), expected);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let refused = |cells: &[(&str, &str)]| schema().encode_row(&row(cells)).unwrap_err();
        assert_eq!(
            refused(&[("job", "a"), ("pay", "1")]),
            "there is no column `saledate`; a row has job, pay, saledate; leave unknown cells empty"
        );
        assert_eq!(
            refused(&[("job", "a"), ("pay", "1"), ("saledate", "today")]),
            "column `saledate` holds dates as 2026-11-22, and this is `today`"
        );
        assert_eq!(
            refused(&[("job", "a"), ("pay", "much"), ("saledate", "")]),
            "column `pay` holds numbers, and this is `much`"
        );
    }
}
