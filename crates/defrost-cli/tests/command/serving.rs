//! `defrost serve` beside its answers: how many classes they list, what is said about single fields and about cut texts, the run's
//! report, and the interface's description.

use std::path::Path;

use serde_json::{Value, json};

use crate::client::Server;
use crate::support::{defrost_in, two_classes};
use crate::tables;

/// A run on the rows of people in `folder/rows`.
fn rows(folder: &Path) {
    tables::people(folder);
    tables::run(folder, "train people.csv --label-column group --epochs 2 --out rows --json");
}

fn send(server: &Server, path: &str, body: &Value) -> Value {
    server.post(path, "application/json", body.to_string().as_bytes()).json()
}

#[test]
fn everything_wrong_with_a_row_is_said_at_its_column() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder);
    let server = Server::start(folder, "rows", &[]);
    let row = |job: &str, age: &str, pay: Value, date: &str| {
        let row = json!({ "job": job, "age": age, "pay": pay, "start date": date });
        send(&server, "/predict", &json!({ "row": row }))
    };
    let wrong = json!({
        "age": "column `age` holds numbers, and this is `old`",
        "start date": "column `start date` holds dates as 2026-11-22, and this is `today`",
    });
    let refused = row("baker", "old", json!(300.5), "today");
    assert_eq!((&refused["error"], &refused["fields"]), (&wrong["age"], &wrong));
    let refused = row("baker", "44", json!([1]), "");
    assert_eq!(refused["fields"], json!({ "pay": "column `pay` is a list or an object; send one value" }));
    let refused = send(&server, "/predict", &json!({ "row": { "age": 44, "pay": 1, "start date": "" } }));
    assert_eq!(refused["fields"], json!({ "job": "there is no column `job`" }));

    let answer = row("pilot", "500", Value::Null, "2024-03-11");
    let warnings = json!({
        "age": "column `age`: 500 is outside the training data, 20 to 64",
        "job": "column `job`: `pilot` is not in the training data; it counts as missing",
    });
    assert_eq!(answer["warnings"], warnings);
    let notes = answer["notes"].as_array().unwrap();
    assert!(notes.contains(&warnings["age"]) && notes.contains(&warnings["job"]), "{answer}");
    assert_eq!(row("baker", "44", json!(440.5), "2024-03-11")["warnings"], json!({}));
    let unknown = row("", "", Value::Null, "");
    assert_eq!(unknown["notes"][0], "all values are missing; the answer is that for a row of unknown values");
    assert_eq!(unknown["warnings"], json!({}));
}

/// Files may have a comma before the fraction; JSON has a point.
#[test]
fn a_number_in_json_is_that_number() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let row = |i: usize| {
        format!("{},{}5;{}\n", 20 + i * 7 % 50, i % 10, if i.is_multiple_of(3) { "a" } else { "b" })
    };
    let rows: String = (0..60).map(row).collect();
    std::fs::write(folder.join("weights.csv"), format!("weight;group\n{rows}")).unwrap();
    tables::run(folder, "train weights.csv --label-column group --epochs 1 --out run --json");
    let server = Server::start(folder, "run", &[]);
    let answer = |weight: Value| send(&server, "/predict", &json!({ "row": { "weight": weight } }));
    let (number, text) = (answer(json!(31.234)), answer(json!("31,234")));
    assert!(number["top"].is_array() && number["top"] == text["top"], "{number} {text}");
    assert_eq!(number["warnings"], json!({}));
}

#[test]
fn an_answer_lists_as_many_classes_as_the_request_wants() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder);
    let server = Server::start(folder, "rows", &["--top", "1"]);
    let row = json!({ "row": { "job": "baker", "age": 44, "pay": "", "start date": "" } });
    let listed = |path: &str| send(&server, path, &row)["top"].as_array().unwrap().len();
    assert_eq!(["/predict", "/predict?top=2", "/predict?top=99"].map(listed), [1, 2, 2]);
    let refused = |path: &str| server.post(path, "application/json", row.to_string().as_bytes()).refusal();
    let expected = "?top=0: it is how many classes to list, a number from 1 on";
    assert_eq!(refused("/predict?top=0"), (400, expected.to_owned()));
    assert_eq!(refused("/predict?all").0, 400);
}

#[test]
fn a_text_that_was_cut_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tables::tiny(folder);
    tables::reviews(folder);
    tables::run(
        folder,
        "train reviews.csv --valid valid.csv --weights tiny --max-tokens 8 --epochs 1 --batch 8 --out texts --json",
    );
    let server = Server::start(folder, "texts", &[]);
    assert_eq!(server.get("/model", &[]).json()["form"], json!({ "kind": "text", "max_tokens": 8 }));
    // Whole words, of which the tokenizer marks no end.
    let text = "the tea is very very very very good indeed, and so is the cup";
    let answer = send(&server, "/predict", &json!({ "text": text }));
    let read = "the tea is very very very very good".len();
    assert_eq!(answer["truncated"], json!({ "characters_read": read, "characters": text.len() }));
    let note = "the text was cut after 8 tokens: 35 of its 61 characters were read";
    assert_eq!(answer["notes"][0], note);
    let predicted = defrost_in(folder, &["predict", "texts", text, "--json"]).json();
    assert_eq!(predicted[0]["truncated"], answer["truncated"]);
    let whole = send(&server, "/predict", &json!({ "text": &text[..read] }));
    assert!(whole["truncated"].is_null() && whole["top"] == answer["top"], "{whole}");
    let refused = send(&server, "/predict", &json!({ "text": " " }));
    assert_eq!(refused["fields"], json!({ "text": "the text is empty" }));
}

#[test]
fn the_report_is_served_where_there_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder);
    let server = Server::start(folder, "rows", &[]);
    assert_eq!(server.get("/model", &[]).json()["report"], "/report");
    let report = server.get("/report", &[]);
    assert!(report.status == 200 && report.body.contains("people.csv</h1>"), "{}", report.body);
    let policy = "content-security-policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:;";
    assert!(report.headers.contains(policy) && !report.headers.contains("script-src"), "{}", report.headers);
    assert_eq!(server.get("/report", &[("Host", "evil.example")]).status, 403);

    std::fs::remove_file(folder.join("rows/report.html")).unwrap();
    let server = Server::start(folder, "rows", &[]);
    assert!(server.get("/model", &[]).json()["report"].is_null());
    assert_eq!(server.get("/report", &[]).refusal(), (404, "this run has no report beside it".to_owned()));
}

#[test]
fn the_interface_is_described_for_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    rows(folder);
    let server = Server::start(folder, "rows", &["--top", "1"]);
    let document = server.get("/openapi.json", &[]).json();
    assert_eq!((&document["openapi"], &document["info"]["title"]), (&json!("3.1.0"), &json!("rows")));
    let predict = &document["paths"]["/predict"]["post"];
    let body = &predict["requestBody"]["content"]["application/json"]["schema"]["properties"]["row"];
    assert_eq!(body["required"], json!(["job", "age", "pay", "start date"]));
    assert_eq!(body["properties"]["job"]["examples"], json!(["baker", "clerk", "smith"]));
    assert_eq!(body["properties"]["age"]["type"], json!(["number", "string", "null"]));
    assert_eq!(predict["parameters"][0]["schema"]["default"], 1);
    let answer = &document["components"]["schemas"]["Prediction"];
    let classes = &answer["properties"]["top"]["items"]["properties"]["class"]["enum"];
    assert_eq!(*classes, json!(["old", "young"]));
    // What it says must be there is there.
    let row = json!({ "row": { "job": "baker", "age": 44, "pay": "", "start date": "" } });
    let found = send(&server, "/predict", &row);
    for key in answer["required"].as_array().unwrap() {
        assert!(!found[key.as_str().unwrap()].is_null() || key == "familiarity", "{key}: {found}");
    }
    assert!(document["paths"]["/explain"]["post"]["responses"]["200"].is_null());
    let refused = server.get("/predict", &[]);
    assert!(refused.status == 405 && refused.headers.contains("allow: post"), "{}", refused.headers);

    two_classes(folder, 4);
    let words = ["train", "data", "--size", "64", "--epochs", "1", "--batch", "4", "--out", "images"];
    assert_eq!(defrost_in(folder, &words).code, 0);
    let document = Server::start(folder, "images", &[]).get("/openapi.json", &[]).json();
    let kinds = document["paths"]["/predict"]["post"]["requestBody"]["content"].as_object().unwrap();
    assert!(kinds.keys().eq(["application/octet-stream", "image/*", "multipart/form-data"]), "{kinds:?}");
    assert!(document["components"]["schemas"]["Explanation"]["properties"]["heat"].is_object());
}
