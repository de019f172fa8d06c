//! Decoded pictures, kept in memory so that later epochs do not decode their files again.
//!
//! Two forms are kept, each the exact bytes that decoding the file anew would lead to: the square that
//! validation sees, and the picture that augmentation draws from. What does not fit is decoded each time.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::picture::Picture;
use crate::data::Fingerprint;

/// What a picture is kept for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The square of the plain view.
    Square,
    /// What augmentation draws from, reduced from the file's picture or not.
    Source {
        /// Whether it has been reduced, so that the plain view can't be made of it.
        reduced: bool,
    },
}

/// Pictures of one data set under one [`Preprocess`](super::transform::Preprocess), by content.
#[derive(Debug, Default)]
pub struct KeptPictures {
    state: RwLock<State>,
    limit: u64,
}

#[derive(Debug, Default)]
struct State {
    pictures: HashMap<Fingerprint, (Form, Arc<Picture>)>,
    bytes: u64,
}

impl KeptPictures {
    /// Keeps up to `limit` bytes of pixels.
    pub fn new(limit: u64) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Whether anything may be held at all.
    pub fn has_room(&self) -> bool {
        self.limit > 0
    }

    /// A file's picture, if it is held in any form.
    pub fn get(&self, content: Fingerprint) -> Option<(Form, Arc<Picture>)> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).pictures.get(&content).cloned()
    }

    /// Holds a picture in place of any other form of it, if it fits.
    pub fn insert(&self, content: Fingerprint, form: Form, picture: Arc<Picture>) {
        let bytes = picture.pixels().len() as u64;
        if bytes > self.limit {
            return;
        }
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let before = state.pictures.get(&content).map_or(0, |(_, picture)| picture.pixels().len() as u64);
        if state.bytes - before + bytes <= self.limit {
            state.pictures.insert(content, (form, picture));
            state.bytes = state.bytes - before + bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_form_takes_the_place_and_the_limit_holds() {
        let picture =
            |side: usize| Arc::new(Picture::from_rgb(side, side, vec![7; side * side * 3]).unwrap());
        let kept = KeptPictures::new(400);
        let bytes = || kept.state.read().unwrap().bytes;
        let [first, second] = [b"first", b"other"].map(|content| Fingerprint::of(&[content]));
        kept.insert(first, Form::Source { reduced: false }, picture(10));
        assert_eq!(bytes(), 300);
        kept.insert(second, Form::Square, picture(6));
        assert!(bytes() == 300 && kept.get(second).is_none(), "108 bytes more do not fit");
        kept.insert(first, Form::Square, picture(4));
        kept.insert(second, Form::Square, picture(6));
        assert_eq!(bytes(), 48 + 108);
        assert_eq!(kept.get(first).map(|(form, _)| form), Some(Form::Square));
    }
}
