//! What is printed: a write that fails ends nothing, and no name controls a terminal.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Ran, defrost_in, ended, image, people};

/// Runs `defrost` in a shell's words, in which it is `$D`.
fn in_a_shell(folder: &Path, words: &str) -> Ran {
    let mut command = Command::new("bash");
    command.current_dir(folder).env("XDG_CACHE_HOME", folder.join("cache"));
    command.env("D", assert_cmd::cargo::cargo_bin("defrost")).args(["-c", words]);
    let (out, err) = (std::process::Stdio::piped(), std::process::Stdio::piped());
    ended(command.stdout(out).stderr(err).spawn().unwrap())
}

const TRAIN: &str = "$D train people.csv --label-column group --epochs 2 --out";

#[test]
fn a_write_that_fails_ends_no_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    people(folder);
    let full = "stdout can't be written, so results are lost: No space left on device (os error 28)";
    for (out, words, code, said) in [
        ("full", "> /dev/full", 1, full),
        ("mute", "2> /dev/full", 0, ""),
        ("both", "> /dev/full 2> /dev/full", 1, ""),
        ("closed", ">&- 2>&-", 0, ""),
        ("gone", "2>&1 | true; exit ${PIPESTATUS[0]}", 0, ""),
        ("traced", "2> /dev/full", 0, ""),
    ] {
        let trace = if out == "traced" { "RUST_LOG=defrost=trace " } else { "" };
        let ran = in_a_shell(folder, &format!("{trace}{TRAIN} {out} {words}"));
        assert_eq!(ran.code, code, "{out}: {}", ran.stderr);
        assert!(ran.stderr.contains(said), "{out}: {}", ran.stderr);
        assert!(folder.join(out).join("bundle.json").exists(), "{out}");
        assert!(!folder.join(out).join("checkpoint").exists(), "{out}");
    }
    for words in ["completions bash", "predict mute people.csv --jsonl", "models", "evaluate mute people.csv"]
    {
        assert_eq!(in_a_shell(folder, &format!("$D {words} > /dev/full")).code, 1, "{words}");
        let ran = in_a_shell(folder, &format!("$D {words} | true; exit ${{PIPESTATUS[0]}}"));
        assert_eq!((ran.code, ran.stderr.contains("panicked")), (0, false), "{words}: {}", ran.stderr);
    }
}

/// Asserts that nothing that was printed controls a terminal.
#[track_caller]
fn assert_plain(ran: &Ran) {
    for text in [&ran.stdout, &ran.stderr] {
        let controls = |c: char| (c.is_control() && !"\n\t".contains(c)) || c == '\u{202e}';
        assert!(!text.contains(controls), "{text:?}");
    }
}

#[test]
fn names_are_printed_and_not_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (class, colour) in [("a\u{1b}]0;title\u{7}", [20, 40, 200]), ("b\u{9b}2J\u{202e}\r", [200, 30, 20])] {
        let inside = folder.join("data").join(class);
        fs::create_dir_all(&inside).unwrap();
        for index in 0..6 {
            image(&inside.join(format!("{index}\u{1b}[2J.png")), colour, 2 + index);
        }
        fs::write(inside.join("bad\u{1b}c.png"), "no image").unwrap();
        fs::write(inside.join("bad\nerror: fake.png"), "no image").unwrap();
    }
    let ran = defrost_in(folder, &["train", "data", "--size", "32", "--epochs", "0", "--out", "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_plain(&ran);
    for words in [
        &["check", "data"][..],
        &["check", "data", "--json"],
        &["evaluate", "run", "data"],
        &["predict", "run", "data"],
        &["predict", "run", "data", "--json"],
        &["plan", "data", "--size", "32"],
        &["train", "no\u{1b}[2Jwhere"],
    ] {
        let ran = defrost_in(folder, words);
        assert!(!ran.stdout.is_empty() || ran.stderr.starts_with("error: "), "{words:?}");
        assert_plain(&ran);
    }
    let check = defrost_in(folder, &["check", "data"]).stdout;
    assert!(check.contains("bad\\u000aerror: fake.png") && !check.contains("\nerror: fake"), "{check}");

    // A run from elsewhere.
    let path = folder.join("run/bundle.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["classes"] = json!(["\u{1b}[2J\u{1b}[1;1Hbag", "two\nlines"]);
    fs::write(&path, manifest.to_string()).unwrap();
    let ran = defrost_in(folder, &["predict", "run", "data", "--top", "2"]);
    assert_plain(&ran);
    assert!(
        ran.stdout.contains("\\u001b[2J\\u001b[1;1Hbag ") && ran.stdout.contains("two\\u000alines "),
        "{}",
        ran.stdout
    );
    let found = defrost_in(folder, &["predict", "run", "data", "--json"]);
    assert!(found.stdout.contains("two\\nlines"), "{}", found.stdout);
    serde_json::from_str::<Value>(&found.stdout).unwrap();
}
