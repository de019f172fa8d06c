//! `--group-regex` and `--group-column`: items that belong together stay on one side of the split.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::Path;

use crate::support::{defrost_in, image};

/// Forty images of eight people, `people/CLASS/PERSON_NUMBER.png`.
fn people(folder: &Path) {
    for item in 0..40 {
        let (class, person) = (["a", "b"][item % 2], item / 2 % 4);
        let class_folder = folder.join("people").join(class);
        std::fs::create_dir_all(&class_folder).unwrap();
        let colour = [item as u8 * 6, 90, 255 - item as u8 * 6];
        image(&class_folder.join(format!("{class}{person}_{item}.png")), colour, 3);
    }
}

/// The notes of a run on this data, which has to succeed.
fn notes(folder: &Path, words: &[&str]) -> String {
    let ran = defrost_in(folder, &[&["train"], words, &["--epochs", "1"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stderr
}

#[test]
fn the_images_of_a_person_are_on_one_side() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let by_name = ["people", "--size", "32", "--group-regex", "([ab][0-9])_", "--valid-pct", "0.25"];
    let told = notes(folder, &by_name);
    assert!(told.contains("6 groups of items that belong together train, 2 validate"), "{told}");

    // The same from a column of a table of labels.
    let mut table = "file,class,person\n".to_owned();
    for item in 0..40 {
        let (class, person) = (["a", "b"][item % 2], item / 2 % 4);
        writeln!(table, "{class}/{class}{person}_{item}.png,{class},{class}{person}").unwrap();
    }
    std::fs::write(folder.join("labels.csv"), table).unwrap();
    let by_column = ["--labels", "labels.csv", "--group-column", "person", "--valid-pct", "0.25"];
    let told = notes(folder, &[&["people", "--size", "32"], &by_column[..]].concat());
    assert!(told.contains("6 groups of items that belong together train, 2 validate"), "{told}");

    let without_table = defrost_in(folder, &["train", "people", "--group-column", "person"]);
    assert!(without_table.usage_error().starts_with("--group-column is a column of --labels FILE"));
}

#[test]
fn a_group_on_both_sides_of_a_given_split_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    for (part, of) in [("train", "people"), ("valid", "people")] {
        for class in ["a", "b"] {
            let into = folder.join("split").join(part).join(class);
            std::fs::create_dir_all(&into).unwrap();
            for file in std::fs::read_dir(folder.join(of).join(class)).unwrap() {
                let file = file.unwrap();
                let number: usize =
                    file.file_name().to_str().unwrap().split(['_', '.']).nth(1).unwrap().parse().unwrap();
                if (number < 30) == (part == "train") {
                    std::fs::copy(file.path(), into.join(file.file_name())).unwrap();
                }
            }
        }
    }
    let told = notes(folder, &["split", "--size", "32", "--group-regex", "[ab][0-9]"]);
    assert!(told.contains("8 of the groups that validate are in training too, such as a0"), "{told}");
}

#[test]
fn the_rows_of_a_customer_are_on_one_side_and_the_customer_is_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut table = "customer,spent,kind\n".to_owned();
    for row in 0..60 {
        writeln!(table, "c{},{},{}", row % 12, row * 7 % 50, ["x", "y"][row % 2]).unwrap();
    }
    std::fs::write(folder.join("rows.csv"), table).unwrap();
    let words = ["rows.csv", "--label-column", "kind", "--group-column", "customer", "--out", "run"];
    let told = notes(folder, &[&words[..], &["--valid-pct", "0.25"]].concat());
    assert!(told.contains("9 groups of items that belong together train, 3 validate"), "{told}");
    let bundle = std::fs::read_to_string(folder.join("run/bundle.json")).unwrap();
    assert!(bundle.contains("spent") && !bundle.contains("customer"), "{bundle}");

    let by_path = defrost_in(folder, &["train", "rows.csv", "--label-column", "kind", "--group-regex", "c"]);
    assert!(by_path.usage_error().contains("name the column with --group-column"));
    let missing = [&["train"], &words[..4], &["nobody"]].concat();
    let missing = defrost_in(folder, &missing);
    assert!(missing.usage_error().contains("nobody"), "{}", missing.stderr);
}

#[test]
fn the_texts_of_an_author_are_on_one_side() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut table = "text,label,author\n".to_owned();
    for row in 0..48 {
        let word = ["good", "bad"][row % 2];
        writeln!(table, "the tea number {row} is quite {word} today,{word},w{}", row % 8).unwrap();
    }
    std::fs::write(folder.join("texts.csv"), table).unwrap();
    // A check splits as training does, and needs no network.
    let options = ["--text-column", "text", "--label-column", "label", "--group-column", "author"];
    let checked = defrost_in(folder, &[&["check", "texts.csv", "--json"], &options[..]].concat()).json();
    let parts: HashSet<&str> = checked.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(parts.contains("problems"), "{checked}");
    let by_path = [&["check", "texts.csv"], &options[..4], &["--group-regex", "w"]].concat();
    let by_path = defrost_in(folder, &by_path);
    assert!(
        by_path.usage_error().contains("files' paths tell which texts belong together"),
        "{}",
        by_path.stderr
    );
}
