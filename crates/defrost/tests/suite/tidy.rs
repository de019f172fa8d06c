//! What docs/architecture.md calls invariants, checked on the source.

mod prose;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors of the house, lowest first, by module. A module imports from its own floor and from those below.
const FLOORS: [(&str, &[&str]); 6] = [
    ("tools", &["batch", "files", "ops", "platform", "precision", "remedy"]),
    (
        "networks and data",
        &[
            "check",
            "csv_table",
            "data",
            "graph",
            "groups",
            "labels",
            "layers",
            "loss",
            "optim",
            "plan",
            "prefix",
            "pretrained",
            "rates",
            "reading",
            "recipe",
            "schedule",
            "split_data",
            "stage",
            "weights",
        ],
    ),
    ("training", &["interpret", "learner", "metrics", "summary"]),
    ("runs", &["bundle", "export", "report", "tensorboard"]),
    ("domains", &DOMAINS),
    ("doors", &["domains", "errors", "lib", "prelude"]),
];

/// Kinds of data. None knows another.
const DOMAINS: [&str; 3] = ["tabular", "text", "vision"];

/// A line of the library's code that is no comment and in no unit test.
struct Line {
    /// The file's module, the first name below the crate.
    module: String,
    place: String,
    text: String,
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| match path.is_dir() {
        true => files(&path),
        false => vec![path],
    };
    entries
        .flat_map(inside)
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

fn lines() -> Vec<Line> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut lines = vec![];
    // A file of unit tests alone is no code of the library.
    for path in files(&root).into_iter().filter(|path| !path.ends_with("tests.rs")) {
        let inside = path.strip_prefix(&root).unwrap();
        let module = inside.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs").to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let is_test = |line: &str| line == "#[cfg(test)]" || line.starts_with("#[cfg(all(test");
        let code = text.lines().enumerate().take_while(|(_, line)| !is_test(line));
        for (number, line) in code.filter(|(_, line)| !line.trim_start().starts_with("//")) {
            let place = format!("{}:{}", inside.display(), number + 1);
            lines.push(Line { module: module.clone(), place, text: line.trim().to_owned() });
        }
    }
    lines
}

/// The lines of which something is wrong.
fn found(is_wrong: impl Fn(&Line) -> bool) -> Vec<String> {
    let wrong = lines().into_iter().filter(is_wrong);
    wrong.map(|Line { place, text, .. }| format!("{place}: {text}")).collect()
}

/// The names that stand behind `crate::` in a line.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let names = line.split("crate::").skip(1);
    names.map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default())
}

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|(_, modules)| modules.contains(&module))
}

#[test]
fn every_module_has_its_floor() {
    let there: BTreeSet<String> = lines().into_iter().map(|line| line.module).collect();
    let listed = FLOORS.iter().flat_map(|(_, modules)| modules.iter().map(|&module| module.to_owned()));
    assert_eq!(there, listed.collect(), "list each module of the library in FLOORS, on one floor");
}

#[test]
fn imports_lead_down() {
    let upward = found(|line| {
        let own = floor(&line.module);
        line.module != "lib" && imports(&line.text).any(|name| floor(name) > own)
    });
    assert!(
        upward.is_empty(),
        "a module imports from a floor above its own; let what is above implement a trait of what is below: {upward:#?}"
    );
}

#[test]
fn items_are_imported_from_the_modules_they_are_in() {
    let from_root = found(|line| {
        line.module != "lib" && imports(&line.text).any(|name| name.starts_with(char::is_uppercase))
    });
    assert!(from_root.is_empty(), "name the module, so that its floor is seen: {from_root:#?}");
}

#[test]
fn no_domain_knows_another() {
    let across = found(|line| {
        let is_other = |name: &str| name != line.module && DOMAINS.contains(&name);
        DOMAINS.contains(&line.module.as_str()) && imports(&line.text).any(is_other)
    });
    assert!(across.is_empty(), "what two domains need belongs below them: {across:#?}");
}

#[test]
fn the_library_leaves_words_and_colours_to_the_command() {
    let prints = ["println!(", "eprintln!(", "process::exit", "clap::"];
    let found = found(|line| prints.iter().any(|word| line.text.contains(word)));
    assert!(found.is_empty(), "the library prints; return the value or tell an observer: {found:#?}");
}

#[test]
fn the_platform_module_alone_knows_the_system() {
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
    let found = found(|line| line.module != "platform" && words.iter().any(|word| line.text.contains(word)));
    assert!(found.is_empty(), "this depends on the system; let crate::platform do it: {found:#?}");
}

#[test]
fn the_library_names_no_option_and_no_command() {
    let is_option = |part: &str| part.starts_with(|c: char| c.is_ascii_lowercase());
    let named = found(|line| {
        let options = [" --", "\"--", "`--", "(--"];
        options.iter().any(|dashes| line.text.split(dashes).skip(1).any(is_option))
            || line.text.contains("`defrost ")
    });
    assert!(
        named.is_empty(),
        "state the fact and return a Remedy; each door has its own words for it: {named:#?}"
    );
}
