//! Texts and table rows with several labels each, or with a number.

use serde_json::json;

use crate::support::defrost_in;
use crate::tables::{run, tiny};

/// 40 texts that are warm, sweet, both or neither, in words, in a column each, in one cell and as a number.
fn drinks() -> String {
    let row = |i: usize| {
        let (warm, sweet) = (i % 2, i / 2 % 2);
        let words = [["bad", "good"][warm], ["tea", "cup"][sweet]];
        let tags: Vec<&str> = [(warm, "warm"), (sweet, "sweet")]
            .into_iter()
            .filter(|(there, _)| *there == 1)
            .map(|(_, tag)| tag)
            .collect();
        let (text, tags) =
            (format!("the {} is {} {}", words[1], "very ".repeat(i / 4), words[0]), tags.join("|"));
        format!("{text},{warm},{sweet},{tags},{}.5\n", 10 * warm + sweet)
    };
    (0..40).map(row).collect()
}

#[test]
fn a_text_has_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny(folder);
    let table = format!("drink,warm,sweet,tags,degrees\n{}", drinks());
    std::fs::write(folder.join("each.csv"), table.replace(",tags,", ",words,")).unwrap();
    std::fs::write(folder.join("tagged.csv"), table).unwrap();
    let options = "--text-column drink --max-tokens 40 --epochs 1 --batch 8 --target labels --json";
    let words = format!("{options} --weights tiny");
    let each = run(folder, &format!("train each.csv {words} --out each"));
    assert_eq!(each["classes"], json!(["sweet", "warm"]));
    assert!(each["best"]["metrics"]["exact_match"].is_number(), "{each}");
    let used: Vec<&str> = each["reading"]["columns"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|column| column["used_as"] == "label" && column["kind"] == "labels")
        .map(|column| column["name"].as_str().unwrap())
        .collect();
    assert_eq!(used, ["warm", "sweet"]);

    let tagged = run(folder, &format!("train tagged.csv {words} --out tagged"));
    assert_eq!(tagged["classes"], each["classes"]);
    assert_eq!(tagged["best"]["metrics"], each["best"]["metrics"], "the labels are the same");
    for name in ["each", "tagged"] {
        let evaluated = run(folder, &format!("evaluate {name} {name}.csv --json"));
        assert_eq!((&evaluated["items"], &evaluated["by_class"][0]["items"]), (&json!(40), &json!(20)));
        let predicted = defrost_in(folder, &["predict", name, "the tea is good", "--json"]).json();
        assert!(predicted[0]["labels"].is_array(), "{predicted}");
    }
    let on = run(folder, &format!("train tagged.csv {options} --continue tagged"));
    assert_eq!(on["phases"][0]["name"], "start");
    let separated = defrost_in(folder, &["evaluate", "tagged", "tagged.csv", "--label-separator", "|"]);
    assert!(separated.usage_error().contains("the run's labels tell how cells are read"));
}

#[test]
fn a_text_has_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny(folder);
    std::fs::write(folder.join("drinks.csv"), format!("drink,warm,sweet,tags,degrees\n{}", drinks()))
        .unwrap();
    let words = "--text-column drink --label-column degrees --weights tiny --max-tokens 40";
    let trained = run(
        folder,
        &format!("train drinks.csv {words} --epochs 1 --batch 8 --target number --out run --json"),
    );
    assert_eq!(trained["classes"], json!([]));
    assert!(trained["best"]["metrics"]["rmse"].is_number(), "{trained}");
    assert_eq!(run(folder, "evaluate run drinks.csv --json")["items"], 40);
    let predicted = defrost_in(folder, &["predict", "run", "the tea is good", "--json"]).json();
    assert!(predicted[0]["number"].is_number(), "{predicted}");
    run(folder, &format!("plan drinks.csv {words} --target number --json"));

    // Numbers that are nearly all different are no classes, and the message says what helps.
    let rows: String = (0..20).map(|i| format!("the tea is very good,{}.5\n", i)).collect();
    std::fs::write(folder.join("stars.csv"), format!("text,label\n{rows}")).unwrap();
    let refused = defrost_in(folder, &["check", "stars.csv", "--text-column", "text"]);
    let message = refused.usage_error();
    assert!(
        message.contains("has 20 different labels in 20 rows") && message.contains("--target number"),
        "{message}"
    );
}

#[test]
fn a_row_has_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let row = |i: usize| {
        let (age, pay) = (20 + i * 7 % 45, 100 + i * 13 % 80);
        let tags = [(age > 40, "old"), (pay > 140, "rich")];
        let tags: Vec<&str> = tags.iter().filter(|(there, _)| *there).map(|(_, tag)| *tag).collect();
        format!("{age},{pay},\"{}\"\n", tags.join(", "))
    };
    let rows: String = (0..120).map(row).collect();
    std::fs::write(folder.join("people.csv"), format!("age,pay,tags\n{rows}")).unwrap();
    let words = "train people.csv --label-column tags --target labels --epochs 40 --out run --json";
    let trained = run(folder, words);
    assert_eq!(trained["classes"], json!(["old", "rich"]));
    let evaluated = run(folder, "evaluate run people.csv --json");
    assert!(evaluated["metrics"]["f1"].as_f64().unwrap() > 0.9, "{evaluated}");
    std::fs::write(
        folder.join("new.csv"),
        "age,pay
60,170
22,105
",
    )
    .unwrap();
    let predicted = defrost_in(folder, &["predict", "run", "new.csv", "--json"]).json();
    let labels = |row: usize| predicted[row]["labels"].as_array().unwrap().len();
    assert_eq!((labels(0), labels(1)), (2, 0), "{predicted}");

    // A column that says the same is a leak for labels, too.
    let copied = std::fs::read_to_string(folder.join("people.csv")).unwrap();
    let copied: Vec<String> = copied
        .lines()
        .map(|line| {
            format!(
                "{line},{}",
                line.split_once(",\"")
                    .map_or("copy", |(_, tags)| tags.trim_end_matches('"'))
                    .replace(", ", "-")
            )
        })
        .collect();
    std::fs::write(folder.join("copied.csv"), copied.join("\n")).unwrap();
    let checked =
        defrost_in(folder, &["check", "copied.csv", "--label-column", "tags", "--target", "labels"]);
    assert!(checked.stdout.contains("it determines `tags` by itself"), "{}", checked.stdout);
}

#[test]
fn images_in_class_folders_have_one_class() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["--target", "labels"][..], &["--target", "number"], &["--label-separator", ";"]] {
        let refused = defrost_in(folder.path(), &[&["check", "."], words].concat());
        let message = refused.usage_error();
        assert!(message.contains("--labels FILE"), "{message}");
    }
}
