//! The interface as OpenAPI 3.1 describes it, made from the run: what a request holds, which classes an answer lists, and
//! every refusal.

use serde_json::{Map, Value, json};

use defrost::TargetKind;

/// A run as its interface shows it.
pub struct Interface<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its architecture.
    pub arch: &'a str,
    /// The classes or labels; none of numbers.
    pub classes: &'a [String],
    /// What it predicts.
    pub kind: TargetKind,
    /// The content of a request, by content type.
    pub body: Value,
    /// Whether it says where the network looks.
    pub explains: bool,
    /// How many classes an answer lists by default.
    pub top: usize,
}

/// Refusals of requests to the network: what each status means.
const REFUSED: [(&str, &str); 8] = [
    ("400", "the body or a parameter can't be read: broken JSON, a broken form"),
    ("408", "the body comes too slowly"),
    ("413", "the body is too long"),
    ("415", "the content type does not suit this run"),
    ("422", "the input can't be predicted; `fields` says why, by its fields, where that is known"),
    ("429", "the queue is full"),
    ("500", "the network failed on this input"),
    ("503", "all memory for requests is taken, or there are too many connections"),
];

/// Refusals at every path.
const REFUSED_EVERYWHERE: [(&str, &str); 3] = [
    ("403", "the request came under another machine's name, or from another page"),
    ("405", "the path is not for this method; `Allow` lists those it is for"),
    ("503", "there are too many connections"),
];

/// Paths that are fetched: the content type, the schema of the content and what it is.
const FETCHED: [(&str, &str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", "string", "a page to try the run in"),
    ("/report", "text/html; charset=utf-8", "string", "the report of the run's training"),
    (
        "/model",
        "application/json",
        "object",
        "the run's name, kind, architecture and classes, and the fields of the page's form",
    ),
    ("/health", "application/json", "object", "`{\"status\": \"ok\"}`"),
    ("/metrics", "text/plain; version=0.0.4", "string", "counters and timings, for Prometheus"),
    ("/openapi.json", "application/json", "object", "this description"),
];

impl Interface<'_> {
    /// The description.
    pub fn document(&self) -> Value {
        let mut paths = Map::new();
        for (path, kind, schema, what) in FETCHED {
            paths.insert(path.to_owned(), json!({ "get": fetched(path, (kind, schema), what) }));
        }
        paths.insert(
            "/predict".to_owned(),
            json!({ "post": self.asked("the prediction", Some("Prediction")) }),
        );
        let explained = match self.explains {
            true => {
                self.asked("the prediction, and where in the image the network looks", Some("Explanation"))
            }
            false => self.asked("this run can't say where the network looks: status 422", None),
        };
        paths.insert("/explain".to_owned(), json!({ "post": explained }));
        let mut schemas = json!({ "Prediction": self.prediction(), "Error": error() });
        if self.explains {
            schemas["Explanation"] = self.explanation();
        }
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": self.name,
                "version": env!("CARGO_PKG_VERSION"),
                "description": format!(
                    "{}, served by defrost. Any other path is answered with status 404 and an `Error`.",
                    self.arch
                ),
            },
            "paths": paths,
            "components": { "schemas": schemas },
        })
    }

    /// A request to the network, answered with this schema if it is answered at all.
    fn asked(&self, what: &str, schema: Option<&str>) -> Value {
        let everywhere = REFUSED_EVERYWHERE.iter().filter(|(status, _)| *status != "503");
        let mut responses = refusals(everywhere.chain(&REFUSED));
        if let Some(schema) = schema {
            responses["200"] = content(
                what,
                "application/json",
                &json!({ "$ref": format!("#/components/schemas/{schema}") }),
            );
        }
        json!({
            "summary": what,
            "parameters": [{
                "name": "top",
                "in": "query",
                "description": "how many classes to list",
                "schema": { "type": "integer", "minimum": 1, "default": self.top },
            }],
            "requestBody": { "required": true, "content": self.body },
            "responses": responses,
        })
    }

    /// The answer of `/predict`.
    fn prediction(&self) -> Value {
        let mut required = vec!["input", "familiarity", "notes", "warnings"];
        let mut properties = json!({
            "input": { "type": "string", "description": "the name of the file, the text, or `row`" },
            "familiarity": {
                "type": ["number", "null"],
                "minimum": 0,
                "maximum": 1,
                "description": "the fraction of validation items that are at least as far from the training items",
            },
            "notes": strings("what to know about this answer"),
            "warnings": by_field("the notes that are about a column, by its name"),
            "truncated": {
                "type": "object",
                "required": ["characters_read", "characters"],
                "properties": { "characters_read": count(), "characters": count() },
                "description": "how much of a text was read; only there where the text was cut",
            },
        });
        let class = json!({ "type": "string", "enum": self.classes });
        let top = json!({
            "type": "array",
            "description": "most probable first",
            "items": {
                "type": "object",
                "required": ["class", "probability"],
                "properties": { "class": class, "probability": { "type": "number", "minimum": 0, "maximum": 1 } },
            },
        });
        match self.kind {
            TargetKind::Class | TargetKind::Labels => {
                required.push("top");
                properties["top"] = top;
            }
            _ => {
                required.push("number");
                properties["number"] = json!({ "type": "number" });
            }
        }
        if self.kind == TargetKind::Labels {
            required.push("labels");
            properties["labels"] =
                json!({ "type": "array", "items": class, "description": "those that are likely enough" });
        }
        json!({ "type": "object", "required": required, "properties": properties })
    }

    /// The answer of `/explain`.
    fn explanation(&self) -> Value {
        let mut explanation = self.prediction();
        explanation["properties"]["heat"] = json!({
            "type": "object",
            "description": "Grad-CAM for the most probable class, row by row, on the square in the image's middle that the network sees",
            "required": ["class", "fraction", "height", "width", "values"],
            "properties": {
                "class": { "type": ["string", "null"] },
                "fraction": { "type": "number", "description": "side of the square, as a fraction of the image's shorter side" },
                "height": count(),
                "width": count(),
                "values": { "type": "array", "items": { "type": "number", "minimum": 0, "maximum": 1 } },
            },
        });
        if let Some(required) = explanation["required"].as_array_mut() {
            required.push("heat".into());
        }
        explanation
    }
}

/// A path that is fetched.
fn fetched(path: &str, (kind, schema): (&str, &str), what: &str) -> Value {
    let mut responses = refusals(REFUSED_EVERYWHERE.iter());
    responses["200"] = content(what, kind, &json!({ "type": schema }));
    if path == "/report" {
        responses["404"] = refusal("the run has no report beside it");
    }
    json!({ "summary": what, "responses": responses })
}

fn refusals<'a>(refusals: impl Iterator<Item = &'a (&'a str, &'a str)>) -> Value {
    let mut responses = Map::new();
    for &(status, why) in refusals {
        let mut response = refusal(why);
        let header = match status {
            "429" | "503" => Some(("Retry-After", "integer")),
            "405" => Some(("Allow", "string")),
            _ => None,
        };
        if let Some((name, kind)) = header {
            response["headers"] = json!({ name: { "required": true, "schema": { "type": kind } } });
        }
        responses.insert(status.to_owned(), response);
    }
    responses.into()
}

fn refusal(why: &str) -> Value {
    content(why, "application/json", &json!({ "$ref": "#/components/schemas/Error" }))
}

fn content(description: &str, kind: &str, schema: &Value) -> Value {
    json!({ "description": description, "content": { kind: { "schema": schema } } })
}

/// The body of every refusal.
fn error() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": {
            "error": { "type": "string", "description": "what is wrong and what to do" },
            "fields": by_field("what is wrong with single fields of the request, by their names"),
        },
    })
}

fn strings(description: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": description })
}

fn by_field(description: &str) -> Value {
    json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": description })
}

fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(kind: TargetKind, classes: &[&str], explains: bool) -> Value {
        let classes: Vec<String> = classes.iter().map(|&class| class.to_owned()).collect();
        let body = json!({ "application/json": {} });
        Interface { name: "run", arch: "network", classes: &classes, kind, body, explains, top: 5 }.document()
    }

    #[test]
    fn answers_have_what_the_run_predicts() {
        let schemas = |document: &Value| document["components"]["schemas"].clone();
        let required = |document: &Value| schemas(document)["Prediction"]["required"].clone();
        let classes = document(TargetKind::Class, &["a", "b"], true);
        assert_eq!(required(&classes), json!(["input", "familiarity", "notes", "warnings", "top"]));
        let top = &schemas(&classes)["Prediction"]["properties"]["top"]["items"];
        assert_eq!(top["properties"]["class"]["enum"], json!(["a", "b"]));
        assert!(schemas(&classes)["Explanation"]["properties"]["heat"].is_object());
        let labels = document(TargetKind::Labels, &["a"], false);
        assert_eq!(required(&labels)[5], "labels");
        assert!(schemas(&labels)["Explanation"].is_null());
        assert!(labels["paths"]["/explain"]["post"]["responses"]["200"].is_null());
        assert_eq!(required(&document(TargetKind::Number, &[], false))[4], "number");
    }

    #[test]
    fn every_operation_has_its_refusals() {
        let document = document(TargetKind::Class, &["a"], true);
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                let responses = operation["responses"].as_object().unwrap();
                assert!(
                    ["200", "403", "405", "503"].iter().all(|status| responses.contains_key(*status)),
                    "{path}"
                );
                let is_refusal = |response: &Value| {
                    response["content"]["application/json"]["schema"]["$ref"] == "#/components/schemas/Error"
                };
                let others = responses.iter().filter(|(status, _)| *status != "200");
                assert!(others.clone().all(|(_, response)| is_refusal(response)), "{path}");
            }
        }
        let post = &document["paths"]["/predict"]["post"]["responses"];
        for status in ["400", "408", "413", "415", "422", "429", "500"] {
            assert!(post[status].is_object(), "{status}");
        }
        assert_eq!(post["429"]["headers"]["Retry-After"]["schema"]["type"], "integer");
    }
}
