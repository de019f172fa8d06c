//! `defrost report`, and the page that `train` leaves.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::labels::images;
use crate::support::{defrost_in, people, two_classes};
use crate::tables::{reviews, tiny};

/// Tags that have no end.
const VOID: [&str; 7] = ["meta", "img", "br", "link", "input", "hr", "!doctype"];

/// Asserts that each tag ends in the order in which they began, and that attributes are in estimates.
fn assert_well_formed(page: &str) {
    let mut open: Vec<&str> = vec![];
    let mut rest = page;
    while let Some((_, tag)) = rest.split_once('<') {
        let (tag, after) = tag.split_once('>').expect("a tag ends");
        rest = after;
        let name = tag.split([' ', '\n', '/']).find(|part| !part.is_empty()).unwrap_or_default();
        if let Some(ended) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(ended), "after {:?}", &rest[..rest.len().min(80)]);
        } else if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name);
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        if tag == "style" {
            rest = &rest[rest.find("</style>").expect("a style ends")..];
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

/// A run's page, after what holds for all of them: it is whole, asks nobody for anything, and is drawn again from what
/// was kept, the same to the byte.
fn page(folder: &Path, run: &str) -> String {
    let path = folder.join(run).join("report.html");
    let page = fs::read_to_string(&path).unwrap();
    assert_well_formed(&page);
    for outside in ["http:", "https:", "url(//", "<script", "<link", "<iframe", "@import"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for image in page.split(" src=\"").skip(1) {
        assert!(image.starts_with("data:image/"), "{}", &image[..40]);
    }
    assert!(!page.contains("NaN") && !page.contains(">inf"), "a number is none");
    for again in 0..2 {
        fs::remove_file(&path).unwrap();
        let said = defrost_in(folder, &["report", run, "--json"]).json();
        assert_eq!(said["report"], format!("{run}/report.html"));
        assert!(fs::read_to_string(&path).unwrap() == page, "drawn again, {again}");
    }
    assert!(page.len() < 3 << 20, "{} bytes", page.len());
    page
}

/// Asserts that these stand in a page, and those do not.
#[track_caller]
fn assert_holds(page: &str, there: &[&str], absent: &[&str]) {
    let missing: Vec<_> = there.iter().filter(|text| !page.contains(**text)).collect();
    let unwanted: Vec<_> = absent.iter().filter(|text| page.contains(**text)).collect();
    assert!(missing.is_empty() && unwanted.is_empty(), "missing {missing:?}, unwanted {unwanted:?}");
}

#[test]
fn images_have_a_page_that_outlives_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = two_classes(folder.path(), 10);
    fs::write(data.join("red/broken.png"), b"no image").unwrap();
    let words = [
        "train", "data", "--size", "64", "--epochs", "1", "--batch", "8", "--cut", "blocks.6", "--out",
        "run", "--json",
    ];
    let trained = defrost_in(folder.path(), &words).json();
    assert_eq!(trained["report"], "run/report.html");
    fs::remove_dir_all(&data).unwrap();
    let page = page(folder.path(), "run");
    let there = [
        "What was frozen, and what was trained",
        "cut off: blocks.6.0 to conv_head",
        ">change<",
        "Momentum",
        "Confusion matrix",
        "data:image/jpeg;base64,",
        "where the network looked for",
        "A batch as training saw it",
        "as training saw it\" src=\"data:image/jpeg",
        "Training loss, batch by batch",
        "href=\"file:///",
        "1 error: not-an-image",
        "data/red/broken.png",
        "defrost train data --size 64",
    ];
    assert_holds(&page, &there, &["Predicted against actual", "threshold"]);
}

#[test]
fn texts_and_rows_have_pages() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny(folder);
    reviews(folder);
    people(folder);
    let texts =
        "train reviews.csv --weights tiny --max-tokens 12 --epochs 2 --gradual --batch 8 --out texts --json";
    defrost_in(folder, &texts.split(' ').collect::<Vec<_>>()).json();
    let found = page(folder, "texts");
    assert_holds(
        &found,
        &[
            "<blockquote>",
            "<mark style",
            "cut: only the first 12 tokens",
            "A batch as training saw it",
            "freeze_to(-2)",
            "Highest-loss predictions",
        ],
        &["data:image"],
    );
    let rows = "train people.csv --label-column group --epochs 2 --out rows --json";
    defrost_in(folder, &rows.split(' ').collect::<Vec<_>>()).json();
    let found = page(folder, "rows");
    assert_holds(
        &found,
        &["Columns that matter", r#"<th scope="col">town</th>"#, "older"],
        &["data:image", "<ul class=\"cases"],
    );
    let number = "train people.csv --label-column age --epochs 2 --train-only head --out number --json";
    defrost_in(folder, &number.split(' ').collect::<Vec<_>>()).json();
    let found = page(folder, "number");
    let absent = ["Confusion matrix", "Each class", "Most confident correct", "Confused most often"];
    assert_holds(&found, &["Predicted against actual", "Mean absolute error", "only head"], &absent);
}

#[test]
fn the_items_behind_a_number_of_the_matrix_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    // One step does not tell people apart.
    let words = "train people.csv --label-column group --epochs 1 --lr 1e-9 --out run --json";
    defrost_in(folder, &words.split(' ').collect::<Vec<_>>()).json();
    let page = page(folder, "run");
    let opened: Vec<&str> = page.split("href=\"#pair-").skip(1).map(|rest| &rest[..3]).collect();
    assert!(!opened.is_empty());
    for pair in opened {
        assert_holds(&page, &[&format!("id=\"pair-{pair}\"")], &[]);
    }
    assert_holds(&page, &[" predicted as "], &[]);
}

#[test]
fn suspects_are_a_table_of_labels_to_correct() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 10);
    let train = |more: &str| {
        let words = format!("train data --size 32 --epochs 1 --batch 8 {more} --json");
        defrost_in(folder, &words.split(' ').collect::<Vec<_>>()).json()
    };
    let before = train("--out run");
    let suspects = fs::read_to_string(folder.join("run/suspects.csv")).unwrap();
    let lines: Vec<&str> = suspects.lines().collect();
    assert_eq!(lines[0], "file,label,part,prediction,probability,loss");
    let losses: Vec<f64> =
        lines[1..].iter().filter_map(|line| line.rsplit(',').next()?.parse().ok()).collect();
    assert_eq!(losses.len(), before["items"]["valid"].as_u64().unwrap() as usize);
    assert!(losses.is_sorted_by(|a, b| a >= b), "{losses:?}");
    // Correct the label that is doubted most, and train with the table.
    let first = lines[1].split(',').nth(1).unwrap();
    let other = if first == "red" { "blue" } else { "red" };
    let corrected = suspects.replacen(&format!(",{first},"), &format!(",{other},"), 1);
    fs::write(folder.join("corrected.csv"), corrected).unwrap();
    let after = train("--labels corrected.csv --valid-column part --out again");
    assert_eq!(after["classes"], before["classes"]);
    let labels = |run: &str| -> Vec<String> {
        let predictions = fs::read_to_string(folder.join(run).join("predictions.csv")).unwrap();
        let mut labels: Vec<String> =
            predictions.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect();
        labels.sort();
        labels
    };
    let (before, after) = (labels("run"), labels("again"));
    assert_eq!(before.len(), after.len(), "the same items validate");
    let count = |labels: &[String]| labels.iter().filter(|label| *label == first).count();
    assert_eq!(count(&after) + 1, count(&before));
}

#[test]
fn labels_have_a_row_each() {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path());
    let words = "train data --size 32 --epochs 1 --batch 8 --labels labels.csv --label-column tags --target labels --out run --json";
    defrost_in(folder.path(), &words.split(' ').collect::<Vec<_>>()).json();
    let page = page(folder.path(), "run");
    assert_holds(&page, &["Each label", "threshold", "striped", "warm"], &["Confusion matrix"]);
}

#[test]
fn names_can_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let evil = "<script>alert('x')</script>";
    let rows: String = (0..40)
        .map(|i| {
            format!("{},\"<i>{i}\",{}\n", i % 7, if i % 2 == 0 { evil } else { "\"\"\" onload=\"\"&\"" })
        })
        .collect();
    fs::write(folder.join("a<b>.csv"), format!("\"<b>size\",word,kind\n{rows}")).unwrap();
    let words = [
        "train",
        "a<b>.csv",
        "--label-column",
        "kind",
        "--ignore",
        "word",
        "--epochs",
        "1",
        "--out",
        "run",
        "--json",
    ];
    defrost_in(folder, &words).json();
    let page = page(folder, "run");
    assert_holds(&page, &["&#60;script&#62;alert(&#39;x&#39;)"], &["<script", "<b>", "<i>", "\" onload=\""]);
}

#[test]
fn a_run_without_a_record_has_a_shorter_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    defrost_in(
        folder,
        &["train", "people.csv", "--label-column", "group", "--epochs", "2", "--out", "run", "--json"],
    )
    .json();
    fs::remove_file(folder.join("run/report.json")).unwrap();
    assert_eq!(defrost_in(folder, &["report", "run"]).stdout, "run/report.html\n");
    let page = page(folder, "run");
    assert_holds(&page, &["What was frozen, and what was trained", ">Training<", "Accuracy"], &[">Errors<"]);
}

#[test]
fn what_is_no_run_or_damaged_has_no_page() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir(folder.join("empty")).unwrap();
    assert_eq!(
        defrost_in(folder, &["report", "empty"]).usage_error(),
        "empty: not a finished run: there is no bundle.json in it"
    );
    fs::write(folder.join("empty/report.json"), "{\"format\": 1").unwrap();
    assert!(
        defrost_in(folder, &["report", "empty"])
            .usage_error()
            .starts_with("empty/report.json: not a valid report: EOF")
    );
    let later = Value::from_iter([("format", 9.into()), ("report", Value::Null)]);
    fs::write(folder.join("empty/report.json"), later.to_string()).unwrap();
    assert!(
        defrost_in(folder, &["report", "empty"])
            .usage_error()
            .starts_with("empty/report.json: not a valid report: ")
    );
}
