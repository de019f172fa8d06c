//! Rows in a file: written once, under a temporary name, and never changed after it is renamed.
//!
//! ```text
//! "defrost rows 1\n" · the prefix's fingerprint (32) · then for each row:
//! key (32) · length (4, little-endian) · checksum (8) · the row
//! ```
//!
//! The checksum is the first bytes of the SHA-256 of key and row. A file that is not so to its last byte is
//! refused as a whole, and a reader that finds a row with a wrong checksum deletes the file: lost rows are
//! computed again.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::data::Fingerprint;
use crate::platform::fs::File;
use crate::platform::{TemporaryFile, read_exact_at};

const MAGIC: &[u8; 15] = b"defrost rows 1\n";
/// The size of a file without rows.
pub const HEADER_BYTES: u64 = MAGIC.len() as u64 + 32;
const ROW_HEADER_BYTES: usize = 32 + 4 + 8;

/// The start of temporary names, by which the files of a killed run are found.
pub const TEMPORARY: &str = ".writing-";

/// Where a row lies.
#[derive(Clone, Copy, Debug)]
struct Location {
    offset: u64,
    length: u32,
}

/// A file of rows, complete or still being written.
#[derive(Debug)]
pub struct EntryFile {
    file: File,
    entries: HashMap<Fingerprint, Location>,
    bytes: u64,
    name: Name,
}

#[derive(Debug)]
enum Name {
    Temporary(TemporaryFile),
    Final(PathBuf),
}

impl EntryFile {
    /// Opens a complete file of this prefix.
    ///
    /// # Errors
    ///
    /// If it can't be read, is damaged, or something else.
    pub fn open(path: &Path, prefix: Fingerprint) -> io::Result<Self> {
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let mut header = [0; HEADER_BYTES as usize];
        read_exact_at(&file, &mut header, 0)?;
        if header[..MAGIC.len()] != *MAGIC || header[MAGIC.len()..] != prefix.0 {
            return Err(damaged("it begins as no file of these rows does"));
        }
        let mut entries = HashMap::new();
        let mut offset = HEADER_BYTES;
        while offset < bytes {
            let mut header = [0; ROW_HEADER_BYTES];
            read_exact_at(&file, &mut header, offset)?;
            let (key, length, _) = row_header(&header);
            entries.insert(key, Location { offset, length });
            offset += ROW_HEADER_BYTES as u64 + u64::from(length);
        }
        if offset != bytes {
            return Err(damaged("its last row is cut off"));
        }
        Ok(Self { file, entries, bytes, name: Name::Final(path.to_owned()) })
    }

    /// Begins a new file in a folder.
    ///
    /// # Errors
    ///
    /// If the system can't.
    pub fn create(folder: &Path, prefix: Fingerprint) -> io::Result<Self> {
        let (mut file, temporary) = TemporaryFile::create(folder, TEMPORARY)?;
        file.write_all(MAGIC)?;
        file.write_all(&prefix.0)?;
        Ok(Self { file, entries: HashMap::new(), bytes: HEADER_BYTES, name: Name::Temporary(temporary) })
    }

    /// How many bytes a row takes in a file.
    pub fn bytes_of(entry: &[u8]) -> u64 {
        (ROW_HEADER_BYTES + entry.len()) as u64
    }

    /// Writes a row to a file that was begun and not finished.
    ///
    /// # Errors
    ///
    /// If the system can't; the file is then good for nothing.
    pub fn append(&mut self, key: Fingerprint, entry: &[u8]) -> io::Result<()> {
        let length = u32::try_from(entry.len()).map_err(|_| damaged("a row of 4 GB"))?;
        let record = [&key.0[..], &length.to_le_bytes(), &checksum(key, entry), entry].concat();
        self.file.write_all(&record)?;
        self.entries.insert(key, Location { offset: self.bytes, length });
        self.bytes += record.len() as u64;
        Ok(())
    }

    /// Gives the file its name: `stem`, and what follows from the rows in it, so that two runs that have
    /// computed the same write the same file. A file that has its name already keeps it.
    ///
    /// # Errors
    ///
    /// If the system can't.
    pub fn finish(self, folder: &Path, stem: &str) -> io::Result<Self> {
        let Name::Temporary(temporary) = self.name else { return Ok(self) };
        let mut keys: Vec<&[u8]> = self.entries.keys().map(|key| &key.0[..]).collect();
        keys.sort_unstable();
        let content = Fingerprint::of(&keys).to_string();
        let path = folder.join(format!("{stem}-{}.{EXTENSION}", &content[..16]));
        temporary.persist(&path)?;
        Ok(Self { name: Name::Final(path), ..self })
    }

    /// Whether it has its name.
    pub fn is_finished(&self) -> bool {
        matches!(self.name, Name::Final(_))
    }

    /// The file's length.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match &self.name {
            Name::Temporary(temporary) => temporary.path(),
            Name::Final(path) => path,
        }
    }

    /// Whether it holds a row.
    pub fn contains(&self, key: Fingerprint) -> bool {
        self.entries.contains_key(&key)
    }

    /// The row of this key, if there is one.
    ///
    /// # Errors
    ///
    /// If it can't be read or is damaged.
    pub fn entry(&self, key: Fingerprint) -> io::Result<Option<Vec<u8>>> {
        let Some(&Location { offset, length }) = self.entries.get(&key) else { return Ok(None) };
        let mut record = vec![0; ROW_HEADER_BYTES + length as usize];
        read_exact_at(&self.file, &mut record, offset)?;
        let entry = record.split_off(ROW_HEADER_BYTES);
        let header = record.first_chunk().expect("a record begins with its header");
        if row_header(header) != (key, length, checksum(key, &entry)) {
            return Err(damaged("a row's checksum is wrong"));
        }
        Ok(Some(entry))
    }
}

/// The ending of complete files' names.
pub const EXTENSION: &str = "rows";

fn row_header(header: &[u8; ROW_HEADER_BYTES]) -> (Fingerprint, u32, [u8; 8]) {
    let (key, rest) = header.split_at(32);
    let (length, checksum) = rest.split_at(4);
    let sized = "the three parts have 32, 4 and 8 bytes";
    let length = u32::from_le_bytes(length.try_into().expect(sized));
    (Fingerprint(key.try_into().expect(sized)), length, checksum.try_into().expect(sized))
}

fn checksum(key: Fingerprint, entry: &[u8]) -> [u8; 8] {
    *Fingerprint::of(&[&key.0, entry]).0.first_chunk().expect("32 bytes begin with 8")
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(folder: &Path) -> (EntryFile, Fingerprint, Vec<Fingerprint>) {
        let [prefix, a, b] = [b"p", b"a", b"b"].map(|name| Fingerprint::of(&[name]));
        let mut file = EntryFile::create(folder, prefix).unwrap();
        file.append(a, b"first row").unwrap();
        file.append(b, b"").unwrap();
        (file, prefix, vec![a, b])
    }

    #[test]
    fn rows_can_be_read_before_and_after_the_file_has_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (file, prefix, keys) = written(folder.path());
        assert_eq!(file.entry(keys[0]).unwrap().unwrap(), b"first row");
        let file = file.finish(folder.path(), "stem").unwrap();
        let again = EntryFile::open(file.path(), prefix).unwrap();
        for file in [file, again] {
            assert_eq!(file.entry(keys[0]).unwrap().unwrap(), b"first row");
            assert_eq!(file.entry(keys[1]).unwrap().unwrap(), b"");
            assert_eq!(file.entry(prefix).unwrap(), None);
        }
    }

    #[test]
    fn what_is_not_finished_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        drop(written(folder.path()));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn no_damage_goes_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, prefix, keys) = written(folder.path());
        let path = file.finish(folder.path(), "stem").unwrap().path().to_owned();
        let whole = std::fs::read(&path).unwrap();
        let survives = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let file = EntryFile::open(&path, prefix)?;
            keys.iter().try_for_each(|&key| file.entry(key)?.map(drop).ok_or_else(|| damaged("no such row")))
        };
        assert!(survives(&whole).is_ok());
        for index in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[index] ^= 1;
            assert!(survives(&bytes).is_err(), "byte {index} changed");
            assert!(survives(&whole[..index]).is_err(), "cut off at {index}");
        }
        assert!(survives(&[&whole[..], b"more"].concat()).is_err());
        assert!(EntryFile::open(&path, keys[0]).is_err(), "another prefix's file");
    }
}
