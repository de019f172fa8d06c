//! Files of texts.

use std::io::Read;
use std::path::{Path, PathBuf};

use crate::data::class_folder::{FileKind, FolderError, all_files, holds_mostly};
use crate::files;

/// The files that are texts.
pub static TEXTS: FileKind =
    FileKind { one: "a text", many: "texts", example: "text.txt", extensions: &["txt"], recognises: None };

/// The largest text that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// Whether a path is a folder of class folders whose files are mostly texts.
pub fn is_text_folder(root: &Path) -> bool {
    holds_mostly(root, &TEXTS)
}

/// All `.txt` files in a folder and below it, sorted.
///
/// # Errors
///
/// If it can't be listed.
pub fn text_files(folder: &Path) -> Result<Vec<PathBuf>, FolderError> {
    Ok(all_files(folder, &TEXTS)?.0.into_iter().map(|file| folder.join(file)).collect())
}

/// The text of a file, or a word for what is wrong with it and the reason.
///
/// # Errors
///
/// If it can't be read, is too long, or is not valid UTF-8.
pub fn read_text(path: &Path) -> Result<String, (&'static str, String)> {
    let unreadable = |error: std::io::Error| ("unreadable", error.to_string());
    let mut bytes = vec![];
    let file = files::open(path).map_err(|error| unreadable(error.source))?;
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(("too-large", format!("it is longer than {MAX_BYTES} bytes; cut it into several texts")));
    }
    let text = String::from_utf8(bytes)
        .map_err(|_| ("encoding", "it is not valid UTF-8; save the file as UTF-8".to_owned()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).trim().to_owned())
}
