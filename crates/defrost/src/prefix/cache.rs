//! The cache of frozen features: in memory first, then in files.
//!
//! A row belongs to a prefix and a key, both fingerprints of everything that the row depends on. So no row is
//! ever out of date: a changed weight, file or setting has another fingerprint, and changing it
//! back finds the old rows again. Losing rows costs only time: if something goes wrong with
//! the files, the run continues without them.

use std::collections::HashMap;
use std::sync::Arc;

use super::file::{EntryFile, HEADER_BYTES};
use super::folder::Folder;
use super::limits::CacheLimits;
use crate::data::Fingerprint;

/// A row as it is kept.
pub type CacheEntry = Arc<[u8]>;

/// Rows by prefix and key, within limits.
#[derive(Debug)]
pub struct Cache {
    limits: CacheLimits,
    buckets: HashMap<Fingerprint, Bucket>,
    /// Bytes of all rows in memory.
    memory: u64,
    folder: Option<Folder>,
    /// Counts accesses, to tell which bucket has not been used for longest.
    clock: u64,
    trouble: Option<String>,
}

/// The rows of one prefix.
#[derive(Debug, Default)]
struct Bucket {
    memory: HashMap<Fingerprint, CacheEntry>,
    bytes: u64,
    files: Vec<EntryFile>,
    /// The file this run adds to.
    writing: Option<EntryFile>,
    /// Whether rows of earlier runs wait to be compared with a row computed by this one.
    unverified: bool,
    used: u64,
}

impl Cache {
    /// A cache within these limits. A folder that can't be used is [trouble](Self::trouble) and no error.
    pub fn new(limits: CacheLimits) -> Self {
        let mut cache =
            Self { limits, buckets: HashMap::new(), memory: 0, folder: None, clock: 0, trouble: None };
        if let Some(path) = cache.limits.folder.clone().filter(|_| cache.limits.disk > 0) {
            match Folder::open(&path, cache.limits.disk) {
                Ok(folder) => cache.folder = Some(folder),
                Err(error) => cache.give_up_files(&format!("{}: {error}", path.display())),
            }
        }
        cache
    }

    /// Whether nothing is ever kept.
    pub fn stores_nothing(&self) -> bool {
        self.limits.memory == 0 && self.folder.is_none()
    }

    /// Bytes of rows in memory.
    pub fn memory_bytes(&self) -> u64 {
        self.memory
    }

    /// Bytes of files in the folder, those of earlier runs included.
    pub fn disk_bytes(&self) -> u64 {
        self.folder.as_ref().map_or(0, Folder::bytes)
    }

    /// The error with the files, if there was one.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// How many rows are in memory.
    pub fn entries_in_memory(&self) -> usize {
        self.buckets.values().map(|bucket| bucket.memory.len()).sum()
    }

    /// How many of this many bytes of rows could be in memory, and how many in files.
    pub fn room_for(&self, bytes: u64) -> (u64, u64) {
        let memory = bytes.min(self.limits.memory);
        let disk = self.folder.as_ref().map_or(0, |_| bytes.min(self.limits.disk));
        (memory, disk)
    }

    /// Whether there is a row of this key.
    pub fn contains(&mut self, prefix: Fingerprint, key: Fingerprint) -> bool {
        let bucket = self.bucket(prefix);
        bucket.memory.contains_key(&key)
            || bucket.files.iter().chain(&bucket.writing).any(|file| file.contains(key))
    }

    /// The row of this key.
    pub fn entry(&mut self, prefix: Fingerprint, key: Fingerprint) -> Option<CacheEntry> {
        let bucket = self.bucket(prefix);
        if let Some(entry) = bucket.memory.get(&key) {
            return Some(entry.clone());
        }
        let holder = bucket.files.iter().chain(&bucket.writing).find(|file| file.contains(key))?;
        match holder.entry(key) {
            Ok(entry) => {
                let entry: CacheEntry = entry?.into();
                self.store_in_memory(prefix, key, &entry);
                Some(entry)
            }
            Err(error) => {
                let trouble = format!("{}: {error}; its rows are computed again", holder.path().display());
                tracing::warn!(trouble);
                self.trouble = Some(trouble);
                self.discard(prefix, |file| file.contains(key));
                None
            }
        }
    }

    /// Keeps a row, as far as it fits.
    pub fn insert(&mut self, prefix: Fingerprint, key: Fingerprint, entry: Vec<u8>) {
        let entry: CacheEntry = entry.into();
        self.store_in_memory(prefix, key, &entry);
        self.store_in_file(prefix, key, &entry);
    }

    /// Whether there are rows of earlier runs that no row of this run has confirmed yet.
    pub fn is_unverified(&mut self, prefix: Fingerprint) -> bool {
        self.bucket(prefix).unverified
    }

    /// Takes the rows of earlier runs for right.
    pub fn mark_verified(&mut self, prefix: Fingerprint) {
        self.bucket(prefix).unverified = false;
    }

    /// Throws all rows of a prefix away, their files too.
    pub fn evict(&mut self, prefix: Fingerprint) {
        self.discard(prefix, |_| true);
        let bucket = self.bucket(prefix);
        bucket.unverified = false;
        bucket.memory.clear();
        let bytes = std::mem::take(&mut bucket.bytes);
        self.memory -= bytes;
    }

    /// Finishes the files being written, so that other runs find them.
    pub fn publish(&mut self) {
        let Some(folder) = self.folder.as_ref().map(|folder| folder.path().to_owned()) else { return };
        for (prefix, bucket) in &mut self.buckets {
            match bucket.writing.take().map(|file| file.finish(&folder, &stem(*prefix))) {
                Some(Ok(file)) => bucket.files.push(file),
                Some(Err(error)) => self.trouble = Some(format!("{}: {error}", folder.display())),
                None => {}
            }
        }
    }

    /// The rows of a prefix. The first call also reads those of earlier runs.
    fn bucket(&mut self, prefix: Fingerprint) -> &mut Bucket {
        self.clock += 1;
        if !self.buckets.contains_key(&prefix) {
            let paths = self.folder.as_mut().map(|folder| folder.take(&stem(prefix))).unwrap_or_default();
            let mut bucket = Bucket::default();
            for path in paths {
                match EntryFile::open(&path, prefix) {
                    Ok(file) => bucket.files.push(file),
                    Err(error) => {
                        self.trouble =
                            Some(format!("{}: {error}; its rows are computed again", path.display()));
                        let bytes = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
                        self.folder.iter_mut().for_each(|folder| folder.remove(&path, bytes));
                    }
                }
            }
            bucket.unverified = !bucket.files.is_empty();
            self.buckets.insert(prefix, bucket);
        }
        let bucket = self.buckets.entry(prefix).or_default();
        bucket.used = self.clock;
        bucket
    }

    /// In memory the prefix in use comes first: it takes the place of those that are not.
    fn store_in_memory(&mut self, prefix: Fingerprint, key: Fingerprint, entry: &CacheEntry) {
        let bytes = entry.len() as u64;
        if bytes > self.limits.memory || self.bucket(prefix).memory.contains_key(&key) {
            return;
        }
        while self.memory + bytes > self.limits.memory {
            let others =
                self.buckets.iter_mut().filter(|(other, bucket)| **other != prefix && bucket.bytes > 0);
            let Some((_, bucket)) = others.min_by_key(|(_, bucket)| bucket.used) else { return };
            bucket.memory = HashMap::new();
            self.memory -= std::mem::take(&mut bucket.bytes);
        }
        self.memory += bytes;
        let bucket = self.bucket(prefix);
        bucket.bytes += bytes;
        bucket.memory.insert(key, entry.clone());
    }

    fn store_in_file(&mut self, prefix: Fingerprint, key: Fingerprint, entry: &[u8]) {
        self.bucket(prefix);
        let (Some(folder), Some(bucket)) = (&mut self.folder, self.buckets.get_mut(&prefix)) else { return };
        let begun = if bucket.writing.is_some() { 0 } else { HEADER_BYTES };
        if bucket.files.iter().chain(&bucket.writing).any(|file| file.contains(key))
            || !folder.make_room(begun + EntryFile::bytes_of(entry))
        {
            return;
        }
        let file = match bucket.writing.take() {
            Some(file) => Ok(file),
            None => EntryFile::create(folder.path(), prefix),
        };
        match file.and_then(|mut file| file.append(key, entry).map(|()| file)) {
            Ok(file) => bucket.writing = Some(file),
            Err(error) => {
                let reason = format!("{}: {error}", folder.path().display());
                self.give_up_files(&reason);
            }
        }
    }

    fn discard(&mut self, prefix: Fingerprint, bad: impl Fn(&EntryFile) -> bool) {
        let bucket = self.buckets.entry(prefix).or_default();
        let files = std::mem::take(&mut bucket.files).into_iter().chain(bucket.writing.take());
        for file in files {
            if bad(&file) {
                self.folder.iter_mut().for_each(|folder| folder.remove(file.path(), file.bytes()));
            } else if file.is_finished() {
                bucket.files.push(file);
            } else {
                bucket.writing = Some(file);
            }
        }
    }

    /// Goes on without writing: the disk is full, or the folder can't be used.
    fn give_up_files(&mut self, reason: &str) {
        self.trouble = Some(format!("{reason}; nothing more is kept in files"));
        self.folder = None;
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.publish();
    }
}

/// How the names of a prefix's files begin.
fn stem(prefix: Fingerprint) -> String {
    prefix.to_string()[..32].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::path::Path;

    fn print(name: &str) -> Fingerprint {
        Fingerprint::of(&[name.as_bytes()])
    }

    fn in_folder(path: &Path, memory: u64, disk: u64) -> Cache {
        Cache::new(CacheLimits { memory, disk, folder: Some(path.to_owned()) })
    }

    #[test]
    fn rows_outlive_the_run_and_are_doubted_until_one_is_confirmed() {
        let folder = tempfile::tempdir().unwrap();
        let (prefix, key) = (print("prefix"), print("key"));
        let mut first = in_folder(folder.path(), 100, 1000);
        first.insert(prefix, key, b"row".to_vec());
        assert!(!first.is_unverified(prefix));
        drop(first);
        let mut second = in_folder(folder.path(), 100, 1000);
        assert!(second.is_unverified(prefix));
        assert_eq!(second.entry(prefix, key).as_deref(), Some(&b"row"[..]));
        second.mark_verified(prefix);
        assert!(!second.is_unverified(prefix));
        assert_eq!(second.entry(print("other prefix"), key), None);
        second.evict(prefix);
        assert_eq!((second.entry(prefix, key), second.memory_bytes(), second.disk_bytes()), (None, 0, 0));
    }

    #[test]
    fn another_prefix_gives_way_in_memory_and_is_read_from_its_file_again() {
        let folder = tempfile::tempdir().unwrap();
        let mut cache = in_folder(folder.path(), 100, 10_000);
        let (deep, shallow, key) = (print("deep"), print("shallow"), print("key"));
        cache.insert(deep, key, vec![1; 60]);
        cache.insert(shallow, key, vec![2; 60]);
        assert_eq!(cache.memory_bytes(), 60);
        assert_eq!(cache.entry(deep, key).as_deref(), Some(&[1; 60][..]));
        assert_eq!(cache.entry(shallow, key).as_deref(), Some(&[2; 60][..]));
    }

    #[test]
    fn a_damaged_file_is_noticed_and_its_rows_are_kept_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (prefix, key) = (print("prefix"), print("key"));
        in_folder(folder.path(), 100, 1000).insert(prefix, key, b"the row".to_vec());
        let path = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let mut cache = in_folder(folder.path(), 100, 1000);
        assert_eq!(cache.entry(prefix, key), None);
        assert!(cache.trouble().unwrap().ends_with("a row's checksum is wrong; its rows are computed again"));
        assert!(!path.exists());
        cache.insert(prefix, key, b"the row".to_vec());
        drop(cache);
        assert_eq!(in_folder(folder.path(), 100, 1000).entry(prefix, key).as_deref(), Some(&b"the row"[..]));
    }

    #[test]
    fn a_folder_that_cant_be_used_is_trouble_and_no_end() {
        let folder = tempfile::tempdir().unwrap();
        let taken = folder.path().join("taken");
        std::fs::write(&taken, b"").unwrap();
        let mut cache = in_folder(&taken.join("below"), 100, 1000);
        assert!(cache.trouble().unwrap().ends_with("; nothing more is kept in files"));
        cache.insert(print("prefix"), print("key"), vec![3]);
        assert!(cache.entry(print("prefix"), print("key")).is_some());

        let gone = folder.path().join("gone");
        let mut cache = in_folder(&gone, 0, 1000);
        std::fs::remove_dir(&gone).unwrap();
        cache.insert(print("prefix"), print("key"), vec![3]);
        assert!(cache.trouble().is_some() && cache.entry(print("prefix"), print("key")).is_none());
    }

    proptest! {
        #[test]
        fn the_limits_hold_and_no_row_is_another(
            entries in proptest::collection::vec((0..3u8, 0..30u8, 0..60usize), 0..60),
            memory in 0..500u64,
            disk in 0..2000u64,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut cache = in_folder(folder.path(), memory, disk);
            let mut inserted = HashMap::new();
            for (prefix, key, length) in entries {
                let (prefix, key) = (Fingerprint::of(&[&[prefix]]), Fingerprint::of(&[&[key]]));
                let entry = inserted.entry((prefix, key)).or_insert_with(|| vec![length as u8; length]);
                cache.insert(prefix, key, entry.clone());
                prop_assert!(cache.memory_bytes() <= memory);
                let files = std::fs::read_dir(folder.path()).unwrap();
                let bytes: u64 = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
                prop_assert!(bytes <= disk, "{} of {}", bytes, disk);
            }
            for ((prefix, key), entry) in inserted {
                if let Some(cached) = cache.entry(prefix, key) {
                    prop_assert_eq!(&cached[..], &entry[..]);
                }
            }
        }
    }
}
