//! Plain words in everything that people read: docs, pages, help, errors and comments.
//!
//! Each phrase made a reader stop. `*` stands for any word. Say it as the second column does: the subject first, and the
//! field's word for it.

use std::fs;
use std::path::{Path, PathBuf};

const PHRASES: [(&str, &str); 57] = [
    ("taken for", "predicted as, confused with"),
    ("takes for", "predicts as, confuses with"),
    ("is told", "name what it gets, or who decides"),
    ("are told", "name what they get, or who decides"),
    ("was told", "name what it got, or who decided"),
    ("were told", "name what they got, or who decided"),
    ("been told", "name what it got, or who decided"),
    ("being told", "name what it gets, or who decides"),
    ("told of", "what it gets"),
    ("told by", "by"),
    ("whoever", "the reader, the client, a program that"),
    ("such as are", "those that are"),
    ("no number", "NaN, or not a number"),
    ("for the most part", "mostly"),
    ("asks nobody", "works offline, connects only to"),
    ("asks nothing", "works offline, connects only to"),
    ("is asked", "name the option, the request or the call"),
    ("are asked", "name the option, the request or the call"),
    ("was asked", "name the option, the request or the call"),
    ("be asked", "name the option, the request or the call"),
    ("what is * is", "the frozen part is; unknown cells are"),
    ("what is * * is", "the frozen part is; unknown cells are"),
    ("what is usual", "the default, the usual size"),
    ("what is kept", "the cache, the saved part"),
    ("what stands", "the content of, the prefix"),
    ("stands behind", "follows"),
    ("stand behind", "follow"),
    ("gone on with", "continued, resumed"),
    ("going on with", "continuing, resuming"),
    ("taken up", "resumed"),
    ("by heart", "memorised, overfitting"),
    ("at rest", "in eval mode"),
    ("held against", "compared with"),
    ("likeliest", "most probable"),
    ("surest", "most confident"),
    ("comes of", "the result of"),
    ("came of", "the result of"),
    ("come of", "the result of"),
    ("makes of", "the prediction for, the output for"),
    ("make of", "the prediction for, the output for"),
    ("so many", "this many, at most this many"),
    ("called so", "has this name"),
    ("what they give", "their output, the result of"),
    ("what * gives", "the output of, the result of"),
    ("where it errs", "the errors"),
    ("one's own", "custom, your own"),
    ("somebody asks", "a stop was requested"),
    ("somebody asked", "a stop was requested"),
    ("nobody asks", "name the request or the client"),
    ("nobody asked", "name the request or the client"),
    ("somebody says", "by default"),
    ("what somebody", "the request, the command"),
    ("be had", "downloaded, loaded, free"),
    ("speaks for", "supports"),
    ("speaks against", "evidence against"),
    ("as the plan stands", "under the current plan"),
    ("talks to everybody", "handles all connections"),
];

/// Kinds of files that people read.
const READ: [&str; 5] = ["md", "rs", "html", "js", "css"];

/// A word as it is compared, the line it is in, and whether a sentence or a part of one ends behind it.
struct Word {
    text: String,
    line: usize,
    ends: bool,
}

fn files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| files(&path)).collect()
}

fn words(text: &str, line: usize) -> impl Iterator<Item = Word> {
    text.split_whitespace().map(move |word| Word {
        text: word.trim_matches(|c: char| !c.is_alphanumeric() && c != '\'').to_lowercase(),
        line,
        ends: word.ends_with(['.', ',', ';', ':', '!', '?', '|', '`', '"']),
    })
}

/// The words of a page, all of them.
fn words_of_page(text: &str) -> Vec<Word> {
    text.lines().enumerate().flat_map(|(line, text)| words(text, line + 1)).collect()
}

/// The words of comments and texts in code.
fn words_of_code(code: &str) -> Vec<Word> {
    let mut found: Vec<Word> = vec![];
    let mut in_text = false;
    for (index, line) in code.lines().enumerate() {
        let trimmed = line.trim_start();
        if trimmed.starts_with("//") && !in_text {
            found.extend(words(trimmed.trim_start_matches(['/', '!']), index + 1));
            continue;
        }
        if let Some(last) = found.last_mut().filter(|_| !in_text) {
            last.ends = true;
        }
        for (part, text) in line.replace("\\\"", " ").split('"').enumerate() {
            if (part % 2 == 1) != in_text {
                found.extend(words(text.trim_end_matches('\\'), index + 1));
            }
        }
        // A text that goes on in the next line ends with a backslash here.
        in_text = line.ends_with('\\');
    }
    found
}

/// The first words that match a phrase at this place, if they do.
fn matches(words: &[Word], phrase: &str) -> bool {
    let parts: Vec<&str> = phrase.split(' ').collect();
    let Some(found) = words.get(..parts.len()) else { return false };
    let is_word = |word: &Word| !word.text.is_empty();
    let same = |(word, part): (&Word, &&str)| if *part == "*" { is_word(word) } else { word.text == *part };
    let inside = &found[..parts.len() - 1];
    // "can't be told apart" is plain.
    let is_plain =
        phrase.ends_with("told") && words.get(parts.len()).is_some_and(|word| word.text == "apart");
    found.iter().zip(&parts).all(same) && inside.iter().all(|word| !word.ends) && !is_plain
}

fn phrases_in(words: &[Word]) -> Vec<(usize, &'static str, &'static str)> {
    let at = |place: usize| {
        let here = &words[place..];
        let found = PHRASES.iter().filter(move |(phrase, _)| matches(here, phrase));
        found.map(move |&(phrase, better)| (here[0].line, phrase, better))
    };
    (0..words.len()).flat_map(at).collect()
}

#[test]
fn sentences_are_plain() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let parts = [
        "README.md",
        "CHANGELOG.md",
        "docs",
        "crates/defrost/src",
        "crates/defrost/templates",
        "crates/defrost/examples",
        "crates/defrost-cli/src",
        "crates/defrost-kernels/src",
    ];
    let is_read =
        |path: &PathBuf| READ.iter().any(|ending| path.extension().is_some_and(|own| own == *ending));
    let mut found = vec![];
    for path in parts.iter().flat_map(|part| files(&root.join(part))).filter(is_read) {
        let text = fs::read_to_string(&path).unwrap();
        let is_code = path.extension().is_some_and(|ending| ending == "rs");
        let words = if is_code { words_of_code(&text) } else { words_of_page(&text) };
        let inside = path.strip_prefix(&root).unwrap().display();
        for (line, phrase, better) in phrases_in(&words) {
            found.push(format!("{inside}:{line}: `{phrase}`; better: {better}"));
        }
    }
    assert!(found.is_empty(), "say these in plain words:\n{}", found.join("\n"));
}

#[test]
fn phrases_are_found_across_lines_and_not_across_sentences() {
    let found =
        |text: &str| phrases_in(&words_of_page(text)).iter().map(|hit| (hit.0, hit.1)).collect::<Vec<_>>();
    assert_eq!(found("A bag is taken\nfor a shirt."), [(1, "taken for")]);
    assert_eq!(found("It is taken. For a shirt"), []);
    assert_eq!(found("what is frozen is kept"), [(1, "what is * is")]);
    assert_eq!(found("they are told apart, and it is told"), [(1, "is told")]);
    let code = "/// What it\n/// gives.\nlet so_many = \"so many\"; // fine\nfn f() {}\n\"one \\\n\"; let comes = of;";
    let hits: Vec<_> = phrases_in(&words_of_code(code)).iter().map(|hit| (hit.0, hit.1)).collect();
    assert_eq!(hits, [(1, "what * gives"), (3, "so many")]);
}
