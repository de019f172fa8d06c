//! The file system: the machine's, or one in memory where there is none. Both have the names of `std::fs`.

#[cfg(any(test, all(target_arch = "wasm32", target_os = "unknown")))]
pub mod memory;

use std::path::Path;

#[cfg(all(target_arch = "wasm32", target_os = "unknown"))]
pub use memory::{
    DirEntry, File, FileType, canonicalize, create_dir_all, metadata, read, read_dir, remove_dir,
    remove_file, rename, write,
};
#[cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
pub use std::fs::{
    DirEntry, File, FileType, canonicalize, create_dir_all, metadata, read, read_dir, remove_dir,
    remove_file, rename, write,
};

/// Whether there is a file of this name.
pub fn is_file(path: &Path) -> bool {
    metadata(path).is_ok_and(|metadata| metadata.is_file())
}

/// Whether there is a folder of this name.
pub fn is_dir(path: &Path) -> bool {
    metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whether there is anything of this name.
pub fn exists(path: &Path) -> bool {
    metadata(path).is_ok()
}
