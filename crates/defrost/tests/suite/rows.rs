//! The law of files of rows: the rows that are used and those that are listed are all rows there are.

use std::path::Path;

use defrost::Reading;
use defrost::csv_table::{CsvTable, TableFormat};
use defrost::tabular::TableData;
use proptest::prelude::*;

/// A cell as people have them, as text.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("NA".to_owned()),
        Just("-".to_owned()),
        "[0-9]{1,3}",
        "[0-9]{1,3}[.,][0-9]{1,3}",
        "20[0-2][0-9]-0[1-9]-[0-2][0-9]",
        "[a-c]",
        "[a-zé ]{0,8}",
        "[a-z\",;|\n]{0,6}",
    ]
}

/// A cell as a file has it.
fn quoted(cell: &str, separator: char) -> String {
    match cell.contains([separator, '"', '\n']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    }
}

/// A file with a header and these rows, each as many cells as it has.
fn file(rows: &[Vec<String>], separator: char) -> String {
    let line = |cells: Vec<String>| cells.join(&separator.to_string()) + "\n";
    let header = line(["first", "second", "third", "label"].map(str::to_owned).to_vec());
    let rows = rows.iter().map(|row| line(row.iter().map(|cell| quoted(cell, separator)).collect()));
    header + &rows.collect::<String>()
}

fn rows() -> impl Strategy<Value = Vec<Vec<String>>> {
    // Most rows have four cells; a blank one is no row.
    let row = prop_oneof![
        8 => prop::collection::vec(cell(), 4),
        1 => prop::collection::vec(cell(), 2..7),
    ];
    let row = row.prop_map(|cells: Vec<String>| match cells.iter().all(|cell| cell.trim().is_empty()) {
        true => vec!["x".to_owned(); cells.len()],
        false => cells,
    });
    prop::collection::vec(row, 5..60)
}

proptest! {
    #[test]
    fn each_row_is_read_or_listed(rows in rows(), separator in prop::sample::select(vec![',', ';', '\t', '|'])) {
        let text = file(&rows, separator);
        let format = TableFormat { separator: Some(separator), header: Some(true), ..TableFormat::default() };
        let table = CsvTable::parse(Path::new("data.csv"), text.as_bytes(), &format);
        let Ok(table) = table else { return Ok(()) };
        prop_assert_eq!(table.rows.len() + table.skipped.len(), rows.len());
        prop_assert!(table.rows.iter().all(|row| row.cells.len() == table.columns.len()));
    }

    #[test]
    fn each_row_is_used_or_listed(rows in rows(), separator in prop::sample::select(vec![',', ';', '\t', '|'])) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, file(&rows, separator)).unwrap();
        let Ok(data) = TableData::open(&path) else { return Ok(()) };
        let Ok(split) = data.label("label").read() else { return Ok(()) };
        let Some(Reading::Table(reading)) = &split.report.reading else { panic!("a file has a reading") };
        prop_assert_eq!(reading.rows_used + split.skipped.len(), reading.lines);
        prop_assert_eq!(reading.rows_used, split.report.items.train + split.report.items.valid);
    }

    #[test]
    fn the_split_does_not_change_what_columns_hold(rows in rows()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data.csv");
        std::fs::write(&path, file(&rows, ',')).unwrap();
        let kinds = |seed| -> Option<Vec<(String, &'static str)>> {
            let split = TableData::open(&path).ok()?.label("label").seed(seed).read().ok()?;
            let Some(Reading::Table(reading)) = split.report.reading else { panic!("a file has a reading") };
            Some(reading.columns.into_iter().map(|column| (column.name, column.kind)).collect())
        };
        if let (Some(one), Some(two)) = (kinds(1), kinds(2)) {
            prop_assert_eq!(one, two);
        }
    }
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_is_a_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rows/people.parquet");
    let table = CsvTable::read(&path).unwrap();
    assert_eq!(table.columns, ["age", "pay", "town", "member", "day", "since", "born"]);
    let cells = |row: usize| table.rows[row].cells.iter().collect::<Vec<_>>();
    assert_eq!(cells(0), ["31", "1200.5", "Köln", "true", "2024-01-01", "2024-01-01", "1990-01-02"]);
    assert_eq!(cells(1), ["44", "2000", "Bonn", "false", "2024-02-29 08:30:00", "2024-02-29 08:30:00", ""]);
    assert_eq!(cells(2)[..4], ["", "3.25", "", "true"]);
    assert_eq!(cells(3)[2..5], ["a, \"b\"", "", ""]);
    let bytes = std::fs::read(&path).unwrap();
    let cut = CsvTable::parse(&path, &bytes[..bytes.len() / 2], &TableFormat::default()).unwrap_err();
    assert!(cut.to_string().contains("this Parquet file can't be read"), "{cut}");
}

#[cfg(feature = "spreadsheets")]
#[test]
fn a_sheet_of_a_workbook_is_a_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/rows/customers.xlsx");
    let several = CsvTable::read(&path).unwrap_err().to_string();
    assert!(several.ends_with("this workbook has several sheets: Customers, Notes"), "{several}");
    let sheet = |name: &str| TableFormat { sheet: Some(name.to_owned()), ..TableFormat::default() };
    let missing = CsvTable::read_as(&path, &sheet("Clients")).unwrap_err().to_string();
    assert!(missing.ends_with("there is no sheet `Clients`; the sheets are Customers, Notes"), "{missing}");
    let table = CsvTable::read_as(&path, &sheet("Customers")).unwrap();
    assert_eq!(table.columns, ["name", "sales", "since", "active", "level"]);
    assert_eq!((table.rows.len(), table.skipped.len()), (24, 0));
    let cells = |row: usize| table.rows[row].cells.iter().collect::<Vec<_>>();
    assert_eq!(cells(0), ["c0", "0", "2000-01-01", "true", "basic"]);
    assert_eq!(cells(1), ["c1", "1000.25", "2001-02-03 04:05:06", "false", "basic"]);
    assert_eq!((&table.rows[5].cells[1], table.rows[5].line), ("", 9));
}
