//! Rows from a Parquet file.

use std::path::Path;

use bytes::Bytes;
use chrono::DateTime;
use parquet::basic::{LogicalType, TimeUnit};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;

use super::{CsvError, Record};

const DAY: i64 = 86_400_000_000;

/// The names of the columns, and a record for each row.
pub(super) fn records(path: &Path, bytes: &[u8]) -> Result<(Vec<String>, Vec<Record>), CsvError> {
    read(bytes).map_err(|error| CsvError::Damaged {
        path: path.to_owned(),
        kind: "Parquet file",
        reason: error.to_string(),
    })
}

fn read(bytes: &[u8]) -> Result<(Vec<String>, Vec<Record>), ParquetError> {
    let file = SerializedFileReader::new(Bytes::copy_from_slice(bytes))?;
    let columns = file.metadata().file_metadata().schema().get_fields();
    let names = columns.iter().map(|column| column.name().to_owned()).collect();
    // The reader gives such times as plain integers.
    let nanoseconds = columns.iter().map(|column| match column.get_basic_info().logical_type_ref() {
        Some(LogicalType::Timestamp(time)) => matches!(time.unit, TimeUnit::NANOS),
        _ => false,
    });
    let nanoseconds: Vec<bool> = nanoseconds.collect();
    let mut records = vec![];
    for (row, fields) in file.get_row_iter(None)?.enumerate() {
        let fields = fields?;
        let cells = fields.get_column_iter().zip(&nanoseconds).map(|((_, field), is_time)| match field {
            Field::Long(time) if *is_time => time_of(time / 1000),
            field => shown(field),
        });
        records.push(Record { line: row + 1, cells: Ok(cells.collect()) });
    }
    Ok((names, records))
}

/// A value as the cell of a CSV file.
fn shown(field: &Field) -> String {
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.trim().to_owned(),
        Field::Float(number) => number.to_string(),
        Field::Double(number) => number.to_string(),
        Field::Date(days) => time_of(i64::from(*days) * DAY),
        Field::TimestampMillis(time) => time.checked_mul(1000).map_or(time.to_string(), time_of),
        Field::TimestampMicros(time) => time_of(*time),
        field => field.to_string(),
    }
}

/// Microseconds since 1970 as a day or a day and a time; as a number where no calendar has them.
fn time_of(microseconds: i64) -> String {
    let Some(time) = DateTime::from_timestamp_micros(microseconds) else { return microseconds.to_string() };
    match microseconds % DAY {
        0 => time.format("%Y-%m-%d").to_string(),
        _ => time.format("%Y-%m-%d %H:%M:%S").to_string(),
    }
}
