//! Numbers beyond what a network can read: a run that is said to be saved can be loaded, and no answer is NaN.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::json;

use crate::client::Server;
use crate::support::defrost_in;

/// A table in which a few cells of a column of numbers are huge.
fn huge(folder: &Path, cells: &[&str]) {
    let mut text = "size,town,group\n".to_owned();
    for row in 0..80 {
        let size = 20.5 + f64::from(row * 7 % 50);
        let town = ["Ulm", "Bonn", "Kiel"][row as usize % 3];
        let cell = cells
            .get(row as usize / 7)
            .filter(|_| row % 7 == 3)
            .map_or(size.to_string(), |&cell| cell.to_owned());
        writeln!(text, "{cell},{town},{}", if size > 45.0 { "large" } else { "small" }).unwrap();
    }
    fs::write(folder.join("sizes.csv"), text).unwrap();
}

#[test]
fn a_run_over_huge_numbers_can_be_loaded() {
    for recipe in ["fastai", "auto"] {
        for cells in
            [&["1e200"][..], &["1e308", "-1e308"], &["1.7e308", "1e-300"], &["-1e200", "1e200", "1e160"]]
        {
            let folder = tempfile::tempdir().unwrap();
            let folder = folder.path();
            huge(folder, cells);
            let words = [
                "train",
                "sizes.csv",
                "--label-column",
                "group",
                "--epochs",
                "2",
                "--recipe",
                recipe,
                "--out",
                "run",
            ];
            let ran = defrost_in(folder, &words);
            assert_eq!(ran.code, 0, "{recipe} {cells:?}: {}", ran.stderr);
            assert!(ran.stdout.contains("saved: run"), "{}", ran.stdout);
            let ran = defrost_in(folder, &["predict", "run", "sizes.csv", "--json"]);
            assert_eq!(ran.json().as_array().unwrap().len(), 80);
            assert!(!ran.stdout.contains("null") && !ran.stdout.contains("NaN"), "{}", ran.stdout);
            let ran = defrost_in(folder, &["evaluate", "run", "sizes.csv", "--json"]);
            assert!(ran.json()["loss"].is_number(), "{}", ran.stdout);
        }
    }
}

#[test]
fn a_number_out_of_range_is_an_error_for_its_row() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    huge(folder, &[]);
    let words = [
        "train",
        "sizes.csv",
        "--label-column",
        "group",
        "--epochs",
        "2",
        "--recipe",
        "fastai",
        "--out",
        "run",
    ];
    assert_eq!(defrost_in(folder, &words).code, 0);
    fs::write(folder.join("new.csv"), "size,town,group\n1e308,Ulm,large\n21.5,Bonn,small\n").unwrap();
    let reason = "column `size`: 1e308 is out of range";
    let found = defrost_in(folder, &["predict", "run", "new.csv", "--json"]).json();
    assert_eq!(found[0]["error"], reason);
    assert!(found[1]["top"][0]["probability"].as_f64().unwrap() >= 0.5);
    let ran = defrost_in(folder, &["predict", "run", "new.csv"]);
    assert!(ran.stderr.contains(reason) && !ran.stdout.contains("NaN"), "{}{}", ran.stdout, ran.stderr);
    let ran = defrost_in(folder, &["evaluate", "run", "new.csv", "--json"]);
    assert_eq!((&ran.json()["items"], ran.stderr.contains(reason)), (&json!(1), true), "{}", ran.stderr);

    let server = Server::start(folder, "run", &[]);
    let ask = |size: &str| {
        let answer = server.predict(
            "application/json",
            json!({ "row": { "size": size, "town": "Ulm" } }).to_string().as_bytes(),
        );
        (answer.status, answer.json())
    };
    assert_eq!(ask("1e308"), (422, json!({ "error": reason, "fields": { "size": reason } })));
    assert_eq!(ask("21.5").0, 200);
}
