//! `defrost advise` and `train --advise`: images, texts and tables.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Ran, defrost_in, ended, people, start, two_classes};
use crate::tables::{reviews, tiny};

const SMALL: [&str; 5] = ["data", "--size=32", "--batch=8", "--epochs=2", "--cache=off"];

fn advise(folder: &Path, words: &[&str]) -> Ran {
    defrost_in(folder, &[&["advise"], words].concat())
}

fn record(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The command that an advice names, as words after `defrost`; they are plain in these tests.
fn words_of(command: &Value) -> Vec<String> {
    let words = command.as_str().unwrap().split(' ').map(str::to_owned);
    words.skip(1).collect()
}

fn numbers(list: &Value, names: &[&str]) {
    for entry in list.as_array().unwrap() {
        for name in names {
            assert!(entry[*name].is_number(), "{name}: {entry}");
        }
        let [low, metric, high] = ["low", "metric", "high"].map(|name| entry[name].as_f64().unwrap());
        assert!(low <= metric && metric <= high, "{entry}");
    }
}

#[test]
fn images_are_measured_and_the_command_can_be_run() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    let words = [&SMALL[..], &["--budget=2000passes", "--out", "told", "--json"]].concat();
    let ran = advise(folder.path(), &words);
    let found = ran.json();
    numbers(&found["depths"], &["features"]);
    numbers(&found["trials"], &["seconds", "items", "epochs"]);
    numbers(&found["data_curve"], &["fraction", "items"]);
    let stages: Vec<&str> =
        found["depths"].as_array().unwrap().iter().map(|depth| depth["stage"].as_str().unwrap()).collect();
    assert!(stages.len() > 10 && stages[0] == "stem" && *stages.last().unwrap() == "conv_head", "{stages:?}");
    assert_eq!(found["trials"][0]["plan"], "head only");
    assert!(found["trials"].as_array().unwrap().len() > 1, "{}", found["trials"]);
    let mut fractions =
        found["data_curve"].as_array().unwrap().iter().map(|point| point["fraction"].as_f64().unwrap());
    assert_eq!(fractions.next_back(), Some(1.0));
    assert!(found["advice"].as_array().unwrap().iter().all(Value::is_string));
    assert_eq!(found["budget"]["passes"], 2000);
    assert!(found["budget"]["passes_used"].as_u64().unwrap() <= 2000, "{}", found["budget"]);
    assert!(ran.stderr.contains("advice: the head alone"), "{}", ran.stderr);

    let kept = record(&folder.path().join("told/advice.json"));
    assert_eq!((&kept["trials"], &kept["command"]), (&found["trials"], &found["command"]));
    let page = fs::read_to_string(folder.path().join("told/advice.html")).unwrap();
    assert!(page.contains("<svg ") && page.contains("defrost train data"), "{page}");

    let command = words_of(&found["command"]);
    assert_eq!(
        command[..5],
        [
            "train",
            "data",
            "--size=32",
            "--batch=8",
            if command.contains(&"0".to_owned()) { "--cache=off" } else { "--epochs=2" }
        ]
    );
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let trained = defrost_in(folder.path(), &[&command[..], &["--out", "run", "--json"]].concat()).json();
    assert!(trained["best"].is_object(), "{trained}");
}

#[test]
fn an_advice_repeats_and_is_told_within_a_terminal() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 10);
    let words = [&SMALL[..], &["--budget", "600passes"]].concat();
    let told = advise(folder.path(), &words);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let is_free = |line: &&str| !line.trim_start().starts_with("defrost train");
    for line in told.stdout.lines().filter(is_free) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    assert!(
        told.stdout.contains("plan that was tried") && told.stdout.contains("\n  defrost train data "),
        "{}",
        told.stdout
    );
    assert!(told.stdout.contains("saved: runs/data-advice-1/advice.json"), "{}", told.stdout);
    advise(folder.path(), &words);
    let [first, second] = [1, 2].map(|number| {
        let mut found = record(&folder.path().join(format!("runs/data-advice-{number}/advice.json")));
        found["budget"] = Value::Null;
        found["trials"].as_array_mut().unwrap().iter_mut().for_each(|trial| trial["seconds"] = Value::Null);
        found
    });
    assert_eq!(first, second, "the same passes, the same advice");
}

#[test]
fn training_follows_an_advice_and_goes_on_with_it() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 12);
    let words = [
        "--size=32",
        "--batch=4",
        "--epochs=1",
        "--advise",
        "--budget=800passes",
        "--out=run",
        "--checkpoint-seconds=0",
    ];
    let words = [&["train", "data"], &words[..]].concat();
    let ran = defrost_in(folder.path(), &[&words[..], &["--json"]].concat());
    let trained = ran.json();
    assert!(ran.stderr.contains("follows it: defrost train data"), "{}", ran.stderr);
    let run = folder.path().join("run");
    let kept = record(&run.join("advice.json"));
    assert_eq!(trained["advice"]["plan"], kept["plan"]);
    let phases = trained["phases"].as_array().unwrap();
    match kept["plan"]["kind"].as_str().unwrap() {
        "head_only" | "cut" => assert_eq!(phases.len(), 1),
        "gradual" => assert_eq!(phases.len(), 3),
        _ => assert_eq!(phases.len(), 2),
    }
    assert!(
        fs::read_to_string(run.join("report.html"))
            .unwrap()
            .contains("What to freeze, as measured before training")
    );

    // Interrupted, the run goes on as it was advised, and measures nothing again.
    fs::rename(&run, folder.path().join("whole")).unwrap();
    let child = start(folder.path(), &words);
    let began = std::time::Instant::now();
    while !run.join("checkpoint/checkpoint.json").exists() {
        assert!(began.elapsed().as_secs() < 300, "no checkpoint came");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let mut child = child;
    child.kill().unwrap();
    if ended(child).code == 0 {
        return;
    }
    let resumed = defrost_in(folder.path(), &["train", "--resume", "run", "--json"]);
    assert_eq!(resumed.json()["advice"], record(&run.join("advice.json")));
    assert!(!resumed.stderr.contains("advice: "), "{}", resumed.stderr);
    let weights = |run: &str| fs::read(folder.path().join(run).join("model.safetensors")).unwrap();
    assert!(weights("run") == weights("whole"), "the same bytes");
}

#[test]
fn a_table_and_texts_are_advised_too() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path());
    let table =
        advise(folder.path(), &["people.csv", "--label-column=group", "--epochs=6", "--json", "--out=a"])
            .json();
    assert_eq!((&table["depths"], &table["plan"]["kind"]), (&serde_json::json!([]), &"all".into()));
    assert!(
        table["advice"][0].as_str().unwrap().starts_with("Nothing in this network is pretrained"),
        "{table}"
    );
    assert_eq!(table["data_curve"].as_array().unwrap().len(), 3);
    assert_eq!(table["command"], "defrost train people.csv --label-column=group --epochs=6");

    tiny(folder.path());
    reviews(folder.path());
    let texts = [
        "reviews.csv",
        "--weights=tiny",
        "--max-tokens=24",
        "--batch=4",
        "--epochs=1",
        "--budget=600passes",
        "--json",
        "--out=b",
    ];
    let texts = advise(folder.path(), &texts).json();
    let depths = texts["depths"].as_array().unwrap();
    assert_eq!(depths.len(), 3, "embeddings and two blocks: {depths:?}");
    assert_eq!(depths[0]["features"], 16);
    assert!(
        texts["advice"].as_array().unwrap().iter().any(|text| text.as_str().unwrap().contains("texts")),
        "{texts}"
    );
}

#[test]
fn what_is_decided_already_cannot_be_advised() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    for (words, option) in [
        (&["--freeze-to=1"][..], "--freeze-to"),
        (&["--thaw", "1,2"], "--thaw"),
        (&["--gradual"], "--gradual"),
        (&["--epochs", "0"], "--epochs 0"),
        (&["--lr", "find"], "--lr find"),
    ] {
        let refused = advise(folder.path(), &[&["data", "--size=32"], words].concat());
        let expected = format!("{option}: this decides what `advise` would measure; leave one of them out");
        assert_eq!(refused.usage_error(), expected);
        assert!(!folder.path().join("runs").exists());
    }
    let wrong = advise(folder.path(), &["data", "--budget", "5 fortnights"]);
    assert!(
        wrong
            .usage_error()
            .contains("`5 fortnights` is neither a time, as 90s or 5m, nor a number of passes")
    );
    let alone = defrost_in(folder.path(), &["train", "data", "--budget", "5m"]);
    assert!(alone.usage_error().contains("--advise"), "{}", alone.stderr);
}

#[test]
fn a_recipe_thaws_the_groups_named() {
    let plan = |words: &[&str]| {
        defrost_in(&std::env::temp_dir(), &[&["plan", "--json", "--batches=5"], words].concat())
    };
    let part = plan(&["--thaw", "1,2"]).json();
    assert_eq!(
        (&part["phases"][0]["method"], &part["phases"][1]["frozen_groups"]),
        (&"solve_head".into(), &serde_json::json!([0]))
    );
    let unknown = plan(&["--thaw", "9"]);
    assert!(
        unknown.usage_error().starts_with("--thaw 9: efficientnet_lite0 has no such layer group"),
        "{}",
        unknown.stderr
    );
}
