//! Free disk, and room on it that is taken before it is needed.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes that this user may still write to the disk a folder is on, or will be; `None` where the system does not tell.
#[cfg(unix)]
pub fn free_disk(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|path| path.exists())?;
    let status = rustix::fs::statvfs(existing).ok()?;
    Some(status.f_bavail * status.f_frsize)
}

/// Bytes that this user may still write to the disk a folder is on, or will be; `None` where the system does not tell.
#[cfg(not(unix))]
pub fn free_disk(_folder: &Path) -> Option<u64> {
    None
}

/// Room on a disk that nothing else can take until this is dropped: a file of this size in the folder. One that a killed
/// process has left is used again.
#[derive(Debug)]
pub struct ReservedRoom(PathBuf);

impl ReservedRoom {
    /// The file's name.
    pub const FILE: &'static str = ".reserved";

    /// Reserves bytes on the disk that a folder is on. Where the file system can't reserve, it checks that they are free.
    ///
    /// # Errors
    ///
    /// If there is no such room, or no file can be made in the folder.
    pub fn reserve(folder: &Path, bytes: u64) -> io::Result<Self> {
        let path = folder.join(Self::FILE);
        let file = File::options().write(true).create(true).truncate(false).open(&path)?;
        let room = Self(path);
        match allocate(&file, bytes) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                match free_disk(folder).is_some_and(|free| free < bytes) {
                    true => Err(io::ErrorKind::StorageFull.into()),
                    false => Ok(room),
                }
            }
            outcome => outcome.map(|()| room),
        }
    }
}

impl Drop for ReservedRoom {
    fn drop(&mut self) {
        // What can't be removed is used again by the next run in the folder.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn allocate(file: &File, bytes: u64) -> io::Result<()> {
    use rustix::fs::{FallocateFlags, fallocate};
    Ok(fallocate(file, FallocateFlags::empty(), 0, bytes.max(1))?)
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn allocate(_file: &File, _bytes: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_taken_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(ReservedRoom::FILE);
        std::fs::write(&file, "left by a killed run").unwrap();
        let room = ReservedRoom::reserve(folder.path(), 1 << 20).unwrap();
        #[cfg(target_os = "linux")]
        assert_eq!(file.metadata().unwrap().len(), 1 << 20);
        drop(room);
        assert!(!file.exists());
        assert!(ReservedRoom::reserve(folder.path(), 1 << 60).is_err());
        assert!(!file.exists());
    }
}
