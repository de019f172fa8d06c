//! The trace of an image: 224 bytes and a few numbers, for checks and comparisons.

use std::collections::HashMap;

use super::decode::is_animated;
use super::image::Image;
use super::similar::Trace;
use crate::data::Fingerprint;

/// The traces of images, by their content.
pub(super) type Inspected = HashMap<Fingerprint, Look>;

/// The part of an image that a check needs.
pub(super) struct Look {
    /// In pixels.
    pub width: usize,
    /// In pixels.
    pub height: usize,
    /// Whether its file has more frames than the first, which is used.
    pub animated: bool,
    /// The highest value of any channel.
    pub brightest: u8,
    /// Its hash for comparisons.
    pub trace: Trace,
}

impl Look {
    /// At an image, and at the bytes of its file if it has one.
    pub fn at(bytes: &[u8], image: &Image) -> Self {
        let (width, height) = (image.width(), image.height());
        let brightest = image.pixels().iter().copied().max().unwrap_or_default();
        Self { width, height, animated: is_animated(bytes), brightest, trace: Trace::of(image) }
    }
}
