//! `defrost check`: what is wrong with data.

use std::path::Path;

use image::codecs::gif::GifEncoder;
use image::{Frame, RgbImage, RgbaImage};
use serde_json::{Value, json};

use crate::support::{Ran, defrost_in, two_classes};

fn check(folder: &Path, words: &[&str]) -> Ran {
    defrost_in(folder, &[&["check"], words].concat())
}

/// The kinds and paths of all problems; the command must end with this code.
fn problems(folder: &Path, words: &[&str], code: i32) -> (Value, Vec<(String, String)>) {
    let ran = check(folder, &[words, &["--json"]].concat());
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let text = |problem: &Value, key: &str| problem[key].as_str().unwrap().to_owned();
    let found = report["problems"].as_array().unwrap().iter();
    let found = found.map(|problem| (text(problem, "kind"), text(problem, "path"))).collect();
    (report, found)
}

/// Asserts that training has found what the check has, kind by kind.
pub fn assert_same_problems(checked: &Value, run: &Path) {
    let report: Value = serde_json::from_slice(&std::fs::read(run.join("report.json")).unwrap()).unwrap();
    let problems = report["report"]["about"]["problems"].as_array().unwrap().iter();
    let counts = problems.map(|kind| (kind["kind"].as_str().unwrap().to_owned(), kind["count"].clone()));
    assert_eq!(Value::Object(counts.collect()), checked["counts"], "{report}");
    assert_ne!(checked["counts"], json!({}));
}

/// Images that do not look like each other.
pub fn noise(path: &Path, seed: u32) {
    let (width, height) = (48, 40);
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let cells: Vec<[u8; 3]> = (0..36)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            [state >> 8, state >> 16, state >> 24].map(|level| level as u8)
        })
        .collect();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let colour = |x: u32, y: u32| image::Rgb(cells[(y * 6 / height * 6 + x * 6 / width) as usize]);
    RgbImage::from_fn(width, height, colour).save(path).unwrap();
}

/// `folder/data`: 12 sound images to train on and 4 to validate, of two classes.
fn sound(folder: &Path) {
    for index in 0..24 {
        let class = ["cat", "dog"][index as usize % 2];
        noise(&folder.join(format!("data/train/{class}/{index:02}.png")), index);
    }
    for index in 24..28 {
        let class = ["cat", "dog"][index as usize % 2];
        noise(&folder.join(format!("data/valid/{class}/{index:02}.png")), index);
    }
}

#[test]
fn sound_images_have_no_problems() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path());
    let (report, found) = problems(folder.path(), &["data"], 0);
    assert_eq!(found, []);
    assert_eq!(report["classes"], json!(["cat", "dog"]));
    assert_eq!(report["items"], json!({ "train": 24, "valid": 4 }));
    let ran = check(folder.path(), &["data"]);
    assert_eq!(ran.code, 0);
    let expected = "train: 24 images in data/train\nvalid: 4 images in data/valid\n2 classes: cat (14), dog (14)\n\
                    data: 24 images to train on, 4 to validate, 2 classes\nno problems found\n";
    assert_eq!(ran.stdout, expected);
}

#[test]
fn every_kind_of_bad_image_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path());
    let data = folder.path().join("data");
    let (cat, dog, valid) = (data.join("train/cat"), data.join("train/dog"), data.join("valid/cat"));
    let png = std::fs::read(cat.join("00.png")).unwrap();
    std::fs::write(cat.join("cut.png"), &png[..png.len() / 2]).unwrap();
    std::fs::write(cat.join("empty.jpg"), b"").unwrap();
    std::fs::write(cat.join("text.jpg"), b"no image at all").unwrap();
    std::fs::write(cat.join("notes.txt"), b"notes").unwrap();
    std::fs::copy(cat.join("00.png"), cat.join("same.png")).unwrap();
    std::fs::copy(cat.join("02.png"), dog.join("other.png")).unwrap();
    std::fs::copy(cat.join("04.png"), valid.join("leak.png")).unwrap();
    // The same image in another file.
    image::open(cat.join("06.png")).unwrap().save(cat.join("near.bmp")).unwrap();
    image::open(cat.join("08.png")).unwrap().save(valid.join("near.bmp")).unwrap();
    RgbImage::from_pixel(4, 4, image::Rgb([9, 9, 9])).save(dog.join("tiny.png")).unwrap();
    let mut gif = GifEncoder::new(std::fs::File::create(dog.join("moves.gif")).unwrap());
    let frame = |level| {
        Frame::new(RgbaImage::from_fn(40, 40, |x, y| image::Rgba([level, (x * 6) as u8, (y * 3) as u8, 255])))
    };
    gif.encode_frames([frame(10), frame(200)]).unwrap();
    drop(gif);
    noise(&data.join("train/Dog /1.png"), 99);

    let (report, found) = problems(folder.path(), &["data"], 1);
    let expected = [
        ("conflicting-labels", "data/train/dog/other.png"),
        ("duplicate-across-split", "data/valid/cat/leak.png"),
        ("empty", "data/train/cat/empty.jpg"),
        ("look-alike-classes", "dog"),
        ("not-an-image", "data/train/cat/text.jpg"),
        ("truncated", "data/train/cat/cut.png"),
        ("animated", "data/train/dog/moves.gif"),
        ("blank", "data/train/dog/tiny.png"),
        ("duplicate", "data/train/cat/same.png"),
        ("few-items", "Dog "),
        ("ignored-file", "data/train/cat/notes.txt"),
        ("near-duplicate", "data/train/cat/near.bmp"),
        ("near-duplicate-across-split", "data/valid/cat/near.bmp"),
        ("not-validated", "Dog "),
        ("tiny", "data/train/dog/tiny.png"),
    ];
    assert_eq!(found, expected.map(|(kind, path)| (kind.to_owned(), path.to_owned())));
    assert_eq!(report["counts"]["truncated"], 1);
    let ran = check(folder.path(), &["data"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (1, ""));
    let paragraph = "error: duplicate-across-split, 1\n  data/valid/cat/leak.png: the same as data/train/cat/04.png, which is \
                     trained on: it makes validation look too good\n";
    assert!(ran.stdout.contains(paragraph), "{}", ran.stdout);
}

#[test]
fn a_check_splits_as_training_does() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 10);
    std::fs::write(folder.path().join("data/red/none.png"), b"").unwrap();
    let words = ["data", "--valid-pct", "0.4", "--seed", "7"];
    let (checked, found) = problems(folder.path(), &words, 1);
    let kinds = |kind: &str| found.iter().filter(|(found, _)| found == kind).count();
    // Each class has five images twice.
    assert_eq!(kinds("duplicate") + kinds("duplicate-across-split"), 10);
    let trained = ["--epochs", "0", "--size", "32", "--out", "run", "--json"];
    let trained = defrost_in(folder.path(), &[&["train"], &words[..], &trained].concat()).json();
    assert_same_problems(&checked, &folder.path().join("run"));
    for part in ["train", "valid"] {
        assert_eq!(checked["items"][part], trained["items"][part]);
    }
    assert!(found.contains(&("empty".to_owned(), "data/red/none.png".to_owned())));
}

#[test]
fn folders_that_lack_something_are_problems_and_wrong_words_are_not() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path());
    std::fs::create_dir(folder.path().join("data/train/emu")).unwrap();
    let (report, found) = problems(folder.path(), &["data"], 0);
    assert_eq!(found, [("empty-folder".to_owned(), "data/train/emu".to_owned())]);
    assert_eq!(report["classes"], json!(["cat", "dog"]));
    let missing = check(folder.path(), &["nowhere"]);
    assert_eq!(
        missing.usage_error(),
        "nowhere: no such folder; give one that holds a folder of images per class"
    );
}

#[test]
fn texts_and_tables_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: usize| format!("this is the text of row {i},{}\n", ["good", "bad"][i % 2]);
    let rows: String = (0..40).map(row).collect();
    let bad =
        "this is the text of row 1,good\n,good\nthis is the text of row 99,Good \nno label here at all,\n";
    std::fs::write(folder.path().join("texts.csv"), format!("text,label\n{rows}{bad}")).unwrap();
    let (report, found) = problems(folder.path(), &["texts.csv", "--valid-pct", "0.5"], 1);
    let kinds: Vec<&str> = found.iter().map(|(kind, _)| kind.as_str()).collect();
    for kind in ["conflicting-labels", "empty-text", "look-alike-classes", "no-label", "few-items"] {
        assert!(kinds.contains(&kind), "{kind}: {report}");
    }
    assert!(found.contains(&("empty-text".to_owned(), "texts.csv:43".to_owned())), "{report}");

    // Sizes differ, so that no two rows are the same without their numbers.
    let row = |i: usize| format!("{i},{},x,{}\n", i * i % 61 + 61 * i, ["yes", "no"][i / 3 % 2]);
    let rows: String = (0..60).map(row).collect();
    std::fs::write(folder.path().join("table.csv"), format!("id,size,unit,label\n{rows}")).unwrap();
    let (report, found) = problems(folder.path(), &["table.csv", "--label-column", "label"], 0);
    assert_eq!(
        found,
        [("constant-column", "unit"), ("identifier-column", "id")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert_eq!(report["items"], json!({ "train": 48, "valid": 12 }));
    let detail = "all cells are `x`; leave it out with --ignore \"unit\"";
    assert_eq!(report["problems"][0]["detail"], detail);
    let words =
        ["train", "table.csv", "--label-column", "label", "--epochs", "1", "--batch", "16", "--out", "run"];
    assert_eq!(defrost_in(folder.path(), &words).code, 0);
    assert_same_problems(&report, &folder.path().join("run"));
}

#[test]
fn a_batch_is_drawn_as_training_would_see_it() {
    let folder = tempfile::tempdir().unwrap();
    sound(folder.path());
    let draw = |name: &str, words: &str| {
        let shown = ["data", "--show-batch", name, "--size", "40", "--batch", "9"];
        let words: Vec<&str> = shown.into_iter().chain(words.split_whitespace()).collect();
        let ran = check(folder.path(), &words);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("the first training batch: {name}")), "{}", ran.stderr);
        image::open(folder.path().join(name)).unwrap().into_rgb8()
    };
    let plain = draw("plain.png", "--augment none");
    // Three tiles a row; a tile is as wide as twelve letters, and has a margin of four pixels around it.
    assert_eq!(plain.dimensions(), (3 * (12 * 8 + 8), 3 * (40 + 16 + 12)));
    let varied = draw("varied.png", "");
    assert_eq!(varied, draw("again.png", ""), "the same draws");
    assert_ne!(varied, plain);
    assert_ne!(varied, draw("other.png", "--seed 7"));
    let mixed = draw("mixed.png", "--augment none --mixup 1");
    assert_ne!(mixed, plain);

    let texts: String =
        (0..40).map(|i| format!("this is the text of row {i},{}\n", ["a", "b"][i % 2])).collect();
    std::fs::write(folder.path().join("texts.csv"), format!("text,label\n{texts}")).unwrap();
    let refused = check(folder.path(), &["texts.csv", "--show-batch", "table.png"]);
    assert_eq!(refused.usage_error(), "--show-batch: it is for images; texts are not drawn");
}
