//! The commands, options and numbers in README and docs, checked against what the program has.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Command;
use clap::error::ErrorKind;

use super::command;

/// Stand-ins of the docs for values that have a form.
const PLACEHOLDERS: [(&str, &str); 5] =
    [("N", "1"), ("S", "1"), ("P", "f32"), ("LO..HI", "1e-5..1e-3"), ("90s|5m|12000passes", "90s")];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// README and the pages of docs and its experiments, by name.
fn pages() -> Vec<(String, String)> {
    let of = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
    let docs = of("docs").chain(of("docs/experiments"));
    let pages = docs.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let pages = pages.chain([root().join("README.md")]);
    pages
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

/// The lines of code blocks and the code in lines of text.
fn code(page: &str) -> Vec<String> {
    let mut found = vec![];
    let mut in_block = false;
    let mut text = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            in_block = !in_block;
        } else if in_block {
            found.push(line.to_owned());
        } else {
            text += line;
            text += " ";
        }
    }
    found.extend(text.split('`').skip(1).step_by(2).map(str::to_owned));
    found
}

/// The words of a command of ours in this code, without the program's name and without a comment.
fn words(code: &str) -> Option<Vec<String>> {
    let rest = ["defrost ", "cargo run --release -- "].iter().find_map(|start| code.strip_prefix(start))?;
    let rest = rest.split(" #").next().unwrap_or_default().split(" > ").next().unwrap_or_default();
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in rest.trim().chars() {
        match quote {
            Some(end) if c == end => quote = None,
            None if c == '"' || c == '\'' => quote = Some(c),
            None if c == ' ' => words.push(String::new()),
            _ => words.last_mut().unwrap().push(c),
        }
    }
    let known = |word: String| {
        let found = PLACEHOLDERS.iter().find(|(placeholder, _)| *placeholder == word);
        found.map_or(word, |(_, value)| (*value).to_owned())
    };
    let words: Vec<String> =
        words.into_iter().filter(|word| !word.is_empty() && word != "…").map(known).collect();
    // `defrost COMMAND -h` is about any command.
    words.first().is_some_and(|word| !word.starts_with(char::is_uppercase)).then_some(words)
}

/// Why the program would refuse these words. A command alone, without its arguments, is only named.
fn refusal(words: &[String]) -> Option<String> {
    let all = ["defrost"].into_iter().chain(words.iter().map(String::as_str));
    let error = command().try_get_matches_from(all).err()?;
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument => words.len() == 1,
        _ => false,
    };
    (!is_fine).then(|| error.to_string())
}

#[test]
fn commands_in_the_docs_are_commands() {
    let mut wrong = vec![];
    let mut count = 0;
    for (name, text) in pages() {
        for code in code(&text) {
            let Some(words) = words(&code) else { continue };
            count += 1;
            if let Some(refusal) = refusal(&words) {
                wrong.push(format!("{name}: `{code}`: {refusal}"));
            }
        }
    }
    assert!(count > 80, "only {count} commands were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn options_in_the_docs_are_options() {
    fn longs(command: &Command) -> Vec<String> {
        let own = command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned);
        own.chain(command.get_subcommands().flat_map(longs)).chain(["help".to_owned()]).collect()
    }
    let known = longs(&command());
    // The pages for users; the others have options of other programs, too.
    let users = [
        "README.md",
        "guide.md",
        "cheatsheet.md",
        "networks.md",
        "texts-and-tables.md",
        "live.md",
        "serving.md",
        "questions.md",
        "freeze.md",
        "head.md",
        "amount.md",
        "rates.md",
        "cut.md",
        "text.md",
        "table.md",
    ];
    let mut wrong = vec![];
    for (name, text) in pages().iter().filter(|(name, _)| users.contains(&name.as_str())) {
        for code in code(text) {
            let Some(option) = code.strip_prefix("--") else { continue };
            let long = option.split([' ', '=', '[']).next().unwrap_or_default();
            if !known.iter().any(|known| known == long) {
                wrong.push(format!("{name}: --{long}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn numbers_in_the_readme_are_measured() {
    let benchmarks = fs::read_to_string(root().join("docs/benchmarks.md")).unwrap();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    // Accuracies, as .798 or .86.
    let is_accuracy = |word: &&str| {
        word.strip_prefix('.')
            .is_some_and(|digits| digits.len() >= 2 && digits.chars().all(|c| c.is_ascii_digit()))
    };
    let split = |text: &str| {
        let words =
            text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_end_matches('.'));
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let measured = split(&benchmarks);
    let quoted: Vec<String> = split(&readme).into_iter().filter(|word| is_accuracy(&word.as_str())).collect();
    assert!(quoted.len() >= 8, "{quoted:?}");
    let unknown: Vec<&String> = quoted.iter().filter(|number| !measured.contains(number)).collect();
    assert!(unknown.is_empty(), "docs/benchmarks.md has no {unknown:?}");
}
