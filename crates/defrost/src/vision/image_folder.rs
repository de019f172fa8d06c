//! A folder of images, found, read once, split and checked.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

use super::augment::AugmentPolicy;
use super::check::{Inspected, ignored, report};
use super::dataset::Images;
use super::decoded_images::DecodedImages;
use super::folder::{self, LabelledFolder, Tree};
use super::labels::{self, LabelKind, Labelling, LabelsError};
use super::transform::Preprocess;
use crate::check::{Problem, Report};
use crate::data::split::{self, SplitError};
use crate::data::{Dataset, Skipped};

/// Where validation images come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Validation {
    /// The data set's own validation folder, or else this fraction of its images.
    Found {
        /// The fraction split off where there is no folder, `0.0..1.0`.
        otherwise: f64,
    },
    /// Another folder.
    Folder(PathBuf),
    /// This fraction of the images, `0.0..1.0`, split off evenly over the classes.
    Fraction(f64),
}

/// A folder of images ready to train on.
#[derive(Clone, Debug)]
pub struct ImageFolder {
    /// Class names.
    pub classes: Vec<String>,
    /// What to train on.
    pub train: Images,
    /// What to validate on.
    pub valid: Images,
    /// Images that can't be read.
    pub skipped: Vec<Skipped>,
    /// What a person should know about the data.
    pub notes: Vec<String>,
    /// What is wrong with it.
    pub report: Report,
}

/// A folder can't be trained on.
#[derive(Debug, Error)]
pub enum ImageFolderError {
    /// Its structure is not that of a data set, or it is not labelled as it should be.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// A table and a folder both say what validates.
    #[error(
        "a folder of validation images has no labels in a table; name a column that says which images validate"
    )]
    TwoValidations,
    /// Validation can't be split off.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// No image can be read.
    #[error("{}: none of the {count} images can be read; the first: {first}", path.display())]
    NothingReadable {
        /// The folder.
        path: PathBuf,
        /// How many there are.
        count: usize,
        /// The first and its reason.
        first: Skipped,
    },
    /// All images validate.
    #[error("{}: all images are there to validate and none to train on", .0.display())]
    NothingTrains(PathBuf),
}

impl ImageFolder {
    /// Finds the images below `root`, splits them and leaves out those that can't be read. Up to `memory`
    /// bytes of decoded images are kept.
    ///
    /// # Errors
    ///
    /// If there are no two classes of images, none can be read, or no validation part can be made.
    pub fn open(
        root: &Path,
        labels: (&Labelling, &Validation),
        preprocess: &Preprocess,
        augment: &AugmentPolicy,
        seed: u64,
        memory: u64,
    ) -> Result<Self, ImageFolderError> {
        let found = labels::scan(root, labels.0)?;
        let (folder, refusal) = Self::look_at(root, found, labels, (preprocess, augment), seed, memory)?;
        refusal.map_or(Ok(folder), Err)
    }

    /// Looks at all images that were found, each of which is decoded once; and why they can't be trained on,
    /// if they can't.
    ///
    /// # Errors
    ///
    /// If what is asked for makes no sense whatever the images are.
    pub(super) fn look_at(
        root: &Path,
        LabelledFolder { train: tree, valid }: LabelledFolder,
        (labelling, validation): (&Labelling, &Validation),
        (preprocess, augment): (&Preprocess, &AugmentPolicy),
        seed: u64,
        memory: u64,
    ) -> Result<(Self, Option<ImageFolderError>), ImageFolderError> {
        let classes = tree.classes.clone();
        let given = validation_given(root, labelling, validation, &classes, valid)?;
        let mut notes: Vec<String> = ignored_note(root, &tree).into_iter().collect();
        let decoded = Arc::new(DecodedImages::new(memory));
        let (mut inspected, mut skipped, mut problems) = (Inspected::new(), vec![], vec![]);
        let mut images = |root: &Path, tree: Tree, augment| {
            let (images, bad) =
                Images::open(root, tree.items, *preprocess, augment, decoded.clone(), &mut inspected);
            let refusal = nothing_readable(root, &images, &bad);
            problems.extend(ignored(root, &tree.ignored));
            problems.extend(bad.iter().cloned().map(Problem::from));
            skipped.extend(bad);
            (images, refusal)
        };
        let (train, mut refusal) = images(root, tree, *augment);
        if train.is_empty() {
            refusal = refusal.or_else(|| Some(ImageFolderError::NothingTrains(root.to_owned())));
        }
        let (train, valid) = match (given, validation) {
            (Some((path, tree)), _) => {
                let (valid, other) = images(&path, tree, AugmentPolicy::none());
                refusal = refusal.or(other);
                (train, valid)
            }
            (None, Validation::Fraction(fraction) | Validation::Found { otherwise: fraction }) => {
                // What is not of one class is split at random: one class of all.
                let class = |item| train.target(item).class().unwrap_or(0);
                let labels: Vec<usize> = (0..train.len()).map(class).collect();
                match split::stratified(&labels, *fraction, seed) {
                    Ok(split) => {
                        notes.extend(alone(&split.singletons, &classes));
                        (train.part(&split.train), train.part(&split.valid))
                    }
                    Err(error @ SplitError::Fraction(_)) => return Err(error.into()),
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
        let report = report(root, &classes, [&train, &valid], &inspected, problems, preprocess.size);
        Ok((Self { classes, train, valid, skipped, notes, report }, refusal))
    }
}

/// Finds labelled images to evaluate a trained network on: a folder of class folders, or the validation
/// part of a data set. Images that can't be read are left out and listed; up to `memory` bytes of decoded
/// ones are kept.
///
/// # Errors
///
/// If there are no images of these classes, others, or none can be read.
pub fn open_known(
    root: &Path,
    labelling: &Labelling,
    (classes, kind): (&[String], LabelKind),
    preprocess: &Preprocess,
    augment: AugmentPolicy,
    memory: u64,
) -> Result<(Images, Vec<Skipped>), ImageFolderError> {
    let tree = match (labelling, folder::scan(root)) {
        (Labelling::Folders, Ok(folder::LabelledFolder { valid: Some(valid), .. }))
            if valid.classes == classes =>
        {
            valid
        }
        _ => labels::scan_known(root, labelling, classes, kind)?,
    };
    let decoded = Arc::new(DecodedImages::new(memory));
    let (images, skipped) =
        Images::open(root, tree.items, *preprocess, augment, decoded, &mut Inspected::new());
    nothing_readable(root, &images, &skipped).map_or(Ok((images, skipped)), Err)
}

/// The images that validate, where the options or the data, which has `found` them, say which; and the folder that
/// their paths start from.
fn validation_given(
    root: &Path,
    labelling: &Labelling,
    validation: &Validation,
    classes: &[String],
    found: Option<Tree>,
) -> Result<Option<(PathBuf, Tree)>, ImageFolderError> {
    match validation {
        Validation::Folder(_) if matches!(labelling, Labelling::Table(_)) => {
            Err(ImageFolderError::TwoValidations)
        }
        Validation::Folder(path) => {
            Ok(Some((path.clone(), labels::scan_known(path, labelling, classes, LabelKind::Class)?)))
        }
        Validation::Found { .. } => Ok(found.map(|tree| (root.to_owned(), tree))),
        Validation::Fraction(_) => Ok(None),
    }
}

/// Notes on classes of one image.
fn alone(singletons: &[usize], classes: &[String]) -> Vec<String> {
    let names = singletons.iter().filter_map(|&class| classes.get(class));
    names.map(|name| format!("class {name} has one image: it is trained on and can't be validated")).collect()
}

fn nothing_readable(root: &Path, images: &Images, skipped: &[Skipped]) -> Option<ImageFolderError> {
    let first = skipped.first().filter(|_| images.is_empty())?.clone();
    Some(ImageFolderError::NothingReadable { path: root.to_owned(), count: skipped.len(), first })
}

fn ignored_note(root: &Path, tree: &folder::Tree) -> Option<String> {
    let kinds: Vec<String> =
        tree.ignored_kinds().iter().map(|(kind, count)| format!("{count} .{kind}")).collect();
    (!kinds.is_empty())
        .then(|| format!("{}: files that are no images are ignored: {}", root.display(), kinds.join(", ")))
}
