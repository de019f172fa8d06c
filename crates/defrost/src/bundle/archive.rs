//! A run as one file: its folder as a zip archive, each entry stored as it is.
//!
//! An archive is read in place; nothing is unpacked to disk. It may come from anybody, so it is checked before it
//! is used: entries are stored and don't overlap, so nothing is larger than the file; each has a plain name without
//! folders; no two have the same name. Reading an entry checks its checksum.

use std::io::{self, BufReader, Cursor, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::{BundleError, MANIFEST, RunFiles, WEIGHTS, outline};
use crate::files::{self, FileError};
use crate::platform::fs::{self, File};

/// An archive of more files is no run.
const MOST: usize = 10_000;

/// A file is no run that was packed.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// It is no archive, or a part of one.
    #[error(transparent)]
    Zip(#[from] ZipError),
    /// A file in it is not stored as it is.
    #[error("`{0}` in it is compressed or encrypted, and a run's files are stored as they are")]
    Packed(String),
    /// A name in it leads elsewhere.
    #[error("`{0}` in it is not the name of a file")]
    Name(String),
    /// Two files share a name.
    #[error("two files in it have the same name")]
    Duplicate,
    /// The files are larger than the archive.
    #[error("files in it lie over each other")]
    Overlapping,
    /// There are too many.
    #[error("it holds {0} files, and a run has {MOST} at most")]
    Many(usize),
}

/// A run in one file, opened.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    zip: ZipArchive<BufReader<File>>,
}

impl Archive {
    /// Opens an archive and looks at all that is in it.
    pub fn open(path: &Path) -> Result<Self, BundleError> {
        let file = files::open(path)?;
        let length = file.metadata().map_err(FileError::at(path))?.len();
        let invalid = |reason: ArchiveError| BundleError::Archive { path: path.to_owned(), reason };
        let zip = checked(BufReader::new(file), length).map_err(invalid)?;
        Ok(Self { path: path.to_owned(), zip })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes a file in it has.
    pub fn size(&self, name: &str) -> Option<u64> {
        Some(self.zip.by_index_data(self.zip.index_for_name(name)?).ok()?.size())
    }

    /// A file in it.
    pub fn read(&mut self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = vec![];
        let damaged = |error: io::Error| io::Error::other(format!("the file is damaged: {error}"));
        self.zip.by_name(name)?.read_to_end(&mut bytes).map_err(damaged)?;
        Ok(bytes)
    }
}

fn checked(file: BufReader<File>, length: u64) -> Result<ZipArchive<BufReader<File>>, ArchiveError> {
    let mut zip = ZipArchive::new(file)?;
    if zip.len() > MOST {
        return Err(ArchiveError::Many(zip.len()));
    }
    if zip.has_duplicate_names() {
        return Err(ArchiveError::Duplicate);
    }
    let mut total = 0u64;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        let name = entry.name()?.into_owned();
        let is_stored =
            entry.compression() == CompressionMethod::Stored && entry.size() == entry.compressed_size();
        if !is_stored || entry.encrypted() {
            return Err(ArchiveError::Packed(name));
        }
        if !is_plain(&name) {
            return Err(ArchiveError::Name(name));
        }
        total = total.saturating_add(entry.size());
    }
    if total > length {
        return Err(ArchiveError::Overlapping);
    }
    Ok(zip)
}

/// Whether a name is one of a file, on any system, and leads to no other folder.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', ':', '\0'])
}

/// Packs the folder of a finished run into one file, which every function of this library that reads a run takes in its
/// place. Files whose names begin with a dot, and folders in it, stay out. The same folder gives the same bytes.
///
/// # Errors
///
/// If the folder holds no finished run, or a file can't be read or written.
pub fn pack(folder: &Path, file: &Path) -> Result<(), BundleError> {
    if !fs::is_file(&folder.join(MANIFEST)) {
        return Err(BundleError::NoBundle(folder.to_owned()));
    }
    let mut names = vec![];
    for entry in fs::read_dir(folder).map_err(FileError::at(folder))? {
        let entry = entry.map_err(FileError::at(folder))?;
        let name =
            entry.file_name().into_string().ok().filter(|name| is_plain(name) && !name.starts_with('.'));
        names.extend(name.filter(|_| fs::is_file(&entry.path())));
    }
    names.sort();
    files::write_atomically(file, |out| {
        let mut zip = ZipWriter::new(out);
        for name in &names {
            let mut content = File::open(folder.join(name))?;
            let is_large = content.metadata()?.len() >= u64::from(u32::MAX);
            zip.start_file(name, stored().large_file(is_large))?;
            io::copy(&mut content, &mut zip)?;
        }
        zip.finish()?.flush()
    })?;
    Ok(())
}

/// The model of a run packed into one file that can be opened as a run: what answers need, and not its report and predictions, which
/// show validation items. The run may be a folder or packed.
///
/// # Errors
///
/// If it is no finished run, or a file of it can't be read.
pub fn pack_model(run: &Path) -> Result<Vec<u8>, BundleError> {
    let mut files = RunFiles::open(run)?;
    let own = outline(run)?.files_sha256.into_keys();
    let mut zip = ZipWriter::new(Cursor::new(vec![]));
    for name in [MANIFEST, WEIGHTS].map(str::to_owned).into_iter().chain(own) {
        if !is_plain(&name) {
            let reason = format!("`{name}` is not the name of a file in the folder");
            return Err(BundleError::Manifest { path: files.path(MANIFEST), reason });
        }
        let content = files.read(&name)?;
        let is_large = content.len() as u64 >= u64::from(u32::MAX);
        let written = zip.start_file(&name, stored().large_file(is_large)).map_err(io::Error::from);
        written.and_then(|()| zip.write_all(&content)).map_err(FileError::at(run))?;
    }
    Ok(zip.finish().map_err(io::Error::from).map_err(FileError::at(run))?.into_inner())
}

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Entries<'a> = &'a [(&'a str, &'a [u8])];

    /// An archive of these entries, with each of `replacements` made in its bytes.
    fn archive(entries: Entries<'_>, replacements: &[(&[u8], &[u8])]) -> tempfile::NamedTempFile {
        let mut zip = ZipWriter::new(Cursor::new(vec![]));
        for (name, content) in entries {
            zip.start_file(*name, stored()).unwrap();
            zip.write_all(content).unwrap();
        }
        let mut bytes = zip.finish().unwrap().into_inner();
        for (old, new) in replacements {
            assert_eq!(old.len(), new.len());
            let places: Vec<usize> =
                (0..bytes.len() - old.len()).filter(|&at| bytes[at..].starts_with(old)).collect();
            assert!(!places.is_empty());
            for at in places {
                bytes[at..at + old.len()].copy_from_slice(new);
            }
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        file
    }

    fn refusal(entries: Entries<'_>, replacements: &[(&[u8], &[u8])]) -> ArchiveError {
        match Archive::open(archive(entries, replacements).path()) {
            Err(BundleError::Archive { reason, .. }) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_packed_is_read() {
        let file = archive(&[("bundle.json", b"{}"), ("b", b"xyz")], &[]);
        let mut archive = Archive::open(file.path()).unwrap();
        assert_eq!((archive.size("b"), archive.size("c")), (Some(3), None));
        assert_eq!(archive.read("b").unwrap(), b"xyz");
        assert_eq!(archive.read("c").unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["../bundle.json", "/etc/passwd", "a/b", "a\\b", "C:x", "..", "folder/"] {
            assert!(matches!(refusal(&[(name, b"")], &[]), ArchiveError::Name(_)), "{name}");
        }
    }

    #[test]
    fn two_files_of_one_name_are_refused() {
        let twice = refusal(&[("first.json", b"1"), ("other.json", b"2")], &[(b"other.json", b"first.json")]);
        assert!(matches!(twice, ArchiveError::Duplicate), "{twice}");
    }

    #[test]
    fn what_is_compressed_is_refused() {
        // The method follows version and flags, in the local header and in the directory.
        let stored = archive(&[("a", b"x")], &[]);
        let mut bytes = std::fs::read(stored.path()).unwrap();
        let directory = bytes.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap();
        bytes[8] = 8;
        bytes[directory + 10] = 8;
        std::fs::write(stored.path(), bytes).unwrap();
        let error = Archive::open(stored.path()).unwrap_err().to_string();
        assert!(
            error.contains("is compressed or encrypted") || error.contains("ompression method"),
            "{error}"
        );
    }

    #[test]
    fn files_that_are_larger_than_the_archive_are_refused() {
        let long = [b'x'; 0x1234];
        let claims: &[(&[u8], &[u8])] =
            &[(&[0x34, 0x12, 0, 0, 0x34, 0x12, 0, 0], &[0, 0, 0, 0x70, 0, 0, 0, 0x70])];
        let refused = refusal(&[("long", &long)], claims);
        assert!(matches!(refused, ArchiveError::Overlapping | ArchiveError::Zip(_)), "{refused}");
    }
}
