//! Folders as people have them: parts by many names, boxes around them, litter, pictures called otherwise.
//!
//! Nothing is lost: files = images used + files that the reading lists.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::check::noise;
use crate::support::{Ran, defrost_in, repository};

const QUICK: [&str; 9] = ["--size", "32", "--epochs", "0", "--freeze-epochs", "1", "--batch", "4", "--json"];

/// Six images in each of these class folders, no two of them alike.
fn classes(folder: &Path, names: &[&str]) {
    for name in names {
        for index in 0..6 {
            let path = folder.join(name).join(format!("{index}.png"));
            let seed = path
                .to_str()
                .unwrap()
                .bytes()
                .fold(7_u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)));
            noise(&path, seed);
        }
    }
}

fn touch(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"\0\x05\x16\x07").unwrap();
}

fn check(folder: &Path, data: &str) -> Ran {
    defrost_in(folder, &["check", data, "--size", "64", "--cache", "off", "--json"])
}

/// What `check --json` says of a data set; every file in it must be an image that is used or lost, or be listed.
fn reading(folder: &Path, data: &str) -> Value {
    let ran = check(folder, data);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let reading = report["reading"].clone();
    let count = |value: &Value| value.as_u64().unwrap() as usize;
    let splits = reading["splits"].as_object().unwrap().values().map(|split| count(&split["items"]));
    let ignored = reading["ignored"].as_array().unwrap().iter().map(|ignored| count(&ignored["files"]));
    assert_eq!(splits.chain(ignored).sum::<usize>(), files(&folder.join(data)), "{reading}");
    // What is taken for an image is read, or it is a problem.
    let used: usize = ["train", "valid"].map(|part| count(&report["items"][part])).into_iter().sum();
    let lost = report["problems"].as_array().unwrap().iter();
    let lost =
        lost.filter(|problem| problem["kind"] == "unsupported" || problem["kind"] == "damaged").count();
    let classes = reading["classes"].as_object().unwrap().values().map(count);
    assert_eq!(used + lost, classes.sum::<usize>(), "{report}");
    reading
}

fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// The names, folders and uses of a reading's parts.
fn splits(reading: &Value) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let splits = reading["splits"].as_object().unwrap();
    splits.iter().map(|(name, split)| (name.clone(), text(&split["path"]), text(&split["use"]))).collect()
}

fn names(reading: &Value) -> Vec<&String> {
    reading["classes"].as_object().unwrap().keys().collect()
}

#[test]
fn parts_are_found_by_whatever_name_and_in_boxes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for part in ["training_set/training_set", "test_set/test_set"] {
        classes(&data.join("catsdogs").join(part), &["cats", "dogs"]);
    }
    for part in ["Training", "Testing"] {
        classes(&data.join("brain").join(part), &["glioma", "notumor", "pituitary"]);
    }
    for part in ["train", "val", "test"] {
        classes(&data.join("chest/chest_xray").join(part), &["NORMAL", "PNEUMONIA"]);
    }
    classes(&data.join("wrapped/PetImages"), &["Cat", "Dog"]);
    for part in ["train", "Validation"] {
        classes(&data.join("mixed").join(part), &["cats", "dogs"]);
    }
    let part =
        |name: &str, path: &str, used: &str| (name.to_owned(), format!("data/{path}"), used.to_owned());
    let cases = [
        (
            "catsdogs",
            vec![
                part("test", "catsdogs/test_set/test_set", "evaluate"),
                part("train", "catsdogs/training_set/training_set", "train"),
            ],
        ),
        ("brain", vec![part("test", "brain/Testing", "evaluate"), part("train", "brain/Training", "train")]),
        (
            "chest",
            vec![
                part("test", "chest/chest_xray/test", "evaluate"),
                part("train", "chest/chest_xray/train", "train"),
                part("valid", "chest/chest_xray/val", "validate"),
            ],
        ),
        ("wrapped", vec![part("train", "wrapped/PetImages", "train")]),
        ("mixed", vec![part("train", "mixed/train", "train"), part("valid", "mixed/Validation", "validate")]),
    ];
    for (name, mut expected) in cases {
        let reading = reading(folder.path(), &format!("data/{name}"));
        expected.sort();
        let mut found = splits(&reading);
        found.sort();
        assert_eq!(found, expected, "{name}");
    }
    assert_eq!(names(&reading(folder.path(), "data/brain")), ["glioma", "notumor", "pituitary"]);

    let ran = defrost_in(folder.path(), &[&["train", "data/catsdogs", "--out", "run"], &QUICK[..]].concat());
    let trained = ran.json();
    assert!(
        ran.stderr.contains("test: 12 images in data/catsdogs/test_set/test_set, left for"),
        "{}",
        ran.stderr
    );
    assert_eq!(trained["reading"]["classes"], json!({ "cats": 6, "dogs": 6 }));
    // What was left is what is measured.
    let measured = defrost_in(folder.path(), &["evaluate", "run", "data/catsdogs", "--json"]);
    assert_eq!(measured.json()["items"], 12);
    assert!(measured.stderr.contains("in data/catsdogs/test_set/test_set\n"), "{}", measured.stderr);
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(page.contains("train: 12 images in data/catsdogs/training_set/training_set"));
}

#[test]
fn what_is_not_used_of_a_data_set_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for part in ["train", "val", "dev", "holdout"] {
        classes(&data.join(part), &["cats", "dogs"]);
    }
    let reading = reading(folder.path(), "data");
    assert_eq!(reading["splits"]["dev"]["use"], "nothing");
    assert_eq!(reading["ignored"][0]["path"], "data/holdout");
    assert_eq!(reading["ignored"][0]["files"], 12);
    let ran = defrost_in(folder.path(), &["plan", "data", "--size", "32"]);
    assert!(ran.stderr.contains("dev: 12 images in data/dev, not used"), "{}", ran.stderr);
    // A fraction that is asked for takes the place of the folder's own part, which is said.
    let words = ["check", "data", "--size", "64", "--valid-pct", "0.5"];
    let said = defrost_in(folder.path(), &words).stdout;
    assert!(said.contains("data/val: 12 images in data/val, not used\n"), "{said}");
    assert!(said.contains("2 classes: cats (6), dogs (6)\n"), "{said}");
}

#[test]
fn a_class_called_train_is_no_part_or_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for vehicle in ["car", "plane", "train"] {
        classes(&data.join("vehicles").join(vehicle), &["old", "new"]);
    }
    for kind in ["invalid", "valid"] {
        classes(&data.join("tickets").join(kind), &["2020", "2021"]);
    }
    classes(&data.join("flat"), &["car", "plane", "train"]);
    let refused = check(folder.path(), "data/vehicles");
    assert_eq!(
        refused.usage_error(),
        "data/vehicles/train may be the part to train on, with the classes new, old, or a class beside car, plane; as all of \
         them hold the same folders, train is probably a class; give data/vehicles/train if it is the part to train on, and \
         rename it if it is a class"
    );
    let tickets = reading(folder.path(), "data/tickets");
    assert_eq!(names(&tickets), ["invalid", "valid"]);
    assert_eq!(tickets["nested"], json!({ "folders": 4, "first": "data/tickets/invalid/2020" }));
    assert_eq!(names(&reading(folder.path(), "data/flat")), ["car", "plane", "train"]);
    for vehicle in ["truck", "train"] {
        for kind in ["a", "b"] {
            let path = data.join("texts").join(vehicle).join(kind).join("1.txt");
            touch(&path);
            fs::write(path, format!("a text about {vehicle} of kind {kind}")).unwrap();
        }
    }
    let refused = check(folder.path(), "data/texts");
    assert!(
        refused.usage_error().starts_with("data/texts/train may be the part to train on"),
        "{}",
        refused.stderr
    );
}

#[test]
fn litter_is_no_data_and_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for name in ["mac", "mac2/train", "mac2/valid", "nas", "jupyter", "lost"] {
        classes(&data.join(name), &["cats", "dogs"]);
    }
    touch(&data.join("mac/__MACOSX/cats/._0.jpg"));
    touch(&data.join("mac/__MACOSX/._cats"));
    touch(&data.join("mac/cats/._0.jpg"));
    touch(&data.join("mac2/__MACOSX/train/cats/._0.jpg"));
    touch(&data.join("mac2/train/__MACOSX/cats/._0.jpg"));
    for class in ["cats", "dogs"] {
        touch(&data.join("nas").join(class).join("@eaDir/0.jpg/SYNOPHOTO_THUMB_M.jpg"));
        touch(&data.join("nas").join(class).join("Thumbs.db"));
    }
    touch(&data.join("jupyter/.ipynb_checkpoints/0.png"));
    touch(&data.join("jupyter/cats/.ipynb_checkpoints/0.png"));
    fs::create_dir(data.join("lost/lost+found")).unwrap();
    fs::create_dir(data.join("lost/birds")).unwrap();
    for (name, program) in [
        ("mac", "macOS"),
        ("mac2", "macOS"),
        ("nas", "a network drive"),
        ("jupyter", "Jupyter"),
        ("lost", "the file system"),
    ] {
        let name = format!("data/{name}");
        let reading = reading(folder.path(), &name);
        assert_eq!(names(&reading), ["cats", "dogs"], "{name}");
        let reasons: Vec<&str> =
            reading["ignored"].as_array().unwrap().iter().map(|it| it["reason"].as_str().unwrap()).collect();
        assert!(reasons.contains(&&*format!("written by {program}")), "{reading}");
        assert_eq!(check(folder.path(), &name).code, 0, "{name}");
    }
    let said = defrost_in(folder.path(), &["check", "data/mac", "--size", "64"]).stdout;
    assert!(said.contains("not used: data/mac/__MACOSX and 1 more (3 files): written by macOS\n"), "{said}");
}

#[test]
fn content_decides_what_a_file_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    classes(&data.join("scraped"), &["cats", "dogs"]);
    let called = ["0.png?w=200", "1.png!d", "2.png.1", "3.PnG", "4", "5.png "];
    for class in ["cats", "dogs"] {
        for (index, name) in called.into_iter().enumerate() {
            let class = data.join("scraped").join(class);
            fs::rename(class.join(format!("{index}.png")), class.join(name)).unwrap();
        }
    }
    // As phones write it.
    let heic = repository().join("crates/defrost/tests/fixtures/images/scene.heic");
    fs::copy(heic, data.join("scraped/cats/6.jpg")).unwrap();
    let scraped = reading(folder.path(), "data/scraped");
    assert_eq!(scraped["classes"], json!({ "cats": 7, "dogs": 6 }));
    assert_eq!(check(folder.path(), "data/scraped").code, 0);

    classes(&data.join("netpbm"), &["s1", "s2"]);
    for class in ["s1", "s2"] {
        for entry in fs::read_dir(data.join("netpbm").join(class)).unwrap() {
            let path = entry.unwrap().path();
            image::open(&path).unwrap().into_luma8().save(path.with_extension("pgm")).unwrap();
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(reading(folder.path(), "data/netpbm")["classes"], json!({ "s1": 6, "s2": 6 }));
    assert_eq!(check(folder.path(), "data/netpbm").code, 0);
}

#[test]
fn formats_that_are_not_read_are_named_and_counted_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    classes(&data.join("phone"), &["cats", "dogs"]);
    let jpeg_2000 = b"\0\0\0\x0CjP  \r\n\x87\n and more";
    fs::write(data.join("phone/cats/6.jp2"), jpeg_2000).unwrap();
    fs::write(data.join("phone/cats/7.jpg"), b"\xFF\x0A and more").unwrap();
    fs::write(data.join("phone/cats/8"), b"%PDF-1.7 and more").unwrap();
    let reading = reading(folder.path(), "data/phone");
    assert_eq!(reading["classes"], json!({ "cats": 9, "dogs": 6 }));
    let said = defrost_in(folder.path(), &["check", "data/phone", "--size", "64"]);
    assert_eq!(said.code, 1);
    let lost = "error: unsupported, 3\n  data/phone/cats/6.jp2: JPEG 2000 is not read; `opj_decompress -i in.jp2 -o out.png` converts \
                it\n  data/phone/cats/7.jpg: JPEG XL is not read; `djxl in.jxl out.png` converts it; \
                built with the feature `jpeg-xl`, defrost reads it\n  data/phone/cats/8: PDF is not \
                read; `pdftoppm -png in.pdf page` makes an image of each page\n";
    assert!(said.stdout.contains(lost), "{}", said.stdout);

    // A class of nothing else is no class to train on, and the reason is not that it has no images.
    classes(&data.join("one"), &["dogs"]);
    fs::create_dir(data.join("one/cats")).unwrap();
    for index in 0..6 {
        fs::write(data.join(format!("one/cats/{index}.jp2")), jpeg_2000).unwrap();
    }
    let refused = defrost_in(folder.path(), &[&["train", "data/one", "--out", "run"], &QUICK[..]].concat());
    assert_eq!(
        refused.usage_error(),
        "data/one: none of the 6 images of class cats can be read; the first: data/one/cats/0.jp2: JPEG 2000 is not read; \
         `opj_decompress -i in.jp2 -o out.png` converts it"
    );
}

#[test]
fn names_are_equal_as_people_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    classes(&data.join("train"), &["caf\u{e9}", "tea"]);
    classes(&data.join("valid"), &["cafe\u{301}", "tea"]);
    let reading = reading(folder.path(), "data");
    assert_eq!(reading["classes"], json!({ "caf\u{e9}": 12, "tea": 12 }));
}
