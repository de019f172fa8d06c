//! A run in one file is the run: it answers the same, and what is not whole is refused with a sentence.

use std::fs;
use std::path::Path;

use defrost::bundle::{self, BundleError, is_run, pack};
use defrost::metrics::Answer;
use defrost::report;
use defrost::tabular::TableModelConfig;

use crate::self_test::{open, rows};

fn answers(run: &Path, table: &Path) -> Vec<Answer> {
    let answers = open::<TableModelConfig>(run).unwrap().predict(table).unwrap();
    answers.into_iter().map(|(_, answer)| answer.unwrap()).collect()
}

#[test]
fn a_run_in_one_file_answers_as_its_folder_does() {
    let (folder, _) = rows();
    let elsewhere = tempfile::tempdir().unwrap();
    let (file, again) = (elsewhere.path().join("rows.defrost"), elsewhere.path().join("again.defrost"));
    pack(folder.path(), &file).unwrap();
    pack(folder.path(), &again).unwrap();
    assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap());
    assert!(is_run(&file) && is_run(folder.path()) && !is_run(elsewhere.path()));

    let table = elsewhere.path().join("table.csv");
    fs::write(&table, "kind,size\nx,0.5\ny,4\nz,2\n").unwrap();
    assert_eq!(answers(&file, &table), answers(folder.path(), &table));
    assert_eq!(bundle::task(&file).unwrap(), "table");

    let page = report::rewrite(&file).unwrap();
    assert_eq!(page, elsewhere.path().join("rows.html"));
    assert!(fs::read_to_string(page).unwrap().contains("<title>rows.defrost"));
}

#[test]
fn a_model_alone_answers_as_its_run_does() {
    let (folder, _) = rows();
    let elsewhere = tempfile::tempdir().unwrap();
    let [run, file, again] = ["run", "model", "again"].map(|name| elsewhere.path().join(name));
    fs::write(folder.path().join("report.json"), "{}").unwrap();
    pack(folder.path(), &run).unwrap();
    fs::write(&file, bundle::pack_model(folder.path()).unwrap()).unwrap();
    fs::write(&again, bundle::pack_model(&file).unwrap()).unwrap();
    assert!(fs::read(&file).unwrap() == fs::read(&again).unwrap());
    assert!(fs::read(&file).unwrap() == bundle::pack_model(&run).unwrap());
    let text = fs::read(&file).unwrap();
    let holds = |name: &str| text.windows(name.len()).any(|bytes| bytes == name.as_bytes());
    assert!(holds("model.safetensors") && !holds("report.json"));

    let table = elsewhere.path().join("table.csv");
    fs::write(&table, "kind,size\nx,0.5\ny,4\nz,2\n").unwrap();
    assert_eq!(answers(&file, &table), answers(folder.path(), &table));
    let none = bundle::pack_model(elsewhere.path()).unwrap_err();
    assert!(matches!(none, BundleError::NoBundle(_)), "{none}");
}

#[test]
fn what_is_not_whole_is_refused() {
    let (folder, _) = rows();
    let file = folder.path().join("packed.defrost");
    pack(folder.path(), &file).unwrap();
    let whole = fs::read(&file).unwrap();
    let refusal = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        open::<TableModelConfig>(&file).unwrap_err()
    };
    for length in [0, 100, whole.len() / 2, whole.len() - 1] {
        let error = refusal(&whole[..length]);
        assert!(matches!(error, BundleError::Archive { .. }), "{length}: {error}");
        assert!(error.to_string().starts_with(&format!("{}: not a run in one file: ", file.display())));
    }
    // The last byte of the weights.
    let weights = fs::read(folder.path().join("model.safetensors")).unwrap();
    let end = whole.windows(weights.len()).position(|bytes| bytes == weights).unwrap() + weights.len();
    let mut changed = whole.clone();
    changed[end - 1] ^= 1;
    let message = refusal(&changed).to_string();
    let expected = format!("{}/model.safetensors: the file is damaged: Invalid checksum", file.display());
    assert_eq!(message, expected);

    fs::remove_file(folder.path().join("bundle.json")).unwrap();
    let none = pack(folder.path(), &file).unwrap_err().to_string();
    assert!(none.ends_with(": not a finished run: there is no bundle.json in it"), "{none}");
}
