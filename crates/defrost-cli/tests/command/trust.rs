//! How far numbers can be trusted, as commands tell it.

use std::fs;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{defrost_in, people, two_classes};

/// An interval that holds a value and lies in 0 to 1.
#[track_caller]
fn assert_interval(interval: &Value, value: &Value) {
    let [low, high] = [0, 1].map(|end| interval[end].as_f64().unwrap());
    let value = value.as_f64().unwrap();
    assert!(0.0 <= low && low <= value && value <= high && high <= 1.0, "{interval} about {value}");
}

#[test]
fn measures_come_with_intervals_and_a_baseline() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 20);
    let words = ["train", "data", "--size", "32", "--epochs", "1", "--batch", "8", "--lr", "5e-3"];
    let ran = defrost_in(folder, &[&words[..], &["--out", "run"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for said in
        ["accuracy     1.0000  0.6756 to 1.0000", "always saying blue: accuracy 0.5000", "calibration error "]
    {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    let trained = defrost_in(folder, &[&words[..], &["--json", "--out", "again"]].concat()).json();
    assert_eq!(trained["baseline"], json!({ "accuracy": 0.5 }));
    let page = fs::read_to_string(folder.join("run/report.html")).unwrap();
    assert!(page.contains("0.6756 to 1.000 at 95 % confidence; 0.5000 by always saying blue"), "{page}");

    let evaluated = defrost_in(folder, &["evaluate", "run", "data", "--json"]).json();
    assert_eq!(evaluated["baseline"], json!({ "accuracy": 0.5 }));
    for name in ["accuracy", "f1", "roc_auc"] {
        assert_interval(&evaluated["intervals"][name], &evaluated["metrics"][name]);
    }
    for key in ["ece_before", "ece_after"] {
        assert!((0.0..=1.0).contains(&evaluated["calibration"][key].as_f64().unwrap()), "{evaluated}");
    }
    let ran = defrost_in(folder, &["evaluate", "run", "data"]);
    assert!(ran.stdout.contains("always saying blue: accuracy 0.5000\ncalibration error "), "{}", ran.stdout);

    let grid =
        |x: u32, y: u32| if (x / 3 + y / 3).is_multiple_of(2) { Rgb([10, 200, 40]) } else { Rgb([0, 0, 0]) };
    RgbImage::from_fn(40, 32, grid).save(folder.join("grid.png")).unwrap();
    let inputs = ["data/red/003.png", "grid.png"];
    let predicted = defrost_in(folder, &[&["predict", "run", "--json"], &inputs[..]].concat()).json();
    assert!(predicted[0]["familiarity"].as_f64().unwrap() > 0.02);
    assert_eq!(predicted[0]["notes"], json!([]));
    assert_eq!(predicted[1]["notes"], json!(["unlike anything it was taught"]));
    let said = defrost_in(folder, &["predict", "run", "grid.png"]).stdout;
    assert!(said.contains(" % (unlike anything it was taught)"), "{said}");

    // As an earlier version has left it.
    let path = folder.join("run/bundle.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["files_sha256"] = json!({});
    manifest.as_object_mut().unwrap().remove("baseline").unwrap();
    fs::write(&path, manifest.to_string()).unwrap();
    let predicted = defrost_in(folder, &["predict", "run", "--json", "grid.png"]).json();
    assert_eq!((&predicted[0]["familiarity"], &predicted[0]["notes"]), (&Value::Null, &json!([])));
    assert_eq!(defrost_in(folder, &["evaluate", "run", "data", "--json"]).json()["baseline"], Value::Null);
}

#[test]
fn numbers_are_held_against_their_mean() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words = ["train", "people.csv", "--label-column", "age", "--epochs", "1", "--out", "run", "--json"];
    let trained = defrost_in(folder, &words).json();
    assert!(trained["baseline"]["rmse"].as_f64().unwrap() > 5.0, "{}", trained["baseline"]);
    let evaluated = defrost_in(folder, &["evaluate", "run", "people.csv", "--json"]).json();
    assert_eq!(evaluated["calibration"], Value::Null);
    let (interval, rmse) = (&evaluated["intervals"]["rmse"], evaluated["metrics"]["rmse"].as_f64().unwrap());
    assert!(interval[0].as_f64().unwrap() < rmse && rmse < interval[1].as_f64().unwrap(), "{interval}");
    let predicted = defrost_in(folder, &["predict", "run", "people.csv", "--json"]).json();
    assert!(
        predicted[0]["familiarity"].is_number() && predicted[0]["number"].is_number(),
        "{}",
        predicted[0]
    );
}
