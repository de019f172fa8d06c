//! Tables that label images, as people export them.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::check::noise;
use crate::support::defrost_in;

const ROWS: usize = 12;

fn name(index: usize) -> String {
    format!("p{index:02}.png")
}

fn label(index: usize) -> &'static str {
    ["cat", "dog"][index % 2]
}

/// A folder with images in `img`.
fn images() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..ROWS {
        noise(&folder.path().join("img").join(name(index)), index as u32);
    }
    folder
}

/// What `check` says of the images with this table; all rows are used or listed.
fn check(folder: &Path, table: &str, words: &[&str]) -> Value {
    fs::write(folder.join("labels.csv"), table).unwrap();
    let all = [
        "check",
        "img",
        "--labels",
        "labels.csv",
        "--size",
        "32",
        "--cache",
        "off",
        "--json",
        "--left-out",
        "out.csv",
    ];
    let ran = defrost_in(folder, &all.into_iter().chain(words.iter().copied()).collect::<Vec<_>>());
    let report: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr));
    let reading = &report["reading"];
    let number = |value: &Value| value.as_u64().unwrap();
    assert_eq!(
        number(&reading["rows_used"])
            + number(&reading["rows_for_testing"])
            + number(&reading["rows_left_out"]),
        number(&reading["lines"]),
        "{report}"
    );
    report
}

fn used(report: &Value) -> u64 {
    report["reading"]["rows_used"].as_u64().unwrap()
}

fn table(header: &str, line: impl Fn(usize) -> String) -> String {
    format!("{header}\n") + &(0..ROWS).map(|index| line(index) + "\n").collect::<String>()
}

#[test]
fn images_are_found_as_tables_write_them() {
    let folder = images();
    for (case, text) in [
        ("plain", table("image,label", |i| format!("{},{}", name(i), label(i)))),
        ("an index before", table(",image,label", |i| format!("{i},{},{}", name(i), label(i)))),
        ("backslashes", table("image,label", |i| format!("img\\{},{}", name(i), label(i)))),
        ("a folder before", table("image,label", |i| format!("./img/{},{}", name(i), label(i)))),
        ("of another machine", table("image,label", |i| format!("/home/bob/{},{}", name(i), label(i)))),
        ("another case", table("image,label", |i| format!("{},{}", name(i).to_uppercase(), label(i)))),
        (
            "no extension",
            table("image,label", |i| format!("{},{}", name(i).trim_end_matches(".png"), label(i))),
        ),
        ("addresses", table("image,label", |i| format!("https://example.org/{},{}", name(i), label(i)))),
        ("no header", table("", |i| format!("{},{}", name(i), label(i))).trim_start().to_owned()),
        ("semicolons", table("image;label", |i| format!("{};{}", name(i), label(i)))),
        ("blanks", table("image, label", |i| format!("{}, {}", name(i), label(i)))),
        (
            "separators at the end",
            table("image,label", |i| format!("{},{}{}", name(i), label(i), if i < 6 { "" } else { "," })),
        ),
        ("the label first", table("label,image", |i| format!("{},{}", label(i), name(i)))),
        (
            "a column for each class",
            table("image,cat,dog", |i| format!("{},{}.0,{}.0", name(i), (i + 1) % 2, i % 2)),
        ),
    ] {
        let report = check(folder.path(), &text, &[]);
        assert_eq!((used(&report), &report["classes"]), (12, &json!(["cat", "dog"])), "{case}: {report}");
    }
}

#[test]
fn rows_that_label_nothing_are_listed() {
    let folder = images();
    let report = check(
        folder.path(),
        &table("image,label", |i| match i {
            11 => format!("{},", name(i)),
            10 => "p99.png,bird".to_owned(),
            _ => format!("{},{}", name(i), label(i)),
        }),
        &[],
    );
    assert_eq!((used(&report), &report["classes"]), (10, &json!(["cat", "dog"])), "{report}");
    let listed = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    fs::write(folder.path().join("none.csv"), "image,label\n7,cat\n8,dog\n").unwrap();
    let refused = defrost_in(folder.path(), &["check", "img", "--labels", "none.csv"]);
    let expected =
        "none.csv: no image has a label that can be used; the first: none.csv:2: there is no image 7";
    assert_eq!(refused.usage_error(), expected);
    assert!(listed.contains("labels.csv:12,missing,there is no image p99.png"), "{listed}");
    assert!(listed.contains("labels.csv:13,no-label,it has no label"), "{listed}");
}

#[test]
fn several_labels_are_split_as_they_are_written() {
    let folder = images();
    for (cells, expected) in [
        (["\"a,b\"", "\"b,c\"", "a"], json!(["a", "b", "c"])),
        (["a|b", "b|c", "a"], json!(["a", "b", "c"])),
        (["\"['a', 'b']\"", "\"['b', 'c']\"", "\"['a']\""], json!(["a", "b", "c"])),
        (["a b", "b c", ""], json!(["a", "b", "c"])),
    ] {
        let report = check(
            folder.path(),
            &table("image,tags", |i| format!("{},{}", name(i), cells[i % 3])),
            &["--target", "labels"],
        );
        assert_eq!((used(&report), &report["classes"]), (12, &expected), "{cells:?}: {report}");
    }
    let words = table("image,tags", |i| format!("{},{}", name(i), ["No Finding", "Pleural Effusion"][i % 2]));
    let report = check(folder.path(), &words, &["--target", "labels"]);
    assert!(
        report["reading"]["notes"].to_string().contains("labels are read with blanks between them"),
        "{report}"
    );
    let report = check(folder.path(), &words, &["--target", "labels", "--label-separator", "|"]);
    assert_eq!(report["classes"], json!(["No Finding", "Pleural Effusion"]));
    let long = (0..ROWS)
        .flat_map(|i| [label(i), "animal"].map(|tag| format!("{},{tag}\n", name(i))))
        .collect::<String>();
    let report = check(folder.path(), &format!("image,tag\n{long}"), &["--target", "labels"]);
    assert_eq!(report["classes"], json!(["animal", "cat", "dog"]));
}

#[test]
fn numbers_and_splits_are_read_as_they_are_written() {
    let folder = images();
    let report = check(
        folder.path(),
        &table("image,age", |i| format!("{},\"{i},5\"", name(i))),
        &["--target", "number"],
    );
    assert_eq!(used(&report), 12, "{report}");
    let report = check(
        folder.path(),
        &table("image,age", |i| {
            format!("{},{}", name(i), if i == 0 { "NA".to_owned() } else { format!("{i}.5") })
        }),
        &["--target", "number"],
    );
    assert_eq!((used(&report), &report["reading"]["rows_left_out"]), (11, &json!(1)), "{report}");
    let split = table("image,label,split", |i| {
        format!("{},{},{}", name(i), label(i), ["train", "train", "train", "valid", "test", "train"][i % 6])
    });
    let notes = check(folder.path(), &split, &[])["reading"]["notes"].to_string();
    assert!(notes.contains("column `split` seems to say which rows validate"), "{notes}");
    let report = check(folder.path(), &split, &["--valid-column", "split"]);
    assert_eq!(report["items"], json!({ "train": 8, "valid": 2 }), "{report}");
    assert!(report["reading"]["notes"].to_string().contains("2 rows are for testing"), "{report}");
    let folds = table("image,label,fold", |i| format!("{},{},{}", name(i), label(i), i % 5));
    let report = check(folder.path(), &folds, &["--valid-column", "fold"]);
    assert_eq!(report["items"], json!({ "train": 9, "valid": 3 }), "{report}");
}
