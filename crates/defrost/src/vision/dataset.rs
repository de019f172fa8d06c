//! A data set of images: read, augmented and normalised on demand, on all threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::augment::{AugmentPolicy, Draw};
use super::check::{Inspected, Look};
use super::decoded_images::{DecodedImages, Form};
use super::folder::Labelled;
use super::image::{Image, ImageError, read_file};
use super::thumbnail::thumbnail;
use super::transform::Preprocess;
use crate::batch::Batch;
use crate::check::{Entry, Part};
use crate::data::{DataError, Dataset, Fingerprint, Preview, Skipped, Target, Variant};

/// Labelled images of one size. Their files have been read once; one that changes afterwards is an error.
#[derive(Clone, Debug)]
pub struct Images {
    root: PathBuf,
    items: Vec<Item>,
    preprocess: Preprocess,
    augment: AugmentPolicy,
    decoded: Arc<DecodedImages>,
}

#[derive(Clone, Debug)]
struct Item {
    file: Labelled,
    /// Of the file's bytes.
    content: Fingerprint,
}

impl Images {
    /// Reads the images at these paths below `root` once; those that can't be read are left out. What is
    /// decoded is kept in `kept`, as far as it fits, and what a check needs of it in `looks`.
    pub(super) fn open(
        root: &Path,
        files: Vec<Labelled>,
        preprocess: Preprocess,
        augment: AugmentPolicy,
        decoded: Arc<DecodedImages>,
        inspected: &mut Inspected,
    ) -> (Self, Vec<Skipped>) {
        let mut images = Self { root: root.to_owned(), items: vec![], preprocess, augment, decoded };
        let results: Vec<Result<(Fingerprint, Look), ImageError>> =
            files.par_iter().map(|file| images.first_look(&root.join(&file.path))).collect();
        let mut skipped = vec![];
        for (file, result) in files.into_iter().zip(results) {
            match result {
                Ok((content, look)) => {
                    images.items.push(Item { file, content });
                    inspected.insert(content, look);
                }
                Err(problem) => {
                    let (path, kind) = (root.join(&file.path), problem.kind());
                    skipped.push(Skipped { path, kind, reason: problem.to_string() });
                }
            }
        }
        (images, skipped)
    }

    /// The items at these places.
    pub(super) fn part(&self, items: &[usize]) -> Self {
        let &Self { preprocess, augment, .. } = self;
        let items = items.iter().map(|&item| self.items[item].clone()).collect();
        Self { root: self.root.clone(), items, preprocess, augment, decoded: self.decoded.clone() }
    }

    /// The items as a check sees them: their content is that of their files.
    pub(super) fn entries(&self, part: Part) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len()).map(move |item| Entry {
            name: self.name(item),
            part,
            target: self.target(item),
            content: self.items[item].content,
        })
    }

    /// Decodes a file and keeps what its epochs will need of it: only the square where nothing is augmented.
    fn first_look(&self, path: &Path) -> Result<(Fingerprint, Look), ImageError> {
        let bytes = read_file(path)?;
        let content = Fingerprint::of(&[&bytes]);
        let image = Image::decode(&bytes)?;
        let look = Look::at(&bytes, &image);
        if self.decoded.has_room() {
            match self.augment == AugmentPolicy::none() {
                true => self.keep_square(content, &image),
                false => self.keep_source(content, image),
            };
        }
        Ok((content, look))
    }

    fn keep_square(&self, content: Fingerprint, image: &Image) -> Arc<Image> {
        let square = Arc::new(self.preprocess.square(image, &Draw::default()));
        self.decoded.insert(content, Form::Square, square.clone());
        square
    }

    fn keep_source(&self, content: Fingerprint, image: Image) -> Arc<Image> {
        let presized = self.preprocess.presized(&image);
        let form = Form::Source { reduced: presized.is_some() };
        let source = Arc::new(presized.unwrap_or(image));
        self.decoded.insert(content, form, source.clone());
        source
    }

    /// Writes an item as the network sees it; the bytes do not depend on what is kept.
    fn prepare(&self, item: usize, variant: Variant, out: &mut [f32]) -> Result<(), DataError> {
        let (content, draw) = (self.items[item].content, self.draw(item, variant));
        if draw == Draw::default() {
            let square = match self.decoded.get(content) {
                Some((Form::Square, square)) => square,
                Some((Form::Source { reduced: false }, image)) => self.keep_square(content, &image),
                _ => self.keep_square(content, &self.decode(item)?),
            };
            self.preprocess.normalise(&square, &draw, out);
        } else {
            let source = match self.decoded.get(content) {
                Some((Form::Source { .. }, source)) => source,
                _ => self.keep_source(content, self.decode(item)?),
            };
            self.preprocess.apply(&source, &draw, out);
        }
        Ok(())
    }

    fn decode(&self, item: usize) -> Result<Image, DataError> {
        let failed = |reason: String| DataError { item: self.name(item), reason };
        let Item { file, content } = &self.items[item];
        let bytes = read_file(&self.root.join(&file.path)).map_err(|error| failed(error.to_string()))?;
        if Fingerprint::of(&[&bytes]) != *content {
            return Err(failed("the file has changed since this run first read it; start again".to_owned()));
        }
        Image::decode(&bytes).map_err(|error| failed(error.to_string()))
    }

    fn draw(&self, item: usize, variant: Variant) -> Draw {
        match variant {
            Variant::Augmented(_) if self.augment == AugmentPolicy::none() => Draw::default(),
            Variant::Original => Draw::default(),
            Variant::Augmented(draws) => self.augment.draw(&mut draws.for_item(item)),
        }
    }
}

impl Dataset for Images {
    fn len(&self) -> usize {
        self.items.len()
    }

    fn target(&self, item: usize) -> Target {
        self.items[item].file.target.clone()
    }

    fn name(&self, item: usize) -> String {
        self.root.join(&self.items[item].file.path).display().to_string()
    }

    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint {
        // `Debug` shows every field and every digit, those of later versions too.
        let look = format!("{:?} {:?}", self.preprocess, self.draw(item, variant));
        Fingerprint::of(&[&self.items[item].content.0, look.as_bytes()])
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        let square = match self.decoded.get(self.items[item].content) {
            Some((Form::Square, square)) => square,
            _ => Arc::new(self.preprocess.square(&self.decode(item).ok()?, &Draw::default())),
        };
        thumbnail(&square)
    }

    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError> {
        let mut values = vec![0.0; items.len() * self.preprocess.values()];
        let outputs = values.par_chunks_mut(self.preprocess.values());
        outputs.zip(items).try_for_each(|(output, &item)| self.prepare(item, variant, output))?;
        Ok(batch(values, items.len(), &self.preprocess, device).into())
    }
}

/// Prepared images as `[batch, size, size, channels]`.
pub(super) fn batch(
    values: Vec<f32>,
    images: usize,
    &Preprocess { size, channels, .. }: &Preprocess,
    device: &Device,
) -> Tensor<4> {
    Tensor::from_data(TensorData::new(values, [images, size, size, channels]), device)
}
