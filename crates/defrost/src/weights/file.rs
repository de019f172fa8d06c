//! An open file of weights of any kind: names and shapes are known, numbers are read on demand.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn::tensor::TensorData;
use serde::Deserialize;
use thiserror::Error;

use super::kind::other_kind;
#[cfg(feature = "pytorch")]
use super::pytorch::{Pytorch, PytorchError};
use super::safetensors::{Safetensors, SafetensorsError};
use super::{Tensors, shards};
use crate::files::{self, FileError};
use crate::platform::fs;

/// File names of weights in a folder, the better first.
const IN_FOLDERS: [&str; 2] = ["model.safetensors", "pytorch_model.bin"];

/// Endings of PyTorch's files.
const PYTORCH: [&str; 4] = ["pth", "pt", "bin", "ckpt"];

/// A file of weights can't be used.
#[derive(Debug, Error)]
pub enum WeightFileError {
    /// It can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is no safetensors file, or a damaged one.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
    /// It is PyTorch's, which this program was built without.
    #[cfg(not(feature = "pytorch"))]
    #[error("{0}: PyTorch weights, and this program was built without the feature `pytorch` that reads them")]
    Pytorch(String),
    /// It is no PyTorch file, or one that can't be read.
    #[cfg(feature = "pytorch")]
    #[error("{file}: not PyTorch weights that can be read: {reason}")]
    Pytorch {
        /// Which file.
        file: String,
        /// The reason.
        reason: PytorchError,
    },
    /// It is something else.
    #[error("{file}: this is {what}; {advice}")]
    OtherKind {
        /// Which file.
        file: String,
        /// What it is, with its article.
        what: &'static str,
        /// What to do about it.
        advice: &'static str,
    },
    /// The index of weights in several files does not fit them.
    #[error("{file}: {reason}")]
    Index {
        /// The index.
        file: String,
        /// What does not fit.
        reason: String,
    },
    /// A folder holds none of the usual names.
    #[error("{folder}: there is neither a model.safetensors nor a pytorch_model.bin in it{}", if others.is_empty() { String::new() } else { format!("; name a file itself: {}", others.join(", ")) })]
    Folder {
        /// The folder.
        folder: String,
        /// Files in it that may be weights.
        others: Vec<String>,
    },
}

/// A file of weights.
#[derive(Debug)]
pub struct WeightFile {
    /// Its name.
    pub name: String,
    /// Free text by key, such as a licence or a training config.
    pub metadata: BTreeMap<String, String>,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Tensors(Tensors),
    Safetensors(Safetensors<'static>),
    Shards(Vec<WeightFile>),
    #[cfg(feature = "pytorch")]
    Pytorch(Pytorch),
}

impl WeightFile {
    /// Opens a safetensors or PyTorch file, whichever it is, or the one in a folder. What a `config.json` in the folder says about
    /// the images it was trained on goes to the metadata.
    ///
    /// # Errors
    ///
    /// If there is none, or it is damaged.
    pub fn open(path: &Path) -> Result<Self, WeightFileError> {
        if fs::is_dir(path) {
            let inside = IN_FOLDERS.into_iter().map(|name| path.join(name)).find(|path| fs::is_file(path));
            let name = || path.display().to_string();
            let mut file = match inside {
                Some(inside) => Self::open(&inside)?,
                None if fs::is_file(&path.join(shards::INDEX)) => {
                    let content = Content::Shards(shards::open(path)?);
                    Self { name: name(), metadata: BTreeMap::new(), content }
                }
                None => return Err(WeightFileError::Folder { folder: name(), others: candidates(path) }),
            };
            if let Ok(config) = files::read(&path.join("config.json")) {
                file.metadata.extend(images(&config));
            }
            return Ok(file);
        }
        let name = path.display().to_string();
        let bytes = files::read(path)?;
        tracing::debug!(file = name, bytes = bytes.len(), "weights opened");
        if let Some((what, advice)) = other_kind(&bytes) {
            return Err(WeightFileError::OtherKind { file: name, what, advice });
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        // Behind its length, which may begin like any other file, a safetensors file's header begins so.
        let is_safetensors = bytes.get(8) == Some(&b'{');
        if !is_safetensors && (is_pytorch(&bytes) || PYTORCH.contains(&extension)) {
            return Self::of_pytorch(name, bytes);
        }
        Self::parse(name, bytes)
    }

    #[cfg(feature = "pytorch")]
    fn of_pytorch(name: String, bytes: Vec<u8>) -> Result<Self, WeightFileError> {
        match Pytorch::parse(bytes) {
            Ok(file) => Ok(Self { name, metadata: BTreeMap::new(), content: Content::Pytorch(file) }),
            Err(reason) => Err(WeightFileError::Pytorch { file: name, reason }),
        }
    }

    #[cfg(not(feature = "pytorch"))]
    fn of_pytorch(name: String, _bytes: Vec<u8>) -> Result<Self, WeightFileError> {
        Err(WeightFileError::Pytorch(name))
    }

    /// A safetensors file that is in memory.
    ///
    /// # Errors
    ///
    /// If it is damaged.
    pub fn parse(name: String, bytes: impl Into<Cow<'static, [u8]>>) -> Result<Self, WeightFileError> {
        match Safetensors::parse(bytes) {
            Ok(mut file) => {
                let metadata = std::mem::take(&mut file.metadata);
                Ok(Self { name, metadata, content: Content::Safetensors(file) })
            }
            Err(reason) => Err(SafetensorsError::Invalid { file: name, reason: reason.to_string() }.into()),
        }
    }

    /// Tensors that are in memory already.
    pub fn of(name: String, tensors: Tensors) -> Self {
        Self { name, metadata: BTreeMap::new(), content: Content::Tensors(tensors) }
    }

    /// Names and shapes.
    pub fn shapes(&self) -> BTreeMap<&str, &[usize]> {
        match &self.content {
            Content::Tensors(tensors) => {
                tensors.iter().map(|(name, data)| (name.as_str(), &data.shape()[..])).collect()
            }
            Content::Safetensors(file) => file.shapes().collect(),
            Content::Shards(shards) => shards.iter().flat_map(Self::shapes).collect(),
            #[cfg(feature = "pytorch")]
            Content::Pytorch(pytorch) => pytorch.shapes().collect(),
        }
    }

    /// How many numbers there are in all.
    pub fn numbers(&self) -> u64 {
        self.shapes().values().map(|shape| shape.iter().product::<usize>() as u64).sum()
    }

    /// Takes these tensors out, in f32, under new names: `(new, name)`. Missing tensors are left out; no other tensor's
    /// numbers are made.
    pub fn take<'a>(&mut self, names: impl IntoIterator<Item = (&'a String, &'a String)>) -> Tensors {
        names.into_iter().filter_map(|(new, name)| Some((new.clone(), self.tensor(name)?))).collect()
    }

    fn tensor(&mut self, name: &str) -> Option<TensorData> {
        match &mut self.content {
            Content::Tensors(tensors) => tensors.remove(name),
            Content::Safetensors(file) => file.tensor(name),
            Content::Shards(shards) => shards.iter_mut().find_map(|shard| shard.tensor(name)),
            #[cfg(feature = "pytorch")]
            Content::Pytorch(pytorch) => pytorch.tensor(name),
        }
    }
}

/// The names of files in a folder that may be weights, sorted.
fn candidates(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let is_candidate = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        extension == "safetensors" || PYTORCH.contains(&extension)
    };
    let files = entries.map(|entry| entry.path()).filter(is_candidate);
    let mut names: Vec<String> =
        files.filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned())).collect();
    names.sort();
    names
}

/// Whether a file may be PyTorch's, by how it begins.
fn is_pytorch(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK") || bytes.starts_with(b"\x80") || is_tar(bytes)
}

/// Whether a file is a tar archive, as PyTorch's oldest are.
pub(super) fn is_tar(bytes: &[u8]) -> bool {
    bytes.get(257..262) == Some(b"ustar")
}

/// The image settings of timm's `config.json`, as metadata.
fn images(config: &[u8]) -> Vec<(String, String)> {
    #[derive(Deserialize)]
    struct Config {
        pretrained_cfg: Images,
    }
    #[derive(Deserialize)]
    struct Images {
        mean: [f32; 3],
        std: [f32; 3],
    }
    let Ok(Config { pretrained_cfg: Images { mean, std } }) = serde_json::from_slice(config) else {
        return vec![];
    };
    let text = |numbers: [f32; 3]| numbers.map(|number| number.to_string()).join(" ");
    vec![("mean".to_owned(), text(mean)), ("std".to_owned(), text(std))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::safetensors;
    use crate::weights::safetensors::tests::CONVERTED;

    #[test]
    fn only_what_is_taken_becomes_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        let tensor = |size: usize| TensorData::new(vec![0.5f32; size], [size]);
        let tensors = Tensors::from([("few".to_owned(), tensor(3)), ("many".to_owned(), tensor(10_000))]);
        safetensors::write(&path, &tensors, &BTreeMap::new()).unwrap();
        CONVERTED.set(0);
        let mut file = WeightFile::open(&path).unwrap();
        assert_eq!((file.shapes().len(), file.numbers()), (2, 10_003));
        assert_eq!(CONVERTED.get(), 0, "names and shapes need no numbers");
        let taken = file.take([(&"ours".to_owned(), &"few".to_owned())]);
        assert_eq!(taken, Tensors::from([("ours".to_owned(), tensor(3))]));
        assert_eq!(CONVERTED.get(), 3 * size_of::<f32>());
    }

    #[test]
    fn a_length_that_begins_as_pytorchs_files_do_is_a_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for length in [0x80, u16::from_le_bytes(*b"PK")] {
            let header = r#"{"bias":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
            let padded = format!("{header:width$}", width = usize::from(length));
            let bytes = [&u64::from(length).to_le_bytes(), padded.as_bytes(), &[0; 4]].concat();
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(WeightFile::open(&path).unwrap().shapes(), BTreeMap::from([("bias", &[1][..])]));
        }
    }

    #[test]
    fn a_folder_without_a_usual_name_says_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let refused = || WeightFile::open(folder.path()).unwrap_err().to_string();
        let neither = "there is neither a model.safetensors nor a pytorch_model.bin in it";
        assert!(refused().ends_with(neither));
        for name in ["open.safetensors", "best.pth", "readme.md"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let named = format!("{neither}; name a file itself: best.pth, open.safetensors");
        assert!(refused().ends_with(&named), "{}", refused());
    }

    #[test]
    fn weights_in_several_files_are_one() {
        let folder = tempfile::tempdir().unwrap();
        let tensor = |size: usize| TensorData::new(vec![0.5f32; size], [size]);
        for (file, name, size) in [("1.safetensors", "a", 3), ("2.safetensors", "b", 4)] {
            let tensors = Tensors::from([(name.to_owned(), tensor(size))]);
            safetensors::write(&folder.path().join(file), &tensors, &BTreeMap::new()).unwrap();
        }
        let index = folder.path().join("model.safetensors.index.json");
        let opened = |map: &str| {
            std::fs::write(&index, format!(r#"{{"metadata": {{}}, "weight_map": {map}}}"#)).unwrap();
            WeightFile::open(folder.path())
        };
        let mut file = opened(r#"{"a": "1.safetensors", "b": "2.safetensors"}"#).unwrap();
        assert_eq!(file.shapes(), BTreeMap::from([("a", &[3][..]), ("b", &[4][..])]));
        assert_eq!(file.take([(&"ours".to_owned(), &"b".to_owned())])["ours"], tensor(4));
        let refusal = |map: &str| opened(map).unwrap_err().to_string();
        assert!(refusal(r#"{"c": "1.safetensors"}"#).ends_with("index.json: `c` is not in 1.safetensors"));
        assert!(
            refusal(r#"{"a": "../1.safetensors"}"#).ends_with("`../1.safetensors` is not a file beside it")
        );
    }

    #[test]
    fn what_is_no_file_of_weights_is_named() {
        let folder = tempfile::tempdir().unwrap();
        for (bytes, what) in [
            (&b"GGUF\x03\0\0\0"[..], "a GGUF file"),
            (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes"),
            (b"\x08\x07\x12\x07pytorch", "an ONNX file"),
            (b"\x1c\0\0\0TFL3", "a TensorFlow Lite file"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
            (b"<!DOCTYPE html><html>", "a web page"),
        ] {
            let path = folder.path().join("model.safetensors");
            std::fs::write(&path, bytes).unwrap();
            let refusal = WeightFile::open(&path).unwrap_err().to_string();
            assert!(refusal.contains(&format!("this is {what}")), "{refusal}");
        }
    }
}
