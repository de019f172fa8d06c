//! A run is written for other programs, or refused with the reason. Whether it answers alike there is tested in the library.

use std::fs;
use std::path::Path;

use crate::support::{Ran, defrost_in, people, two_classes};

fn run(folder: &Path, words: &str) -> Ran {
    defrost_in(folder, &words.split(' ').collect::<Vec<_>>())
}

#[test]
fn rows_leave_as_one_file_with_what_belongs_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    run(folder, "train people.csv --label-column group --epochs 1 --out rows --json").json();
    // A Python that is not there compares nothing.
    let written = run(folder, "export rows model.onnx --python no-such-python --json").json();
    assert_eq!(written["files"], serde_json::json!(["model.onnx", "labels.txt", "model.check.json"]));
    assert_eq!(written["bytes"], fs::metadata(folder.join("model.onnx")).unwrap().len());
    assert!(written["compared"].is_null());
    let outputs = written["outputs"].as_array().unwrap();
    assert!(outputs.contains(&"label string [batch]".into()), "{outputs:?}");
    let classes = fs::read_to_string(folder.join("labels.txt")).unwrap();
    assert_eq!(classes.lines().count(), 2, "{classes}");

    let report = fs::read_to_string(folder.join("rows/report.html")).unwrap();
    assert!(report.contains("<dt><code>model.onnx</code></dt>\n<dd>not compared in another engine</dd>"));

    let verify = run(folder, "export --verify model.onnx rows --python no-such-python");
    assert!(
        verify.usage_error().starts_with("`no-such-python` has no ONNX Runtime to compute in: "),
        "{}",
        verify.stderr
    );
    run(folder, "train people.csv --label-column group --epochs 1 --seed 3 --out others --json").json();
    assert_eq!(
        run(folder, "export --verify model.onnx others").usage_error(),
        "model.onnx: it was exported from another run, or before this one was trained anew"
    );
    fs::write(folder.join("other.onnx"), "not an export").unwrap();
    let other = run(folder, "export --verify other.onnx rows");
    assert!(
        other.usage_error().starts_with("other.onnx: not an export of this program: "),
        "{}",
        other.stderr
    );

    for (words, error) in [
        (
            "export rows model",
            "model: its ending says no format; end it with .onnx, .safetensors or .html, or give --format onnx, torch or web",
        ),
        ("export rows m.onnx --batch 1000", "a batch can be fixed at 1 to 256 items, not 1000"),
        ("export rows m.onnx --opset 17", "opset 17 can't be written; 18 to 22 can"),
        ("export rows m.onnx --input tensor", "a prepared row has no graph: rows are given as they come"),
        (
            "export rows m.safetensors",
            "PyTorch's libraries have no `tabular` that takes the weights: they have no such network",
        ),
    ] {
        assert_eq!(run(folder, words).usage_error(), error);
    }
    assert!(!folder.join("m.onnx").exists() && !folder.join("m.safetensors").exists());
}

#[test]
fn a_page_is_refused_with_what_to_do_instead() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    two_classes(folder, 6);
    run(folder, "train people.csv --label-column group --epochs 1 --out rows --json").json();
    run(folder, "train data --size 32 --freeze-epochs 1 --epochs 0 --out images --json").json();
    fs::create_dir(folder.join("full")).unwrap();
    fs::write(folder.join("full/notes.txt"), "mine").unwrap();
    for (words, error) in [
        (
            "export rows site --format web",
            "rows: a page answers images, and this run is of rows; `defrost serve` has a page for every run, and an ONNX file can be \
             used in pages, too",
        ),
        (
            "export images full --format web",
            "full: `notes.txt` is in this folder already; name a new one for the page",
        ),
        ("export images page.html --opset 20", "--opset: a page has no such choice; it is one of ONNX files"),
        (
            "export images page.html --precision int8 --calibrate data",
            "--calibrate: a page has no such choice; it is one of ONNX files",
        ),
        (
            "export images model.onnx --single --format onnx",
            "--single: only a page is written as one HTML file, by --format web",
        ),
    ] {
        assert_eq!(run(folder, words).usage_error(), error);
    }
    assert!(!folder.join("site").exists() && !folder.join("page.html").exists());
}

#[test]
#[cfg(not(feature = "web"))]
fn without_its_pages_the_command_says_how_to_get_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 6);
    run(folder, "train data --size 32 --freeze-epochs 1 --epochs 0 --out run --json").json();
    for words in ["export run site --format web", "export run page.html", "playground --port 0"] {
        assert_eq!(
            run(folder, words).usage_error(),
            "this program was built without its pages for browsers; in a copy of the repository, `web/build` makes them, and then \
             `cargo install --path crates/defrost-cli --features web` puts them into the program"
        );
    }
    assert!(!folder.join("site").exists());
}

#[test]
fn weights_for_pytorch_have_its_names() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 6);
    let folder = folder.path();
    run(folder, "train data --size 32 --freeze-epochs 1 --epochs 0 --out run --json").json();
    let written = run(folder, "export run weights.safetensors --json").json();
    let python: Vec<&str> =
        written["python"].as_array().unwrap().iter().filter_map(|line| line.as_str()).collect();
    assert_eq!(python[2], "model = timm.create_model(\"tf_efficientnet_lite0\", num_classes=2)");
    let bytes = fs::read(folder.join("weights.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    assert_eq!(header["classifier.weight"]["shape"], serde_json::json!([2, 1280]));
    assert!(header["conv_stem.weight"].is_object() && header["body.conv_stem.weight"].is_null());
    assert_eq!(header["__metadata__"]["format"], "pt");
}

#[test]
fn features_leave_as_numbers_of_any_stage() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 6);
    let folder = folder.path();
    let network = "features efficientnet_lite0 data";
    let written = run(folder, &format!("{network} all.npy --size 32 --json")).json();
    assert_eq!(written, serde_json::json!({ "file": "all.npy", "items": 12, "features": 1280 }));
    let bytes = fs::read(folder.join("all.npy")).unwrap();
    assert_eq!(bytes.len(), 128 + 12 * 1280 * 4);

    run(folder, "train data --size 32 --freeze-epochs 1 --epochs 0 --out run --json").json();
    let of_run = run(folder, "features run data early.csv --stage blocks.1 --json").json();
    assert_eq!(of_run["features"], 24);
    let text = fs::read_to_string(folder.join("early.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("item,label,feature_0,feature_1,"), "{}", lines[0]);
    assert!(lines.len() == 13 && lines[1].contains(",blue,") && lines[12].contains(",red,"), "{text}");

    assert_eq!(
        run(folder, "features run data early.csv --size 64").usage_error(),
        "--size: SOURCE is a run, which has its own network"
    );
    let unknown = run(folder, &format!("{network} all.npy --size 32 --stage block.1"));
    assert!(
        unknown.usage_error().starts_with("there is no stage `block.1` before the head; "),
        "{}",
        unknown.stderr
    );
    assert_eq!(
        run(folder, &format!("{network} all.parquet")).usage_error(),
        "all.parquet: Parquet is written only by a defrost that was built with the feature `parquet`; write .npy or .csv"
    );
}

#[test]
fn eight_bits_are_calibrated_and_measured() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 6);
    let folder = folder.path();
    run(folder, "train data --size 32 --freeze-epochs 1 --epochs 0 --precision f32 --out run --json").json();
    for (words, error) in [
        ("export run m.onnx --calibrate data", "--calibrate: only --precision int8 is calibrated"),
        (
            "export run m.safetensors --precision int8 --calibrate data",
            "--precision int8: weights for PyTorch are written in f32",
        ),
    ] {
        assert_eq!(run(folder, words).usage_error(), error);
    }
    let int8 = "export run m.onnx --precision int8";
    let uncalibrated = run(folder, int8);
    assert!(uncalibrated.usage_error().contains("--calibrate <DATA>"), "{}", uncalibrated.stderr);
    let without = run(folder, &format!("{int8} --calibrate data --python no-such-python"));
    assert!(without.usage_error().starts_with("`no-such-python` has no ONNX Runtime"), "{}", without.stderr);
    assert!(!folder.join("m.onnx").exists());

    let python = std::env::var("DEFROST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let written = run(folder, &format!("{int8} --calibrate data --python {python} --json"));
    if written.stderr.contains("has no ONNX Runtime") {
        println!("skipped: {}", written.stderr);
        return;
    }
    let written = written.json();
    assert_eq!(written["files"], serde_json::json!(["m.onnx", "labels.txt"]));
    let cost = &written["int8"];
    assert_eq!((&cost["calibrated_on"], &cost["measured_on"]), (&6.into(), &6.into()));
    assert_eq!(
        (&cost["after"]["accuracy"], &cost["same"]),
        (&cost["before"]["accuracy"], &6.into()),
        "{cost}"
    );
    let (bytes, before) = (written["bytes"].as_u64().unwrap(), cost["bytes_before"].as_u64().unwrap());
    assert!(bytes * 2 < before, "{bytes} of {before}");
    let verify = run(folder, &format!("export --verify m.onnx run --python {python}"));
    assert!(verify.usage_error().starts_with("m.onnx: it computes in 8 bits, and "), "{}", verify.stderr);
}
