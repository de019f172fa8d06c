//! What docs/architecture.md calls invariants, checked on the source.

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files below a folder of the library's sources, or the one file of that name.
fn sources(name: &str) -> Vec<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(name);
    if path.is_file() {
        return vec![path];
    }
    let entries = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
    let mut found = vec![];
    for entry in entries {
        if entry.is_dir() {
            found.extend(sources(&entry.display().to_string()));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
    found
}

/// Lines of these files, comments and unit tests left out, that contain one of the words.
fn lines_with(files: &[PathBuf], words: &[&str]) -> Vec<String> {
    let mut found = vec![];
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let code = text.lines().take_while(|line| *line != "#[cfg(test)]");
        for (number, line) in code.enumerate() {
            let is_comment = line.trim_start().starts_with("//");
            if !is_comment && words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn the_core_knows_no_domain() {
    let core = [
        "stage.rs",
        "batch.rs",
        "groups.rs",
        "plan.rs",
        "rates.rs",
        "schedule.rs",
        "recipe",
        "optim",
        "loss",
        "metrics",
        "learner",
        "prefix",
        "data",
        "check",
        "interpret",
        "report",
    ];
    let files: Vec<PathBuf> = core.iter().flat_map(|name| sources(name)).collect();
    assert!(files.len() > core.len(), "the core's files have moved: mend this list");
    let found = lines_with(&files, &["crate::vision", "crate::text", "crate::tabular"]);
    assert!(
        found.is_empty(),
        "the core imports a domain; let the domain implement a trait of the core: {found:#?}"
    );
}

#[test]
fn the_library_leaves_words_and_colours_to_the_command() {
    let found = lines_with(&sources(""), &["println!(", "eprintln!(", "process::exit", "clap::"]);
    assert!(found.is_empty(), "the library prints; return the value or tell an observer: {found:#?}");
}

#[test]
fn the_platform_module_alone_knows_the_system() {
    let files: Vec<PathBuf> =
        sources("").into_iter().filter(|file| !file.iter().any(|part| part == "platform")).collect();
    let words = [
        "cfg(target",
        "cfg!(target",
        "(target_os",
        "(target_arch",
        "cfg(unix",
        "cfg!(unix",
        "cfg(not(unix",
        "cfg(windows",
        "cfg!(windows",
        "std::os::",
        "env::consts",
        "std::time::Instant",
        "Duration, Instant}",
        "std::time::SystemTime",
        "/proc",
        "/sys/",
        "rustix::",
        "tempfile::",
    ];
    let found = lines_with(&files, &words);
    assert!(found.is_empty(), "this depends on the system; let crate::platform do it: {found:#?}");
}
