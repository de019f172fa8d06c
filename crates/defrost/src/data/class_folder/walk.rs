//! Walking through a folder: a tree of items, and a list of everything else in it.
//!
//! Links to files and to folders are followed. A link to a folder that it lies in is not, nor is a second link to one that has
//! been followed: a few of those could make a tree of any size.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::error::FolderError;
use super::ignored::{IgnoreReason, Ignored, litter};
use super::kind::FileKind;
use super::names::composed;
use crate::platform::fs::{self, FileType};

/// A folder that was walked through.
#[derive(Debug, Default)]
pub(super) struct Folder {
    /// Where it is, relative to what was walked.
    pub path: PathBuf,
    /// The folders in it, sorted.
    pub folders: Vec<Self>,
    /// The items that lie right in it, sorted, relative to what was walked.
    pub items: Vec<PathBuf>,
    /// How many items are in it and below.
    pub count: usize,
    /// How many files of any kind are in it and below, without litter.
    pub files: usize,
}

impl Folder {
    /// Its name in composed form; a name that is no Unicode is shown as far as it is.
    pub fn name(&self) -> String {
        composed(&self.path.file_name().unwrap_or_default().to_string_lossy())
    }

    /// The folders in it that hold items.
    pub fn filled(&self) -> Vec<&Self> {
        self.folders.iter().filter(|folder| folder.count > 0).collect()
    }

    /// All items in it and below.
    pub fn all_items(&self) -> Vec<&PathBuf> {
        let below = self.folders.iter().flat_map(Self::all_items);
        self.items.iter().chain(below).collect()
    }

    /// The folders below it that items lie in.
    pub fn nested(&self) -> Vec<&PathBuf> {
        let mut nested = vec![];
        for folder in &self.folders {
            nested.extend((!folder.items.is_empty()).then_some(&folder.path));
            nested.extend(folder.nested());
        }
        nested
    }
}

/// What was found in a folder.
pub(super) struct Walked {
    /// The items, as the folder has them.
    pub top: Folder,
    /// All other files, and folders that were not gone into.
    pub ignored: Vec<Ignored>,
}

/// Walks through the folder `root`.
pub(super) fn walk(root: &Path, kind: &'static FileKind) -> Result<Walked, FolderError> {
    require_folder(root, kind)?;
    let mut walker = Walker { root, kind, ignored: vec![], followed: HashSet::new(), links: vec![] };
    let top = walker.folder(PathBuf::new())?;
    Ok(Walked { top, ignored: walker.ignored })
}

struct Walker<'a> {
    root: &'a Path,
    kind: &'static FileKind,
    ignored: Vec<Ignored>,
    /// Real paths that links have led to.
    followed: HashSet<PathBuf>,
    /// Real paths of the folders with the links that lead to where it is.
    links: Vec<PathBuf>,
}

impl Walker<'_> {
    fn folder(&mut self, path: PathBuf) -> Result<Folder, FolderError> {
        let mut folder = Folder::default();
        for (name, kind) in entries(&self.root.join(&path))? {
            let inside = path.join(&name);
            let full = self.root.join(&inside);
            if let Some(reason) = litter(&name) {
                let files = if kind.is_dir() { count_files(&full) } else { 1 };
                self.ignored.push(Ignored { path: inside, reason, files });
            } else if kind.is_dir() {
                folder.folders.push(self.folder(inside)?);
            } else if kind.is_symlink() && fs::is_dir(&full) {
                folder.folders.extend(self.linked(inside, &full)?);
            } else {
                folder.files += 1;
                match self.reason_against(&full) {
                    None => folder.items.push(inside),
                    Some(reason) => self.ignored.push(Ignored { path: inside, reason, files: 1 }),
                }
            }
        }
        folder.count = folder.items.len() + folder.folders.iter().map(|inside| inside.count).sum::<usize>();
        folder.files += folder.folders.iter().map(|inside| inside.files).sum::<usize>();
        Ok(Folder { path, ..folder })
    }

    /// Why a file is no item. One that can't be read is one by its name: its reader says why it is lost.
    fn reason_against(&self, file: &Path) -> Option<IgnoreReason> {
        match self.kind.has_file(file) {
            true => None,
            false if fs::exists(file) => Some(IgnoreReason::NotAnItem(self.kind.one)),
            false => Some(IgnoreReason::BrokenLink),
        }
    }

    /// The folder that a link leads to, if it is followed.
    fn linked(&mut self, path: PathBuf, full: &Path) -> Result<Option<Folder>, FolderError> {
        let real = |path: &Path| {
            fs::canonicalize(path).map_err(|source| FolderError::Unreadable { path: path.to_owned(), source })
        };
        let target = real(full)?;
        let here = real(full.parent().unwrap_or(self.root))?;
        let reason = if here.starts_with(&target) || self.links.iter().any(|link| link.starts_with(&target)) {
            Some(IgnoreReason::Loop)
        } else if !self.followed.insert(target) {
            Some(IgnoreReason::LinkedTwice)
        } else {
            None
        };
        if let Some(reason) = reason {
            self.ignored.push(Ignored { path, reason, files: 1 });
            return Ok(None);
        }
        self.links.push(here);
        let folder = self.folder(path);
        self.links.pop();
        folder.map(Some)
    }
}

fn require_folder(root: &Path, kind: &'static FileKind) -> Result<(), FolderError> {
    let path = root.to_owned();
    match fs::metadata(root) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(FolderError::Missing { path, kind }),
        Err(source) => Err(FolderError::Unreadable { path, source }),
        Ok(metadata) if !metadata.is_dir() => Err(FolderError::NotAFolder { path, kind }),
        Ok(_) => Ok(()),
    }
}

/// What is in a folder, sorted by name.
fn entries(folder: &Path) -> Result<Vec<(OsString, FileType)>, FolderError> {
    let listed = || -> io::Result<Vec<(OsString, FileType)>> {
        let entries = fs::read_dir(folder)?;
        entries.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))).collect()
    };
    let mut entries =
        listed().map_err(|source| FolderError::Unreadable { path: folder.to_owned(), source })?;
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

/// How many files are in a folder that is not gone into; none where it can't be read.
fn count_files(folder: &Path) -> usize {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let count = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count_files(&entry.path()),
        _ => 1,
    };
    entries.flatten().map(count).sum()
}
