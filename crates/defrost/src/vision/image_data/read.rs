//! Reading all images once. It finds the images that can't be read, and divides the others into training and validation.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{ImageData, ImageDataError, below, images};
use crate::check::{Problem, Report};
use crate::data::class_folder::Ignored;
use crate::data::split::{self, Split, SplitError};
use crate::data::{Dataset, Skipped, TargetKind, Validation, matched};
use crate::reading::{FolderReading, Reading};
use crate::remedy::Note;
use crate::split_data::SplitData;
use crate::vision::augment::AugmentPolicy;
use crate::vision::check::{passed_over, report};
use crate::vision::dataset::{ImageSource, Images, LabelledImage, Preparation};
use crate::vision::decoded_images::DecodedImages;
use crate::vision::labels::{self, Labelling};
use crate::vision::look::Inspected;
use crate::vision::transform::Preprocess;

impl ImageData {
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

    /// The reading of the folder, with these images to train on and those of `given` to validate on.
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

    /// The validation part; its images are taken out of `train`.
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

pub(super) fn nothing_readable(root: &Path, images: &Images, skipped: &[Skipped]) -> Option<ImageDataError> {
    let first = skipped.first().filter(|_| images.is_empty())?.clone();
    Some(ImageDataError::NothingReadable { path: root.to_owned(), count: skipped.len(), first })
}
