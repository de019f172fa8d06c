//! The experiments of docs/experiments: their commands run in a folder of their own, and what they claim is checked.
//!
//! A block of ```` ```sh ```` takes seconds and runs with the other tests where a test here names its page. Blocks of ```` ```sh long ````
//! take minutes: `cargo test --release --workspace --test command -- --ignored book` runs them too, as .ci/long does.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::support::repository;

/// The blocks of a page that begin with this line, one after the other.
fn blocks<'a>(page: &'a str, kinds: &[&str]) -> Vec<&'a str> {
    let parts = page.split("\n```").skip(1).step_by(2);
    parts
        .filter_map(|part| part.split_once('\n'))
        .filter(|(kind, _)| kinds.contains(kind))
        .map(|(_, code)| code)
        .collect()
}

/// A folder that looks like a copy of the repository, in which an experiment may write.
fn copy_of_the_repository() -> TempDir {
    let (folder, root) = (tempfile::tempdir().unwrap(), repository());
    for name in ["samples", "crates", "README.md"] {
        symlink(root.join(name), folder.path().join(name)).unwrap();
    }
    let experiments = folder.path().join("docs/experiments");
    fs::create_dir_all(&experiments).unwrap();
    for entry in fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            symlink(&entry, folder.path().join("docs").join(entry.file_name().unwrap())).unwrap();
        }
    }
    for entry in fs::read_dir(root.join("docs/experiments")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_file() {
            fs::copy(&entry, experiments.join(entry.file_name().unwrap())).unwrap();
        }
    }
    if let Ok(weights) = root.join("target/minilm").canonicalize() {
        fs::create_dir(folder.path().join("target")).unwrap();
        symlink(weights, folder.path().join("target/minilm")).unwrap();
    }
    folder
}

fn python_is_there() -> bool {
    Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 9))"])
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs these blocks of a page, and returns what they printed on both channels.
fn run(folder: &Path, name: &str, kinds: &[&str]) -> String {
    let page = fs::read_to_string(repository().join("docs/experiments").join(format!("{name}.md"))).unwrap();
    let program = assert_cmd::cargo::cargo_bin("defrost");
    let path =
        format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap_or_default());
    let mut printed = String::new();
    let blocks = blocks(&page, kinds);
    assert!(!blocks.is_empty(), "{name} has no commands of {kinds:?}");
    for block in blocks {
        if block.contains("target/minilm") && !folder.join("target/minilm").exists() {
            eprintln!("skipped: MiniLM is not there, bench/get_minilm.sh fetches it: {block}");
            continue;
        }
        let mut shell = Command::new("bash");
        shell.args(["-euo", "pipefail", "-c", block]).current_dir(folder);
        shell.env("PATH", &path).env("XDG_CACHE_HOME", folder.join("cache")).env("HF_HUB_OFFLINE", "1");
        let output = shell.output().unwrap();
        let words =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}:\n{block}\n{words}");
        printed += &words;
    }
    printed
}

/// The mean on the line that begins with these words: `head only   .781 (.773 to .790)`.
fn mean(printed: &str, start: &str) -> f64 {
    let line = printed.lines().find(|line| line.trim_start().starts_with(start));
    let line = line.unwrap_or_else(|| panic!("no line begins with {start:?}:\n{printed}"));
    let number = line.trim_start()[start.len()..]
        .split_whitespace()
        .find(|word| word.starts_with('.') || *word == "1.000");
    number.unwrap_or_else(|| panic!("no accuracy: {line}")).trim_end_matches(',').parse().unwrap()
}

/// The blocks of a page that take seconds.
const QUICK: [&str; 1] = ["sh"];
/// All of its blocks.
const ALL: [&str; 2] = ["sh", "sh long"];

#[test]
fn freezing_moves_no_byte() {
    let folder = copy_of_the_repository();
    if !python_is_there() {
        return eprintln!("skipped: the experiment reads weights with python3, which is not there");
    }
    let printed = run(folder.path(), "freeze", &QUICK);
    let counts: Vec<&str> =
        printed.lines().filter(|line| line.starts_with("all ") && line.contains(" of ")).collect();
    let words = |line: &str| line.split_whitespace().map(|word| word.replace(',', "")).collect::<Vec<_>>();
    let [frozen, thawed] = counts[..] else { panic!("{printed}") };
    assert_eq!(words(frozen)[1..], ["0", "of", "3413024"]);
    assert!(words(thawed)[1].parse::<u32>().unwrap() > 3_000_000, "{thawed}");
    let early = |line: &&str| {
        ["stem ", "blocks.0", "blocks.1", "blocks.2", "blocks.3"].iter().any(|stage| line.starts_with(stage))
    };
    let early: Vec<&str> = printed.lines().filter(early).collect();
    assert_eq!(early.len(), 10, "{printed}");
    assert!(early.iter().all(|line| words(line)[1] == "0"), "group 0 was frozen in both runs: {early:#?}");
}

#[test]
fn a_table_s_frozen_body_knows_nothing_of_a_new_question() {
    let folder = copy_of_the_repository();
    if !python_is_there() {
        return eprintln!("skipped: the experiment needs python3, which is not there");
    }
    let printed = run(folder.path(), "table", &ALL);
    let accuracy = |name: &str| mean(&printed, name);
    let everything = accuracy("new, everything trains");
    assert!(everything > 0.8 && accuracy("new, body frozen") > 0.8, "{printed}");
    assert!(accuracy("body of a species run, frozen") < everything - 0.2, "{printed}");
    assert!(accuracy("the same, thawed") > 0.8, "{printed}");
}

#[test]
#[ignore = "trains for a quarter of an hour; .ci/long runs it"]
fn the_whole_book_does_what_it_says() {
    if !python_is_there() {
        return eprintln!("skipped: the experiments need python3, which is not there");
    }
    let folder = copy_of_the_repository();
    let printed = |name: &str| {
        let printed = run(folder.path(), name, &ALL);
        println!("{name}:\n{printed}");
        printed
    };

    let freeze = printed("freeze");
    assert!(freeze.contains("all                0 of 3,413,024"), "{freeze}");

    let amount = printed("amount");
    let of = |images: usize, plan: &str| mean(&amount, &format!("{images} images of a class, {plan}"));
    assert!(of(5, "thawed from the start") < of(5, "head only") - 0.1, "few images can't teach a body");
    assert!(of(60, "default") > of(60, "head only") + 0.01, "more can, behind a good head");
    for images in [5, 20, 60] {
        assert!(of(images, "default") > of(images, "head only") - 0.04, "the default keeps a good head");
    }

    let cut = printed("cut");
    let of = |stage: &str| mean(&cut, &format!("cut {stage:10} head only"));
    assert!(of("blocks.6") > of("blocks.1") + 0.1, "deep features are better than those of the first stages");

    let head = printed("head");
    let best = mean(&head, "pretrained body, best head");
    assert!(mean(&head, "random head, all at once") < best - 0.05, "a random head needs epochs of its own");
    assert!(mean(&head, "random head, head first") > mean(&head, "random head, all at once") + 0.05);
    assert!((mean(&head, "zero head, all at once") - mean(&head, "zero head, head first")).abs() < 0.05);

    let rates = printed("rates");
    let of = |rate: &str, spread: &str| mean(&rates, &format!("--lr {rate:5} {spread}"));
    assert!(
        of("1e-2", "all groups the same") < of("1e-3", "all groups the same") - 0.02,
        "too high a rate does harm"
    );
    assert!(
        of("1e-2", "first group a hundredth") > of("1e-2", "all groups the same") + 0.2,
        "a lower one early protects"
    );

    let text = printed("text");
    if folder.path().join("target/minilm").exists() {
        let ways = ["head only", "thawed from the start", "group by group", "default"];
        let means = ways.map(|way| mean(&text, &format!("10 sentences of a page, {way}")));
        let (least, most) = means.iter().fold((1.0f64, 0.0f64), |(l, m), &mean| (l.min(mean), m.max(mean)));
        assert!(least > 0.4, "a frozen text network helps: always saying the same is right for .25");
        assert!(most - least < 0.06, "with few texts it does not matter what thaws");
    }
}
