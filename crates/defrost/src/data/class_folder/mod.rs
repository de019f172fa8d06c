//! Finding labelled files in folders: one folder per class, `ROOT/CLASS/…/file`.
//!
//! A data set may have parts: `ROOT/train/CLASS` beside `ROOT/valid/CLASS` and `ROOT/test/CLASS`, by any of their usual
//! names, or `ROOT/valid` among the class folders; and there may be boxes around any of them, folders that hold nothing but
//! another one. Classes are the folder names in composed Unicode, sorted; files are sorted by path, so that the same files are
//! the same data set on every machine. Which files are items, a domain says with a [`FileKind`].
//!
//! The law: every file is an item of a part, or listed with the reason why it is not used.

mod error;
mod ignored;
mod kind;
mod layout;
mod names;
mod read;
mod told;
mod walk;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

pub use error::FolderError;
pub use ignored::{IgnoreReason, Ignored};
pub use kind::FileKind;
pub use names::composed;

use super::Target;
use crate::reading::{FolderReading, SplitReading, SplitUse};
use layout::{Part, layout};
use names::Role;
use read::Found;
use told::class_counts;
use walk::{Walked, walk};

/// A file and its label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFile {
    /// Where the file is, relative to the root that was scanned.
    pub path: PathBuf,
    /// Its label: in a tree of folders, the index of its class.
    pub target: Target,
    /// What it [belongs to](super::Dataset::belongs_to), where a table says so.
    pub belongs_to: Option<String>,
}

/// Labelled files.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LabelledFiles {
    /// Class names, sorted; a label is an index into them.
    pub classes: Vec<String>,
    /// The files, sorted by path.
    pub items: Vec<LabelledFile>,
    /// What lies among them and is not used, sorted by path.
    pub ignored: Vec<Ignored>,
}

/// The files of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledFolder {
    /// What to train on, or to split. What is ignored outside of all parts is listed here.
    pub train: LabelledFiles,
    /// What to validate on, with the classes of `train`, if the data set brings it.
    pub valid: Option<LabelledFiles>,
    /// What was understood of it; nothing where labels are not from folders.
    pub reading: Option<FolderReading>,
}

/// Finds the files of a data set and, where it brings them, those for validation.
///
/// # Errors
///
/// If `root` is no folder, has fewer than two classes, a name in it can be read in two ways, or validation has a class of
/// its own.
pub fn scan(root: &Path, kind: &'static FileKind) -> Result<LabelledFolder, FolderError> {
    let found = find(root, kind)?;
    let [class] = &found.train.classes[..] else { return Ok(found) };
    let class = class.clone();
    let is_empty =
        |ignored: &&Ignored| matches!(ignored.reason, IgnoreReason::Empty | IgnoreReason::NoItems(_));
    let classes: Vec<String> = found.train.ignored.iter().filter(is_empty).map(Ignored::name).collect();
    let path = root.to_owned();
    Err(match classes.is_empty() {
        true => FolderError::OneClass { path, class },
        false => FolderError::EmptyClasses { path, kind, classes },
    })
}

/// The same for data that may have one class alone.
///
/// # Errors
///
/// If `root` is no folder of folders with items, a name in it can be read in two ways, or validation has a class of its own.
pub fn find(root: &Path, kind: &'static FileKind) -> Result<LabelledFolder, FolderError> {
    let Walked { top, ignored } = walk(root, kind)?;
    let layout = layout(root, &top, &[], kind)?;
    let mut found = Found { root, kind, ignored };
    let Some(train) = &layout.train else {
        return Err(FolderError::NoTraining {
            path: below(root, &layout.top.path),
            parts: layout.other_names(),
        });
    };
    let mut splits = vec![];
    let mut split = |name: String, part: &Part<'_>, items: usize, used_for: SplitUse| {
        let path = below(root, &part.folder.path).display().to_string();
        splits.push((name, SplitReading { path, items, used_for }));
    };

    found.ignore_strays(&layout.strays);
    if train.folder.path != layout.top.path {
        found.ignore_beside(layout.top);
    }
    let empty = found.ignore_beside(train.folder);
    let mut trained = found.labelled(train, None)?;
    if trained.classes.is_empty() {
        let (path, loose) = (below(root, &train.folder.path), train.folder.items.len());
        return Err(match empty.is_empty() {
            true => FolderError::NoClasses { path, kind, loose },
            false => FolderError::EmptyClasses { path, kind, classes: empty },
        });
    }
    split(Role::Train.name(), train, trained.items.len(), SplitUse::Train);
    let mut valid = None;
    if let Some(part) = &layout.valid {
        found.ignore_beside(part.folder);
        let files = found.labelled(part, Some(&trained.classes))?;
        split(Role::Valid.name(), part, files.items.len(), SplitUse::Validate);
        valid = Some(files);
    }
    if let Some(part) = &layout.test {
        let is_labelled = part.class_names().iter().any(|name| trained.classes.contains(name));
        let used_for = if is_labelled { SplitUse::Evaluate } else { SplitUse::Nothing };
        split(Role::Test.name(), part, part.named.count, used_for);
    }
    for part in &layout.others {
        split(part.named.name(), part, part.named.count, SplitUse::Nothing);
    }
    let used = train.classes.iter().chain(layout.valid.iter().flat_map(|part| &part.classes));
    found.sort(&used.copied().collect::<Vec<_>>());
    let reading = FolderReading {
        items: kind.many,
        splits,
        classes: class_counts(&trained, valid.as_ref()),
        nested: found.nested(train, layout.valid.as_ref()),
        ignored: found.ignored.iter().map(|ignored| ignored.worded(root)).collect(),
    };
    if let (Some(files), Some(part)) = (&mut valid, &layout.valid) {
        files.ignored = found.take_below(&part.named.path);
    }
    trained.ignored = found.ignored;
    Ok(LabelledFolder { train: trained, valid, reading: Some(reading) })
}

/// Finds files of classes that are known already. Labels are indices into `classes`; some of them may have no items.
///
/// # Errors
///
/// If `root` is no folder, has no items in class folders, or a class that is not in `classes`.
pub fn scan_known(
    root: &Path,
    kind: &'static FileKind,
    classes: &[String],
) -> Result<LabelledFiles, FolderError> {
    let Walked { top, ignored } = walk(root, kind)?;
    let part = Part::of(&top, (Role::Valid, 0), &all_composed(classes));
    Found { root, kind, ignored }.known(&part, classes)
}

/// Finds the files to evaluate a trained network of these classes on: those that validate, where `root` is a data set
/// with a part for that, else those of its part for tests, else all. Paths are relative to `root`.
///
/// # Errors
///
/// As [`scan_known`].
pub fn scan_to_evaluate(
    root: &Path,
    kind: &'static FileKind,
    classes: &[String],
) -> Result<LabelledFiles, FolderError> {
    let Walked { top, ignored } = walk(root, kind)?;
    let layout = layout(root, &top, &all_composed(classes), kind)?;
    let part = layout.valid.or(layout.test).or(layout.train);
    let part = part.unwrap_or_else(|| Part::of(&top, (Role::Valid, 0), &all_composed(classes)));
    let mut found = Found { root, kind, ignored };
    let below = found.take_below(&part.named.path);
    Found { ignored: below, ..found }.known(&part, classes)
}

/// Whether most of the files in the folders below `root` are of this kind. What programs leave there is not counted.
pub fn holds_mostly(root: &Path, kind: &'static FileKind) -> bool {
    let Ok(Walked { top, ignored }) = walk(root, kind) else { return false };
    let items = top.count - top.items.len();
    let is_other = |ignored: &&Ignored| {
        matches!(ignored.reason, IgnoreReason::NotAnItem(_)) && ignored.path.components().count() > 1
    };
    items > ignored.iter().filter(is_other).count()
}

/// All files of this kind in a folder and below it, sorted, relative to it; and the other files.
///
/// # Errors
///
/// If `root` is no folder.
pub fn all_files(root: &Path, kind: &'static FileKind) -> Result<(Vec<PathBuf>, Vec<Ignored>), FolderError> {
    let Walked { top, ignored } = walk(root, kind)?;
    let mut paths: Vec<PathBuf> = top.all_items().into_iter().cloned().collect();
    paths.sort();
    Ok((paths, ignored))
}

/// A path below a root; the root itself is below it by an empty one.
fn below(root: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { root.to_owned() } else { root.join(path) }
}

fn all_composed(names: &[String]) -> Vec<String> {
    names.iter().map(|name| composed(name)).collect()
}
