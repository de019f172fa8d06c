//! The files of a run, in a folder or packed into one file.

use std::path::{Path, PathBuf};

#[cfg(feature = "archive")]
use super::Archive;
use super::{BundleError, MANIFEST};
use crate::files::{self, FileError};
use crate::platform::fs;

/// Where a run's files are.
#[derive(Debug)]
pub(crate) enum RunFiles {
    Folder(PathBuf),
    #[cfg(feature = "archive")]
    Archive(Archive),
}

impl RunFiles {
    /// Those of a run at this path, which may be no run.
    pub fn open(run: &Path) -> Result<Self, BundleError> {
        if run.ends_with(MANIFEST) && fs::is_file(run) {
            return Err(BundleError::FileOfRun { path: run.to_owned() });
        }
        #[cfg(feature = "archive")]
        if fs::is_file(run) {
            return Archive::open(run).map(Self::Archive);
        }
        Ok(Self::Folder(run.to_owned()))
    }

    /// The run's path.
    pub fn run(&self) -> &Path {
        match self {
            Self::Folder(folder) => folder,
            #[cfg(feature = "archive")]
            Self::Archive(archive) => archive.path(),
        }
    }

    /// What a file of the run is called in messages, and where it is in a folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.run().join(name)
    }

    /// How many bytes a file has, if there is one.
    pub fn size(&self, name: &str) -> Option<u64> {
        match self {
            Self::Folder(folder) => fs::metadata(folder.join(name)).ok().map(|file| file.len()),
            #[cfg(feature = "archive")]
            Self::Archive(archive) => archive.size(name),
        }
    }

    /// Whether there is such a file.
    pub fn has(&self, name: &str) -> bool {
        self.size(name).is_some()
    }

    /// A file's bytes.
    pub fn read(&mut self, name: &str) -> Result<Vec<u8>, FileError> {
        let path = self.path(name);
        match self {
            Self::Folder(_) => files::read(&path),
            #[cfg(feature = "archive")]
            Self::Archive(archive) => archive.read(name).map_err(FileError::at(&path)),
        }
    }
}
