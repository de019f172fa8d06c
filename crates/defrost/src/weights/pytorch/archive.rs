//! The two files `torch.save` has written: a zip archive, and before version 1.6 pickles with raw numbers behind
//! them. Both hold one pickle that names storages, and the storages' bytes.

use std::collections::HashMap;
use std::io::Cursor;
use std::ops::Range;

use zip::{CompressionMethod, ZipArchive};

use super::PytorchError;
use super::pickle::{Pickle, Value};
use super::tensors::storages;
use crate::weights::file::is_tar;

/// How an old file begins: the pickle of a magic number.
const OLD: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// The version of the old format.
const OLD_VERSION: i64 = 1001;

/// Where a file's storages are, by the names its pickle gives them.
pub type Storages = HashMap<String, Range<usize>>;

/// A file's pickle and where its storages are.
pub fn open(bytes: &[u8]) -> Result<(Pickle<'_>, Storages), PytorchError> {
    if is_tar(bytes) {
        return Err(PytorchError::Tar);
    }
    match bytes.starts_with(b"PK") {
        true => open_zip(bytes),
        false => open_old(bytes),
    }
}

fn open_zip(bytes: &[u8]) -> Result<(Pickle<'_>, Storages), PytorchError> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    if archive.file_names().flatten().any(|name| name.ends_with("constants.pkl")) {
        return Err(PytorchError::Script);
    }
    let mut entries = HashMap::new();
    let mut total = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index)?;
        let name = entry.name()?.into_owned();
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            return Err(PytorchError::Packed(name));
        }
        let place = |start: u64| {
            let range =
                usize::try_from(start).ok()?..usize::try_from(start.checked_add(entry.size())?).ok()?;
            bytes.get(range.clone()).map(|content| (range, content))
        };
        let Some((range, content)) = entry.data_start().and_then(place) else {
            return Err(PytorchError::Outside(name));
        };
        // Entries that lie over each other would be a file much larger than it is.
        total += range.len();
        if total > bytes.len() {
            return Err(PytorchError::Overlapping);
        }
        // Without a sum the field is 0.
        if entry.crc32() != 0 && crc32fast::hash(content) != entry.crc32() {
            return Err(PytorchError::Damaged(name));
        }
        entries.insert(name, range);
    }
    let root = entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
    let root = root.filter(|root| root.is_empty() || root.ends_with('/')).min_by_key(|root| root.len());
    let root = root.ok_or(PytorchError::NoPickle)?.to_owned();
    let content = |name: &str| entries.get(&format!("{root}{name}")).map(|range| &bytes[range.clone()]);
    if content("byteorder").is_some_and(|order| order.starts_with(b"big")) {
        return Err(PytorchError::BigEndian);
    }
    let pickle = Pickle::parse(content("data.pkl").ok_or(PytorchError::NoPickle)?)?;
    let folder = format!("{root}data/");
    let storage = |(name, range): (String, _)| Some((name.strip_prefix(&folder)?.to_owned(), range));
    Ok((pickle, entries.into_iter().filter_map(storage).collect()))
}

fn open_old(bytes: &[u8]) -> Result<(Pickle<'_>, Storages), PytorchError> {
    let mut at = OLD.len();
    if !bytes.starts_with(OLD) {
        return Err(PytorchError::NoPickle);
    }
    let mut next = || {
        let pickle = Pickle::parse(&bytes[at..])?;
        at += pickle.length;
        Ok::<_, PytorchError>(pickle)
    };
    let (version, system, pickle, keys) = (next()?, next()?, next()?, next()?);
    if version.root() != &Value::Int(OLD_VERSION) {
        return Err(PytorchError::NoPickle);
    }
    if let Value::Dict(items) = system.root() {
        let little = |(key, value)| {
            (system.value(key) == &Value::Text("little_endian")).then_some(system.value(value))
        };
        if items.iter().copied().find_map(little) == Some(&Value::Bool(false)) {
            return Err(PytorchError::BigEndian);
        }
    }
    let Value::Sequence(keys_of) = keys.root() else { return Err(PytorchError::NoPickle) };
    let named = storages(&pickle)?;
    let mut found = Storages::new();
    for &key in keys_of {
        let Value::Text(key) = keys.value(key) else { return Err(PytorchError::NoPickle) };
        let storage = named.get(key).ok_or_else(|| PytorchError::Storage((*key).to_owned()))?;
        // The number of elements, and the elements.
        let start = at + 8;
        let end = storage.bytes().and_then(|length| start.checked_add(length));
        let end =
            end.filter(|&end| end <= bytes.len()).ok_or_else(|| PytorchError::Storage((*key).to_owned()))?;
        if bytes[at..start] != (storage.count as u64).to_le_bytes() {
            return Err(PytorchError::Storage((*key).to_owned()));
        }
        found.insert((*key).to_owned(), start..end);
        at = end;
    }
    Ok((pickle, found))
}
