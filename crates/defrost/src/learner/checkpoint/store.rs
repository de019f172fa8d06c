//! The folder of a run's checkpoint: numbered files of tensors, and `checkpoint.json`, written
//! last, which lists the files that belong together with their hashes. So at any moment at which a run is killed, the
//! manifest names complete files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::identity::Identity;
use super::progress::Progress;
use super::saved::Saved;
use super::{CheckpointError, damaged};
use crate::data::Fingerprint;
use crate::files::{self, FileError};
use crate::learner::History;
use crate::platform::fs;
use crate::platform::{TEMPORARY, sync_folder};
use crate::weights::safetensors;

/// The version of the format this writes, and the only one it reads.
const FORMAT: u64 = 5;
const MANIFEST: &str = "checkpoint.json";
const TENSORS: &str = "safetensors";
/// A manifest larger than this was not written here: an epoch takes less than a kilobyte.
const MANIFEST_LIMIT: u64 = 256 << 20;

/// Everything about a run but its tensors.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub run: Identity,
    pub note: String,
    pub progress: Progress,
    pub history: History,
    /// The best epochs so far, of a frozen body and of more, counted over all phases from 0.
    pub best: PerKind<usize>,
    pub files: Files,
}

/// Which file is what.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Files {
    /// The network as the run began.
    pub base: Entry,
    /// The state at the progress.
    pub now: Entry,
    /// The state as the epoch began, where the progress is inside of one.
    pub began: Option<Entry>,
    /// The networks of the best epochs.
    pub best: PerKind<Entry>,
}

/// Something of the best epoch in which only the head trained, and of the best of all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PerKind<T> {
    pub frozen: Option<T>,
    pub thawed: Option<T>,
}

/// A file of tensors.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    file: String,
    bytes: u64,
    sha256: String,
    steps: BTreeMap<String, u32>,
    average_steps: u32,
}

/// The content of `checkpoint.json`.
#[derive(Serialize, Deserialize)]
struct Envelope {
    format: u64,
    /// Of the run as text without blanks.
    sha256: String,
    run: Value,
}

/// The folder, for writing.
pub(super) struct Store {
    folder: PathBuf,
    written: u64,
}

impl Store {
    /// An empty folder: an earlier run's checkpoint is removed.
    pub fn create(folder: &Path) -> Result<Self, FileError> {
        fs::create_dir_all(folder).map_err(FileError::at(folder))?;
        clear(folder)?;
        Ok(Self { folder: folder.to_owned(), written: 0 })
    }

    /// The folder of a run that goes on with these files.
    pub fn reopen(folder: &Path, files: &Files) -> Self {
        let number = |name: &str| name.split('-').next()?.parse::<u32>().ok();
        let last = files.names().filter_map(number).max();
        Self { folder: folder.to_owned(), written: u64::from(last.unwrap_or(0)) }
    }

    /// Writes a file of tensors under a new name.
    pub fn put(&mut self, what: &str, saved: Saved) -> Result<Entry, FileError> {
        self.written += 1;
        let file = format!("{}-{what}.{TENSORS}", self.written);
        let path = self.folder.join(&file);
        let bytes = safetensors::to_bytes(&saved.tensors, &BTreeMap::new())
            .map_err(|error| FileError::at(&path)(std::io::Error::other(error)))?;
        files::write_atomically(&path, |file| std::io::Write::write_all(file, &bytes))?;
        Ok(Entry {
            file,
            bytes: bytes.len() as u64,
            sha256: Fingerprint::sha256(&bytes).to_string(),
            steps: saved.steps,
            average_steps: saved.average_steps,
        })
    }

    /// Makes this the checkpoint, and removes the files of the one before.
    pub fn commit(&self, manifest: &Manifest) -> Result<(), FileError> {
        let path = self.folder.join(MANIFEST);
        let invalid = |error: serde_json::Error| FileError::at(&path)(error.into());
        let run = serde_json::to_value(manifest).map_err(invalid)?;
        let sha256 = Fingerprint::sha256(run.to_string().as_bytes()).to_string();
        let envelope = Envelope { format: FORMAT, sha256, run };
        // The files it names are in the folder for good before it is.
        sync_folder(&self.folder).map_err(FileError::at(&self.folder))?;
        files::write_atomically(&path, |file| Ok(serde_json::to_writer_pretty(file, &envelope)?))?;
        tracing::debug!(path = %path.display(), "checkpoint written");
        // It is the checkpoint now; what can't be tidied up behind it stays until the next one.
        let _ = sync_folder(&self.folder);
        let _ = remove_all_but(&self.folder, &manifest.files.names().collect::<Vec<_>>());
        Ok(())
    }

    /// Removes what was written since the last checkpoint.
    pub fn abandon(&self, files: Option<&Files>) {
        let kept: Vec<&str> = files.into_iter().flat_map(Files::names).collect();
        // It is a full or broken disk that brought us here; what can't be removed stays.
        let _ = remove_all_but(&self.folder, &kept);
    }
}

impl Files {
    fn names(&self) -> impl Iterator<Item = &str> {
        let entries = [Some(&self.base), Some(&self.now), self.began.as_ref()];
        let best = [self.best.frozen.as_ref(), self.best.thawed.as_ref()];
        entries.into_iter().chain(best).flatten().map(|entry| entry.file.as_str())
    }
}

/// Reads the manifest of a folder.
pub(super) fn read(folder: &Path) -> Result<Manifest, CheckpointError> {
    let path = folder.join(MANIFEST);
    let length = match fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(CheckpointError::Missing(folder.to_owned()));
        }
        Err(error) => return Err(FileError::at(&path)(error).into()),
    };
    if length > MANIFEST_LIMIT {
        return Err(damaged(&path, format!("it has {length} bytes, and {MANIFEST_LIMIT} at most")));
    }
    let invalid = |error: serde_json::Error| damaged(&path, error.to_string());
    let envelope: Value = serde_json::from_slice(&files::read(&path)?).map_err(invalid)?;
    match envelope.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(found) => return Err(CheckpointError::Format { path, found, known: FORMAT }),
        None => return Err(damaged(&path, "it has no format")),
    }
    let Envelope { sha256, run, .. } = serde_json::from_value(envelope).map_err(invalid)?;
    let run = run.to_string();
    if Fingerprint::sha256(run.as_bytes()).to_string() != sha256 {
        return Err(damaged(&path, "its SHA-256 is not the one it was written with"));
    }
    serde_json::from_slice(run.as_bytes()).map_err(invalid)
}

/// Reads one of its files of tensors.
pub(super) fn tensors(folder: &Path, entry: &Entry) -> Result<Saved, CheckpointError> {
    let Entry { file, bytes, sha256, steps, average_steps } = entry;
    // A name that leads elsewhere is none this wrote.
    if Path::new(file).file_name().is_none_or(|name| name != file.as_str()) {
        return Err(damaged(
            &folder.join(MANIFEST),
            format!("`{file}` is not the name of a file in the folder"),
        ));
    }
    let path = folder.join(file);
    let length = fs::metadata(&path).map_err(FileError::at(&path))?.len();
    if length != *bytes {
        return Err(damaged(&path, format!("it has {length} bytes and should have {bytes}")));
    }
    let content = files::read(&path)?;
    if Fingerprint::sha256(&content).to_string() != *sha256 {
        return Err(damaged(&path, "its SHA-256 is not the one it was written with"));
    }
    let tensors = safetensors::parse(&content).map_err(|error| damaged(&path, error.to_string()))?.tensors;
    Ok(Saved { tensors, steps: steps.clone(), average_steps: *average_steps })
}

/// Removes a checkpoint, the manifest first; other files in the folder stay, and the folder if there are any.
pub(super) fn clear(folder: &Path) -> Result<(), FileError> {
    let path = folder.join(MANIFEST);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::at(&path)(error)),
        _ => remove_all_but(folder, &[]),
    }
}

fn remove_all_but(folder: &Path, kept: &[&str]) -> Result<(), FileError> {
    for entry in fs::read_dir(folder).map_err(FileError::at(folder))? {
        let path = entry.map_err(FileError::at(folder))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let ours =
            path.extension().is_some_and(|extension| extension == TENSORS) || name.starts_with(TEMPORARY);
        if ours && !kept.contains(&&*name) {
            fs::remove_file(&path).map_err(FileError::at(&path))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        /// Exact resume relies on it: serde_json's `float_roundtrip`.
        #[test]
        fn numbers_read_back_to_the_bit(bits: u64) {
            let number = f64::from_bits(bits);
            prop_assume!(number.is_finite());
            let back: f64 = serde_json::from_str(&serde_json::to_string(&number).unwrap()).unwrap();
            prop_assert_eq!(back.to_bits(), bits);
        }
    }
}
