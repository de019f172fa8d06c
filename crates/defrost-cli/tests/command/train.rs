//! `defrost train`, `evaluate` and `predict`, end to end with the embedded backbone.

use std::path::Path;

use defrost::vision::models::Architecture;

use crate::support::{defrost_in, repository, two_classes};

const QUICK: [&str; 6] = ["--size", "32", "--epochs", "1", "--lr", "5e-3"];

fn train(folder: &Path, words: &[&str]) -> serde_json::Value {
    train_in_batches(folder, "8", words)
}

fn train_in_batches(folder: &Path, batch: &str, words: &[&str]) -> serde_json::Value {
    defrost_in(folder, &[&["train", "data", "--json", "--batch", batch], &QUICK[..], words].concat()).json()
}

#[test]
fn a_run_can_be_evaluated_and_used() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 20);
    let trained = train(folder.path(), &[]);
    assert_eq!(trained["run"], "runs/data-1");
    assert_eq!(trained["classes"], serde_json::json!(["blue", "red"]));
    assert_eq!(trained["items"], serde_json::json!({ "train": 32, "valid": 8, "skipped": [] }));
    assert_eq!(trained["epochs"].as_array().unwrap().len(), 2);
    assert_eq!(trained["best"]["metrics"]["accuracy"], 1.0, "two colours can be told apart");
    for key in ["seconds", "peak_rss_bytes", "threads"] {
        assert!(trained[key].as_f64().unwrap() > 0.0, "{key}");
    }
    for file in ["model.safetensors", "bundle.json", "history.csv"] {
        assert!(folder.path().join("runs/data-1").join(file).exists(), "{file}");
    }

    let evaluated = defrost_in(folder.path(), &["evaluate", "runs/data-1", "data", "--json"]).json();
    assert_eq!(evaluated["items"], 40);
    assert_eq!(evaluated["metrics"]["accuracy"], 1.0);
    assert_eq!(evaluated["confusion"], serde_json::json!([[20, 0], [0, 20]]));

    std::fs::write(folder.path().join("broken.png"), b"no image").unwrap();
    let inputs = ["data/red/003.png", "broken.png", "absent.png"];
    let predicted =
        defrost_in(folder.path(), &[&["predict", "runs/data-1", "--json"], &inputs[..]].concat()).json();
    assert_eq!(predicted[0]["top"][0]["class"], "red");
    assert_eq!(predicted[0]["input"], "data/red/003.png");
    assert!(predicted[1]["error"].is_string() && predicted[2]["error"].is_string());

    assert_eq!(train(folder.path(), &[])["run"], "runs/data-2");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 8);
    let weights = |out: &str, words: &[&str]| {
        train(folder.path(), &[&["--out", out], words].concat());
        std::fs::read(folder.path().join(out).join("model.safetensors")).unwrap()
    };
    let first = weights("a", &[]);
    assert!(first == weights("b", &[]));
    assert!(first != weights("c", &["--seed", "7"]));
}

#[test]
fn tensors_keep_their_names() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 4);
    train(folder.path(), &["--out", "run"]);
    let bytes = std::fs::read(folder.path().join("run/model.safetensors")).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    assert_eq!(header["body.blocks.1.0.conv_pwl.weight"]["shape"], serde_json::json!([24, 96, 1, 1]));
    let others = header.as_object().unwrap().keys().filter(|name| !name.starts_with("body."));
    assert!(others.filter(|name| *name != "__metadata__").all(|name| name.starts_with("head.")));
}

#[test]
fn unreadable_images_are_skipped_and_listed() {
    let folder = tempfile::tempdir().unwrap();
    let data = two_classes(folder.path(), 10);
    let whole = std::fs::read(data.join("red/000.png")).unwrap();
    std::fs::write(data.join("red/truncated.png"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(data.join("red/empty.jpg"), b"").unwrap();
    std::fs::write(data.join("blue/text.jpg"), b"not an image at all").unwrap();
    // An image whose name lies about its format is still an image.
    std::fs::copy(data.join("blue/001.png"), data.join("blue/mislabelled.jpg")).unwrap();
    let trained = train(folder.path(), &[]);
    let skipped = trained["items"]["skipped"].as_array().unwrap();
    let paths: Vec<&str> = skipped.iter().map(|entry| entry["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["data/blue/text.jpg", "data/red/empty.jpg", "data/red/truncated.png"]);
    assert!(skipped.iter().all(|entry| !entry["reason"].as_str().unwrap().is_empty()));
    assert_eq!(trained["items"]["train"].as_u64().unwrap() + trained["items"]["valid"].as_u64().unwrap(), 21);
}

#[test]
fn fewer_images_than_a_batch_are_one_batch() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 3);
    let trained = train_in_batches(folder.path(), "64", &[]);
    assert_eq!(trained["phases"][0]["batches_per_epoch"], 1);
    assert!(trained["epochs"][0]["train_loss"].is_number());
}

#[test]
fn a_class_with_one_image_trains() {
    let folder = tempfile::tempdir().unwrap();
    let data = two_classes(folder.path(), 6);
    std::fs::create_dir(data.join("lone")).unwrap();
    std::fs::copy(data.join("red/001.png"), data.join("lone/a.png")).unwrap();
    let ran = defrost_in(folder.path(), &[&["train", "data"], &QUICK[..]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("class lone has one image"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("best: "), "{}", ran.stdout);
}

#[test]
fn the_samples_are_there() {
    let plan = defrost_in(&repository(), &["plan", "samples/fashion", "--json", "--batch", "10"]).json();
    assert_eq!(plan["phases"][0]["batches_per_epoch"], 100);
}

#[test]
fn frozen_groups_of_a_real_network_keep_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 8);
    let embedded = Architecture::named("efficientnet_lite0").unwrap().embedded.unwrap();
    let pretrained = defrost::weights::safetensors::parse(embedded).unwrap().tensors;
    let moved = |out: &str, words: &[&str]| -> Vec<String> {
        train(folder.path(), &[&["--out", out], words].concat());
        let path = folder.path().join(out).join("model.safetensors");
        let trained = defrost::weights::safetensors::read(&path).unwrap().tensors;
        let body = trained
            .into_iter()
            .filter_map(|(name, data)| Some((name.strip_prefix("body.")?.to_owned(), data)));
        body.filter(|(name, data)| pretrained[name] != *data).map(|(name, _)| name).collect()
    };
    assert_eq!(moved("head", &["--freeze-to", "-1"]), [] as [&str; 0]);
    let late = |name: &String| {
        ["blocks.4", "blocks.5", "blocks.6", "conv_head", "bn2."].iter().any(|of| name.starts_with(of))
    };
    let is_statistic = |name: &String| name.contains("running_");
    let kept = moved("keep", &["--freeze-to", "1"]);
    assert!(!kept.is_empty() && kept.iter().all(|name| late(name) && !is_statistic(name)), "{kept:?}");
    let batch = moved("batch", &["--freeze-to", "1", "--norm", "batch"]);
    assert!(batch.iter().any(is_statistic) && batch.iter().all(late), "{batch:?}");
    let adapt = moved("adapt", &["--freeze-to", "-1", "--norm", "adapt"]);
    assert!(adapt.iter().any(is_statistic) && adapt.iter().all(|name| name.contains("bn")), "{adapt:?}");
}

#[test]
fn a_run_goes_on_from_another_with_its_architecture() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 8);
    let train = |words: &str| {
        let words = format!("train data --size 32 --batch 8 --json {words}");
        defrost_in(folder.path(), &words.split(' ').collect::<Vec<_>>()).json()
    };
    train("--arch mobilenet_v3_small --weights none --epochs 1 --out first");
    let next = train("--pretrained first --epochs 0 --out next");
    assert_eq!(next["arch"], "mobilenet_v3_small");
    assert_eq!(next["phases"][0]["name"], "frozen", "its body is pretrained");
    let planned = defrost_in(folder.path(), &["plan", "--pretrained", "first", "--batches", "4", "--json"]);
    assert_eq!(planned.json()["arch"], "mobilenet_v3_small");
}
