//! `-h` of each command, as it is shown in a terminal of 80 columns; completions and manual pages; near names.
//!
//! `DEFROST_SNAPSHOTS=write cargo test -p defrost-cli --test command help` writes tests/snapshots and
//! docs/commands.md again.

use std::fs;
use std::path::Path;

use crate::support::{defrost_in, people, repository, two_classes};

/// Lines and columns of a terminal.
const LINES: usize = 40;
const COLUMNS: usize = 80;

fn here(words: &[&str]) -> String {
    let ran = defrost_in(&std::env::temp_dir(), words);
    assert_eq!(ran.code, 0, "{words:?}: {}", ran.stderr);
    ran.stdout
}

/// The commands that `defrost -h` lists: the lines that begin with two spaces and a lower-case letter.
fn commands() -> Vec<String> {
    let is_command =
        |line: &&str| line.starts_with("  ") && line[2..].starts_with(|c: char| c.is_ascii_lowercase());
    let text = here(&["-h"]);
    text.lines().filter(is_command).map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
fn short_help_is_one_screen() {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    let writes = std::env::var_os("DEFROST_SNAPSHOTS").is_some_and(|how| how == "write");
    let commands = commands();
    assert!(commands.len() >= 14, "{commands:?}");
    let mut differing = vec![];
    for name in [""].into_iter().chain(commands.iter().map(String::as_str)) {
        let words: Vec<&str> = name.split_whitespace().chain(["-h"]).collect();
        let text = here(&words);
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > COLUMNS).collect();
        assert!(wide.is_empty(), "{name}: {wide:#?}");
        assert!(text.lines().count() <= LINES, "{name} has {} lines:\n{text}", text.lines().count());
        let file =
            snapshots.join(if name.is_empty() { "defrost.txt".to_owned() } else { format!("{name}.txt") });
        if writes {
            fs::create_dir_all(&snapshots).unwrap();
            fs::write(&file, &text).unwrap();
        } else if fs::read_to_string(&file).unwrap_or_default() != text {
            differing.push(format!("{}:\n{text}", file.display()));
        }
    }
    assert!(differing.is_empty(), "set DEFROST_SNAPSHOTS=write to accept these:\n{}", differing.join("\n"));
}

/// docs/commands.md: its first lines, which are written by hand, and the short help of each command.
#[test]
fn the_command_reference_is_the_help() {
    let page = repository().join("docs/commands.md");
    let text = fs::read_to_string(&page).unwrap();
    let [first, last] = [text.split("\n## ").next().unwrap(), text.trim_end().rsplit('\n').next().unwrap()];
    let help = |name: &String| format!("\n## {name}\n\n```text\n{}```\n", here(&[name.as_str(), "-h"]));
    let sections: String = commands().iter().map(help).collect();
    let wanted = format!("{first}{sections}\n{last}\n");
    if std::env::var_os("DEFROST_SNAPSHOTS").is_some_and(|how| how == "write") {
        fs::write(&page, &wanted).unwrap();
    }
    assert!(
        fs::read_to_string(&page).unwrap() == wanted,
        "set DEFROST_SNAPSHOTS=write to write {page:?} again"
    );
}

#[test]
fn long_help_has_examples_and_all_options() {
    for name in ["train", "plan", "lr-find", "predict", "serve"] {
        let text = here(&[name, "--help"]);
        assert!(text.contains("\nExamples:\n  defrost "), "{text}");
        let wide: Vec<&str> = text.lines().filter(|line| line.chars().count() > COLUMNS).collect();
        assert!(wide.is_empty(), "{name}: {wide:#?}");
    }
    let (short, long) = (here(&["train", "-h"]), here(&["train", "--help"]));
    assert!(!short.contains("--checkpoint-seconds") && long.contains("--checkpoint-seconds"), "{short}");
}

#[test]
fn completions_and_manual_pages_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = here(&["completions", shell]);
        assert!(script.contains("lr-find") && script.contains("freeze-to"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    let written = defrost_in(folder.path(), &["man", "pages"]);
    assert_eq!(
        written.stdout,
        format!("{}\n", Path::new("pages").join("defrost.1").display()),
        "{}",
        written.stderr
    );
    for name in commands() {
        let page = fs::read_to_string(folder.path().join(format!("pages/defrost-{name}.1"))).unwrap();
        assert!(page.contains(".SH SYNOPSIS"), "{name}");
    }
    fs::write(folder.path().join("file"), "").unwrap();
    assert!(defrost_in(folder.path(), &["man", "file"]).usage_error().starts_with("file: "));
}

#[test]
fn near_names_are_suggested() {
    let plan = |words: &[&str]| {
        defrost_in(&std::env::temp_dir(), &[&["plan"], words].concat()).usage_error().to_owned()
    };
    assert!(plan(&["--arch", "resnet81"]).ends_with("\n  help: did you mean `resnet18`?"));
    assert!(plan(&["--arch", "resnet18", "--cut", "layer.4"]).ends_with("\n  help: did you mean `layer4`?"));
    let groups = plan(&["--arch", "resnet18", "--groups", "stem,layer1|layer2,layer3,layr4|head"]);
    assert!(groups.ends_with("\n  help: did you mean `layer4`?"), "{groups}");
    let models = defrost_in(&std::env::temp_dir(), &["models", "mobilenetv2"]);
    assert!(models.usage_error().ends_with("\n  help: did you mean `mobilenet_v2`?"), "{}", models.stderr);
    assert!(!plan(&["--arch", "x"]).contains("did you mean"));
}

#[test]
fn near_columns_are_suggested() {
    let folder = tempfile::tempdir().unwrap();
    people(folder.path());
    let reviews = "text,label\n".to_owned()
        + &"a long enough text that reads like one,good\nnever again will I buy this here,bad\n".repeat(8);
    fs::write(folder.path().join("reviews.csv"), reviews).unwrap();
    two_classes(folder.path(), 2);
    fs::write(folder.path().join("labels.csv"), "image,kind\nred/000.png,a\nblue/000.png,b\n").unwrap();
    let told = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        defrost_in(folder.path(), &words).usage_error().to_owned()
    };
    for (line, column) in [
        ("plan people.csv --label-column gruop", "group"),
        ("plan reviews.csv --label-column lable", "label"),
        ("plan data --labels labels.csv --label-column Kinds", "kind"),
    ] {
        let error = told(line);
        assert!(error.ends_with(&format!("\n  help: did you mean `{column}`?")), "{line}: {error}");
    }
}

#[test]
fn a_quiet_run_prints_its_result_alone() {
    let folder = tempfile::tempdir().unwrap();
    two_classes(folder.path(), 8);
    fs::write(folder.path().join("data/red/broken.jpg"), "").unwrap();
    let words = ["train", "data", "--size", "32", "--epochs", "0", "--out", "my run", "--quiet"];
    let ran = defrost_in(folder.path(), &words);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert!(lines.len() == 1 && lines[0].starts_with("warning: left out: 1 of 17 images"), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("best: the head alone, loss "), "{}", ran.stdout);
    let next = "next: defrost predict 'my run' FILE…    answers for new images\n      \
                defrost serve 'my run'    a page to try it on\n";
    assert!(ran.stdout.ends_with(next), "{}", ran.stdout);
}

#[test]
fn a_trace_says_what_happens_inside() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("rows.csv"),
        "x,label\n1,a\n2,b\n3,a\n4,b\n5,a\n6,b\n7,a\n8,b\n9,a\n10,b\n",
    )
    .unwrap();
    let traced = |wanted: &str| {
        let mut command = assert_cmd::Command::cargo_bin("defrost").unwrap();
        command.current_dir(folder.path()).env("RUST_LOG", wanted);
        let ran = command
            .args(["check", "rows.csv", "--task", "table", "--label-column", "label"])
            .output()
            .unwrap();
        (ran.status.code().unwrap(), String::from_utf8(ran.stderr).unwrap())
    };
    let (code, text) = traced("defrost=debug");
    assert!(code < 2 && text.contains("file of rows read") && text.contains("rows=10"), "{text}");
    assert!(!traced("defrost=warn").1.contains("file of rows read"));
    let (code, text) = traced("defrost=loud");
    assert_eq!(code, 2);
    assert!(
        text.starts_with("error: RUST_LOG=defrost=loud: ") && text.contains("RUST_LOG=defrost=debug"),
        "{text}"
    );
}
