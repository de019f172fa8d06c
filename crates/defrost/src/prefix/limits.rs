//! How much may be kept, and where.

use std::path::{Path, PathBuf};

/// What of the machine a cache may take, unless somebody says: this fraction of its free memory and disk.
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
    /// Keeps nothing: what is frozen is computed anew each time.
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

/// The user's own cache folder for this program, as the system's config place it.
pub fn user_folder() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match std::env::consts::OS {
        "windows" => from("LOCALAPPDATA"),
        "macos" => from("HOME").map(|home| home.join("Library/Caches")),
        _ => from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache"))),
    };
    base.map(|base| base.join("defrost"))
}

fn free_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Of the disk that a folder is on, or will be.
#[cfg(unix)]
fn free_disk(folder: &Path) -> Option<u64> {
    let existing = folder.ancestors().find(|path| path.exists())?;
    let status = rustix::fs::statvfs(existing).ok()?;
    Some(status.f_bavail * status.f_frsize)
}

#[cfg(not(unix))]
fn free_disk(_folder: &Path) -> Option<u64> {
    None
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
