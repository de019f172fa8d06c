//! A data set of pictures: read, augmented and normalised on demand, on all threads.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use thiserror::Error;

use super::augment::{AugmentPolicy, Draw};
use super::folder::{self, FolderError, Labelled};
use super::picture::{Picture, PictureError};
use super::transform::Preprocess;
use crate::activation::Activation;
use crate::data::split::{self, SplitError};
use crate::data::{DataError, Dataset, Skipped, Target, View};

/// Labelled pictures of one size.
#[derive(Clone, Debug)]
pub struct Pictures {
    root: PathBuf,
    items: Vec<Labelled>,
    preprocess: Preprocess,
    augment: AugmentPolicy,
}

impl Pictures {
    /// The pictures at these paths below `root`.
    pub fn new(root: &Path, items: Vec<Labelled>, preprocess: Preprocess, augment: AugmentPolicy) -> Self {
        Self { root: root.to_owned(), items, preprocess, augment }
    }

    /// Reads every picture once and leaves out those that can't be read.
    pub fn readable(mut self) -> (Self, Vec<Skipped>) {
        let results: Vec<Option<PictureError>> =
            self.items.par_iter().map(|item| Picture::open(self.root.join(&item.path)).err()).collect();
        let mut skipped = vec![];
        let items = std::mem::take(&mut self.items);
        for (item, problem) in items.into_iter().zip(results) {
            match problem {
                None => self.items.push(item),
                Some(problem) => {
                    skipped.push(Skipped { path: self.root.join(&item.path), reason: problem.to_string() });
                }
            }
        }
        (self, skipped)
    }

    fn draw(&self, item: usize, view: View) -> Draw {
        match view {
            View::Plain => Draw::default(),
            View::Augmented(draws) => self.augment.draw(&mut draws.for_item(item)),
        }
    }
}

impl Dataset for Pictures {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn target(&self, item: usize) -> Target {
        Target::Class(self.items[item].class)
    }

    fn name(&self, item: usize) -> String {
        self.root.join(&self.items[item].path).display().to_string()
    }

    fn inputs(&self, items: &[usize], view: View, device: &Device) -> Result<Activation, DataError> {
        let mut values = vec![0.0; items.len() * self.preprocess.values()];
        let outputs = values.par_chunks_mut(self.preprocess.values());
        outputs.zip(items).try_for_each(|(output, &item)| {
            let failed = |error: PictureError| DataError { item: self.name(item), reason: error.to_string() };
            let picture = Picture::open(self.root.join(&self.items[item].path)).map_err(failed)?;
            self.preprocess.apply(&picture, &self.draw(item, view), output);
            Ok(())
        })?;
        Ok(batch(values, items.len(), self.preprocess.size, device).into())
    }
}

/// Prepared pictures as `[batch, size, size, 3]`.
pub(super) fn batch(values: Vec<f32>, pictures: usize, size: usize, device: &Device) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, [pictures, size, size, 3]), device)
}

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
}

/// A folder can't be trained on.
#[derive(Debug, Error)]
pub enum PictureFolderError {
    /// Its structure is not that of a data set.
    #[error(transparent)]
    Folder(#[from] FolderError),
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
}

impl PictureFolder {
    /// Finds the pictures below `root`, splits them and leaves out those that can't be read.
    ///
    /// # Errors
    ///
    /// If there are no two classes of pictures, none can be read, or no validation part can be made.
    pub fn open(
        root: &Path,
        validation: &Validation,
        preprocess: &Preprocess,
        augment: &AugmentPolicy,
        seed: u64,
    ) -> Result<Self, PictureFolderError> {
        let found = folder::scan(root)?;
        let classes = found.train.classes.clone();
        let pictures = |root: &Path, items| Pictures::new(root, items, *preprocess, *augment);
        let mut notes = ignored_note(root, &found.train).into_iter().collect::<Vec<_>>();

        let count = found.train.items.len();
        let (train, mut skipped) = pictures(root, found.train.items).readable();
        if train.is_empty() {
            let first = skipped.swap_remove(0);
            return Err(PictureFolderError::NothingReadable { path: root.to_owned(), count, first });
        }
        let given = match validation {
            Validation::Folder(path) => Some((path.clone(), folder::scan_known(path, &classes)?)),
            Validation::Found { .. } => found.valid.map(|tree| (root.to_owned(), tree)),
            Validation::Share(_) => None,
        };
        let (train, valid) = match (given, validation) {
            (Some((path, tree)), _) => {
                let count = tree.items.len();
                let (valid, mut bad) = pictures(&path, tree.items).readable();
                if valid.is_empty() && count > 0 {
                    return Err(PictureFolderError::NothingReadable {
                        path,
                        count,
                        first: bad.swap_remove(0),
                    });
                }
                skipped.extend(bad);
                (train, valid)
            }
            (None, Validation::Share(share) | Validation::Found { otherwise: share }) => {
                split_off(train, &classes, *share, seed, &mut notes)?
            }
            (None, Validation::Folder(_)) => unreachable!("a folder given is a folder scanned"),
        };
        Ok(Self { classes, train, valid, skipped, notes })
    }
}

/// Finds labelled pictures to evaluate a trained network on: a folder of class folders, or the validation
/// part of a data set. Pictures that can't be read are left out and listed.
///
/// # Errors
///
/// If there are no pictures of these classes, others, or none can be read.
pub fn open_known(
    root: &Path,
    classes: &[String],
    preprocess: &Preprocess,
) -> Result<(Pictures, Vec<Skipped>), PictureFolderError> {
    let tree = match folder::scan(root) {
        Ok(folder::LabelledFolder { valid: Some(valid), .. }) if valid.classes == classes => valid,
        _ => folder::scan_known(root, classes)?,
    };
    let count = tree.items.len();
    let all = Pictures::new(root, tree.items, *preprocess, AugmentPolicy::none());
    let (pictures, mut skipped) = all.readable();
    if pictures.is_empty() {
        let first = skipped.swap_remove(0);
        return Err(PictureFolderError::NothingReadable { path: root.to_owned(), count, first });
    }
    Ok((pictures, skipped))
}

fn split_off(
    all: Pictures,
    classes: &[String],
    share: f64,
    seed: u64,
    notes: &mut Vec<String>,
) -> Result<(Pictures, Pictures), SplitError> {
    let labels: Vec<usize> = all.items.iter().map(|item| item.class).collect();
    let split = split::stratified(&labels, share, seed)?;
    for &class in &split.singletons {
        notes.push(format!(
            "class {} has one picture: it is trained on and can't be validated",
            classes[class]
        ));
    }
    let part = |items: &[usize]| {
        let items = items.iter().map(|&item| all.items[item].clone()).collect();
        Pictures { items, ..all.clone() }
    };
    Ok((part(&split.train), part(&split.valid)))
}

fn ignored_note(root: &Path, tree: &folder::Tree) -> Option<String> {
    let kinds: Vec<String> = tree.ignored.iter().map(|(kind, count)| format!("{count} .{kind}")).collect();
    (!kinds.is_empty())
        .then(|| format!("{}: files that are no pictures are ignored: {}", root.display(), kinds.join(", ")))
}
