//! Which files are items of a domain.

use std::io::Read;
use std::path::Path;

use crate::platform::fs::{self, File};

/// So much of a file is looked at to tell what it is.
const HEAD: u64 = 256;

/// The files that are items of a domain.
#[derive(Debug)]
pub struct FileKind {
    /// One of them, with its article: `an image`.
    pub one: &'static str,
    /// Several: `images`.
    pub many: &'static str,
    /// What one may be called: `image.jpg`.
    pub example: &'static str,
    /// Their extensions, in lower case.
    pub extensions: &'static [&'static str],
    /// Whether a file of another name that begins with these bytes is one of them, though perhaps of a format that can't be
    /// read; nothing where names alone tell.
    pub recognises: Option<fn(&[u8]) -> bool>,
}

impl FileKind {
    /// Whether a file of this name is one of them.
    pub fn has(&self, path: &Path) -> bool {
        let extension = path.extension().map(|extension| extension.to_string_lossy().to_lowercase());
        extension.is_some_and(|extension| self.extensions.contains(&extension.as_str()))
    }

    /// Whether this file is one of them, by its name or else by its first bytes.
    pub(super) fn has_file(&self, path: &Path) -> bool {
        self.has(path)
            || self
                .recognises
                .is_some_and(|recognises| first_bytes(path).is_some_and(|bytes| recognises(&bytes)))
    }
}

/// The first bytes of a regular file; opening a pipe would wait for its writer.
fn first_bytes(path: &Path) -> Option<Vec<u8>> {
    if !fs::is_file(path) {
        return None;
    }
    let mut bytes = vec![];
    File::open(path).ok()?.take(HEAD).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
