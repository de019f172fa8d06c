//! A data set of images: found in a folder or given in memory, read once, split and checked.
//!
//! Opening one lists files and classes; nothing is decoded before [`ImageData::read`].

mod error;
mod known;
mod read;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;

use super::augment::AugmentPolicy;
use super::dataset::{ImageSource, LabelledImage};
use super::image::Image;
use super::labels::{self, LabelledImages, Labelling};
use crate::data::class_folder::{Ignored, LabelledFile, LabelledFiles, LabelledFolder};
use crate::data::{Label, Skipped, Validation};
use crate::prefix::CacheLimits;
use crate::reading::{FolderReading, TableReading};
use crate::remedy::Note;

pub use error::ImageDataError;
pub use known::Known;

/// Images to learn from, and how they are to be read.
///
/// ```no_run
/// use defrost::vision::ImageFolder;
/// use defrost::vision::augment::AugmentPolicy;
/// use defrost::vision::transform::Preprocess;
///
/// let data = ImageFolder::open("photos")?.augment(AugmentPolicy::strong()).seed(7);
/// println!("{:?}", data.classes());
/// let split = data.read(&Preprocess::imagenet(224))?;
/// for skipped in &split.skipped {
///     println!("{skipped}");
/// }
/// # Ok::<(), defrost::vision::ImageDataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ImageData {
    /// What messages call it: a folder's path.
    root: PathBuf,
    labelling: Labelling,
    classes: Vec<String>,
    train: Vec<LabelledImage>,
    /// Those that validate, if the data set says so.
    valid: Option<Vec<LabelledImage>>,
    /// What lies among them and is not used.
    ignored: Vec<Ignored>,
    reading: Option<FolderReading>,
    /// Rows of a table that label no image.
    left_out: Vec<Skipped>,
    /// What a person should know about the table.
    table_notes: Vec<Note>,
    /// How the table was read.
    table: Option<TableReading>,
    validation: Validation,
    together: Option<Regex>,
    augment: AugmentPolicy,
    seed: u64,
    memory: u64,
}

/// An image to learn from or to look at: a file, or one in memory.
#[derive(Clone, Debug)]
pub enum ImageItem {
    /// The image in this file.
    File(PathBuf),
    /// This one.
    Image(Image),
}

impl From<Image> for ImageItem {
    fn from(image: Image) -> Self {
        Self::Image(image)
    }
}

impl From<PathBuf> for ImageItem {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&str> for ImageItem {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

/// Where these images are; those in memory are called by their numbers.
pub(super) fn sources(items: Vec<ImageItem>) -> impl Iterator<Item = ImageSource> {
    items.into_iter().enumerate().map(|(number, item)| match item {
        ImageItem::File(path) => ImageSource::File(path),
        ImageItem::Image(image) => {
            ImageSource::Memory { name: format!("image {number}"), image: Arc::new(image) }
        }
    })
}

/// A data set of images by its usual place: one folder per class, with or without `train/` and `valid/` around them.
pub type ImageFolder = ImageData;

impl ImageData {
    /// Lists the images of a folder with a folder per class: `train` and `valid` in it are its parts, if there are such
    /// folders.
    ///
    /// # Errors
    ///
    /// If there are no two classes with images.
    pub fn open(root: impl AsRef<Path>) -> Result<Self, ImageDataError> {
        Self::open_with(root, Labelling::Folders)
    }

    /// Lists the images of a folder that have their labels from elsewhere: from their file names, or a table.
    ///
    /// # Errors
    ///
    /// If there are no images, fewer than two classes, or a label that can't be read.
    pub fn open_with(root: impl AsRef<Path>, labelling: Labelling) -> Result<Self, ImageDataError> {
        let found = labels::scan(root.as_ref(), &labelling)?;
        Ok(Self::of(root.as_ref(), labelling, found))
    }

    /// The same for a folder that may lack images or classes: it can be [checked](Self::check), and [`read`](Self::read) says
    /// what it lacks.
    ///
    /// # Errors
    ///
    /// If it is no folder of folders, or has no labels.
    pub fn to_check(root: impl AsRef<Path>, labelling: Labelling) -> Result<Self, ImageDataError> {
        let found = labels::find(root.as_ref(), &labelling)?;
        Ok(Self::of(root.as_ref(), labelling, found))
    }

    /// Images in memory, each with its label: the name of its class, or names of labels, or a number.
    ///
    /// ```
    /// use defrost::vision::ImageData;
    /// use defrost::vision::image::Image;
    ///
    /// let grey = |level: u8| Image::from_rgb(8, 8, vec![level; 8 * 8 * 3]).expect("three values a pixel");
    /// let images = (0..20).map(|n| (grey(n * 12), if n < 10 { "dark" } else { "bright" }));
    /// let data = ImageData::from_images(images)?;
    /// assert_eq!(data.classes(), ["bright", "dark"]);
    /// # Ok::<(), defrost::vision::ImageDataError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If labels are of different kinds, or of fewer than two classes.
    pub fn from_images<L: Into<Label>>(
        images: impl IntoIterator<Item = (Image, L)>,
    ) -> Result<Self, ImageDataError> {
        Self::from_items(images)
    }

    /// Images in files or in memory, each with its label.
    ///
    /// ```no_run
    /// use defrost::vision::ImageData;
    ///
    /// let data = ImageData::from_items([("a/1.jpg", "cat"), ("b/2.jpg", "dog")])?;
    /// # Ok::<(), defrost::vision::ImageDataError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`from_images`](Self::from_images).
    pub fn from_items<I: Into<ImageItem>, L: Into<Label>>(
        items: impl IntoIterator<Item = (I, L)>,
    ) -> Result<Self, ImageDataError> {
        let (items, labels): (Vec<ImageItem>, Vec<Label>) =
            items.into_iter().map(|(item, label)| (item.into(), label.into())).unzip();
        let (classes, targets) = Label::targets(&labels)?;
        if classes.len() < 2 && !matches!(labels.first(), Some(Label::Number(_) | Label::Labels(_))) {
            return Err(ImageDataError::Classes(classes.len()));
        }
        let train = sources(items)
            .zip(targets)
            .map(|(source, target)| LabelledImage { source, target, belongs_to: None })
            .collect();
        let files = LabelledFiles { classes, ..LabelledFiles::default() };
        let found = LabelledFolder { train: files, valid: None, reading: None };
        Ok(Self { train, ..Self::of(Path::new("images in a list"), Labelling::Folders, found.into()) })
    }

    fn of(root: &Path, labelling: Labelling, found: LabelledImages) -> Self {
        let LabelledImages { folder, left_out, notes: table_notes, table } = found;
        let LabelledFolder { train, valid, reading } = folder;
        let mut ignored = below(root, &train.ignored);
        let valid = valid.map(|valid| {
            ignored.extend(below(root, &valid.ignored));
            images(root, valid)
        });
        Self {
            root: root.to_owned(),
            labelling,
            classes: train.classes.clone(),
            train: images(root, train),
            valid,
            ignored,
            reading,
            left_out,
            table_notes,
            table,
            validation: Validation::default(),
            together: None,
            augment: AugmentPolicy::default(),
            seed: 42,
            memory: CacheLimits::of_this_machine(None).memory / 2,
        }
    }

    /// With these images to validate on; by default the folder's own, or else a fifth of each class.
    #[must_use]
    pub fn validation(self, validation: Validation) -> Self {
        Self { validation, ..self }
    }

    /// With images kept on one side of the split whose paths below the folder have the same first group of this expression (or the
    /// same match, if it has no group): `^person_([0-9]+)` where a file's name begins with the person it shows. Images in memory
    /// are known by their names.
    ///
    /// ```no_run
    /// use defrost::vision::ImageFolder;
    /// use regex::Regex;
    ///
    /// let data = ImageFolder::open("photos")?.keep_together(Regex::new("person_([0-9]+)").expect("it is one"));
    /// # Ok::<(), defrost::vision::ImageDataError>(())
    /// ```
    #[must_use]
    pub fn keep_together(self, pattern: Regex) -> Self {
        Self { together: Some(pattern), ..self }
    }

    /// With training images varied so; by default as [`AugmentPolicy::default`] says.
    #[must_use]
    pub fn augment(self, augment: AugmentPolicy) -> Self {
        Self { augment, ..self }
    }

    /// With the split drawn from this seed; by default from 42.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// With up to this many bytes of decoded images kept; by default an eighth of the free memory.
    #[must_use]
    pub fn memory(self, bytes: u64) -> Self {
        Self { memory: bytes, ..self }
    }

    /// The names of classes or labels, sorted; none where labels are numbers.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// How many scores a network for these images gives: one for each class, or one number.
    pub fn outputs(&self) -> usize {
        self.classes.len().max(1)
    }

    /// The seed of the split.
    pub fn split_seed(&self) -> u64 {
        self.seed
    }
}

/// The files below `root`.
fn images(root: &Path, found: LabelledFiles) -> Vec<LabelledImage> {
    let image = |file: LabelledFile| LabelledImage {
        source: ImageSource::File(root.join(file.path)),
        target: file.target,
        belongs_to: file.belongs_to,
    };
    found.items.into_iter().map(image).collect()
}

fn below(root: &Path, files: &[Ignored]) -> Vec<Ignored> {
    files.iter().map(|file| Ignored { path: root.join(&file.path), ..file.clone() }).collect()
}
