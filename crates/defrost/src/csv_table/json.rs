//! Rows from JSON: an object a line, or an array of objects.

use serde_json::{Map, Value};

use super::{Record, Wrong};

/// An object, or why it is none.
type Object = Result<Map<String, Value>, Wrong>;

/// The names that objects have, in the order in which they come, and a record for each object.
pub(super) fn records(text: &str) -> Result<(Vec<String>, Vec<Record>), String> {
    let rows: Vec<(usize, Object)> = match text.trim_start().starts_with('[') {
        true => {
            let values: Vec<Value> = serde_json::from_str(text).map_err(|error| error.to_string())?;
            values.into_iter().enumerate().map(|(row, value)| (row + 1, object(Ok(value)))).collect()
        }
        false => {
            let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
            lines.map(|(line, text)| (line + 1, object(serde_json::from_str(text)))).collect()
        }
    };
    let mut names: Vec<String> = vec![];
    let mut known = std::collections::HashSet::new();
    for name in rows.iter().filter_map(|(_, row)| row.as_ref().ok()).flat_map(Map::keys) {
        if known.insert(name.clone()) {
            names.push(name.clone());
        }
    }
    let record = |(line, row): (usize, Object)| {
        let cells = row
            .map(|mut row| names.iter().map(|name| row.remove(name).map_or(String::new(), cell)).collect());
        Record { line, cells }
    };
    let records = rows.into_iter().map(record).collect();
    Ok((names, records))
}

fn object(value: Result<Value, serde_json::Error>) -> Object {
    match value {
        Ok(Value::Object(row)) => Ok(row),
        Ok(_) => Err(("bad-row", "it is no JSON object".to_owned())),
        Err(error) => Err(("bad-row", format!("it is no JSON: {error}"))),
    }
}

/// A value as the cell of a CSV file.
fn cell(value: Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        value => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_rows() {
        let lines = "{\"a\": 1, \"b\": \"x, y\"}\n\n{\"b\": null, \"c\": [1, \"z\"]}\nnot json\n3\n";
        let array = "[{\"a\": 1, \"b\": \"x, y\"}, {\"b\": null, \"c\": [1, \"z\"]}]";
        for (text, line) in [(lines, [1, 3]), (array, [1, 2])] {
            let (names, records) = records(text).unwrap();
            assert_eq!(names, ["a", "b", "c"]);
            let found: Vec<_> = records
                .iter()
                .filter_map(|record| {
                    Some((record.line, record.cells.as_ref().ok()?.iter().collect::<Vec<_>>().join("|")))
                })
                .collect();
            assert_eq!(found, [(line[0], "1|x, y|".to_owned()), (line[1], "||[1,\"z\"]".to_owned())]);
            let wrong: Vec<usize> =
                records.iter().filter(|record| record.cells.is_err()).map(|record| record.line).collect();
            assert_eq!(wrong, if text == lines { vec![4, 5] } else { vec![] });
        }
        assert!(records("[1, ").is_err());
    }
}
