//! `--channels 1`: a run on grey pictures, from one end to the other.

use serde_json::Value;

use crate::client::Server;
use crate::support::{defrost_in, two_classes};

#[test]
fn grey_pictures_are_learned_saved_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Red is lighter than blue.
    two_classes(folder, 20);
    let words = |extra: &str| -> Vec<String> {
        let always = "--size 64 --epochs 2 --lr 5e-3 --batch 8 --json";
        format!("train data {always} {extra}").split_whitespace().map(str::to_owned).collect()
    };
    let train = |extra: &str| {
        let words = words(extra);
        defrost_in(folder, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let trained = train("--channels 1 --out grey").json();
    assert_eq!(trained["best"]["metrics"]["accuracy"], 1.0, "{trained}");
    let bundle: Value =
        serde_json::from_slice(&std::fs::read(folder.join("grey/bundle.json")).unwrap()).unwrap();
    assert_eq!(bundle["model"]["preprocess"]["channels"], 1);

    let evaluated = defrost_in(folder, &["evaluate", "grey", "data", "--json"]).json();
    assert_eq!(evaluated["metrics"]["accuracy"], 1.0);
    let picture = "data/red/003.png";
    let predicted = defrost_in(folder, &["predict", "grey", picture, "--tta", "--json"]).json();
    assert_eq!(predicted[0]["top"][0]["class"], "red");
    assert!(folder.join("grey/report.html").exists());
    let server = Server::start(folder, "grey", &[]);
    let explained =
        server.post("/explain", "image/png", &std::fs::read(folder.join(picture)).unwrap()).json();
    assert_eq!(explained["heat"]["class"], "red");

    // Where nothing is augmented rows are kept: those of a grey run and of one in colour are not the same.
    let frozen = |channels: &str, out: &str| {
        let words = format!("--augment none --freeze-to -1 --channels {channels} --out {out}");
        train(&words).json();
        std::fs::read(folder.join(out).join("model.safetensors")).unwrap()
    };
    let grey = frozen("1", "a");
    let colour = frozen("3", "b");
    assert!(grey.len() < colour.len());
    assert!(grey == frozen("1", "c") && colour == frozen("3", "d"));

    // Another run starts from its body, for pictures like its own.
    assert_eq!(train("--pretrained grey --channels 1 --out next").code, 0);
    let refused = train("--pretrained grey --out not");
    let refused = refused.usage_error();
    assert!(
        refused.contains("`body.conv_stem.weight` is [32, 1, 3, 3] and should be [32, 3, 3, 3]"),
        "{refused}"
    );
}

#[test]
fn the_plan_counts_the_weights_of_the_channels() {
    let folder = tempfile::tempdir().unwrap();
    let total = |words: &[&str]| {
        let plan = defrost_in(folder.path(), &[&["plan", "--batches", "4", "--json"], words].concat()).json();
        plan["total_params"].as_u64().unwrap()
    };
    assert_eq!(total(&[]) - total(&["--channels", "1"]), 2 * 32 * 3 * 3);
    let refused = defrost_in(folder.path(), &["plan", "--batches", "4", "--channels", "2"]);
    assert!(
        refused.usage_error().contains("pictures have 3 channels, red, green and blue, or 1, grey"),
        "{}",
        refused.stderr
    );
}
