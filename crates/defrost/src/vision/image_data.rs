//! A data set of images: found in a folder or given in memory, read once, split and checked.
//!
//! Opening one lists files and classes; nothing is decoded before [`ImageData::read`].

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regex::Regex;
use thiserror::Error;

use super::augment::AugmentPolicy;
use super::check::{passed_over, report};
use super::dataset::{ImageSource, Images, LabelledImage, Preparation};
use super::decoded_images::DecodedImages;
use super::image::Image;
use super::labels::{self, LabelledImages, Labelling, LabelsError};
use super::look::Inspected;
use super::transform::Preprocess;
use crate::check::{Problem, Report};
use crate::data::class_folder::{IgnoreReason, Ignored, LabelledFile, LabelledFiles, LabelledFolder};
use crate::data::split::{self, Split, SplitError};
use crate::data::{Dataset, Label, MixedLabels, Skipped, TargetKind, Validation, matched};
use crate::prefix::CacheLimits;
use crate::reading::{FolderReading, Reading, TableReading};
use crate::remedy::Note;
use crate::split_data::SplitData;

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

/// Images can't be trained on.
#[derive(Debug, Error)]
pub enum ImageDataError {
    /// Its structure is not that of a data set, or it is not labelled as it should be.
    #[error(transparent)]
    Labels(#[from] LabelsError),
    /// Images in memory are labelled in different ways.
    #[error(transparent)]
    Mixed(#[from] MixedLabels),
    /// All images in memory are of one class, or there are none.
    #[error("the images are of {0} classes; training needs at least two")]
    Classes(usize),
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
    /// No image of a class can be read.
    #[error("{}: none of the {count} images of class {class} can be read; the first: {first}", path.display())]
    ClassUnreadable {
        /// The folder.
        path: PathBuf,
        /// The class.
        class: String,
        /// How many images it has.
        count: usize,
        /// The first and its reason.
        first: Skipped,
    },
    /// All images validate.
    #[error("{}: all images are there to validate and none to train on", .0.display())]
    NothingTrains(PathBuf),
}

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

    /// Decodes all images once, leaves out those that can't be read, splits off those that validate, and checks them.
    ///
    /// # Errors
    ///
    /// If none can be read, or no validation part can be made.
    pub fn read(&self, preprocess: &Preprocess) -> Result<SplitData<Images>, ImageDataError> {
        let (data, refusal) = self.look_at(preprocess)?;
        refusal.map_or(Ok(data), Err)
    }

    /// What is wrong with the images, split as for training, even if they can't be trained on; a network sees them as
    /// squares of `size` pixels.
    ///
    /// # Errors
    ///
    /// If the options make no sense for any images.
    pub fn check(&self, size: usize) -> Result<Report, ImageDataError> {
        let plain = Self { augment: AugmentPolicy::none(), memory: 0, ..self.clone() };
        Ok(plain.look_at(&Preprocess::imagenet(size))?.0.report)
    }

    /// Looks at all images, each of which is decoded once; and why they can't be trained on, if they can't.
    fn look_at(
        &self,
        preprocess: &Preprocess,
    ) -> Result<(SplitData<Images>, Option<ImageDataError>), ImageDataError> {
        let (classes, root) = (&self.classes, &self.root);
        let mut train = self.train.clone();
        let mut given = self.validation_given(&mut train)?;
        self.tell_together(root, &mut train);
        if let Given::Images(path, valid, _) = &mut given {
            self.tell_together(path, valid);
        }
        let reading = self.reading_with(&train, &given);
        let decoded = Arc::new(DecodedImages::new(self.memory));
        let (mut inspected, mut skipped, mut problems) =
            (Inspected::new(), self.left_out.clone(), passed_over(&self.ignored));
        problems.extend(self.left_out.iter().cloned().map(Problem::from));
        let mut images = |root: &Path, images: Vec<LabelledImage>, augment| {
            let preparation = Preparation { preprocess: *preprocess, augment, decoded: decoded.clone() };
            let (images, bad) = Images::open(images, preparation, &mut inspected);
            let refusal = nothing_readable(root, &images, &bad);
            problems.extend(bad.iter().cloned().map(Problem::from));
            skipped.extend(bad.iter().cloned());
            (images, bad, refusal)
        };
        let (train, bad, mut refusal) = images(root, train, self.augment);
        refusal = refusal.or_else(|| self.unreadable_class(&train, &bad));
        if train.is_empty() {
            refusal = refusal.or_else(|| Some(ImageDataError::NothingTrains(root.clone())));
        }
        let mut notes = self.table_notes.clone();
        let (train, valid) = match given {
            Given::Images(path, valid, unused) => {
                let (valid, _, other) = images(&path, valid, AugmentPolicy::none());
                problems.extend(passed_over(&unused));
                refusal = refusal.or(other);
                (train, valid)
            }
            Given::Fraction(fraction) => match split::split(&train, fraction, self.seed) {
                Ok(split) => {
                    notes.extend(split.notes(classes, "image").into_iter().map(Note::from));
                    let Split { train: trains, valid, .. } = split;
                    (train.part(&trains), train.part(&valid))
                }
                Err(error @ SplitError::Fraction(_)) => return Err(error.into()),
                Err(error) => {
                    problems.push(Problem::error(root.display().to_string(), "no-split", error.to_string()));
                    refusal = refusal.or_else(|| Some(error.into()));
                    let none = train.part(&[]);
                    (train, none)
                }
            },
        };
        notes.extend(SplitData::split_notes(&train, &valid, classes, "images"));
        let name = root.display().to_string();
        let table = self.table.clone().map(|table| table.with_used(train.len() + valid.len()));
        let report = report(&name, classes, [&train, &valid], &inspected, problems, preprocess.size)
            .with_reading(table.map(Reading::Table).or(reading.map(Reading::Folder)));
        Ok((SplitData { classes: classes.clone(), train, valid, skipped, notes, report }, refusal))
    }

    /// Why these images, read from those to train on, lack one of their classes, if they do.
    fn unreadable_class(&self, read: &Images, skipped: &[Skipped]) -> Option<ImageDataError> {
        let read: HashSet<usize> = (0..read.len()).filter_map(|item| read.target(item).class()).collect();
        let is_lost =
            |image: &&LabelledImage| image.target.class().is_some_and(|class| !read.contains(&class));
        let class = self.train.iter().find(is_lost)?.target.class()?;
        let of_class: Vec<&LabelledImage> =
            self.train.iter().filter(|image| image.target.class() == Some(class)).collect();
        let names: HashSet<PathBuf> = of_class.iter().map(|image| image.source.name().into()).collect();
        let first = skipped.iter().find(|skipped| names.contains(&skipped.path))?.clone();
        let (path, class) = (self.root.clone(), self.classes[class].clone());
        Some(ImageDataError::ClassUnreadable { path, class, count: of_class.len(), first })
    }

    /// What was understood of the folder, where these images train and that validates.
    fn reading_with(&self, train: &[LabelledImage], given: &Given) -> Option<FolderReading> {
        let reading = self.reading.clone()?;
        let classes = |images: &[LabelledImage]| -> Vec<usize> {
            images.iter().filter_map(|image| image.target.class()).collect()
        };
        Some(match (&self.validation, given) {
            (Validation::Found { .. }, _) => reading,
            (Validation::Path(_), Given::Images(path, valid, unused)) => {
                let ignored = unused.iter().map(|file| file.worded(Path::new(""))).collect();
                let other = (path.display().to_string(), ignored, valid.len());
                reading.validated_on(Some(other), classes(train).into_iter().chain(classes(valid)))
            }
            (_, Given::Images(_, valid, _)) => {
                reading.validated_on(None, classes(train).into_iter().chain(classes(valid)))
            }
            (_, Given::Fraction(_)) => reading.validated_on(None, classes(train).into_iter()),
        })
    }

    /// Reads off these images' paths below `root` which belong together.
    fn tell_together(&self, root: &Path, images: &mut [LabelledImage]) {
        let Some(pattern) = &self.together else { return };
        for LabelledImage { source, belongs_to, .. } in images {
            *belongs_to = match source {
                ImageSource::File(path) => {
                    matched(pattern, &path.strip_prefix(root).unwrap_or(path).to_string_lossy())
                }
                ImageSource::Memory { name, .. } => matched(pattern, name),
            };
        }
    }

    /// What validates; images that do are no longer in `train`.
    fn validation_given(&self, train: &mut Vec<LabelledImage>) -> Result<Given, ImageDataError> {
        let root = self.root.clone();
        match (&self.validation, &self.valid) {
            (Validation::Path(_), _) if matches!(self.labelling, Labelling::Table(_)) => {
                Err(ImageDataError::TwoValidations)
            }
            (Validation::Path(path), _) => {
                let (found, _) = labels::scan_known(path, &self.labelling, &self.classes, TargetKind::Class)?;
                let unused = below(path, &found.ignored);
                Ok(Given::Images(path.clone(), images(path, found), unused))
            }
            (Validation::Items(places), _) => {
                Ok(Given::Images(root, Validation::take(train, places)?, vec![]))
            }
            (Validation::Found { .. }, Some(valid)) => Ok(Given::Images(root, valid.clone(), vec![])),
            (Validation::Fraction(fraction) | Validation::Found { otherwise: fraction }, _) => {
                Ok(Given::Fraction(*fraction))
            }
        }
    }
}

/// What validates.
enum Given {
    /// These images, which messages say to be here; and files beside them that are none.
    Images(PathBuf, Vec<LabelledImage>, Vec<Ignored>),
    /// This fraction.
    Fraction(f64),
}

/// How images are found and prepared to evaluate a trained network on.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Where their labels come from.
    pub labelling: &'a Labelling,
    /// The names a label may have.
    pub classes: &'a [String],
    /// What a label is.
    pub kind: TargetKind,
    /// What the network expects of images.
    pub preprocess: &'a Preprocess,
    /// How they are varied.
    pub augment: AugmentPolicy,
}

impl Known<'_> {
    /// Reads the images below `root`, or those of them that validate where it is a data set that says so. Images that can't be
    /// read are left out and listed.
    ///
    /// # Errors
    ///
    /// If there are no images of these classes, others, or none can be read.
    pub fn open(&self, root: &Path) -> Result<(Images, Vec<Skipped>), ImageDataError> {
        let (found, left_out) = labels::scan_to_evaluate(root, self.labelling, self.classes, self.kind)?;
        let (preprocess, augment) = (*self.preprocess, self.augment);
        let preparation = Preparation { preprocess, augment, decoded: Arc::new(DecodedImages::new(0)) };
        let unused = below(root, &found.ignored);
        let (images, mut skipped) = Images::open(images(root, found), preparation, &mut Inspected::new());
        if let Some(error) = nothing_readable(root, &images, &skipped) {
            return Err(error);
        }
        skipped.extend(unused.into_iter().filter_map(|unused| match unused.reason {
            IgnoreReason::NotAnItem(_) | IgnoreReason::NoClass => {
                let (path, reason) = (unused.path, unused.reason.to_string());
                Some(Skipped { path, kind: "ignored-file", reason })
            }
            _ => None,
        }));
        skipped.extend(left_out);
        Ok((images, skipped))
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

fn nothing_readable(root: &Path, images: &Images, skipped: &[Skipped]) -> Option<ImageDataError> {
    let first = skipped.first().filter(|_| images.is_empty())?.clone();
    Some(ImageDataError::NothingReadable { path: root.to_owned(), count: skipped.len(), first })
}
