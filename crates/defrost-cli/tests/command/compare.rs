//! `defrost runs` and `defrost compare`, and the predictions that runs keep.

use std::fs;

use serde_json::json;

use crate::support::{defrost_in, people};
use crate::tables::{self, run};

#[test]
fn runs_are_listed_and_compared() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let train = |out: &str, more: &str| {
        run(folder, &format!("train people.csv --label-column group --out runs/{out} --json {more}"))
    };
    let (good, poor) = (train("good", "--epochs 40"), train("poor", "--epochs 1"));

    // A line for each validation item, which gives the accuracy.
    let text = fs::read_to_string(folder.join("runs/good/predictions.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("item,label,prediction,probability,loss"));
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), good["items"]["valid"].as_u64().unwrap() as usize);
    let right = rows.iter().filter(|row| row[1] == row[2]).count() as f64 / rows.len() as f64;
    assert!((right - good["best"]["metrics"]["accuracy"].as_f64().unwrap()).abs() < 1e-9);

    let compared = run(folder, "compare runs/poor runs/good --json");
    let [first, second] = [0, 1].map(|place| &compared["runs"][place]);
    assert_eq!((&first["run"], &second["metric_name"]), (&json!("runs/poor"), &json!("accuracy")));
    assert_eq!(second["metric"], good["best"]["metrics"]["accuracy"]);
    assert!(first["plan"].as_str().unwrap().contains("1 epoch"), "{first}");
    let pair = &compared["pairs"][0];
    let gain = good["best"]["metrics"]["accuracy"].as_f64().unwrap()
        - poor["best"]["metrics"]["accuracy"].as_f64().unwrap();
    assert_eq!(pair["items"], good["items"]["valid"]);
    assert!((pair["gain"]["value"].as_f64().unwrap() - gain).abs() < 1e-9, "{pair}");
    let more = pair["second_better"].as_array().unwrap().len() as f64
        - pair["first_better"].as_array().unwrap().len() as f64;
    assert!((more / rows.len() as f64 - gain).abs() < 1e-9, "{pair}");
    let shown = defrost_in(folder, &["compare", "runs/poor", "runs/good", "--html", "compared.html"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(
        shown.stdout.contains("2 beside 1, on the") && shown.stdout.contains("right in 2 alone: "),
        "{}",
        shown.stdout
    );

    let page = fs::read_to_string(folder.join("compared.html")).unwrap();
    let alone = pair["second_better"].as_array().unwrap();
    assert!(page.contains(&format!("runs/good alone is right in {}", alone.len())), "{page}");
    assert!(page.contains(alone[0].as_str().unwrap()) && page.contains("with 95 % confidence"), "{page}");

    // A run that is not finished and a damaged one are listed, too; other folders are not.
    fs::create_dir(folder.join("runs/other")).unwrap();
    fs::create_dir_all(folder.join("runs/stopped/checkpoint")).unwrap();
    fs::write(folder.join("runs/stopped/checkpoint/checkpoint.json"), "{}").unwrap();
    fs::create_dir(folder.join("runs/broken")).unwrap();
    fs::write(folder.join("runs/broken/bundle.json"), "{}").unwrap();
    let listed = run(folder, "runs --json");
    let by_name = |name: &str| {
        let runs = listed["runs"].as_array().unwrap();
        runs.iter().find(|run| run["run"] == format!("runs/{name}")).cloned().unwrap_or_default()
    };
    assert_eq!(listed["runs"].as_array().unwrap().len(), 4, "{listed}");
    assert_eq!(
        (&by_name("good")["metric"], &by_name("good")["data"]),
        (&second["metric"], &json!("people.csv"))
    );
    assert_eq!(by_name("stopped")["unfinished"], true);
    assert!(by_name("broken")["error"].is_string());
    let lines = defrost_in(folder, &["runs"]).stdout;
    assert!(
        lines.contains("runs/stopped: not finished; `defrost train --resume runs/stopped` goes on"),
        "{lines}"
    );
}

#[test]
fn what_can_not_be_compared_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tables::people(folder);
    run(folder, "train people.csv --label-column group --epochs 1 --out a --json");
    run(folder, "train people.csv --label-column pay --epochs 1 --out b --json");
    let numbers = defrost_in(folder, &["compare", "a", "b"]);
    assert_eq!(
        numbers.usage_error(),
        "a and b: one predicts numbers and the other classes; they can't be compared"
    );
    run(folder, "train people.csv --label-column pay --epochs 2 --out c --json");
    let shown = defrost_in(folder, &["compare", "b", "c"]);
    assert!(shown.stdout.contains("mean error smaller by"), "{}", shown.stdout);
    run(folder, "train people.csv --label-column job --epochs 1 --out d --json");
    let apart = defrost_in(folder, &["compare", "a", "d"]).stdout;
    assert!(apart.contains("no validation item in common"), "{apart}");
    fs::remove_file(folder.join("c/predictions.csv")).unwrap();
    let kept = defrost_in(folder, &["compare", "b", "c"]);
    assert_eq!(kept.usage_error(), "c: the run has kept no predictions for its validation items");
    assert!(defrost_in(folder, &["compare", "a"]).code == 2);
    assert!(defrost_in(folder, &["runs", "nothing"]).usage_error().starts_with("nothing: "));
}
