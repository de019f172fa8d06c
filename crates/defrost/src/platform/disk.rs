//! Free disk.

use std::path::Path;

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
