//! `defrost train`, `evaluate`, `predict` and `plan` on texts, in CSV files and folders, and on tables.

use std::path::Path;

use burn::tensor::Device;
use defrost::HeadKind;
use defrost::text::models::{BertConfig, TextNetwork};
use defrost::weights::{collect, safetensors};
use serde_json::{Value, json};

use crate::check::assert_same_problems;
use crate::support::defrost_in;

const WORDS: [&str; 8] = ["[UNK]", "good", "bad", "tea", "very", "is", "the", "cup"];

/// A tiny network's folder in `folder/tiny`: random weights, a tokenizer of whole words.
pub fn tiny(folder: &Path) {
    let folder = folder.join("tiny");
    std::fs::create_dir(&folder).unwrap();
    let config = json!({ "model_type": "bert", "hidden_act": "gelu", "hidden_size": 16, "num_hidden_layers": 2,
        "num_attention_heads": 2, "intermediate_size": 24, "vocab_size": 8, "max_position_embeddings": 40,
        "type_vocab_size": 2, "layer_norm_eps": 1e-12 });
    let vocabulary: serde_json::Map<_, _> =
        WORDS.iter().enumerate().map(|(id, &word)| (word.to_owned(), id.into())).collect();
    let model = json!({ "type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]" });
    let tokenizer = json!({ "version": "1.0", "added_tokens": [], "pre_tokenizer": { "type": "Whitespace" }, "model": model });
    let parsed = BertConfig::parse(config.to_string().as_bytes()).unwrap();
    let network = TextNetwork::new(&parsed.into(), HeadKind::ConcatPool, 2, true, &Device::flex());
    safetensors::write(&folder.join("model.safetensors"), &collect(&network), &Default::default()).unwrap();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

/// `folder/reviews.csv`: 40 texts of two classes, an empty one, one without a label.
pub fn reviews(folder: &Path) {
    let row = |i: usize| {
        let (word, class) = [("good", "yes"), ("bad", "no")][i % 2];
        format!("\"the {}tea is very {word}\",{class}\n", "very ".repeat(i / 2))
    };
    let rows: String = (0..40).map(row).collect();
    std::fs::write(folder.join("reviews.csv"), format!("review,stars\n{rows}\"\",yes\nthe tea is tea,\n"))
        .unwrap();
    let valid: String = (0..8).map(row).collect();
    std::fs::write(folder.join("valid.csv"), format!("review,stars\n{valid}")).unwrap();
}

/// `folder/people.csv`: a class and a number that follow from two columns.
pub fn people(folder: &Path) {
    let row = |i: usize| {
        let (job, age) = (["baker", "clerk", "smith"][i % 3], 20 + i * 7 % 45);
        let pay = if age % 11 == 0 { String::new() } else { format!("{}.5", age * 10 + i % 3 * 100) };
        format!("{job},{age},{pay},2024-0{}-11,{}\n", 1 + i % 9, if age > 40 { "old" } else { "young" })
    };
    let rows: String = (0..90).map(row).collect();
    std::fs::write(folder.join("people.csv"), format!("job,age,pay,start date,group\n{rows}")).unwrap();
}

pub fn run(folder: &Path, words: &str) -> Value {
    defrost_in(folder, &words.split(' ').collect::<Vec<_>>()).json()
}

#[test]
fn texts_are_trained_on_evaluated_and_predicted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny(folder);
    reviews(folder);
    let trained = run(
        folder,
        "train reviews.csv --valid valid.csv --weights tiny --max-tokens 40 --epochs 12 --batch 8 --lr 1e-2 --precision f32 --out run --json",
    );
    assert_eq!(trained["classes"], json!(["no", "yes"]));
    assert_eq!((&trained["items"]["train"], &trained["items"]["valid"]), (&json!(40), &json!(8)));
    let skipped = trained["items"]["skipped"].as_array().unwrap();
    let reasons: Vec<String> = skipped
        .iter()
        .map(|s| format!("{}: {}", s["path"].as_str().unwrap(), s["reason"].as_str().unwrap()))
        .collect();
    assert_eq!(reasons, ["reviews.csv:43: it has no label", "reviews.csv:42: the text is empty"]);
    assert_eq!((&trained["arch"], &trained["precision"]), (&json!("bert-2x16"), &json!("f32")));
    let checked = defrost_in(folder, &["check", "reviews.csv", "--valid", "valid.csv", "--json"]);
    assert_eq!(checked.code, 1, "{}", checked.stderr);
    assert_same_problems(&serde_json::from_str(&checked.stdout).unwrap(), &folder.join("run"));
    // The network's weights are random: what it learns is for tests with real ones.
    let accuracy = &trained["best"]["metrics"]["accuracy"];
    assert!(accuracy.as_f64().unwrap() >= 0.5, "{accuracy}");

    assert_eq!(run(folder, "evaluate run reviews.csv --json")["items"], 40);
    let evaluated = run(folder, "evaluate run valid.csv --json");
    assert_eq!((&evaluated["items"], &evaluated["metrics"]["accuracy"]), (&json!(8), accuracy));
    let split = defrost_in(folder, &["evaluate", "run", "valid.csv", "--valid-column", "part"]);
    assert!(split.usage_error().starts_with("--valid-column part: all rows of the file are measured"));
    let predicted =
        defrost_in(folder, &["predict", "run", "the tea is bad", "reviews.csv", " ", "--json"]).json();
    assert_eq!(predicted[0]["input"], "the tea is bad");
    assert_eq!(predicted[0]["top"].as_array().unwrap().len(), 2);
    assert_eq!(predicted[1]["input"], "reviews.csv:2");
    assert_eq!(predicted.as_array().unwrap().last().unwrap()["error"], "the text is empty");

    let inside = defrost_in(folder, &["predict", "run/bundle.json", "the tea is bad"]);
    assert_eq!(
        inside.usage_error(),
        "run/bundle.json: this is a file of a run, which is named by its folder: run"
    );

    let again =
        run(folder, "train reviews.csv --pretrained run --max-tokens 40 --epochs 1 --freeze-to -1 --json");
    assert_eq!(again["arch"], "bert-2x16");
    let on = "train reviews.csv --valid valid.csv --continue run --max-tokens 40 --epochs 1 --batch 8 --precision f32 --json";
    let on = run(folder, on);
    assert_eq!(
        (&on["phases"][0]["name"], &on["epochs"][0]["metrics"]["accuracy"]),
        (&json!("start"), accuracy)
    );
    std::fs::write(folder.join("run/tokenizer.json"), "{}").unwrap();
    let changed = defrost_in(folder, &["evaluate", "run", "reviews.csv"]);
    assert!(
        changed.usage_error().starts_with("run/tokenizer.json: the file has changed"),
        "{}",
        changed.stderr
    );
}

#[test]
fn texts_in_folders_are_found_by_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny(folder);
    for i in 0..24 {
        let (word, class) = [("good", "yes"), ("bad", "no")][i % 2];
        let part = if i < 16 { "train" } else { "valid" };
        let class = folder.join("data").join(part).join(class);
        std::fs::create_dir_all(&class).unwrap();
        std::fs::write(class.join(format!("{i:02}.txt")), format!("the tea is {word}\n")).unwrap();
    }
    std::fs::write(folder.join("data/train/no/broken.txt"), b"\xff\xfe").unwrap();
    let trained = run(
        folder,
        "train data --weights tiny --max-tokens 40 --epochs 1 --freeze-epochs 0 --batch 8 --out run --json",
    );
    assert_eq!(
        trained["items"],
        json!({ "train": 16, "valid": 8, "skipped": [{ "path": "data/train/no/broken.txt",
            "reason": "it is not valid UTF-8; save the file as UTF-8" }] })
    );
    assert_eq!(trained["classes"], json!(["no", "yes"]));
    assert_eq!(run(folder, "evaluate run data/valid --json")["items"], 8);
    let predicted = run(folder, "predict run data/valid/no/17.txt tea --json");
    assert_eq!(predicted[0]["input"], "data/valid/no/17.txt");
    assert_eq!(predicted.as_array().unwrap().len(), 2);
}

#[test]
fn a_language_is_learned_and_then_a_task() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    reviews(folder);
    let text: String = (0..400).map(|i| format!("the tea is {} ", ["very good", "bad"][i % 3 / 2])).collect();
    std::fs::write(folder.join("plain.txt"), text).unwrap();
    let words = "pretrain text plain.txt reviews.csv --out lm --vocabulary 280 --embedding 8 --hidden 12 --layers 2 \
                 --epochs 3 --batch 4 --positions 20 --lr 2e-2 --json";
    let words: Vec<&str> = words.split_whitespace().collect();
    let learned = defrost_in(folder, &words).json();
    let perplexity = |epoch: usize| learned["epochs"][epoch]["perplexity"].as_f64().unwrap();
    assert!(perplexity(2) < perplexity(0) && perplexity(0) < 280.0, "{learned}");
    assert!(defrost_in(folder, &words).usage_error().starts_with("--out lm: there is a model in it"));

    let first_rate = |plan: &Value| plan["phases"][0]["lr_max"].as_array().unwrap().last().cloned();
    let planned = run(folder, "plan reviews.csv --pretrained lm --json");
    assert_eq!(first_rate(&planned), Some(json!(2e-2)), "ten times that of other networks for texts");
    let trained =
        run(folder, "train reviews.csv --pretrained lm --gradual --epochs 1 --batch 8 --out run --json");
    assert_eq!(first_rate(&trained), Some(json!(2e-2)));
    assert_eq!(trained["arch"], "awd_lstm-2x12");
    let frozen: Vec<&Value> =
        trained["phases"].as_array().unwrap().iter().map(|p| &p["frozen_groups"]).collect();
    assert_eq!(frozen, [&json!([0, 1, 2]), &json!([0, 1]), &json!([0]), &json!([])]);
    assert_eq!(run(folder, "evaluate run reviews.csv --json")["items"], 40);
    assert_eq!(run(folder, "predict run tea --json")[0]["top"].as_array().unwrap().len(), 2);
}

#[test]
fn texts_without_weights_or_clear_columns_say_what_to_give() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    tiny(folder);
    reviews(folder);
    let error =
        |words: &str| defrost_in(folder, &words.split(' ').collect::<Vec<_>>()).usage_error().to_owned();
    assert!(
        error("train reviews.csv --weights none")
            .starts_with("no weights for texts are in the binary; give --weights")
    );
    assert!(error("train reviews.csv --weights .").starts_with(".: there is no config.json in it"));
    assert_eq!(
        error("train reviews.csv --weights tiny --max-tokens 40 --label-column rating"),
        "reviews.csv: there is no column `rating`; the columns are review, stars"
    );
    assert_eq!(
        error("train reviews.csv --weights tiny"),
        "a text can be from 3 to 40 tokens long for this network, and not 256"
    );
    let plan = run(folder, "plan reviews.csv --json --batch 8");
    assert_eq!((&plan["arch"], &plan["phases"][0]["batches_per_epoch"]), (&json!("bert-6x384"), &json!(4)));
    assert_eq!(plan["groups"][1]["stages"], json!(["block.0", "block.1"]));
}

#[test]
fn tables_predict_classes_and_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let error = defrost_in(folder, &["train", "people.csv"]);
    let expected = "people.csv: which column to predict is not given; there are job, age, pay, start date, group\n  \
                    help: name it with --label-column NAME";
    assert_eq!(error.usage_error(), expected);

    let trained = run(
        folder,
        "train people.csv --label-column group --ignore pay --epochs 25 --lr 1e-2 --batch 16 --out class --json",
    );
    assert_eq!((&trained["arch"], &trained["classes"]), (&json!("tabular"), &json!(["old", "young"])));
    assert_eq!(trained["phases"][0]["frozen_groups"], json!([]), "nothing is pretrained");
    assert!(trained["best"]["metrics"]["accuracy"].as_f64().unwrap() > 0.8, "{}", trained["best"]);
    assert_eq!(run(folder, "evaluate class people.csv --json")["items"], 90);
    let predicted = run(folder, "predict class people.csv --json");
    assert_eq!((predicted.as_array().unwrap().len(), &predicted[0]["input"]), (90, &json!("people.csv:2")));

    let leak = defrost_in(folder, &["train", "people.csv", "--label-column", "age", "--pretrained", "class"]);
    let expected = "column `age` is an input of the earlier run and can't be the label\n  help: train the earlier run with \
                    --ignore \"age\"";
    assert_eq!(leak.usage_error(), expected);
    let number = run(
        folder,
        "train people.csv --label-column pay --pretrained class --epochs 10 --lr 1e-2 --batch 16 --out number --json",
    );
    assert_eq!(number["phases"][0]["frozen_groups"], json!([0, 1, 2]), "the body is an earlier run's");
    assert!(number["best"]["metrics"]["rmse"].is_number());
    assert!(run(folder, "predict number people.csv --json")[0]["number"].is_number());
}

#[test]
fn a_table_trains_until_validation_no_longer_improves() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let plan = |more: &str| {
        let words = format!("plan people.csv --label-column group{more}");
        defrost_in(folder, &words.split(' ').collect::<Vec<_>>()).stdout
    };
    let until = "thawed: up to 150 epochs, until validation has not improved for ";
    assert!(plan("").contains(&format!("{until}20\n")), "{}", plan(""));
    assert!(plan(" --patience 2").contains(&format!("{until}2\n")));
    for other in [" --epochs 7", " --recipe fastai", " --freeze-to 0"] {
        assert!(!plan(other).contains("until"), "{other}");
    }
    // There is nothing to learn in it.
    let row =
        |i: usize| format!("{},{},{}\n", i * 37 % 101, i * 53 % 97, ["a", "b"][i * i * 31 % 17 / 8 % 2]);
    let rows: String = (0..90).map(row).collect();
    std::fs::write(folder.join("noise.csv"), format!("x,y,label\n{rows}")).unwrap();
    let trained = run(folder, "train noise.csv --label-column label --patience 2 --out run --json");
    assert_eq!(trained["phases"][0]["patience"], 2);
    let (epochs, best) = (trained["epochs"].as_array().unwrap(), &trained["best"]["epoch"]);
    assert_eq!(json!(epochs.len() - 2), *best, "two epochs after its best one");
    assert!(epochs.len() < 150);
}
