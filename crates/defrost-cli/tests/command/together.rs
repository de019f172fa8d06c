//! Commands that are started at once.
#![cfg(unix)]

use std::path::Path;
use std::time::Duration;

use crate::support::{defrost_in, ended, people, start};

const TRAIN: [&str; 7] = ["train", "people.csv", "--label-column", "group", "--epochs", "20", "--batch=4"];

#[test]
fn of_two_runs_into_one_folder_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    for attempt in 0..3 {
        let out = format!("run{attempt}");
        let words = [&TRAIN[..], &["--out", &out]].concat();
        let runs = [(); 4].map(|()| start(folder, &words));
        let mut ran = runs.map(ended);
        ran.sort_by_key(|ran| ran.code);
        assert_eq!(ran.each_ref().map(|ran| ran.code), [0, 2, 2, 2], "{}", ran[0].stderr);
        assert!(ran[0].stdout.contains(&format!("saved: {out} ")), "{}", ran[0].stdout);
        for refused in &ran[1..] {
            let is_said = ["another defrost is writing to this folder", "there is a finished run in it"];
            assert!(is_said.iter().any(|said| refused.stderr.contains(said)), "{}", refused.stderr);
        }
    }
}

#[test]
fn a_run_that_is_training_cant_be_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let words = [&TRAIN[..], &["--epochs=400", "--checkpoint-seconds=0", "--out=run"]].concat();
    let words: Vec<&str> = words.into_iter().filter(|word| !["--epochs", "20"].contains(word)).collect();
    let mut child = start(folder, &words);
    while !folder.join("run/checkpoint/checkpoint.json").exists() {
        assert!(child.try_wait().unwrap().is_none(), "{}", ended(child).stderr);
        std::thread::sleep(Duration::from_millis(5));
    }
    let refused = defrost_in(folder, &["train", "--resume", "run"]);
    assert!(
        refused.usage_error().starts_with("--resume run: another defrost is writing to this folder"),
        "{}",
        refused.stderr
    );
    child.kill().unwrap();
    ended(child);
    // What a killed run held is free.
    let ran = defrost_in(folder, &["train", "--resume", "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(!Path::new(&folder.join("run/.reserved")).exists());
}
