//! `--channels 1`: a run on grey images, from one end to the other.

use std::path::Path;

use serde_json::Value;

use crate::client::Server;
use crate::support::{defrost_in, image};

/// Dark and light images in `folder/data`.
fn shades(folder: &Path) {
    for (class, shade) in [("dark", 10), ("light", 200)] {
        std::fs::create_dir_all(folder.join("data").join(class)).unwrap();
        for index in 0..20 {
            let path = folder.join(format!("data/{class}/{index:03}.png"));
            image(&path, [shade; 3], 2 + index % 5);
        }
    }
}

#[test]
fn grey_images_are_learned_saved_and_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    shades(folder);
    // Nothing is augmented in front of a frozen body: its rows are kept.
    let train = |words: &str| {
        let always =
            "train data --size 64 --epochs 6 --freeze-to -1 --augment none --lr 1e-2 --batch 8 --json";
        defrost_in(folder, &always.split(' ').chain(words.split(' ')).collect::<Vec<_>>())
    };
    let trained = train("--channels 1 --out grey").json();
    assert_eq!(trained["best"]["metrics"]["accuracy"], 1.0, "{trained}");
    let bundle: Value =
        serde_json::from_slice(&std::fs::read(folder.join("grey/bundle.json")).unwrap()).unwrap();
    assert_eq!(bundle["model"]["preprocess"]["channels"], 1);

    let evaluated = defrost_in(folder, &["evaluate", "grey", "data", "--json"]).json();
    assert_eq!(evaluated["metrics"]["accuracy"], 1.0);
    let image = "data/light/003.png";
    let predicted = defrost_in(folder, &["predict", "grey", image, "--tta", "--json"]).json();
    assert_eq!(predicted[0]["top"][0]["class"], "light");
    assert!(folder.join("grey/report.html").exists());
    let server = Server::start(folder, "grey", &[]);
    let explained = server.post("/explain", "image/png", &std::fs::read(folder.join(image)).unwrap());
    assert_eq!(explained.json()["heat"]["class"], "light");

    // The rows of a grey run and of one in colour are not the same.
    let weights = |channels: &str, out: &str| {
        train(&format!("--channels {channels} --out {out}")).json();
        std::fs::read(folder.join(out).join("model.safetensors")).unwrap()
    };
    let (grey, colour) = (weights("1", "a"), weights("3", "b"));
    assert!(grey.len() < colour.len());
    assert!(grey == weights("1", "c") && colour == weights("3", "d"));

    // Another run starts from its body, for images like its own, and is of its architecture.
    let other = train("--pretrained grey --channels 1 --arch resnet18 --out not");
    let expected = "grey: a run of efficientnet_lite0, not of resnet18\n  help: give --arch efficientnet_lite0 or leave \
                    --arch out";
    assert_eq!(other.usage_error(), expected);
    assert_eq!(train("--pretrained grey --channels 1 --out next").code, 0);
    let refused = train("--pretrained grey --out not");
    let refused = refused.usage_error();
    let expected = "`body.conv_stem.weight` is [32, 1, 3, 3] and should be [32, 3, 3, 3]";
    assert!(refused.contains(expected), "{refused}");
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
        refused.usage_error().contains("images have 3 channels, red, green and blue, or 1, grey"),
        "{}",
        refused.stderr
    );
}
