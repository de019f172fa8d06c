//! A data set of images: read, augmented and normalised on demand, on all threads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

use super::augment::{AugmentPolicy, Draw};
use super::decoded_images::{DecodedImages, Form};
use super::image::{Image, ImageError, read_file};
use super::look::{Inspected, Look};
use super::thumbnail::thumbnail;
use super::transform::Preprocess;
use crate::batch::Batch;
use crate::check::{Entry, Part};
use crate::data::{DataError, Dataset, Fingerprint, Preview, Skipped, Target, Variant};

/// How files become pixels: another word where the same file has other pixels than before, so that cached activations of the
/// earlier ones are not taken.
const DECODING: &[u8] = b"over white, in sRGB";

/// Labelled images of one size. Their files have been read once; one that changes afterwards is an error.
#[derive(Clone, Debug)]
pub struct Images {
    items: Vec<Item>,
    preprocess: Preprocess,
    augment: AugmentPolicy,
    decoded: Arc<DecodedImages>,
}

#[derive(Clone, Debug)]
struct Item {
    image: LabelledImage,
    /// Of the file's bytes, or of the pixels of an image in memory.
    content: Fingerprint,
}

/// An image that has not been looked at, and its label.
#[derive(Clone, Debug)]
pub struct LabelledImage {
    /// Where it is.
    pub source: ImageSource,
    /// Its label.
    pub target: Target,
    /// Whom or what it shows, if it is to stay on one side of a split with others of the same.
    pub belongs_to: Option<String>,
}

/// Where an image is.
#[derive(Clone, Debug)]
pub enum ImageSource {
    /// In this file.
    File(PathBuf),
    /// In memory.
    Memory {
        /// What messages and reports call it.
        name: String,
        /// Its pixels.
        image: Arc<Image>,
    },
}

impl ImageSource {
    /// What it is called: a file by its path.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Memory { name, .. } => name.clone(),
        }
    }

    /// Its file, if it has one.
    fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Memory { .. } => None,
        }
    }

    /// The fingerprint of its content, and the bytes of its file if it has one.
    fn content(&self) -> Result<(Fingerprint, Option<Vec<u8>>), ImageError> {
        match self {
            Self::File(path) => {
                let bytes = read_file(path)?;
                Ok((Fingerprint::of(&[&bytes]), Some(bytes)))
            }
            Self::Memory { image, .. } => {
                let sides = [image.width(), image.height()].map(|side| (side as u64).to_le_bytes());
                Ok((Fingerprint::of(&[b"pixels", &sides.concat(), image.pixels()]), None))
            }
        }
    }

    /// The image, made of these bytes of its file.
    fn decode(&self, bytes: Option<&[u8]>) -> Result<Arc<Image>, ImageError> {
        match self {
            Self::File(_) => Image::decode(bytes.unwrap_or_default()).map(Arc::new),
            Self::Memory { image, .. } => Ok(image.clone()),
        }
    }
}

/// How images are prepared, and where those that have been decoded are kept.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    pub preprocess: Preprocess,
    pub augment: AugmentPolicy,
    pub decoded: Arc<DecodedImages>,
}

impl Images {
    /// Looks at each image once; those that can't be read are left out. Decoded images are kept, as far as they fit, and
    /// what a check needs of it is put into `inspected`.
    pub(super) fn open(
        images: Vec<LabelledImage>,
        Preparation { preprocess, augment, decoded }: Preparation,
        inspected: &mut Inspected,
    ) -> (Self, Vec<Skipped>) {
        let mut opened = Self { items: vec![], preprocess, augment, decoded };
        let looks: Vec<Result<(Fingerprint, Look), ImageError>> =
            images.par_iter().map(|image| opened.first_look(&image.source)).collect();
        let mut skipped = vec![];
        for (image, look) in images.into_iter().zip(looks) {
            match look {
                Ok((content, look)) => {
                    opened.items.push(Item { image, content });
                    inspected.insert(content, look);
                }
                Err(problem) => {
                    let (path, kind) = (image.source.name().into(), problem.kind());
                    skipped.push(Skipped { path, kind, reason: problem.to_string() });
                }
            }
        }
        (opened, skipped)
    }

    /// The items at these places.
    pub(super) fn part(&self, items: &[usize]) -> Self {
        let &Self { preprocess, augment, .. } = self;
        let items = items.iter().map(|&item| self.items[item].clone()).collect();
        Self { items, preprocess, augment, decoded: self.decoded.clone() }
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

    /// Decodes an image and keeps what its epochs will need of it: only the square where nothing is augmented.
    fn first_look(&self, source: &ImageSource) -> Result<(Fingerprint, Look), ImageError> {
        let (content, bytes) = source.content()?;
        let image = source.decode(bytes.as_deref())?;
        let look = Look::at(&bytes.unwrap_or_default(), &image);
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

    fn keep_source(&self, content: Fingerprint, image: Arc<Image>) -> Arc<Image> {
        let presized = self.preprocess.presized(&image);
        let form = Form::Source { reduced: presized.is_some() };
        let source = presized.map_or(image, Arc::new);
        self.decoded.insert(content, form, source.clone());
        source
    }

    /// Writes an item as the network sees it; the bytes do not depend on the cache.
    fn prepare(&self, item: usize, variant: Variant, out: &mut [f32]) -> Result<(), DataError> {
        let (content, draw) = (self.items[item].content, self.draw(item, variant));
        if draw == Draw::default() {
            let square = match self.decoded.get(content) {
                Some((Form::Square, square)) => square,
                Some((Form::Source { reduced: false }, image)) => self.keep_square(content, &image),
                _ => self.keep_square(content, &*self.decode(item)?),
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

    fn decode(&self, item: usize) -> Result<Arc<Image>, DataError> {
        let failed = |reason: String| DataError { item: self.name(item), reason };
        let Item { image: LabelledImage { source, .. }, content } = &self.items[item];
        let (found, bytes) = source.content().map_err(|error| failed(error.to_string()))?;
        if found != *content {
            return Err(failed("the file has changed since this run first read it; start again".to_owned()));
        }
        source.decode(bytes.as_deref()).map_err(|error| failed(error.to_string()))
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
        self.items[item].image.target.clone()
    }

    fn name(&self, item: usize) -> String {
        self.items[item].image.source.name()
    }

    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint {
        // `Debug` shows every field and every digit, those of later versions too.
        let look = format!("{:?} {:?}", self.preprocess, self.draw(item, variant));
        Fingerprint::of(&[DECODING, &self.items[item].content.0, look.as_bytes()])
    }

    fn belongs_to(&self, item: usize) -> Option<&str> {
        self.items[item].image.belongs_to.as_deref()
    }

    fn file(&self, item: usize) -> Option<&Path> {
        self.items[item].image.source.file()
    }

    fn preview(&self, item: usize) -> Option<Preview> {
        let square = match self.decoded.get(self.items[item].content) {
            Some((Form::Square, square)) => square,
            _ => Arc::new(self.preprocess.square(&*self.decode(item).ok()?, &Draw::default())),
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
