//! The pages of docs hang together: links and anchors lead somewhere, and the contents, the pages and their last lines agree.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// Markdown files of a folder and of the folders in it.
fn pages_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let inside = |path: PathBuf| if path.is_dir() { pages_in(&path) } else { vec![path] };
    let mut pages: Vec<PathBuf> =
        entries.flat_map(inside).filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.sort();
    pages
}

/// The page without its code blocks and code in lines, in which brackets are no links.
fn prose(text: &str) -> String {
    let blocks = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    blocks.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// The targets of `[text](target)` and `![text](target)`.
fn targets(text: &str) -> Vec<String> {
    let prose = prose(text);
    let parts = prose.split("](").skip(1);
    parts.filter_map(|part| Some(part.split_once(')')?.0.to_owned())).collect()
}

/// The anchors of a page: those that Markdown viewers make of headings, and those written as `<a id="…">`.
fn anchors(text: &str) -> Vec<String> {
    let outside = text.split("```").step_by(2).collect::<Vec<_>>().join("\n");
    let headings = outside.lines().filter(|line| line.starts_with('#'));
    let mut found: Vec<String> = headings.map(|line| anchor(line.trim_start_matches('#').trim())).collect();
    found.extend(
        outside.split("<a id=\"").skip(1).filter_map(|part| Some(part.split_once('"')?.0.to_owned())),
    );
    found
}

/// What a heading's anchor is on GitHub: lower case, blanks as dashes, without punctuation.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let root = repository();
    let mut pages = pages_in(&root.join("docs"));
    pages.extend(["README.md", "CHANGELOG.md", "samples/README.md"].map(|name| root.join(name)));
    let mut dead = vec![];
    let mut count = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for target in targets(&text).into_iter().filter(|target| !target.contains("://")) {
            count += 1;
            let (file, wanted) = target.split_once('#').unwrap_or((&target, ""));
            let path = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let leads = path.exists()
                && (wanted.is_empty()
                    || anchors(&fs::read_to_string(&path).unwrap()).iter().any(|own| own == wanted));
            if !leads {
                dead.push(format!("{}: {target}", page.strip_prefix(&root).unwrap().display()));
            }
        }
    }
    assert!(count > 150, "only {count} links were found");
    assert!(dead.is_empty(), "{dead:#?}");
}

/// The pages that docs/README.md lists, in its order.
fn contents() -> Vec<String> {
    let text = fs::read_to_string(repository().join("docs/README.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ["));
    rows.map(|row| targets(row).remove(0)).collect()
}

#[test]
fn the_contents_list_every_page_once() {
    let docs = repository().join("docs");
    let mut there: Vec<String> =
        pages_in(&docs).iter().map(|page| page.strip_prefix(&docs).unwrap().display().to_string()).collect();
    there.retain(|page| page != "README.md");
    let mut listed = contents();
    listed.sort();
    assert_eq!(listed, there);
}

#[test]
fn each_page_ends_with_the_way_to_its_neighbours() {
    let docs = repository().join("docs");
    let pages = contents();
    let mut wrong = vec![];
    for (place, page) in pages.iter().enumerate() {
        let text = fs::read_to_string(docs.join(page)).unwrap();
        let from = docs.join(page);
        let absolute = |target: &String| from.parent().unwrap().join(target).canonicalize().ok();
        let last = text.trim_end().lines().next_back().unwrap();
        let ways: Vec<Option<PathBuf>> = targets(last).iter().map(absolute).collect();
        let neighbour = |place: usize| pages.get(place).map(|page| docs.join(page).canonicalize().unwrap());
        let wanted = [
            place.checked_sub(1).and_then(neighbour),
            Some(docs.join("README.md").canonicalize().unwrap()),
            neighbour(place + 1),
        ];
        if !text.starts_with("# ") || ways != wanted.into_iter().flatten().map(Some).collect::<Vec<_>>() {
            wrong.push(format!("{page}: {last}"));
        }
    }
    assert!(wrong.is_empty(), "previous page, contents, next page: {wrong:#?}");
}

#[test]
fn each_of_the_ten_questions_has_its_places() {
    let text = fs::read_to_string(repository().join("docs/questions.md")).unwrap();
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(|c: char| c.is_ascii_digit()))
        .collect();
    assert_eq!(rows.len(), 10);
    for row in rows {
        // Number, question, answer, README, help, report, book.
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 7, "{row}");
        assert!(targets(cells[3]).iter().all(|target| target.starts_with("../README.md")), "{row}");
        assert!(!targets(cells[6]).is_empty(), "the book answers it: {row}");
        assert!(cells[3..6].iter().filter(|cell| !cell.is_empty()).count() >= 2, "{row}");
    }
}

#[test]
fn anchors_are_those_of_the_viewer() {
    assert_eq!(anchor("3. What does `freeze_to(n)` do?"), "3-what-does-freeze_ton-do");
    assert_eq!(anchors("# A b\n```\n# no\n```\n<a id=\"c\"></a>"), ["a-b", "c"]);
    assert_eq!(targets("[a](b) `[c](d)` ![e](f#g)"), ["b", "f#g"]);
}
