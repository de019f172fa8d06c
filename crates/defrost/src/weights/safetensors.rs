//! Reading and writing safetensors files. The header is checked before anything is allocated.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use burn::tensor::TensorData;
use half::{bf16, f16};
use safetensors::tensor::{Dtype, SafeTensors, View};
use thiserror::Error;

use super::{Tensors, Weights};
use crate::files::{self, FileError};

/// A file of weights can't be used.
#[derive(Debug, Error)]
pub enum SafetensorsError {
    /// It can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not what it claims to be.
    #[error("{file}: not a valid safetensors file: {reason}")]
    Invalid {
        /// Which file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A safetensors file's content is wrong.
#[derive(Debug, Error)]
pub enum ParseError {
    /// Its header lies or is damaged.
    #[error(transparent)]
    Header(#[from] safetensors::SafeTensorError),
    /// A number format that weights are not kept in.
    #[error("tensor `{name}` is {format:?}; F32, F16, BF16 and F64 can be read")]
    Format {
        /// The tensor.
        name: String,
        /// Its format.
        format: Dtype,
    },
}

/// Reads all floating-point tensors of a file. Integer tensors (batch counters) are left out.
///
/// # Errors
///
/// If the file can't be read or is damaged.
pub fn read(path: &Path) -> Result<Weights, SafetensorsError> {
    let invalid = |reason: ParseError| SafetensorsError::Invalid {
        file: path.display().to_string(),
        reason: reason.to_string(),
    };
    parse(&files::read(path)?).map_err(invalid)
}

/// Reads all floating-point tensors of a file's bytes.
///
/// # Errors
///
/// If they are damaged.
pub fn parse(bytes: &[u8]) -> Result<Weights, ParseError> {
    let (_, header) = SafeTensors::read_metadata(bytes)?;
    let metadata =
        header.metadata().iter().flatten().map(|(key, text)| (key.clone(), text.clone())).collect();
    let mut tensors = Tensors::new();
    for (name, view) in SafeTensors::deserialize(bytes)?.iter() {
        if let Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL = view.dtype() {
            continue;
        }
        let format = || ParseError::Format { name: name.to_owned(), format: view.dtype() };
        let numbers = numbers(view.dtype(), view.data()).ok_or_else(format)?;
        tensors.insert(name.to_owned(), TensorData::new(numbers, view.shape().to_vec()));
    }
    Ok(Weights { tensors, metadata })
}

/// A tensor's numbers; `None` if weights are not kept in this format.
pub(super) fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    let words = || bytes.as_chunks::<2>().0.iter().copied();
    match dtype {
        Dtype::F32 => Some(bytes.as_chunks().0.iter().copied().map(f32::from_le_bytes).collect()),
        Dtype::F16 => Some(words().map(|word| f16::from_le_bytes(word).to_f32()).collect()),
        Dtype::BF16 => Some(words().map(|word| bf16::from_le_bytes(word).to_f32()).collect()),
        Dtype::F64 => Some(bytes.as_chunks().0.iter().map(|&word| f64::from_le_bytes(word) as f32).collect()),
        _ => None,
    }
}

/// Writes tensors and texts, in f32.
///
/// # Errors
///
/// If the file can't be written.
pub fn write(
    path: &Path,
    tensors: &Tensors,
    metadata: &BTreeMap<String, String>,
) -> Result<(), SafetensorsError> {
    let bytes = to_bytes(tensors, metadata).map_err(|error| SafetensorsError::Invalid {
        file: path.display().to_string(),
        reason: error.to_string(),
    })?;
    Ok(files::write_atomically(path, |file| std::io::Write::write_all(file, &bytes))?)
}

/// Such a file's bytes.
///
/// # Errors
///
/// If a tensor's numbers do not fill its shape.
pub fn to_bytes(
    tensors: &Tensors,
    metadata: &BTreeMap<String, String>,
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    // The crate writes no valid header for neither tensors nor texts unless there is no table of texts either.
    let metadata: Option<HashMap<String, String>> =
        Some(metadata.clone().into_iter().collect()).filter(|texts: &HashMap<_, _>| !texts.is_empty());
    let views = tensors.iter().map(|(name, data)| (name, F32View(data)));
    safetensors::serialize(views, metadata)
}

/// f32 data as the safetensors crate wants to see it.
struct F32View<'a>(&'a TensorData);

impl View for F32View<'_> {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }
    fn shape(&self) -> &[usize] {
        self.0.shape()
    }
    fn data(&self) -> Cow<'_, [u8]> {
        Cow::Borrowed(self.0.as_bytes())
    }
    fn data_len(&self) -> usize {
        self.0.as_bytes().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weights.safetensors");
        let tensors =
            Tensors::from([("a".to_owned(), TensorData::new(vec![1.0f32, -2.5, 3.0, 4.0], [2, 2]))]);
        let metadata = BTreeMap::from([("licence".to_owned(), "MIT".to_owned())]);
        write(&path, &tensors, &metadata).unwrap();
        let read = read(&path).unwrap();
        assert_eq!((read.tensors, read.metadata), (tensors, metadata));
    }

    #[test]
    fn damaged_files_are_errors_that_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.safetensors");
        let huge = [&u64::MAX.to_le_bytes()[..], b"{}"].concat();
        let lying = {
            let header = br#"{"a":{"dtype":"F32","shape":[1000000000000000000],"data_offsets":[0,4]}}"#;
            [&(header.len() as u64).to_le_bytes()[..], header, &[0; 4]].concat()
        };
        for bytes in [&b""[..], b"\0\0", &huge, &lying, b"PK\x03\x04 something else entirely"] {
            std::fs::write(&path, bytes).unwrap();
            let message = super::read(&path).unwrap_err().to_string();
            assert!(message.contains("broken.safetensors: not a valid safetensors file"), "{message}");
        }
    }
}
