//! Reading files and nothing else, and writing them so that a crash leaves the old one or the new one, never half of either.

use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::platform::fs::{self, File};
use crate::platform::{TEMPORARY, TemporaryFile};

/// A file could not be read or written.
#[derive(Debug, Error)]
#[error("{}: {source}", path.display())]
pub struct FileError {
    /// Which file or folder.
    pub path: PathBuf,
    /// The system's message.
    pub source: io::Error,
}

impl FileError {
    /// Names the file an operation failed on.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self { path, source }
    }
}

/// Opens a file to read it. Opening a pipe would wait for its writer, and a device may have no end.
///
/// # Errors
///
/// If the system can't, or it is a pipe, a socket or a device.
pub fn open(path: &Path) -> Result<File, FileError> {
    let attempt = || {
        let kind = fs::metadata(path)?.file_type();
        // The system has its own words for a folder.
        if !kind.is_file() && !kind.is_dir() {
            let reason =
                "it is a pipe, a socket or a device, and only files are read; save its content as a file";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
        }
        File::open(path)
    };
    attempt().map_err(FileError::at(path))
}

/// Reads a whole file.
///
/// # Errors
///
/// If the system can't, there is no memory for it, or it is a pipe, a socket or a device.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let mut file = open(path)?;
    let mut attempt = || {
        let mut bytes = vec![];
        bytes.try_reserve_exact(file.metadata()?.len() as usize)?;
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    attempt().map_err(FileError::at(path))
}

/// Writes a file under a temporary name in the same folder, then renames it.
///
/// # Errors
///
/// If the system can't, or `write` fails.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> io::Result<()>,
) -> Result<(), FileError> {
    let attempt = || {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let (mut file, temporary) = TemporaryFile::create(folder, TEMPORARY)?;
        let mut writer = BufWriter::new(&mut file);
        write(&mut writer)?;
        writer.flush()?;
        drop(writer);
        file.sync_all()?;
        temporary.persist(path)
    };
    attempt().map_err(FileError::at(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        std::fs::write(folder.path().join("plain"), "").unwrap();
        write_atomically(&folder.path().join("atomic"), |_| Ok(())).unwrap();
        assert_eq!(mode("atomic"), mode("plain"));
    }
}
