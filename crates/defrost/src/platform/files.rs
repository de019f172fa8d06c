//! Files as far as systems differ in them.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io;
use std::path::{Path, PathBuf};

use super::fs::{self, File};

/// How names of unfinished files begin, unless something else is said.
pub(crate) const TEMPORARY: &str = ".tmp";

/// A new file under a name of its own, which is removed unless it is given its final one. It may be read and written by whom the
/// user's umask says, as any other file.
#[derive(Debug)]
pub(crate) struct TemporaryFile {
    path: PathBuf,
    is_final: bool,
}

impl TemporaryFile {
    /// Creates one in a folder, with a name that begins so.
    ///
    /// # Errors
    ///
    /// If the system can't.
    pub(crate) fn create(folder: &Path, prefix: &str) -> io::Result<(File, Self)> {
        loop {
            // Each state is drawn anew.
            let path = folder.join(format!("{prefix}{:016x}", RandomState::new().hash_one(prefix)));
            match File::create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                outcome => return outcome.map(|file| (file, Self { path, is_final: false })),
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it its final name; a file of that name is replaced.
    ///
    /// # Errors
    ///
    /// If the system can't; it is then removed.
    pub(crate) fn persist(mut self, path: &Path) -> io::Result<()> {
        fs::rename(&self.path, path)?;
        self.is_final = true;
        Ok(())
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        if !self.is_final {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Fills a buffer with what is at an offset, wherever the file is being written.
#[cfg(unix)]
pub(crate) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

/// Fills a buffer with what is at an offset, wherever the file is being written.
#[cfg(not(unix))]
pub(crate) fn read_exact_at(mut file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    use std::io::{Read, Seek, SeekFrom};
    let end = file.stream_position()?;
    file.seek(SeekFrom::Start(offset))?;
    let outcome = file.read_exact(buffer);
    file.seek(SeekFrom::Start(end))?;
    outcome
}

/// Creates a folder that the user alone may enter, unless it is there.
///
/// # Errors
///
/// If the system can't, or the folder is one that others may write to: it, or a link to it, belongs to another user who is
/// not root, or everybody may write to it.
#[cfg(unix)]
pub(crate) fn create_own_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let (link, folder) = (std::fs::symlink_metadata(path)?, std::fs::metadata(path)?);
    let user = rustix::process::geteuid().as_raw();
    let refused = |reason: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    if [&link, &folder].iter().any(|metadata| ![0, user].contains(&metadata.uid())) {
        return refused("it belongs to another user, who could write to it");
    }
    if folder.mode() & 0o002 != 0 {
        return refused("everybody may write to it; `chmod o-w` makes it yours");
    }
    Ok(())
}

/// Creates a folder, unless it is there.
///
/// # Errors
///
/// If the system can't.
#[cfg(not(unix))]
pub(crate) fn create_own_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// How many files this process may have open at once; `None` where the system does not tell.
#[cfg(unix)]
pub fn most_open_files() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

/// How many files this process may have open at once; `None` where the system does not tell.
#[cfg(not(unix))]
pub fn most_open_files() -> Option<u64> {
    None
}

/// Waits until a folder's names are on the disk, where the system lets one.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// Notes that a file has been used now. Not every file system keeps times.
pub(crate) fn touch(path: &Path) {
    let _ = std::fs::File::open(path).and_then(|file| file.set_modified(std::time::SystemTime::now()));
}

/// The user's own cache folder for this program, where the system has one for each user.
pub fn user_cache_folder() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = match std::env::consts::OS {
        "windows" => from("LOCALAPPDATA"),
        "macos" => from("HOME").map(|home| home.join("Library/Caches")),
        _ => from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache"))),
    };
    base.map(|base| base.join("defrost"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_folder_that_others_may_write_to_is_refused() {
        use std::os::unix::fs::{PermissionsExt, lchown, symlink};
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("a/b");
        create_own_folder(&own).unwrap();
        assert_eq!(std::fs::metadata(&own).unwrap().permissions().mode() & 0o777, 0o700);
        let link = folder.path().join("link");
        symlink(&own, &link).unwrap();
        create_own_folder(&link).unwrap();
        let refusal = |path: &Path| create_own_folder(path).unwrap_err().to_string();
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(refusal(&own).starts_with("everybody may write to it") && refusal(&link) == refusal(&own));
        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
        create_own_folder(&own).unwrap();
        // Only root may give things to others.
        if lchown(&link, Some(12345), None).is_ok() {
            assert!(refusal(&link).starts_with("it belongs to another user"));
            create_own_folder(&own).unwrap();
        }
    }

    #[test]
    fn an_unfinished_file_is_removed_and_a_finished_one_replaces() {
        let folder = tempfile::tempdir().unwrap();
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        let (_, unfinished) = TemporaryFile::create(folder.path(), TEMPORARY).unwrap();
        let (_, finished) = TemporaryFile::create(folder.path(), TEMPORARY).unwrap();
        assert!(unfinished.path() != finished.path() && names() == 2);
        let path = folder.path().join("final");
        std::fs::write(&path, "old").unwrap();
        finished.persist(&path).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        drop(unfinished);
        assert_eq!(names(), 1);
    }
}
