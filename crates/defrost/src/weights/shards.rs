//! Weights in several files, of which an index tells which tensor is where (`model.safetensors.index.json`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};

use serde::Deserialize;

use super::file::{WeightFile, WeightFileError};
use crate::files;

/// The index in a folder.
pub(super) const INDEX: &str = "model.safetensors.index.json";

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// Opens the files that the index in a folder names.
///
/// # Errors
///
/// If the index can't be read, names a file outside of the folder, or a tensor that is not in its file.
pub(super) fn open(folder: &Path) -> Result<Vec<WeightFile>, WeightFileError> {
    let path = folder.join(INDEX);
    let wrong = |reason: String| WeightFileError::Index { file: path.display().to_string(), reason };
    let index: Index =
        serde_json::from_slice(&files::read(&path)?).map_err(|error| wrong(error.to_string()))?;
    let mut shards = vec![];
    for name in index.weight_map.values().collect::<BTreeSet<_>>() {
        let mut parts = Path::new(name).components();
        if !matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) {
            return Err(wrong(format!("`{name}` is not a file beside it")));
        }
        let shard = WeightFile::open(&folder.join(name))?;
        let of_shard = index.weight_map.iter().filter(|(_, file)| *file == name).map(|(tensor, _)| tensor);
        let shapes = shard.shapes();
        if let Some(missing) = of_shard.into_iter().find(|tensor| !shapes.contains_key(tensor.as_str())) {
            return Err(wrong(format!("`{missing}` is not in {name}")));
        }
        drop(shapes);
        shards.push(shard);
    }
    Ok(shards)
}
