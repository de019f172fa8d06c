//! A folder of pictures, found, read once, split and checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::augment::AugmentPolicy;
use super::check::{Looks, ignored, report};
use super::dataset::Pictures;
use super::folder::{self, LabelledFolder, Tree};
use super::kept::KeptPictures;
use super::labels::{self, LabelKind, Labelling, LabelsError};
use super::transform::Preprocess;
use crate::check::{Problem, Report};
use crate::data::split::{self, SplitError};
use crate::data::{Dataset, Skipped};

/// Where validation pictures come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// The data set's own validation folder, or else this share of its pictures.
    Found {
        /// The share split off where there is no folder, `0.0..1.0`.
        otherwise: f64,
    },
    /// Another folder.
    Folder(PathBuf),
    /// This share of the pictures, `0.0..1.0`, split off evenly over the classes.
    Share(f64),
}

/// A folder of pictures ready to train on.
#[derive(Clone, Debug)]
pub struct PictureFolder {
    /// Class names.
    pub classes: Vec<String>,
    /// What to train on.
    pub train: Pictures,
    /// What to validate on.
    pub valid: Pictures,
    /// Pictures that can't be read.
    pub skipped: Vec<Skipped>,
    /// What a person should know about the data.
    pub notes: Vec<String>,
    /// What is wrong with it.
    pub report: Report,
}

/// A folder can't be trained on.
#[derive(Debug, Error)]
pub enum PictureFolderError {
    /// Its structure is not that of a data set, or it is not labelled as it should be.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// A table and a folder both say what validates.
    #[error(
        "a folder of validation pictures has no labels in a table; name a column that says which pictures validate"
    )]
    TwoValidations,
    /// Validation can't be split off.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// No picture can be read.
    #[error("{}: none of the {count} pictures can be read; the first: {first}", path.display())]
    NothingReadable {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first and its reason.
        first: Skipped,
    },
    /// All pictures validate.
    #[error("{}: all pictures are there to validate and none to train on", .0.display())]
    NothingTrains(PathBuf),
}

impl PictureFolder {
    /// Finds the pictures below `root`, splits them and leaves out those that can't be read. Up to `memory`
    /// bytes of decoded pictures are kept.
    ///
    /// # Errors
    ///
    /// If there are no two classes of pictures, none can be read, or no validation part can be made.
    pub fn open(
        root: &Path,
        labels: (&Labelling, &Validation),
        preprocess: &Preprocess,
        augment: &AugmentPolicy,
        seed: u64,
        memory: u64,
    ) -> Result<Self, PictureFolderError> {
        let found = labels::scan(root, labels.0)?;
        let (folder, refusal) = Self::look_at(root, found, labels, (preprocess, augment), seed, memory)?;
        refusal.map_or(Ok(folder), Err)
    }

    /// Looks at all pictures that were found, each of which is decoded once; and why they can't be trained on,
    /// if they can't.
    ///
    /// # Errors
    ///
    /// If what is asked for makes no sense whatever the pictures are.
    pub(super) fn look_at(
        root: &Path,
        LabelledFolder { train: tree, valid }: LabelledFolder,
        (labelling, validation): (&Labelling, &Validation),
        (preprocess, augment): (&Preprocess, &AugmentPolicy),
        seed: u64,
        memory: u64,
    ) -> Result<(Self, Option<PictureFolderError>), PictureFolderError> {
        let classes = tree.classes.clone();
        let given = validation_given(root, labelling, validation, &classes, valid)?;
        let mut notes: Vec<String> = ignored_note(root, &tree).into_iter().collect();
        let kept = Arc::new(KeptPictures::new(memory));
        let (mut looks, mut skipped, mut problems) = (Looks::new(), vec![], vec![]);
        let mut pictures = |root: &Path, tree: Tree, augment| {
            let (pictures, bad) =
                Pictures::open(root, tree.items, *preprocess, augment, kept.clone(), &mut looks);
            let refusal = nothing_readable(root, &pictures, &bad);
            problems.extend(ignored(root, &tree.ignored));
            problems.extend(bad.iter().cloned().map(Problem::from));
            skipped.extend(bad);
            (pictures, refusal)
        };
        let (train, mut refusal) = pictures(root, tree, *augment);
        if train.is_empty() {
            refusal = refusal.or_else(|| Some(PictureFolderError::NothingTrains(root.to_owned())));
        }
        let (train, valid) = match (given, validation) {
            (Some((path, tree)), _) => {
                let (valid, other) = pictures(&path, tree, AugmentPolicy::none());
                refusal = refusal.or(other);
                (train, valid)
            }
            (None, Validation::Share(share) | Validation::Found { otherwise: share }) => {
                // What is not of one class is split at random: one class of all.
                let class = |item| train.target(item).class().unwrap_or(0);
                let labels: Vec<usize> = (0..train.len()).map(class).collect();
                match split::stratified(&labels, *share, seed) {
                    Ok(split) => {
                        notes.extend(alone(&split.singletons, &classes));
                        (train.part(&split.train), train.part(&split.valid))
                    }
                    Err(error @ SplitError::Share(_)) => return Err(error.into()),
                    Err(error) => {
                        let path = root.display().to_string();
                        problems.push(Problem::error(path, "no-split", error.to_string()));
                        refusal = refusal.or_else(|| Some(error.into()));
                        let none = train.part(&[]);
                        (train, none)
                    }
                }
            }
            (None, Validation::Folder(_)) => unreachable!("a folder given is a folder scanned"),
        };
        let report = report(root, &classes, [&train, &valid], &looks, problems, preprocess.size);
        Ok((Self { classes, train, valid, skipped, notes, report }, refusal))
    }
}

/// Finds labelled pictures to evaluate a trained network on: a folder of class folders, or the validation
/// part of a data set. Pictures that can't be read are left out and listed; up to `memory` bytes of decoded
/// ones are kept.
///
/// # Errors
///
/// If there are no pictures of these classes, others, or none can be read.
pub fn open_known(
    root: &Path,
    labelling: &Labelling,
    (classes, kind): (&[String], LabelKind),
    preprocess: &Preprocess,
    augment: AugmentPolicy,
    memory: u64,
) -> Result<(Pictures, Vec<Skipped>), PictureFolderError> {
    let tree = match (labelling, folder::scan(root)) {
        (Labelling::Folders, Ok(folder::LabelledFolder { valid: Some(valid), .. }))
            if valid.classes == classes =>
        {
            valid
        }
        _ => labels::scan_known(root, labelling, classes, kind)?,
    };
    let kept = Arc::new(KeptPictures::new(memory));
    let (pictures, skipped) = Pictures::open(root, tree.items, *preprocess, augment, kept, &mut Looks::new());
    nothing_readable(root, &pictures, &skipped).map_or(Ok((pictures, skipped)), Err)
}

/// The pictures that validate, where the options or the data, which has `found` them, say which; and the folder that
/// their paths start from.
fn validation_given(
    root: &Path,
    labelling: &Labelling,
    validation: &Validation,
    classes: &[String],
    found: Option<Tree>,
) -> Result<Option<(PathBuf, Tree)>, PictureFolderError> {
    match validation {
        Validation::Folder(_) if matches!(labelling, Labelling::Table(_)) => {
            Err(PictureFolderError::TwoValidations)
        }
        Validation::Folder(path) => {
            Ok(Some((path.clone(), labels::scan_known(path, labelling, classes, LabelKind::Class)?)))
        }
        Validation::Found { .. } => Ok(found.map(|tree| (root.to_owned(), tree))),
        Validation::Share(_) => Ok(None),
    }
}

/// Notes on classes of one picture.
fn alone(singletons: &[usize], classes: &[String]) -> Vec<String> {
    let names = singletons.iter().filter_map(|&class| classes.get(class));
    names
        .map(|name| format!("class {name} has one picture: it is trained on and can't be validated"))
        .collect()
}

fn nothing_readable(root: &Path, pictures: &Pictures, skipped: &[Skipped]) -> Option<PictureFolderError> {
    let first = skipped.first().filter(|_| pictures.is_empty())?.clone();
    Some(PictureFolderError::NothingReadable { path: root.to_owned(), count: skipped.len(), first })
}

fn ignored_note(root: &Path, tree: &folder::Tree) -> Option<String> {
    let kinds: Vec<String> =
        tree.ignored_kinds().iter().map(|(kind, count)| format!("{count} .{kind}")).collect();
    (!kinds.is_empty())
        .then(|| format!("{}: files that are no pictures are ignored: {}", root.display(), kinds.join(", ")))
}
