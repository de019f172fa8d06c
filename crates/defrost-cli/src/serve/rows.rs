//! Rows of a table in the server: by column, as JSON, numbers as programs write them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use defrost::bundle::Loaded;
use defrost::learner::TestTimeAugmentation;
use defrost::tabular::{FieldKind, TableModelConfig};

use super::inputs::{Predictions, Served, Unusable, in_json};
use super::upload::{self, Held};
use crate::domain::Table;
use crate::failure::Failure;
use crate::http::{Refusal, Request};

/// How many values of a column are listed as examples.
const EXAMPLES: usize = 20;

impl Served for Table {
    /// The cells of a row, by column.
    type Input = BTreeMap<String, Cell>;

    async fn input(request: Request, held: &mut Held) -> Result<(String, Self::Input), Refusal> {
        let Some(Value::Object(row)) = upload::object(request, held).await?.remove("row") else {
            return Err(Refusal::unusable("there is no row; send {\"row\": {column: value, …}}"));
        };
        let mut cells = BTreeMap::new();
        for (column, value) in row {
            let cell = cell(&column, value)?;
            cells.insert(column, cell);
        }
        Ok(("row".to_owned(), cells))
    }

    fn form(run: &Loaded<TableModelConfig>) -> Value {
        let fields = run.manifest.model.schema.fields().into_iter().map(|field| match field.kind {
            FieldKind::Number => json!({ "name": field.name, "kind": "number" }),
            FieldKind::Date => json!({ "name": field.name, "kind": "date" }),
            FieldKind::Time => json!({ "name": field.name, "kind": "time" }),
            FieldKind::Category(choices) => {
                json!({ "name": field.name, "kind": "category", "choices": choices })
            }
        });
        json!({ "kind": "row", "fields": fields.collect::<Vec<_>>() })
    }

    fn body(run: &Loaded<TableModelConfig>) -> Value {
        let fields = run.manifest.model.schema.fields();
        let names: Vec<&String> = fields.iter().map(|field| &field.name).collect();
        let columns: Map<String, Value> =
            fields.iter().map(|field| (field.name.clone(), column(&field.kind))).collect();
        let other = json!({ "type": ["string", "number", "boolean", "null"], "description": "not read" });
        let row = json!({ "type": "object", "required": names, "properties": columns, "additionalProperties": other });
        in_json(json!({ "type": "object", "required": ["row"], "properties": { "row": row } }))
    }

    fn answers(
        run: &Loaded<TableModelConfig>,
        _: TestTimeAugmentation,
    ) -> Result<impl Fn(&[Self::Input]) -> Predictions, Failure> {
        let schema = &run.manifest.model.schema;
        let text = |(column, cell): (&String, &Cell)| match cell {
            Cell::Text(text) => (column.clone(), text.clone()),
            Cell::Number(number) => (column.clone(), schema.number_cell(column, number)),
        };
        let unusable = |reason: String, row: &BTreeMap<String, String>| Unusable {
            reason,
            fields: schema.problems(row).into_iter().collect(),
        };
        Ok(move |rows: &[Self::Input]| {
            let rows: Vec<BTreeMap<String, String>> =
                rows.iter().map(|row| row.iter().map(text).collect()).collect();
            let answers = run.predict_rows(&rows).into_iter().zip(&rows);
            answers.map(|(answer, row)| answer.map_err(|reason| unusable(reason, row))).collect()
        })
    }
}

/// A value in a row.
pub enum Cell {
    /// As a CSV file would have it.
    Text(String),
    /// A number as programs write it, whatever the column's format.
    Number(String),
}

/// The value of a column, as OpenAPI describes it.
fn column(kind: &FieldKind) -> Value {
    let (types, holds) = match kind {
        FieldKind::Number => (json!(["number", "string", "null"]), "a number".to_owned()),
        FieldKind::Date => (json!(["string", "null"]), "a date".to_owned()),
        FieldKind::Time => (json!(["string", "null"]), "a time of day".to_owned()),
        FieldKind::Category(choices) => {
            let types = json!(["string", "number", "boolean", "null"]);
            (types, format!("one of {} values; any other one counts as missing", choices.len()))
        }
    };
    let mut column =
        json!({ "type": types, "description": format!("{holds}; null or \"\" if it is not known") });
    match kind {
        FieldKind::Number => column["examples"] = json!([1, 2.5]),
        FieldKind::Date => column["examples"] = json!(["2026-11-22"]),
        FieldKind::Time => column["examples"] = json!(["08:30"]),
        FieldKind::Category(choices) => column["examples"] = json!(&choices[..choices.len().min(EXAMPLES)]),
    }
    column
}

/// A value of a column.
fn cell(column: &str, value: Value) -> Result<Cell, Refusal> {
    match value {
        Value::Null => Ok(Cell::Text(String::new())),
        Value::String(text) => Ok(Cell::Text(text)),
        Value::Number(number) => Ok(Cell::Number(number.to_string())),
        Value::Bool(value) => Ok(Cell::Text(value.to_string())),
        Value::Array(_) | Value::Object(_) => {
            let reason = format!("column `{column}` is a list or an object; send one value");
            Err(Refusal::unusable(&*reason).at([(column.to_owned(), reason.clone())].into()))
        }
    }
}
