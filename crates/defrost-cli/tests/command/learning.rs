//! `defrost lr-find`, `--lr find`, and the options that shape learning.

use std::path::Path;

use crate::support::{Ran, defrost_in, two_classes};

const SMALL: [&str; 4] = ["--size", "32", "--batch", "8"];

fn run(folder: &Path, command: &str, words: &[&str]) -> Ran {
    defrost_in(folder, &[&[command, "data"], &SMALL[..], words].concat())
}

#[test]
fn a_rate_is_suggested_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    let found = run(folder.path(), "lr-find", &["--json", "--svg", "curve.svg"]).json();
    let points = found["points"].as_array().unwrap();
    assert!(points.len() > 20 && points[0]["lr"] == 1e-7, "{}", points.len());
    assert!(points.iter().all(|point| point["loss"].is_number()));
    for reading in ["valley", "slide", "steep", "minimum"] {
        let rate = found["suggestions"][reading].as_f64().unwrap();
        assert!((1e-7..10.0).contains(&rate), "{reading}: {rate}");
    }
    let drawn = std::fs::read_to_string(folder.path().join("curve.svg")).unwrap();
    assert!(drawn.starts_with("<svg "));

    let shown = run(folder.path(), "lr-find", &[]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stdout.contains('*') && shown.stdout.contains("  valley "), "{}", shown.stdout);
}

#[test]
fn training_can_look_for_its_rate() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    let valley = run(folder.path(), "lr-find", &["--json"]).json()["suggestions"]["valley"].as_f64().unwrap();
    let ran = run(folder.path(), "train", &["--lr", "find", "--epochs", "1", "--json"]);
    assert!(ran.stderr.contains("--lr find takes "), "{}", ran.stderr);
    // The head is solved for; what is found is for steps of the head alone, and all thawed it takes half of that. It is at most
    // three times the usual rate, or a third of it.
    let found = ran.json()["phases"][1]["lr_max"][2].as_f64().unwrap();
    let expected = valley.clamp(2e-3 / 3.0, 3.0 * 2e-3);
    assert!((2.0 * found / expected - 1.0).abs() < 1e-9, "{found} of {valley}");

    let planned = run(folder.path(), "plan", &["--lr", "find"]);
    assert!(planned.usage_error().starts_with("--lr find: a plan trains nothing"), "{}", planned.stderr);
}

#[test]
fn learning_options_reach_the_learner() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    let train = |words: &[&str]| run(folder.path(), "train", &[&["--json"], words].concat()).json();
    let plain = train(&["--epochs", "1"])["epochs"][1]["train_loss"].clone();
    for words in [
        ["--weight-decay", "0.5"],
        ["--label-smoothing", "0.1"],
        ["--balance", "sample"],
        ["--accumulate", "2"],
        ["--clip", "0.01"],
        ["--mixup", "0.4"],
        ["--cutmix", "1"],
        ["--augment", "strong"],
    ] {
        assert_ne!(
            train(&[&words[..], &["--epochs", "1"]].concat())["epochs"][1]["train_loss"],
            plain,
            "{words:?}"
        );
    }
    let averaged = train(&["--average", "0.9", "--epochs", "1"]);
    assert_eq!(averaged["epochs"].as_array().unwrap().len(), 2);
    let stopped = train(&["--epochs", "6", "--patience", "1", "--lr", "1e-9"]);
    assert!(stopped["epochs"].as_array().unwrap().len() < 7, "{}", stopped["epochs"]);
}

#[test]
fn an_explosion_ends_with_the_best_epoch_saved() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    // The head learns at a sane rate in the frozen phase; the body then explodes.
    let ran = run(folder.path(), "train", &["--epochs", "2", "--lr", "1e30,1e30,5e-3", "--out", "run"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("the epoch starts again at 0.5 of the rates"), "{}", ran.stderr);
    assert!(ran.stderr.contains("the best epoch so far is saved in run"), "{}", ran.stderr);
    assert!(ran.stderr.trim_end().ends_with("try a tenth of it"), "{}", ran.stderr);
    let history = std::fs::read_to_string(folder.path().join("run/history.csv")).unwrap();
    assert_eq!(history.lines().count(), 2);
    let predicted = defrost_in(folder.path(), &["predict", "run", "data/red/003.png", "--json"]).json();
    assert!(predicted[0]["top"][0]["probability"].is_number());
}

#[test]
fn images_are_mixed_only_where_nothing_is_frozen() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    let planned = run(folder.path(), "plan", &["--mixup", "0.4"]);
    assert_eq!(planned.code, 0);
    assert!(planned.stderr.contains("images are not mixed in phase frozen: "), "{}", planned.stderr);
    let refused = run(folder.path(), "plan", &["--cutmix", "1", "--freeze-to", "-1"]);
    assert!(refused.usage_error().starts_with("--mixup, --cutmix: no phase would mix images"));
}

#[test]
fn several_looks_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    run(folder.path(), "train", &["--epochs", "0", "--lr", "5e-3", "--out", "run", "--json"]).json();
    let evaluate = |words: &[&str]| {
        defrost_in(folder.path(), &[&["evaluate", "run", "data", "--json"], words].concat()).json()
    };
    let (plain, several) = (evaluate(&[]), evaluate(&["--tta"]));
    assert_ne!(plain["loss"], several["loss"]);
    assert_eq!(evaluate(&["--tta"]), several, "the same looks each time");
    assert!(several["metrics"]["accuracy"].as_f64().unwrap() > 0.9, "{several}");
    let predict = |words: &[&str]| {
        defrost_in(folder.path(), &[&["predict", "run", "data/red/003.png", "--json"], words].concat()).json()
    };
    assert_ne!(predict(&[]), predict(&["--tta"]));
    assert_eq!(predict(&["--tta"])[0]["top"][0]["class"], "red");
}
