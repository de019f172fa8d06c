//! Looking for what is wrong with pictures: each file is decoded once, as training would, and forgotten but for a
//! trace of 224 bytes.

mod similar;

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::dataset::{PictureFolderError, Validation, validation_given};
use super::folder::{self, Labelled};
use super::labels::{self, Labelling};
use super::picture::{Picture, PictureError, is_animated, read_file};
use crate::check::{Entry, Part, Problem, Report, Severity};
use crate::data::Fingerprint;
use crate::data::split;
use similar::{Trace, look_alikes};

/// Pictures that are enlarged more than this many times have nothing to show.
const TINY: usize = 8;
/// Pictures of more pixels than this take longer to decode than to learn from.
const HUGE: usize = 40_000_000;

/// What is kept of a picture that can be read.
struct Look {
    content: Fingerprint,
    width: usize,
    height: usize,
    animated: bool,
    trace: Trace,
}

/// A picture that can be read, and what is known of it.
struct Seen {
    entry: Entry,
    look: Look,
}

/// Looks at all pictures that training would use, split as training would split them; a network sees them as squares
/// of `size` pixels.
///
/// # Errors
///
/// If there are no pictures, or labels can't be read.
pub fn check(
    root: &Path,
    (labelling, validation): (&Labelling, &Validation),
    size: usize,
    seed: u64,
) -> Result<Report, PictureFolderError> {
    // Folders without pictures are a problem among others here.
    let found = match labelling {
        Labelling::Folders => folder::find(root).map_err(labels::LabelsError::from)?,
        _ => labels::scan(root, labelling)?,
    };
    let classes = found.train.classes.clone();
    let mut problems = ignored(root, &found.train.ignored);
    let given = validation_given(root, labelling, validation, &classes, found.valid)?;

    let (mut seen, bad) = look_at(root, found.train.items, Part::Train);
    problems.extend(bad);
    match (given, validation) {
        (Some((path, tree)), _) => {
            problems.extend(ignored(&path, &tree.ignored));
            let (valid, bad) = look_at(&path, tree.items, Part::Valid);
            problems.extend(bad);
            seen.extend(valid);
        }
        (None, Validation::Share(share) | Validation::Found { otherwise: share }) => {
            let labels: Vec<usize> = seen.iter().map(|seen| seen.entry.target.class().unwrap_or(0)).collect();
            match split::stratified(&labels, *share, seed) {
                Ok(split) => split.valid.into_iter().for_each(|item| seen[item].entry.part = Part::Valid),
                Err(error @ split::SplitError::Share(_)) => return Err(error.into()),
                Err(error) => {
                    problems.push(Problem::error(root.display().to_string(), "no-split", error.to_string()))
                }
            }
        }
        (None, Validation::Folder(_)) => unreachable!("a folder given is a folder scanned"),
    }
    if let [class] = &classes[..] {
        let detail = format!("all pictures are of class {class}; training needs at least two classes");
        problems.push(Problem::error(root.display().to_string(), "one-class", detail));
    }
    problems.extend(seen.iter().flat_map(|seen| of_size(&seen.entry.name, &seen.look, size)));
    problems.extend(near_duplicates(&seen));
    let entries: Vec<Entry> = seen.into_iter().map(|seen| seen.entry).collect();
    Ok(Report::new(classes, &entries, problems, Severity::Error))
}

/// The pictures that can be read, and what is wrong with the others.
fn look_at(root: &Path, files: Vec<Labelled>, part: Part) -> (Vec<Seen>, Vec<Problem>) {
    let looks: Vec<Result<Look, PictureError>> =
        files.par_iter().map(|file| look(&root.join(&file.path))).collect();
    let (mut seen, mut problems) = (vec![], vec![]);
    for (file, look) in files.into_iter().zip(looks) {
        let name = root.join(&file.path).display().to_string();
        match look {
            Ok(look) => {
                seen.push(Seen {
                    entry: Entry { name, part, target: file.target, content: look.content },
                    look,
                });
            }
            Err(error) => problems.push(Problem::error(name, error.kind(), error.to_string())),
        }
    }
    (seen, problems)
}

fn look(path: &Path) -> Result<Look, PictureError> {
    let bytes = read_file(path)?;
    let picture = Picture::decode(&bytes)?;
    Ok(Look {
        content: Fingerprint::of(&[&bytes]),
        width: picture.width(),
        height: picture.height(),
        animated: is_animated(&bytes),
        trace: Trace::of(&picture),
    })
}

/// What can be said of a picture by itself.
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

/// Pictures that look like another one, their files being different.
fn near_duplicates(seen: &[Seen]) -> Vec<Problem> {
    let mut known = std::collections::HashSet::new();
    let distinct = [Part::Train, Part::Valid]
        .into_iter()
        .flat_map(|part| seen.iter().filter(move |seen| seen.entry.part == part));
    let distinct: Vec<&Seen> =
        distinct.filter(|seen| !seen.look.trace.is_blank() && known.insert(seen.look.content)).collect();
    let traces: Vec<&Trace> = distinct.iter().map(|seen| &seen.look.trace).collect();
    let problem = |(later, earlier): (usize, usize)| {
        let (later, earlier) = (&distinct[later].entry, &distinct[earlier].entry);
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

fn ignored(root: &Path, files: &[PathBuf]) -> Vec<Problem> {
    let problem = |file: &PathBuf| {
        let path = root.join(file).display().to_string();
        Problem::warning(path, "ignored-file", "its name is no picture's, so it is not looked at")
    };
    files.iter().map(problem).collect()
}
