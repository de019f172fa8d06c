//! A run that was saved with one processor's kernels is used with another's.

use std::path::Path;

use assert_cmd::Command;

use crate::support::{defrost_in, people, two_classes};

/// Whether `predict` takes the run with these kernels; nothing if this processor can't run them.
fn answers(folder: &Path, kernels: &str, [run, input]: [&str; 2]) -> Option<String> {
    let mut command = Command::cargo_bin("defrost").unwrap();
    command.current_dir(folder).env("DEFROST_KERNEL", kernels).args(["predict", run, input]);
    let output = command.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    if words.contains("but this processor runs") {
        eprintln!("skipped: {kernels}, which this processor can't run");
        return None;
    }
    assert_eq!(output.status.code(), Some(0), "{run} with {kernels}: {words}");
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn what_one_kernel_saved_passes_its_self_test_with_all_others() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    two_classes(folder, 8);
    people(folder);
    let images = "train data --size 64 --batch 8 --freeze-epochs 1 --epochs 2 --out";
    for words in [
        format!("{images} exact --precision f32"),
        format!("{images} rounded --precision bf16"),
        "train people.csv --label-column group --epochs 5 --out rows".to_owned(),
    ] {
        let ran = defrost_in(folder, &words.split(' ').collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let inputs = [["exact", "data/red/000.png"], ["rounded", "data/red/000.png"], ["rows", "people.csv"]];
    for kernels in ["portable", "avx2", "avx512", "avx512bf16", "amx"] {
        for input in inputs {
            let Some(answer) = answers(folder, kernels, input) else { break };
            assert!(!answer.is_empty());
        }
    }
}
