//! A run in one file: every command takes it in its folder's place.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::{Ran, defrost_in, people};

fn run(folder: &Path, words: &str) -> Ran {
    defrost_in(folder, &words.split(' ').collect::<Vec<_>>())
}

#[test]
fn a_packed_run_is_used_like_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let trained =
        run(folder, "train people.csv --label-column group --epochs 2 --out rows.defrost --json").json();
    assert_eq!((&trained["run"], &trained["file"]), (&json!("rows"), &json!("rows.defrost")));
    assert_eq!(run(folder, "pack rows again.defrost").stdout, "again.defrost\n");
    let packed = fs::read(folder.join("rows.defrost")).unwrap();
    assert!(packed == fs::read(folder.join("again.defrost")).unwrap());
    assert_eq!(
        run(folder, "pack rows/ --json").usage_error(),
        "rows.defrost: there is such a file already; choose another name or remove it"
    );

    for words in ["predict RUN people.csv --json", "evaluate RUN people.csv --json"] {
        let answers = ["rows", "rows.defrost"].map(|name| run(folder, &words.replace("RUN", name)).json());
        assert_eq!(answers[0], answers[1], "{words}");
    }
    assert_eq!(run(folder, "report rows.defrost").stdout, "rows.html\n");
    assert!(folder.join("rows.html").exists());
    let next =
        run(folder, "train people.csv --label-column group --pretrained rows.defrost --epochs 1 --json");
    assert_ne!(next.json()["phases"][0]["frozen_groups"], json!([]), "the body is the packed run's");
    assert_eq!(
        run(folder, "train --resume rows.defrost").usage_error(),
        "--resume rows.defrost: the run is finished; there is nothing to go on with"
    );
    assert_eq!(
        run(folder, "train people.csv --label-column group --out again.defrost").usage_error(),
        "--out again.defrost: there is such a file already; choose another name or remove it"
    );

    fs::write(folder.join("half.defrost"), &packed[..packed.len() / 2]).unwrap();
    let half = run(folder, "predict half.defrost people.csv");
    assert!(half.usage_error().starts_with("half.defrost: not a run in one file: "), "{}", half.stderr);
    let none = run(folder, "pack nowhere");
    assert_eq!(none.usage_error(), "nowhere: not a finished run: there is no bundle.json in it");
}
