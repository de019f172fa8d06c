//! Files of rows as people export them: each is read as it is meant, and no row is lost without a word.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::defrost_in;

/// Whether a flag is set, a zone, a number and a day.
type Person = (bool, usize, f64, String);

/// Sixty rows: a number, a category, and a label that follows from the number.
fn rows() -> Vec<(f64, &'static str, &'static str)> {
    let row = |index: usize| {
        let number = ((index * 7919) % 1000) as f64 + 0.25;
        (number, ["a", "b", "c"][index % 3], if number > 500.0 { "hi" } else { "lo" })
    };
    (0..60).map(row).collect()
}

/// The rows under a header, the number written so.
fn table(header: &str, separator: &str, number: impl Fn(usize, f64) -> String) -> String {
    let line = |(index, (x, kind, label)): (usize, &(f64, &str, &str))| {
        [number(index, *x).as_str(), kind, label].join(separator) + "\n"
    };
    [header, "\n"].concat() + &rows().iter().enumerate().map(line).collect::<String>()
}

fn plain() -> String {
    table("x,kind,label", ",", |_, x| x.to_string())
}

fn check(folder: &Path, words: &[&str]) -> Value {
    let words: Vec<&str> = ["check", "data", "--label-column", "label", "--json"]
        .into_iter()
        .chain(words.iter().copied())
        .collect();
    let ran = defrost_in(folder, &words);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}", ran.stderr))
}

/// What was understood of a file; rows that are used and rows that are listed are all there are.
fn reading_of(bytes: &[u8], words: &[&str]) -> Value {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), bytes).unwrap();
    let words: Vec<&str> = ["--left-out", "out.csv"].iter().chain(words).copied().collect();
    let report = check(folder.path(), &words);
    let reading = report["reading"].clone();
    let number = |value: &Value| value.as_u64().unwrap() as usize;
    let used = ["train", "valid"].map(|part| number(&report["items"][part])).iter().sum::<usize>();
    let left_out = fs::read_to_string(folder.path().join("out.csv")).unwrap().lines().count() - 1;
    assert_eq!(used, number(&reading["rows_used"]), "{report}");
    assert_eq!(left_out, number(&reading["rows_left_out"]), "{report}");
    let tests = number(&reading["rows_for_testing"]);
    assert_eq!(used + tests + left_out, number(&reading["lines"]), "{report}");
    reading
}

fn kinds(reading: &Value) -> Value {
    let columns = reading["columns"].as_array().unwrap().iter();
    columns
        .map(|column| {
            (column["name"].as_str().unwrap().to_owned(), json!([column["kind"], column["used_as"]]))
        })
        .collect()
}

#[test]
fn numbers_are_numbers_however_they_are_written() {
    let expected =
        json!({ "x": ["number", "input"], "kind": ["category", "input"], "label": ["category", "label"] });
    let comma = |text: String| text.replace('.', ",");
    for (name, text) in [
        ("plain", plain()),
        ("decimal commas", table("x;kind;label", ";", |_, x| comma(x.to_string()))),
        (
            "decimal commas in quotes",
            table("x,kind,label", ",", |_, x| format!("\"{}\"", comma(x.to_string()))),
        ),
        (
            "thousands",
            table("x,kind,label", ",", |_, x| format!("\"{},{:03}.5\"", x as usize + 1, x as usize % 1000)),
        ),
        ("currency", table("x,kind,label", ",", |_, x| format!("${x}"))),
        ("euros", table("x,kind,label", ",", |_, x| format!("{x} €"))),
        ("percent", table("x,kind,label", ",", |_, x| format!("{x}%"))),
        ("units", table("x,kind,label", ",", |_, x| format!("{x} kg"))),
        ("signs", table("x,kind,label", ",", |_, x| format!("+{x}"))),
        ("exponents", table("x,kind,label", ",", |_, x| format!("{x:e}"))),
        ("blanks around", table("x , kind , label ", " , ", |_, x| x.to_string())),
    ] {
        let reading = reading_of(text.as_bytes(), &[]);
        assert_eq!((kinds(&reading), &reading["rows_used"]), (expected.clone(), &json!(60)), "{name}");
    }
}

#[test]
fn a_cell_that_does_not_fit_is_one_missing_cell() {
    for token in ["-", ".", "unknown", "missing", "inf", "N/D"] {
        let text =
            table("x,kind,label", ",", |index, x| if index == 5 { token.to_owned() } else { x.to_string() });
        let reading = reading_of(text.as_bytes(), &[]);
        let column = &reading["columns"][1];
        assert_eq!((&column["name"], &column["kind"]), (&json!("x"), &json!("number")), "{token}");
        assert_eq!(column["odd"], json!([{ "line": 7, "value": token }]));
        assert!(reading["notes"][0].as_str().unwrap().contains("line 7"), "{reading}");
    }
    for token in ["", "NA", "#N/A", "NULL", "<NA>", "None"] {
        let text =
            table("x,kind,label", ",", |index, x| if index == 5 { token.to_owned() } else { x.to_string() });
        let reading = reading_of(text.as_bytes(), &[]);
        assert_eq!(
            (&reading["columns"][1]["missing"], &reading["columns"][1]["odd"]),
            (&json!(1), &json!([])),
            "{token}"
        );
    }
}

#[test]
fn files_are_read_in_their_encoding_and_layout() {
    let latin = |text: &str| -> Vec<u8> { text.chars().map(|letter| letter as u8).collect() };
    let utf16 = |text: &str| -> Vec<u8> {
        "\u{feff}"
            .chars()
            .chain(text.chars())
            .collect::<String>()
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect()
    };
    let accents = table("größe,kind,label", ",", |_, x| x.to_string());
    for (name, bytes, expected) in [
        ("utf-16", utf16(&accents), json!({ "encoding": "UTF-16LE", "separator": ",", "header": true })),
        (
            "windows-1252",
            latin(&accents),
            json!({ "encoding": "windows-1252", "separator": ",", "header": true }),
        ),
        (
            "a byte order mark",
            ["\u{feff}", &plain()].concat().into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ",", "header": true }),
        ),
        (
            "sep=",
            ["sep=;\n", &plain().replace(',', ";")].concat().into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ";", "header": true }),
        ),
        (
            "tabs",
            plain().replace(',', "\t").into_bytes(),
            json!({ "encoding": "UTF-8", "separator": "\t", "header": true }),
        ),
        (
            "bars",
            plain().replace(',', "|").into_bytes(),
            json!({ "encoding": "UTF-8", "separator": "|", "header": true }),
        ),
        (
            "lines before",
            ["Report of today\n\n", &plain()].concat().into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ",", "header": true }),
        ),
        (
            "a comment",
            ["# made by R\n", &plain()].concat().into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ",", "header": true }),
        ),
        (
            "separators at the end",
            plain().replace('\n', ",\n").into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ",", "header": true }),
        ),
        (
            "line ends of old Macs",
            plain().replace('\n', "\r").into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ",", "header": true }),
        ),
        (
            "blank lines",
            plain().replace('\n', "\n\n").into_bytes(),
            json!({ "encoding": "UTF-8", "separator": ",", "header": true }),
        ),
    ] {
        let reading = reading_of(&bytes, &[]);
        let found = json!({ "encoding": reading["encoding"], "separator": reading["separator"], "header": reading["header"] });
        assert_eq!((found, &reading["rows_used"]), (expected, &json!(60)), "{name}");
    }
}

#[test]
fn a_file_without_names_is_read_by_numbers_of_columns() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), plain().split_once('\n').unwrap().1).unwrap();
    let refused = defrost_in(folder.path(), &["check", "data", "--label-column", "label"]);
    assert_eq!(
        refused.usage_error(),
        "data: there is no column `label`; the columns are column 1, column 2, column 3; its first line is read as data\n  help: --header yes reads it as names"
    );
    let ran = defrost_in(folder.path(), &["check", "data", "--label-column", "column 3", "--json"]);
    assert_eq!(ran.json()["reading"]["rows_used"], 60);
    assert_eq!(ran.json()["reading"]["header"], false);
}

#[test]
fn rows_in_json_and_in_archives_are_read() {
    let json = rows()
        .iter()
        .map(|(x, kind, label)| json!({ "x": x, "kind": kind, "label": label }).to_string() + "\n")
        .collect::<String>();
    let reading = reading_of(json.as_bytes(), &[]);
    assert_eq!((&reading["rows_used"], &reading["separator"]), (&json!(60), &Value::Null));
    let array = format!("[{}]", json.trim().replace('\n', ","));
    assert_eq!(reading_of(array.as_bytes(), &[])["rows_used"], 60);
}

#[test]
fn labels_are_classes_or_numbers() {
    let labelled = |label: &dyn Fn(usize) -> String| {
        let line = |(index, (x, ..)): (usize, &(f64, &str, &str))| format!("{x},{}\n", label(index));
        "x,label\n".to_owned() + &rows().iter().enumerate().map(line).collect::<String>()
    };
    let kind = |label: &dyn Fn(usize) -> String, words: &[&str]| {
        reading_of(labelled(label).as_bytes(), words)["columns"][0]["kind"].clone()
    };
    assert_eq!(kind(&|index| ["None", "NA", "x"][index % 3].to_owned(), &[]), "category");
    assert_eq!(kind(&|index| (index % 25).to_string(), &[]), "number");
    assert_eq!(kind(&|index| (index % 25).to_string(), &["--target", "class"]), "category");
    assert_eq!(kind(&|index| (index % 3).to_string(), &["--target", "number"]), "number");
    let one_bad = reading_of(
        labelled(&|index| if index == 9 { "N/D".to_owned() } else { format!("{index}.5") }).as_bytes(),
        &[],
    );
    assert_eq!((&one_bad["columns"][0]["kind"], &one_bad["rows_left_out"]), (&json!("number"), &json!(1)));
}

#[test]
fn a_person_can_say_what_a_column_holds() {
    let folder = tempfile::tempdir().unwrap();
    let day = |index: usize| format!("{:02}/{:02}/2024", 1 + index % 12, 1 + index % 11);
    let lines: String = rows()
        .iter()
        .enumerate()
        .map(|(index, (x, _, label))| format!("{index},{},{x},{label}\n", day(index)))
        .collect();
    fs::write(folder.path().join("data"), format!("id,day,x,label\n{lines}")).unwrap();
    let found = |words: &[&str]| kinds(&check(folder.path(), words)["reading"]);
    assert_eq!(found(&[])["id"], json!(["number", "nothing"]), "it numbers the rows");
    assert_eq!(found(&["--column", "id=number"])["id"], json!(["number", "input"]));
    assert_eq!(found(&["--column", "x=category"])["x"], json!(["category", "input"]));
    assert_eq!(found(&[])["day"], json!(["date", "input"]));
    let notes = check(folder.path(), &[])["reading"]["notes"].to_string();
    assert!(notes.contains("is read with the month first"), "{notes}");
    let told = check(folder.path(), &["--column", "day=day-first"])["reading"]["notes"].to_string();
    assert!(!told.contains("month first"), "{told}");
    let wrong =
        defrost_in(folder.path(), &["check", "data", "--label-column", "label", "--column", "x=float"]);
    assert!(
        wrong.usage_error().contains("`float` is no kind of column; there are number, "),
        "{}",
        wrong.stderr
    );
    let unknown =
        defrost_in(folder.path(), &["check", "data", "--label-column", "label", "--column", "y=number"]);
    assert!(unknown.usage_error().contains("there is no column `y`"), "{}", unknown.stderr);
}

#[test]
fn equal_rows_are_answered_equally_however_they_are_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let data: Vec<Person> = (0..80)
        .map(|index| {
            (
                index % 2 == 0,
                1 + index % 3,
                index as f64 / 80.0,
                format!("20{:02}-{:02}-{:02}", 10 + index % 12, 1 + index % 12, 1 + index % 28),
            )
        })
        .collect();
    let label = |flag: bool, zone: usize| if flag && zone > 1 { "yes" } else { "no" };
    let write = |name: &str, header: &str, rows: usize, line: &dyn Fn(&Person) -> String| {
        let lines: String = data.iter().take(rows).map(|row| line(row) + "\n").collect();
        fs::write(path(name), format!("{header}\n{lines}")).unwrap();
    };
    let title = |flag: bool| if flag { "True" } else { "False" };
    write("train.csv", "flag,zone,x,day,label", 80, &|(flag, zone, x, day)| {
        format!("{},{zone},{x},{day},{}", title(*flag), label(*flag, *zone))
    });
    write("same.csv", "flag,zone,x,day", 6, &|(flag, zone, x, day)| {
        format!("{},{zone},{x},{day}", title(*flag))
    });
    write("lower.csv", "Flag,ZONE,x,day", 6, &|(flag, zone, x, day)| {
        format!("{flag},{zone}.0,{x},{day}T00:00:00Z")
    });
    write("digits.csv", "extra,day,x,flag,zone", 6, &|(flag, zone, x, day)| {
        format!("9,{day},{x},{},0{zone}", u8::from(*flag))
    });
    write("comma.csv", "flag;zone;x;day", 6, &|(flag, zone, x, day)| {
        format!("{};{zone};{};{day}", title(*flag), x.to_string().replace('.', ","))
    });
    let trained = defrost_in(
        folder.path(),
        &[
            "train",
            "train.csv",
            "--label-column",
            "label",
            "--epochs",
            "2",
            "--batch",
            "16",
            "--out",
            "run",
            "--json",
        ],
    );
    assert_eq!(trained.json()["reading"]["rows_used"], 80, "{}", trained.stderr);
    let answers = |file: &str| {
        let ran = defrost_in(folder.path(), &["predict", "run", file, "--json"]);
        let answers = ran.json();
        answers.as_array().unwrap().iter().map(|answer| answer["top"].clone()).collect::<Vec<_>>()
    };
    let expected = answers("same.csv");
    for file in ["lower.csv", "digits.csv", "comma.csv"] {
        assert_eq!(answers(file), expected, "{file}");
    }
}

#[test]
fn each_row_is_answered_in_its_place_or_says_why_not() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.csv"), plain()).unwrap();
    let words = [
        "train",
        "train.csv",
        "--label-column",
        "label",
        "--epochs",
        "1",
        "--batch",
        "16",
        "--out",
        "run",
        "--json",
    ];
    defrost_in(folder.path(), &words).json();
    fs::write(folder.path().join("new.csv"), "x,kind\n100.5,a\n1,2,3\nmuch,b\n5000,z\n,\n").unwrap();
    let ran = defrost_in(folder.path(), &["predict", "run", "new.csv", "--json", "--csv", "out.csv"]);
    let answers = ran.json();
    let shown = |answer: &Value| match answer["error"].as_str() {
        Some(error) => error.to_owned(),
        None => answer["notes"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .filter(|note| note.starts_with("column"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let inputs: Vec<&str> =
        answers.as_array().unwrap().iter().map(|answer| answer["input"].as_str().unwrap()).collect();
    assert_eq!(inputs, ["new.csv:2", "new.csv:3", "new.csv:4", "new.csv:5", "new.csv:6"]);
    let found: Vec<String> = answers.as_array().unwrap().iter().map(shown).collect();
    assert_eq!(found[0], "");
    assert_eq!(found[1], "it has 3 cells and the header 2");
    assert_eq!(found[2], "column `x` holds numbers, and this is `much`");
    assert!(
        found[3].contains("column `x`: 5000 is outside the training data, ")
            && found[3].ends_with("column `kind`: `z` is not in the training data; it counts as missing"),
        "{}",
        found[3]
    );
    assert_eq!(found[4], "");
    let written = fs::read_to_string(folder.path().join("out.csv")).unwrap();
    assert_eq!(written.lines().count(), 6, "{written}");
    let missing = folder.path().join("missing.csv");
    fs::write(missing, "kind\na\n").unwrap();
    let ran = defrost_in(folder.path(), &["predict", "run", "missing.csv"]);
    assert_eq!(
        ran.stderr.lines().next().unwrap(),
        "error: missing.csv: there is no column `x`; the columns are kind"
    );
}

#[test]
fn a_column_says_which_rows_validate() {
    let part = |index: usize| ["train", "valid", "train", "test", "train"][index % 5];
    let line = |(index, (x, kind, label)): (usize, &(f64, &str, &str))| {
        format!("{x},{kind},{},{label}\n", part(index))
    };
    let text = format!("x,kind,part,label\n{}", rows().iter().enumerate().map(line).collect::<String>());
    let reading = reading_of(text.as_bytes(), &["--valid-column", "part"]);
    assert_eq!((&reading["rows_used"], &reading["rows_for_testing"]), (&json!(48), &json!(12)));
    assert_eq!(reading["columns"][3]["used_as"], "split");

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data"), &text).unwrap();
    let report = check(folder.path(), &["--valid-column", "part"]);
    assert_eq!(report["items"], json!({ "train": 36, "valid": 12 }));

    let texts = |index: usize| {
        format!("a text of some words number {index},{},{}\n", part(index), ["a", "b"][index % 2])
    };
    let text = format!("words,part,label\n{}", (0..60).map(texts).collect::<String>());
    let reading = reading_of(text.as_bytes(), &["--task", "text", "--valid-column", "part"]);
    assert_eq!((&reading["rows_used"], &reading["rows_for_testing"]), (&json!(48), &json!(12)));
    fs::write(folder.path().join("data"), &text).unwrap();
    let report = check(folder.path(), &["--task", "text", "--valid-column", "part"]);
    assert_eq!(report["items"], json!({ "train": 36, "valid": 12 }));

    let wrong =
        defrost_in(folder.path(), &["check", "data", "--label-column", "label", "--valid-column", "words"]);
    assert!(
        wrong.usage_error().contains("is not true or false, 1 or 0, valid, train or test"),
        "{}",
        wrong.stderr
    );
}
