//! How much may be cached, and where.

use std::path::PathBuf;

use crate::platform::{free_disk, free_memory};

/// The default limit of a cache: this fraction of the machine's free memory and disk.
const MEMORY_SHARE: u64 = 4;
const DISK_SHARE: u64 = 10;
/// Where the system does not tell what is free.
const UNKNOWN_BYTES: u64 = 1 << 30;
/// More than this is not taken from any disk unasked.
const MAX_DISK_BYTES: u64 = 16 << 30;

/// How many bytes may be kept in memory, how many in files, and in which folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheLimits {
    /// Bytes in memory.
    pub memory: u64,
    /// Bytes of all files in the folder, those of earlier runs included.
    pub disk: u64,
    /// Where files go; without one there are none, and nothing outlives the run.
    pub folder: Option<PathBuf>,
}

impl CacheLimits {
    /// Keeps nothing: frozen features are computed anew each time.
    pub fn none() -> Self {
        Self::memory(0)
    }

    /// Keeps this many bytes in memory and writes no files.
    pub fn memory(bytes: u64) -> Self {
        Self { memory: bytes, disk: 0, folder: None }
    }

    /// A quarter of the free memory, and files in `folder` up to a tenth of the free disk, 16 GB at most.
    pub fn of_this_machine(folder: Option<PathBuf>) -> Self {
        let memory = free_memory().map_or(UNKNOWN_BYTES, |free| free / MEMORY_SHARE);
        let free_disk = folder.as_deref().and_then(free_disk);
        let disk = free_disk.map_or(UNKNOWN_BYTES, |free| (free / DISK_SHARE).min(MAX_DISK_BYTES));
        Self { memory, disk: if folder.is_some() { disk } else { 0 }, folder }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_what_is_free_is_taken() {
        let limits = CacheLimits::of_this_machine(Some(std::env::temp_dir().join("not/there/yet")));
        assert!(limits.memory > 0 && limits.disk > 0 && limits.disk <= MAX_DISK_BYTES);
        assert_eq!(CacheLimits::of_this_machine(None).disk, 0);
    }
}
