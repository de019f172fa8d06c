//! Decoded images, kept in memory so that later epochs do not decode their files again.
//!
//! Two forms are kept, each with the exact bytes of decoding the file again: the square that
//! validation sees, and the image that augmentation draws from. Images that do not fit are decoded each time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::image::Image;
use crate::data::Fingerprint;

/// The purpose of a kept image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The square of the original variant.
    Square,
    /// The source of augmentation, reduced from the file's image or not.
    Source {
        /// Whether it has been reduced, so that the original variant can't be made of it.
        reduced: bool,
    },
}

/// Images of one data set under one [`Preprocess`](super::transform::Preprocess), by content.
#[derive(Debug, Default)]
pub struct DecodedImages {
    state: RwLock<State>,
    limit: u64,
}

#[derive(Debug, Default)]
struct State {
    images: HashMap<Fingerprint, (Form, Arc<Image>)>,
    bytes: u64,
}

impl DecodedImages {
    /// Keeps up to `limit` bytes of pixels.
    pub fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether anything may be held at all.
    pub fn has_room(&self) -> bool {
        self.limit > 0
    }

    /// A file's image, if it is held in any form.
    pub fn get(&self, content: Fingerprint) -> Option<(Form, Arc<Image>)> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).images.get(&content).cloned()
    }

    /// Holds an image in place of any other form of it, if it fits.
    pub fn insert(&self, content: Fingerprint, form: Form, image: Arc<Image>) {
        let bytes = image.pixels().len() as u64;
        if bytes > self.limit {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = state.images.get(&content).map_or(0, |(_, image)| image.pixels().len() as u64);
        if state.bytes - before + bytes <= self.limit {
            state.images.insert(content, (form, image));
            state.bytes = state.bytes - before + bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_takes_the_place_and_the_limit_holds() {
        let image = |side: usize| Arc::new(Image::from_rgb(side, side, vec![7; side * side * 3]).unwrap());
        let decoded = DecodedImages::new(400);
        let bytes = || decoded.state.read().unwrap().bytes;
        let [first, second] = [b"first", b"other"].map(|content| Fingerprint::of(&[content]));
        decoded.insert(first, Form::Source { reduced: false }, image(10));
        assert_eq!(bytes(), 300);
        decoded.insert(second, Form::Square, image(6));
        assert!(bytes() == 300 && decoded.get(second).is_none(), "108 bytes more do not fit");
        decoded.insert(first, Form::Square, image(4));
        decoded.insert(second, Form::Square, image(6));
        assert_eq!(bytes(), 48 + 108);
        assert_eq!(decoded.get(first).map(|(form, _)| form), Some(Form::Square));
    }
}
