//! The folder that files of rows are kept in, over runs: its files never take more than a number of bytes,
//! the ones unused for longest go first.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::file::{EXTENSION, TEMPORARY};
use crate::platform::{create_own_folder, touch};

/// After this time without a write, a file under a temporary name is what a killed run has left.
const ABANDONED: Duration = Duration::from_secs(24 * 3600);

/// The folder as it was when it was opened, and what this run has changed since.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    limit: u64,
    /// Complete files that this run does not use, longest unused first.
    unused: Vec<Listed>,
    /// Bytes of all files, those being written included.
    bytes: u64,
}

#[derive(Debug)]
struct Listed {
    path: PathBuf,
    bytes: u64,
    modified: SystemTime,
}

impl Folder {
    /// Opens a folder, which is created if there is none, and removes what it has too much.
    ///
    /// # Errors
    ///
    /// If it can't be created or listed, or others could write into it: their entries would be believed.
    pub fn open(path: &Path, limit: u64) -> io::Result<Self> {
        create_own_folder(path)?;
        let mut unused = vec![];
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            // Another run may remove a file while this one lists it.
            let Ok(metadata) = entry.metadata() else { continue };
            let (path, modified) = (entry.path(), metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH));
            if path.extension().is_some_and(|extension| extension == EXTENSION) && metadata.is_file() {
                unused.push(Listed { path, bytes: metadata.len(), modified });
            } else if entry.file_name().to_string_lossy().starts_with(TEMPORARY)
                && modified.elapsed().is_ok_and(|age| age > ABANDONED)
            {
                let _ = std::fs::remove_file(path);
            }
        }
        unused.sort_by(|a, b| (a.modified, &a.path).cmp(&(b.modified, &b.path)));
        let bytes = unused.iter().map(|file| file.bytes).sum();
        let mut folder = Self { path: path.to_owned(), limit, unused, bytes };
        folder.make_room(0);
        Ok(folder)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the files whose names begin so into use: they are not removed any more to make room.
    pub fn take(&mut self, stem: &str) -> Vec<PathBuf> {
        let of_stem = |file: &mut Listed| {
            file.path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(stem))
        };
        let taken: Vec<PathBuf> = self.unused.extract_if(.., of_stem).map(|file| file.path).collect();
        for path in &taken {
            // What has been used lately goes last.
            touch(path);
        }
        taken
    }

    /// Makes room for this many bytes more, by removing unused files, and counts them; `false` if it can't.
    pub fn make_room(&mut self, bytes: u64) -> bool {
        while self.bytes + bytes > self.limit && !self.unused.is_empty() {
            let oldest = self.unused.remove(0);
            let _ = std::fs::remove_file(&oldest.path);
            self.bytes -= oldest.bytes;
        }
        let fits = self.bytes + bytes <= self.limit;
        if fits {
            self.bytes += bytes;
        }
        fits
    }

    /// Removes a file in use.
    pub fn remove(&mut self, path: &Path, bytes: u64) {
        let _ = std::fs::remove_file(path);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aged(folder: &Path, name: &str, bytes: usize, hours: u64) {
        let path = folder.join(name);
        std::fs::write(&path, vec![0; bytes]).unwrap();
        let file = std::fs::File::options().append(true).open(&path).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(hours * 3600)).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn the_longest_unused_go_first_and_what_is_in_use_stays() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path();
        for (name, hours) in [("a-1.rows", 9), ("b-1.rows", 7), ("c-1.rows", 8), ("a-2.rows", 2)] {
            aged(path, name, 100, hours);
        }
        aged(path, ".writing-old", 100, 30);
        aged(path, ".writing-now", 100, 1);
        aged(path, "notes.txt", 1000, 99);
        let mut folder = Folder::open(path, 400).unwrap();
        assert_eq!(
            names(path),
            [".writing-now", "a-1.rows", "a-2.rows", "b-1.rows", "c-1.rows", "notes.txt"]
        );
        assert_eq!(folder.take("a-").len(), 2);
        assert!(folder.make_room(50));
        assert_eq!(names(path), [".writing-now", "a-1.rows", "a-2.rows", "b-1.rows", "notes.txt"]);
        assert!(!folder.make_room(200), "files in use take 200, this run 50");
        assert_eq!(names(path), [".writing-now", "a-1.rows", "a-2.rows", "notes.txt"]);
    }

    proptest! {
        #[test]
        fn the_limit_holds(sizes in proptest::collection::vec(0..300u64, 0..40), limit in 0..1000u64) {
            let temporary = tempfile::tempdir().unwrap();
            aged(temporary.path(), "old-1.rows", 400, 5);
            let mut folder = Folder::open(temporary.path(), limit).unwrap();
            let mut written = 0;
            for bytes in sizes {
                if folder.make_room(bytes) {
                    written += bytes;
                }
                prop_assert!(folder.bytes() <= limit && written <= folder.bytes());
            }
        }
    }
}
