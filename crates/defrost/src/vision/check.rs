//! Problems in images, found from the trace of each.

use std::collections::HashSet;

use super::dataset::Images;
use super::look::{Inspected, Look};
use super::similar::{Trace, look_alikes};
use crate::check::{Entry, Part, Problem, Report, Severity};
use crate::data::class_folder::{IgnoreReason, Ignored};

/// Images that are enlarged more than this many times have nothing to show.
const TINY: usize = 8;
/// What 12 of 16 bits come to in 8.
const DARK: u8 = 16;
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

/// Problems of a single image.
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
    if look.brightest <= DARK && !look.trace.is_blank() {
        let detail = format!(
            "no value is above {DARK} of 255; values of 12 bits in a file of 16 look so, and are to be multiplied by 16"
        );
        problems.push(Problem::warning(name, "dark", detail));
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

/// Files among the images that are not used, as far as a person may have meant them to be. What programs leave is none.
pub(super) fn passed_over(files: &[Ignored]) -> Vec<Problem> {
    let problem = |Ignored { path, reason, files }: &Ignored| {
        let (kind, detail) = match reason {
            IgnoreReason::NotAnItem(_) => (
                "ignored-file",
                "neither its name nor its content is that of an image, so it is not looked at".to_owned(),
            ),
            IgnoreReason::NoClass => ("no-class", "it is in no class folder, so it is not used".to_owned()),
            IgnoreReason::NoPart => (
                "unused-folder",
                format!("the {files} images in it are not used: it is no part of the data set by its name"),
            ),
            IgnoreReason::Empty | IgnoreReason::NoItems(_) => {
                ("empty-folder", format!("{reason}, so it is no class"))
            }
            IgnoreReason::Loop | IgnoreReason::LinkedTwice => {
                ("link", format!("{reason}, so it is not followed"))
            }
            IgnoreReason::Beside(_)
            | IgnoreReason::WrittenBy(_)
            | IgnoreReason::Hidden
            | IgnoreReason::BrokenLink => return None,
        };
        Some(Problem::warning(path.display().to_string(), kind, detail))
    };
    files.iter().filter_map(problem).collect()
}
