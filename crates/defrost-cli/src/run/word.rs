//! A word of a command line, kept exactly, even if it is not Unicode.

use std::ffi::OsString;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A word, as text where it is Unicode and as its bytes where it is not, as the names of files may be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Word {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<OsString> for Word {
    fn from(word: OsString) -> Self {
        word.into_string().map_or_else(bytes, Self::Text)
    }
}

impl From<&Word> for OsString {
    fn from(word: &Word) -> Self {
        match word {
            Word::Text(text) => text.into(),
            Word::Bytes(bytes) => of_bytes(bytes),
        }
    }
}

impl fmt::Display for Word {
    /// For people: bytes that are not text are replaced.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => text.fmt(f),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).fmt(f),
        }
    }
}

/// A command of `defrost` with these words, as a shell would read it.
pub fn shell_command(words: &[Word]) -> String {
    let is_plain = |word: &str| {
        let plain = |c: char| c.is_alphanumeric() || "-_./=,:+@%".contains(c);
        !word.is_empty() && word.chars().all(plain)
    };
    let quoted = |word: &Word| match word.to_string() {
        word if is_plain(&word) => word,
        word => format!("'{}'", word.replace('\'', r"'\''")),
    };
    let words = ["defrost".to_owned()].into_iter().chain(words.iter().map(quoted));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(unix)]
fn bytes(word: OsString) -> Word {
    Word::Bytes(std::os::unix::ffi::OsStringExt::into_vec(word))
}

#[cfg(unix)]
fn of_bytes(bytes: &[u8]) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(bytes.to_vec())
}

#[cfg(not(unix))]
fn bytes(word: OsString) -> Word {
    Word::Text(word.to_string_lossy().into_owned())
}

#[cfg(not(unix))]
fn of_bytes(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn any_word_is_kept_exactly() {
        for (bytes, json) in [(&b"na\xc3\xafve"[..], "\"na\u{ef}ve\""), (b"d\xffta", "[100,255,116,97]")] {
            let word = OsString::from_vec(bytes.to_vec());
            let kept = serde_json::to_string(&Word::from(word.clone())).unwrap();
            assert_eq!(kept, json);
            assert_eq!(OsString::from(&serde_json::from_str::<Word>(&kept).unwrap()), word);
        }
    }
}
