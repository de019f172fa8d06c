//! Files in memory, for a browser: what the library would read from a disk is put here by the page, and what it would
//! write to one is taken from here.
//!
//! Names are texts between slashes; there are no links, no permissions and no times. A file that is open keeps its bytes when its
//! name is given to another one, as on Unix.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Bytes = Arc<Mutex<Vec<u8>>>;

/// All files and folders by their names.
static TREE: Mutex<BTreeMap<PathBuf, Entry>> = Mutex::new(BTreeMap::new());

#[derive(Clone)]
enum Entry {
    File(Bytes),
    Folder,
}

fn locked<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One name for each place: `a/./b/` is `a/b`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir)).collect()
}

fn entry(path: &Path) -> io::Result<Entry> {
    let path = plain(path);
    match locked(&TREE).get(&path) {
        Some(entry) => Ok(entry.clone()),
        None if path.as_os_str().is_empty() => Ok(Entry::Folder),
        None => Err(io::ErrorKind::NotFound.into()),
    }
}

fn file(path: &Path) -> io::Result<Bytes> {
    match entry(path)? {
        Entry::File(bytes) => Ok(bytes),
        Entry::Folder => Err(io::ErrorKind::IsADirectory.into()),
    }
}

/// A file that is open.
#[derive(Debug)]
pub struct File {
    bytes: Bytes,
    place: AtomicU64,
}

impl File {
    /// Opens one to read it.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Ok(Self { bytes: file(path.as_ref())?, place: AtomicU64::new(0) })
    }

    /// Creates one, empty, in place of any of its name.
    pub fn create(path: impl AsRef<Path>) -> io::Result<Self> {
        let bytes = Bytes::default();
        locked(&TREE).insert(plain(path.as_ref()), Entry::File(bytes.clone()));
        Ok(Self { bytes, place: AtomicU64::new(0) })
    }

    /// Creates one of a name that nothing has yet.
    pub fn create_new(path: impl AsRef<Path>) -> io::Result<Self> {
        match exists(path.as_ref()) {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => Self::create(path),
        }
    }

    /// What is known of it.
    pub fn metadata(&self) -> io::Result<Metadata> {
        Ok(Metadata { kind: FileType { is_dir: false }, len: locked(&self.bytes).len() as u64 })
    }

    /// Nothing is lost here but with all the rest.
    pub fn sync_all(&self) -> io::Result<()> {
        Ok(())
    }
}

impl File {
    fn place(&self) -> u64 {
        self.place.load(Ordering::Relaxed)
    }

    fn go_to(&self, place: u64) {
        self.place.store(place, Ordering::Relaxed);
    }
}

impl Read for &File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (bytes, place) = (locked(&self.bytes), self.place());
        let rest = bytes.get(place as usize..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.go_to(place + count as u64);
        Ok(count)
    }
}

impl Write for &File {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let (mut bytes, from) = (locked(&self.bytes), self.place() as usize);
        let to = from + buffer.len();
        if to > bytes.len() {
            let more = to - bytes.len();
            bytes.try_reserve(more)?;
            bytes.resize(to, 0);
        }
        bytes[from..to].copy_from_slice(buffer);
        self.go_to(to as u64);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for &File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let length = locked(&self.bytes).len() as u64;
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::End(offset) => length.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.place().checked_add_signed(offset),
        };
        self.go_to(place.ok_or(io::ErrorKind::InvalidInput)?);
        Ok(self.place())
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for File {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        (&*self).write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        (&*self).seek(to)
    }
}

/// What is known of a file or a folder.
#[derive(Clone, Copy, Debug)]
pub struct Metadata {
    kind: FileType,
    len: u64,
}

#[allow(clippy::len_without_is_empty, reason = "the standard library's has none either")]
impl Metadata {
    /// Its bytes; 0 for a folder.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        self.kind.is_file()
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        self.kind.is_dir()
    }

    /// Which of the two it is.
    pub fn file_type(&self) -> FileType {
        self.kind
    }
}

/// A file or a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileType {
    is_dir: bool,
}

impl FileType {
    /// Whether it is a file.
    pub fn is_file(&self) -> bool {
        !self.is_dir
    }

    /// Whether it is a folder.
    pub fn is_dir(&self) -> bool {
        self.is_dir
    }

    /// There are no links.
    pub fn is_symlink(&self) -> bool {
        false
    }
}

/// What is in a folder: one of it.
#[derive(Clone, Debug)]
pub struct DirEntry {
    path: PathBuf,
    kind: FileType,
}

impl DirEntry {
    /// Where it is.
    pub fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// Its name in the folder.
    pub fn file_name(&self) -> OsString {
        self.path.file_name().unwrap_or_default().to_owned()
    }

    /// Whether it is a file or a folder.
    pub fn file_type(&self) -> io::Result<FileType> {
        Ok(self.kind)
    }
}

fn exists(path: &Path) -> bool {
    entry(path).is_ok()
}

/// What is known of this name.
pub fn metadata(path: impl AsRef<Path>) -> io::Result<Metadata> {
    Ok(match entry(path.as_ref())? {
        Entry::File(bytes) => Metadata { kind: FileType { is_dir: false }, len: locked(&bytes).len() as u64 },
        Entry::Folder => Metadata { kind: FileType { is_dir: true }, len: 0 },
    })
}

/// All bytes of a file.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let mut bytes = vec![];
    File::open(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Writes a file, in place of any of its name.
pub fn write(path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) -> io::Result<()> {
    File::create(path)?.write_all(bytes.as_ref())
}

/// What lies in a folder, by name.
pub fn read_dir(folder: impl AsRef<Path>) -> io::Result<impl Iterator<Item = io::Result<DirEntry>>> {
    let asked = folder.as_ref();
    if matches!(entry(asked)?, Entry::File(_)) {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let folder = plain(asked);
    let tree = locked(&TREE);
    let inside = tree.iter().filter(|(path, _)| path.parent() == Some(&folder));
    let found = |(path, entry): (&PathBuf, &Entry)| DirEntry {
        path: asked.join(path.file_name().unwrap_or_default()),
        kind: FileType { is_dir: matches!(entry, Entry::Folder) },
    };
    Ok(inside.map(found).map(Ok).collect::<Vec<_>>().into_iter())
}

/// Makes a folder and those around it.
pub fn create_dir_all(folder: impl AsRef<Path>) -> io::Result<()> {
    let folder = plain(folder.as_ref());
    for path in folder.ancestors().filter(|path| !path.as_os_str().is_empty()) {
        let mut tree = locked(&TREE);
        match tree.get(path) {
            Some(Entry::File(_)) => return Err(io::ErrorKind::NotADirectory.into()),
            Some(Entry::Folder) => {}
            None => drop(tree.insert(path.to_owned(), Entry::Folder)),
        }
    }
    Ok(())
}

/// Gives a file another name, in place of any file of that name.
pub fn rename(from: impl AsRef<Path>, to: impl AsRef<Path>) -> io::Result<()> {
    let mut tree = locked(&TREE);
    let entry = tree.remove(&plain(from.as_ref())).ok_or(io::ErrorKind::NotFound)?;
    tree.insert(plain(to.as_ref()), entry);
    Ok(())
}

/// Removes a file.
pub fn remove_file(path: impl AsRef<Path>) -> io::Result<()> {
    file(path.as_ref())?;
    locked(&TREE).remove(&plain(path.as_ref()));
    Ok(())
}

/// Removes an empty folder.
pub fn remove_dir(folder: impl AsRef<Path>) -> io::Result<()> {
    if read_dir(&folder)?.next().is_some() {
        return Err(io::ErrorKind::DirectoryNotEmpty.into());
    }
    locked(&TREE).remove(&plain(folder.as_ref()));
    Ok(())
}

/// A name without detours.
pub fn canonicalize(path: impl AsRef<Path>) -> io::Result<PathBuf> {
    entry(path.as_ref())?;
    Ok(plain(path.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All tests share one tree: each has a folder of its own.
    fn folder(name: &str) -> PathBuf {
        let folder = Path::new("/tests").join(name);
        create_dir_all(&folder).unwrap();
        folder
    }

    fn names(folder: &Path) -> Vec<OsString> {
        read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect()
    }

    #[test]
    fn files_are_written_read_renamed_and_removed() {
        let folder = folder("files");
        let (a, b) = (folder.join("a"), folder.join("./b"));
        write(&a, "first").unwrap();
        let mut open = File::open(&a).unwrap();
        write(&b, "other").unwrap();
        rename(&b, &a).unwrap();
        let mut text = String::new();
        open.read_to_string(&mut text).unwrap();
        assert_eq!((text.as_str(), read(&a).unwrap().as_slice()), ("first", &b"other"[..]));
        assert_eq!(names(&folder), ["a"]);
        assert_eq!(File::create_new(&a).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(remove_dir(&folder).unwrap_err().kind(), io::ErrorKind::DirectoryNotEmpty);
        remove_file(&a).unwrap();
        assert_eq!(read(&a).unwrap_err().kind(), io::ErrorKind::NotFound);
        remove_dir(&folder).unwrap();
        assert!(metadata(&folder).is_err());
    }

    #[test]
    fn a_place_in_a_file_is_where_it_was_left() {
        let path = folder("places").join("file");
        let mut file = File::create(&path).unwrap();
        file.write_all(b"0123456789").unwrap();
        file.seek(SeekFrom::Start(4)).unwrap();
        file.write_all(b"xy").unwrap();
        file.seek(SeekFrom::End(-6)).unwrap();
        let mut rest = [0; 4];
        file.read_exact(&mut rest).unwrap();
        assert_eq!((&rest, file.stream_position().unwrap()), (b"xy67", 8));
        assert!(file.seek(SeekFrom::Current(-9)).is_err());
        assert_eq!(metadata(&path).unwrap().len(), 10);
    }

    #[test]
    fn folders_list_what_lies_right_in_them() {
        let folder = folder("folders");
        create_dir_all(folder.join("in/below")).unwrap();
        write(folder.join("in/file"), "").unwrap();
        assert_eq!(names(&folder), ["in"]);
        assert_eq!(names(&folder.join("in/")), ["below", "file"]);
        let kinds: Vec<bool> =
            read_dir(folder.join("in")).unwrap().map(|entry| entry.unwrap().kind.is_dir()).collect();
        assert_eq!(kinds, [true, false]);
        assert_eq!(
            create_dir_all(folder.join("in/file/x")).unwrap_err().kind(),
            io::ErrorKind::NotADirectory
        );
        assert_eq!(read_dir(folder.join("in/file")).err().unwrap().kind(), io::ErrorKind::NotADirectory);
        assert!(read_dir(folder.join("nowhere")).is_err() && canonicalize(folder.join("nowhere")).is_err());
    }
}
