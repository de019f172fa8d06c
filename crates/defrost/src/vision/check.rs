//! What is wrong with images, told from a first look at each.

use std::collections::HashSet;
use std::path::PathBuf;

use super::dataset::Images;
use super::look::{Inspected, Look};
use super::similar::{Trace, look_alikes};
use crate::check::{Entry, Part, Problem, Report, Severity};

/// Images that are enlarged more than this many times have nothing to show.
const TINY: usize = 8;
/// Images of more pixels than this take longer to decode than to learn from.
const HUGE: usize = 40_000_000;

/// What is wrong with images that have been looked at, beside the problems already found.
pub(super) fn report(
    name: &str,
    classes: &[String],
    [train, valid]: [&Images; 2],
    inspected: &Inspected,
    mut problems: Vec<Problem>,
    size: usize,
) -> Report {
    let entries: Vec<Entry> = train.entries(Part::Train).chain(valid.entries(Part::Valid)).collect();
    if let [class] = classes {
        let detail = format!("all images are of class {class}; training needs at least two classes");
        problems.push(Problem::error(name, "one-class", detail));
    }
    problems.extend(entries.iter().flat_map(|entry| of_size(&entry.name, &inspected[&entry.content], size)));
    problems.extend(near_duplicates(&entries, inspected));
    Report::new(classes.to_vec(), &entries, problems, Severity::Error)
}

/// What can be said of an image by itself.
fn of_size(name: &str, look: &Look, size: usize) -> Vec<Problem> {
    let Look { width, height, .. } = *look;
    let mut problems = vec![];
    if width.min(height) * TINY < size {
        let detail = format!("{width}x{height} pixels, enlarged to {size}");
        problems.push(Problem::warning(name, "tiny", detail));
    }
    if width * height > HUGE {
        let detail = format!("{width}x{height} pixels take long to decode; smaller copies train as well");
        problems.push(Problem::warning(name, "huge", detail));
    }
    if look.animated {
        problems.push(Problem::warning(name, "animated", "only the first frame is used"));
    }
    if look.trace.is_blank() {
        problems.push(Problem::warning(name, "blank", "one colour all over"));
    }
    problems
}

/// Images that look like another one, their files being different.
fn near_duplicates(entries: &[Entry], inspected: &Inspected) -> Vec<Problem> {
    let mut known = HashSet::new();
    let (distinct, traces): (Vec<&Entry>, Vec<&Trace>) = entries
        .iter()
        .map(|entry| (entry, &inspected[&entry.content].trace))
        .filter(|(entry, trace)| !trace.is_blank() && known.insert(entry.content))
        .unzip();
    let problem = |(later, earlier): (usize, usize)| {
        let (later, earlier) = (distinct[later], distinct[earlier]);
        let kind = match later.part == earlier.part {
            true => "near-duplicate",
            false => "near-duplicate-across-split",
        };
        let trained = if later.part == earlier.part { "" } else { ", which is trained on" };
        let label = if later.target == earlier.target { "" } else { "; their labels differ" };
        Problem::warning(&later.name, kind, format!("looks like {}{trained}{label}", earlier.name))
    };
    look_alikes(&traces).into_iter().map(problem).collect()
}

/// Files that are no images by their names.
pub(super) fn ignored(files: &[PathBuf]) -> Vec<Problem> {
    let problem = |file: &PathBuf| {
        let path = file.display().to_string();
        Problem::warning(path, "ignored-file", "its name is no image's, so it is not looked at")
    };
    files.iter().map(problem).collect()
}
