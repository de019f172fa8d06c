//! Files and folders that are not used, and why.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Path, PathBuf};

use super::below;
use crate::reading::IgnoredPath;

/// A file or folder that is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// Where it is, relative to the root that was scanned.
    pub path: PathBuf,
    /// Why.
    pub reason: IgnoreReason,
    /// How many files that is: 1, or those in a folder that are not listed by themselves.
    pub files: usize,
}

/// Why a file or folder is not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoreReason {
    /// A program left it there, for its own use.
    WrittenBy(&'static str),
    /// Its name begins with a dot.
    Hidden,
    /// It is not one of these: `an image`.
    NotAnItem(&'static str),
    /// The same, and it lies where class folders are or in no part that is used.
    Beside(&'static str),
    /// An item that lies where class folders are.
    NoClass,
    /// A folder without any file.
    Empty,
    /// A folder beside the classes that has none of these in it: `images`.
    NoItems(&'static str),
    /// A folder beside the parts of a data set.
    NoPart,
    /// A link to a folder that it lies in.
    Loop,
    /// A link to a folder that another link has led to.
    LinkedTwice,
    /// A link to nothing.
    BrokenLink,
}

impl fmt::Display for IgnoreReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrittenBy(program) => write!(f, "written by {program}"),
            Self::Hidden => f.write_str("hidden"),
            Self::NotAnItem(one) | Self::Beside(one) => write!(f, "not {one}"),
            Self::NoClass => f.write_str("in no class folder"),
            Self::Empty => f.write_str("an empty folder"),
            Self::NoItems(many) => write!(f, "no {many} in it"),
            Self::NoPart => f.write_str("no part of the data set by its name"),
            Self::Loop => f.write_str("a link to a folder that it lies in"),
            Self::LinkedTwice => f.write_str("a link to a folder that another link leads to"),
            Self::BrokenLink => f.write_str("a link to nothing"),
        }
    }
}

impl Ignored {
    /// What it is called, without the folders it lies in.
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The same in words, with the path below `root`.
    pub fn worded(&self, root: &Path) -> IgnoredPath {
        let path = below(root, &self.path).display().to_string();
        IgnoredPath { path, reason: self.reason.to_string(), files: self.files }
    }
}

/// Names that programs give to files and folders for their own use, in lower case.
const WRITERS: [(&str, &[&str]); 7] = [
    (
        "macOS",
        &["__macosx", ".ds_store", ".appledouble", ".spotlight-v100", ".trashes", ".fseventsd", "icon\r"],
    ),
    ("Windows", &["thumbs.db", "ehthumbs.db", "desktop.ini", "$recycle.bin", "system volume information"]),
    ("a network drive", &["@eadir", "@recycle", "#recycle", "@tmp"]),
    ("Jupyter", &[".ipynb_checkpoints"]),
    ("Python", &["__pycache__"]),
    ("the file system", &["lost+found"]),
    ("version control", &[".git", ".gitignore", ".gitattributes", ".svn", ".hg"]),
];

/// Why a file or folder of this name is nobody's data, if it isn't.
pub(super) fn litter(name: &OsStr) -> Option<IgnoreReason> {
    let name = name.to_string_lossy().to_lowercase();
    let writer = WRITERS.iter().find(|(_, names)| names.contains(&name.as_str()));
    match writer {
        Some((program, _)) => Some(IgnoreReason::WrittenBy(program)),
        // Where a file system has no place for what macOS keeps of a file, it lies beside it.
        None if name.starts_with("._") => Some(IgnoreReason::WrittenBy("macOS")),
        None => name.starts_with('.').then_some(IgnoreReason::Hidden),
    }
}
