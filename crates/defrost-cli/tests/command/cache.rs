//! What runs keep for the next one.

use std::path::Path;

use crate::support::{defrost_in, two_classes};

/// Trains the head on `data` for two epochs.
fn train(folder: &Path, words: &[&str]) -> serde_json::Value {
    let head =
        ["train", "data", "--json", "--size", "32", "--batch", "8", "--freeze-to", "-1", "--epochs", "2"];
    defrost_in(folder, &[&head, words].concat()).json()
}

fn cached_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder.join("cache/defrost")) else { return 0 };
    entries.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
}

fn weights(folder: &Path, run: &str) -> Vec<u8> {
    std::fs::read(folder.join(run).join("model.safetensors")).unwrap()
}

#[test]
fn kept_or_not_the_model_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 10);
    train(folder, &["--cache", "off", "--out", "off"]);
    assert_eq!(cached_bytes(folder), 0, "--cache off writes nothing");
    train(folder, &["--out", "first"]);
    let kept = cached_bytes(folder);
    assert!(kept > 0);
    train(folder, &["--out", "second"]);
    assert_eq!(cached_bytes(folder), kept, "everything was there already");
    for run in ["first", "second"] {
        assert!(weights(folder, run) == weights(folder, "off"), "{run}");
    }

    let evaluate = |words: &[&str]| {
        defrost_in(folder, &[&["evaluate", "first", "data", "--json"], words].concat()).json()
    };
    let computed = evaluate(&["--cache", "off"]);
    assert_eq!(evaluate(&[]), computed);
    let kept = cached_bytes(folder);
    assert_eq!(evaluate(&[]), computed);
    assert_eq!(cached_bytes(folder), kept);
}

#[test]
fn the_limit_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 10);
    train(folder.path(), &["--cache-limit", "100kB", "--out", "run"]);
    assert!((50_000..=100_000).contains(&cached_bytes(folder.path())));
    let ran = defrost_in(folder.path(), &["train", "data", "--cache-limit", "lots"]);
    assert!(ran.usage_error().contains("`lots` is not a size; write it as 500MB or 2GB"), "{}", ran.stderr);
}

#[test]
fn training_is_estimated_where_it_takes_a_while() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 40);
    assert_eq!(train(folder.path(), &["--out", "short"])["estimate"], serde_json::json!([]));
    let words =
        ["train", "data", "--json", "--size", "32", "--batch", "4", "--freeze-epochs", "2", "--epochs", "2"];
    let ran = defrost_in(folder.path(), &words);
    assert!(ran.stderr.contains("frozen should take "), "{}", ran.stderr);
    assert!(ran.stderr.contains("frozen: estimated "), "{}", ran.stderr);
    let estimate = &ran.json()["estimate"];
    for (phase, name) in ["frozen", "thawed"].iter().enumerate() {
        assert_eq!(estimate[phase]["phase"], *name);
        assert!(
            estimate[phase]["seconds"].as_f64() > Some(0.0) && estimate[phase]["actual_seconds"].is_number()
        );
    }
}
