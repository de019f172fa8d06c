//! Labels from file names and from tables: classes, several labels, numbers.

use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, defrost_in, image};

const QUICK: [&str; 8] = ["--size", "32", "--epochs", "2", "--lr", "5e-3", "--batch", "8"];

/// Images called `blue_3.png` and `red_4.png` in one folder, and a table that labels them in three ways.
pub fn images(folder: &Path) {
    let data = folder.join("data");
    std::fs::create_dir_all(&data).unwrap();
    let mut table = "file,colour,tags,amount,valid\n".to_owned();
    for index in 0..40 {
        let red = index % 2 == 1;
        let (name, colour) = if red { ("red", [200, 30, 20]) } else { ("blue", [20, 40, 200]) };
        image(&data.join(format!("{name}_{index}.png")), colour, 2 + index as u32 % 5);
        let (tags, amount) = if red { ("warm striped", 250) } else { ("striped", 50) };
        table += &format!("{name}_{index},{name},{tags},{amount},{}\n", index % 5 == 0 || index % 5 == 1);
    }
    std::fs::write(folder.join("labels.csv"), table).unwrap();
}

fn train(folder: &Path, words: &[&str]) -> Ran {
    defrost_in(folder, &[&["train", "data", "--json", "--out", "run"], &QUICK[..], words].concat())
}

fn evaluate(folder: &Path, words: &[&str]) -> Value {
    defrost_in(folder, &[&["evaluate", "run", "data", "--json"], words].concat()).json()
}

#[test]
fn file_names_label_images() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let words = ["--label-regex", "^([a-z]+)_"];
    let trained = train(folder.path(), &words).json();
    assert_eq!(trained["classes"], serde_json::json!(["blue", "red"]));
    assert_eq!(trained["items"]["train"], 32);
    let evaluated = evaluate(folder.path(), &words);
    assert_eq!(evaluated["metrics"]["accuracy"], 1.0, "two colours can be told apart");
    let wrong = train(folder.path(), &["--out", "other", "--label-regex", "("]);
    assert_eq!(wrong.code, 2);
}

#[test]
fn a_table_labels_images_and_tells_which_validate() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let words = ["--labels", "labels.csv", "--label-column", "colour", "--valid-column", "valid"];
    let trained = train(folder.path(), &words).json();
    assert_eq!(trained["classes"], serde_json::json!(["blue", "red"]));
    assert_eq!((&trained["items"]["train"], &trained["items"]["valid"]), (&24.into(), &16.into()));
    assert_eq!(evaluate(folder.path(), &words)["items"], 16);
    let both = [&words[..4], &["--valid", "data"]].concat();
    assert!(
        defrost_in(folder.path(), &[&["plan", "data"], &both[..]].concat())
            .usage_error()
            .contains("has no labels in a table")
    );
    let table = std::fs::read_to_string(folder.path().join("labels.csv")).unwrap();
    std::fs::write(folder.path().join("all.csv"), table.replace(",false\n", ",true\n")).unwrap();
    let words =
        ["plan", "data", "--labels", "all.csv", "--label-column", "colour", "--valid-column", "valid"];
    assert_eq!(
        defrost_in(folder.path(), &words).usage_error(),
        "data: all images are there to validate and none to train on"
    );
}

#[test]
fn several_labels_can_be_learned() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let words = ["--labels", "labels.csv", "--label-column", "tags", "--target", "labels"];
    let trained = train(folder.path(), &words).json();
    assert_eq!(trained["classes"], serde_json::json!(["striped", "warm"]));
    assert!(trained["best"]["metrics"]["exact_match"].is_number());
    let evaluated = evaluate(folder.path(), &words);
    assert!(evaluated["metrics"]["f1"].as_f64().unwrap() > 0.9, "{evaluated}");
    assert_eq!(evaluated["confusion"], Value::Null);
    assert_eq!(evaluated["by_class"][0]["items"], 40);
    let predicted = defrost_in(folder.path(), &["predict", "run", "data/red_1.png", "--json"]).json();
    let sum: f64 = [0, 1].iter().map(|&n| predicted[0]["top"][n]["probability"].as_f64().unwrap()).sum();
    assert!(sum > 1.2, "both labels are there: {predicted}");
    assert_eq!(predicted[0]["labels"].as_array().unwrap().len(), 2, "{predicted}");
}

#[test]
fn each_label_has_its_own_threshold() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let words = ["--labels", "labels.csv", "--label-column", "tags", "--target", "labels"];
    train(folder.path(), &[&words[..], &["--valid-pct", "0.5"]].concat()).json();
    let evaluated = evaluate(folder.path(), &words);
    let numbers = |json: &Value| {
        json["thresholds"]
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_f64().unwrap() as f32)
            .collect::<Vec<_>>()
    };
    assert_eq!(numbers(&evaluated).len(), 2);

    // What is said to be there follows from the thresholds in the bundle.
    let bundle = folder.path().join("run/bundle.json");
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&bundle).unwrap()).unwrap();
    assert_eq!(numbers(&manifest), numbers(&evaluated));
    let mut set = |thresholds: Value| {
        manifest["thresholds"] = thresholds;
        std::fs::write(&bundle, manifest.to_string()).unwrap();
    };
    let predict =
        |words: &[&str]| defrost_in(folder.path(), &[&["predict", "run", "data/red_1.png"], words].concat());
    set(serde_json::json!([1.0, 0.0]));
    assert_eq!(predict(&["--json"]).json()[0]["labels"], serde_json::json!(["warm"]));
    assert_eq!(evaluate(folder.path(), &words)["by_class"][1]["recall"], 1.0);
    set(serde_json::json!([1.0, 1.0]));
    let none = predict(&[]).stdout;
    assert!(none.contains("no label; most probable: "), "{none}");
    set(serde_json::json!([0.5]));
    let message = "there must be a threshold in 0 to 1 for each label, or none";
    assert!(predict(&[]).usage_error().contains(message));
}

#[test]
fn a_number_can_be_learned() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let words = ["--labels", "labels.csv", "--label-column", "amount", "--target", "number"];
    // The head drops half of its features at a time, and has to average that out of forty images.
    let long = ["--freeze-to", "-1", "--epochs", "60", "--lr", "1e-2", "--augment", "none"];
    let run = ["train", "data", "--json", "--out", "run", "--size", "32", "--batch", "8"];
    let trained = defrost_in(folder.path(), &[&run[..], &long, &words].concat()).json();
    assert_eq!(trained["classes"], serde_json::json!([]));
    let evaluated = evaluate(folder.path(), &words);
    assert!(evaluated["metrics"]["r2"].as_f64().unwrap() > 0.5, "{evaluated}");
    let number = |name: &str| {
        let path = format!("data/{name}");
        let predicted = defrost_in(folder.path(), &["predict", "run", &path, "--json"]).json();
        predicted[0]["number"].as_f64().unwrap()
    };
    assert!(number("red_1.png") > number("blue_0.png") + 50.0);
}
