//! A data set of pictures: read, augmented and normalised on demand, on all threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use thiserror::Error;

use super::augment::{AugmentPolicy, Draw};
use super::folder::{self, Labelled, Tree};
use super::kept::{Form, KeptPictures};
use super::labels::{self, LabelKind, Labelling, LabelsError};
use super::picture::{Picture, PictureError, read_file};
use super::thumbnail::thumbnail;
use super::transform::Preprocess;
use crate::activation::Activation;
use crate::data::split::{self, SplitError};
use crate::data::{DataError, Dataset, Exhibit, Fingerprint, Skipped, Target, View};

/// Labelled pictures of one size. Their files have been read once; one that changes afterwards is an error.
#[derive(Clone, Debug)]
pub struct Pictures {
    root: PathBuf,
    items: Vec<Item>,
    preprocess: Preprocess,
    augment: AugmentPolicy,
    kept: Arc<KeptPictures>,
}

#[derive(Clone, Debug)]
struct Item {
    file: Labelled,
    /// Of the file's bytes.
    content: Fingerprint,
}

impl Pictures {
    /// Reads the pictures at these paths below `root` once; those that can't be read are left out. What is
    /// decoded is kept in `kept`, as far as it fits.
    pub fn open(
        root: &Path,
        files: Vec<Labelled>,
        preprocess: Preprocess,
        augment: AugmentPolicy,
        kept: Arc<KeptPictures>,
    ) -> (Self, Vec<Skipped>) {
        let mut pictures = Self { root: root.to_owned(), items: vec![], preprocess, augment, kept };
        let results: Vec<Result<Fingerprint, PictureError>> =
            files.par_iter().map(|file| pictures.first_look(&root.join(&file.path))).collect();
        let mut skipped = vec![];
        for (file, result) in files.into_iter().zip(results) {
            match result {
                Ok(content) => pictures.items.push(Item { file, content }),
                Err(problem) => {
                    let (path, kind) = (root.join(&file.path), problem.kind());
                    skipped.push(Skipped { path, kind, reason: problem.to_string() });
                }
            }
        }
        (pictures, skipped)
    }

    /// Decodes a file and keeps what its epochs will need of it: only the square where nothing is augmented.
    fn first_look(&self, path: &Path) -> Result<Fingerprint, PictureError> {
        let bytes = read_file(path)?;
        let content = Fingerprint::of(&[&bytes]);
        let picture = Picture::decode(&bytes)?;
        match self.augment == AugmentPolicy::none() {
            true => self.keep_square(content, &picture),
            false => self.keep_source(content, picture),
        };
        Ok(content)
    }

    fn keep_square(&self, content: Fingerprint, picture: &Picture) -> Arc<Picture> {
        let square = Arc::new(self.preprocess.square(picture, &Draw::default()));
        self.kept.insert(content, Form::Square, square.clone());
        square
    }

    fn keep_source(&self, content: Fingerprint, picture: Picture) -> Arc<Picture> {
        let presized = self.preprocess.presized(&picture);
        let form = Form::Source { reduced: presized.is_some() };
        let source = Arc::new(presized.unwrap_or(picture));
        self.kept.insert(content, form, source.clone());
        source
    }

    /// Writes an item as the network sees it; the bytes do not depend on what is kept.
    fn prepare(&self, item: usize, view: View, out: &mut [f32]) -> Result<(), DataError> {
        let (content, draw) = (self.items[item].content, self.draw(item, view));
        if draw == Draw::default() {
            let square = match self.kept.get(content) {
                Some((Form::Square, square)) => square,
                Some((Form::Source { reduced: false }, picture)) => self.keep_square(content, &picture),
                _ => self.keep_square(content, &self.decode(item)?),
            };
            self.preprocess.normalise(&square, &draw, out);
        } else {
            let source = match self.kept.get(content) {
                Some((Form::Source { .. }, source)) => source,
                _ => self.keep_source(content, self.decode(item)?),
            };
            self.preprocess.apply(&source, &draw, out);
        }
        Ok(())
    }

    fn decode(&self, item: usize) -> Result<Picture, DataError> {
        let failed = |reason: String| DataError { item: self.name(item), reason };
        let Item { file, content } = &self.items[item];
        let bytes = read_file(&self.root.join(&file.path)).map_err(|error| failed(error.to_string()))?;
        if Fingerprint::of(&[&bytes]) != *content {
            return Err(failed("the file has changed since this run first read it; start again".to_owned()));
        }
        Picture::decode(&bytes).map_err(|error| failed(error.to_string()))
    }

    fn draw(&self, item: usize, view: View) -> Draw {
        match view {
            View::Augmented(_) if self.augment == AugmentPolicy::none() => Draw::default(),
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
        self.items[item].file.target.clone()
    }

    fn name(&self, item: usize) -> String {
        self.root.join(&self.items[item].file.path).display().to_string()
    }

    fn fingerprint(&self, item: usize, view: View) -> Fingerprint {
        // `Debug` shows every field and every digit, those of later versions too.
        let look = format!("{:?} {:?}", self.preprocess, self.draw(item, view));
        Fingerprint::of(&[&self.items[item].content.0, look.as_bytes()])
    }

    fn exhibit(&self, item: usize) -> Option<Exhibit> {
        let square = match self.kept.get(self.items[item].content) {
            Some((Form::Square, square)) => square,
            _ => Arc::new(self.preprocess.square(&self.decode(item).ok()?, &Draw::default())),
        };
        thumbnail(&square)
    }

    fn inputs(&self, items: &[usize], view: View, device: &Device) -> Result<Activation, DataError> {
        let mut values = vec![0.0; items.len() * self.preprocess.values()];
        let outputs = values.par_chunks_mut(self.preprocess.values());
        outputs.zip(items).try_for_each(|(output, &item)| self.prepare(item, view, output))?;
        Ok(batch(values, items.len(), &self.preprocess, device).into())
    }
}

/// Prepared pictures as `[batch, size, size, channels]`.
pub(super) fn batch(
    values: Vec<f32>,
    pictures: usize,
    &Preprocess { size, channels, .. }: &Preprocess,
    device: &Device,
) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, [pictures, size, size, channels]), device)
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
        (labelling, validation): (&Labelling, &Validation),
        preprocess: &Preprocess,
        augment: &AugmentPolicy,
        seed: u64,
        memory: u64,
    ) -> Result<Self, PictureFolderError> {
        let found = labels::scan(root, labelling)?;
        let classes = found.train.classes.clone();
        let kept = Arc::new(KeptPictures::new(memory));
        let pictures =
            |root: &Path, files, augment| Pictures::open(root, files, *preprocess, augment, kept.clone());
        let mut notes = ignored_note(root, &found.train).into_iter().collect::<Vec<_>>();

        let count = found.train.items.len();
        let (train, mut skipped) = pictures(root, found.train.items, *augment);
        if train.is_empty() {
            let first = skipped.swap_remove(0);
            return Err(PictureFolderError::NothingReadable { path: root.to_owned(), count, first });
        }
        let given = validation_given(root, labelling, validation, &classes, found.valid)?;
        let (train, valid) = match (given, validation) {
            (Some((path, tree)), _) => {
                let count = tree.items.len();
                let (valid, mut bad) = pictures(&path, tree.items, AugmentPolicy::none());
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
    let count = tree.items.len();
    let kept = Arc::new(KeptPictures::new(memory));
    let (pictures, mut skipped) = Pictures::open(root, tree.items, *preprocess, augment, kept);
    if pictures.is_empty() {
        let first = skipped.swap_remove(0);
        return Err(PictureFolderError::NothingReadable { path: root.to_owned(), count, first });
    }
    Ok((pictures, skipped))
}

/// The pictures that validate, where the options or the data, which has `found` them, say which; and the folder that
/// their paths start from.
pub(super) fn validation_given(
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

fn split_off(
    all: Pictures,
    classes: &[String],
    share: f64,
    seed: u64,
    notes: &mut Vec<String>,
) -> Result<(Pictures, Pictures), SplitError> {
    // What is not of one class is split at random: one class of all.
    let labels: Vec<usize> = all.items.iter().map(|item| item.file.target.class().unwrap_or(0)).collect();
    let split = split::stratified(&labels, share, seed)?;
    for &class in split.singletons.iter().filter(|&&class| class < classes.len()) {
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
    let kinds: Vec<String> =
        tree.ignored_kinds().iter().map(|(kind, count)| format!("{count} .{kind}")).collect();
    (!kinds.is_empty())
        .then(|| format!("{}: files that are no pictures are ignored: {}", root.display(), kinds.join(", ")))
}
