//! A row given by column, as people and programs give it: what it has to hold, and how it is encoded.
//!
//! A column of dates has become its parts in the schema; a row that is given has the date.

use std::collections::BTreeMap;

use super::dates;
use super::schema::{Column, Encoded, Encoding, Schema, is_missing};

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
}

impl Schema {
    /// What a row has to hold.
    pub fn fields(&self) -> Vec<Field> {
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        let mut fields: Vec<Field> = vec![];
        for Column { name, encoding } in &self.columns {
            let stem = dates::stem_of_part(name).filter(|stem| dates::parts_of(stem).all(|part| has(&part)));
            let field = match (stem, encoding) {
                (Some(stem), _) => Field { name: format!("{stem}date"), kind: FieldKind::Date },
                (None, Encoding::Number { .. } | Encoding::Quantiles(_)) => {
                    Field { name: name.clone(), kind: FieldKind::Number }
                }
                (None, Encoding::Category(values)) => {
                    Field { name: name.clone(), kind: FieldKind::Category(values.clone()) }
                }
            };
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        fields
    }

    /// Encodes a row given by column; an empty cell is missing. Columns that are no inputs may be there.
    ///
    /// # Errors
    ///
    /// If a column is not there, or a cell is not what its column holds; the message says which.
    pub fn encode_row(&self, row: &BTreeMap<String, String>) -> Result<Encoded, String> {
        let mut cells: BTreeMap<String, String> = BTreeMap::new();
        let has = |name: &str| self.columns.iter().any(|column| column.name == name);
        for (name, cell) in row {
            let (cell, stem) = (cell.trim(), dates::stem(name));
            if has(name) {
                cells.insert(name.clone(), cell.to_owned());
            } else if dates::parts_of(stem).any(|part| has(&part)) {
                let parts = match dates::parts(cell) {
                    Some(parts) => parts,
                    None if is_missing(cell) => dates::no_parts(),
                    None => {
                        return Err(format!(
                            "column `{name}` holds dates as 2026-11-22, and this is `{cell}`"
                        ));
                    }
                };
                cells.extend(dates::parts_of(stem).zip(parts));
            }
        }
        let is_there = |field: &Field| match field.kind {
            FieldKind::Date => {
                dates::parts_of(dates::stem(&field.name)).all(|part| cells.contains_key(&part))
            }
            FieldKind::Number | FieldKind::Category(_) => cells.contains_key(&field.name),
        };
        let fields = self.fields();
        if let Some(field) = fields.iter().find(|field| !is_there(field)) {
            let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            return Err(format!(
                "there is no column `{}`; a row has {}; leave unknown cells empty",
                field.name,
                names.join(", ")
            ));
        }
        self.encode(self.columns.iter().map(|column| cells[&column.name].as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::Design;
    use super::*;

    fn schema() -> Schema {
        let learn = |name: &str, cells: &[&str]| Column::learn(Design::Quantiles, name, cells);
        let parts = dates::parts_of("sale").map(|part| learn(&part, &["1", "2", "3.5"]));
        let columns = [learn("job", &["b", "a", ""]), learn("pay", &["1.5", "", "2.5"])];
        Schema { design: Design::Quantiles, columns: columns.into_iter().chain(parts).collect() }
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
        let parts = dates::parts("2026-11-22").unwrap();
        let line = ["a", "2.5"].into_iter().chain(parts.iter().map(String::as_str));
        let given = row(&[("saleDate", "2026-11-22"), ("pay", " 2.5 "), ("job", "a"), ("label", "x")]);
        assert_eq!(schema.encode_row(&given), schema.encode(line));
        let unknown = row(&[("saledate", ""), ("pay", ""), ("job", "")]);
        assert_eq!(schema.encode_row(&unknown), schema.encode([""; 15].into_iter()));
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
