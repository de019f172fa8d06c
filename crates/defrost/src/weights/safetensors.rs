//! Reading and writing safetensors files. The header is checked before anything is allocated, and a tensor's numbers are
//! read on demand.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

use burn::tensor::TensorData;
use half::{bf16, f16};
use safetensors::tensor::{self, Dtype, SafeTensors};
use thiserror::Error;

use super::{Tensors, Weights};
use crate::files::{self, FileError};

/// Bytes that say how long the header is.
const LENGTH: usize = 8;

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
        /// The reason.
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

/// A file's bytes, with names and shapes of its floating-point tensors. Integer tensors (batch counters) are left out.
#[derive(Debug)]
pub struct Safetensors<'a> {
    bytes: Cow<'a, [u8]>,
    views: BTreeMap<String, View>,
    /// Free text by key, such as a licence or a training config.
    pub metadata: BTreeMap<String, String>,
}

/// Where a tensor's numbers are.
#[derive(Debug)]
struct View {
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Range<usize>,
}

impl<'a> Safetensors<'a> {
    /// Reads a file's names and shapes.
    ///
    /// # Errors
    ///
    /// If they are damaged, or a tensor is in a format that weights are not kept in.
    pub fn parse(bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self, ParseError> {
        let bytes = bytes.into();
        let (length, header) = SafeTensors::read_metadata(&bytes)?;
        let start = LENGTH + length;
        let metadata =
            header.metadata().iter().flatten().map(|(key, text)| (key.clone(), text.clone())).collect();
        let mut views = BTreeMap::new();
        for name in header.offset_keys() {
            let Some(info) = header.info(&name) else { continue };
            let (dtype, (from, to)) = (info.dtype, info.data_offsets);
            match dtype {
                Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL => {}
                Dtype::F32 | Dtype::F16 | Dtype::BF16 | Dtype::F64 => {
                    let bytes = start + from..start + to;
                    views.insert(name, View { dtype, shape: info.shape.clone(), bytes });
                }
                _ => return Err(ParseError::Format { name, format: dtype }),
            }
        }
        Ok(Self { bytes, views, metadata })
    }

    /// Names and shapes.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.views.iter().map(|(name, view)| (name.as_str(), &view.shape[..]))
    }

    /// A tensor's numbers, in f32.
    pub fn tensor(&self, name: &str) -> Option<TensorData> {
        let View { dtype, shape, bytes } = self.views.get(name)?;
        // The header was compared with the file's length.
        Some(TensorData::new(numbers(*dtype, &self.bytes[bytes.clone()])?, shape.clone()))
    }
}

/// Reads all floating-point tensors of a file.
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
    let file = Safetensors::parse(bytes)?;
    let tensors = file.views.keys().filter_map(|name| Some((name.clone(), file.tensor(name)?))).collect();
    Ok(Weights { tensors, metadata: file.metadata })
}

/// A tensor's numbers; `None` if weights are not kept in this format.
pub(super) fn numbers(dtype: Dtype, bytes: &[u8]) -> Option<Vec<f32>> {
    #[cfg(test)]
    tests::CONVERTED.with(|converted| converted.set(converted.get() + bytes.len()));
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

impl tensor::View for F32View<'_> {
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
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many bytes of files this thread has made numbers of.
        pub(in crate::weights) static CONVERTED: Cell<usize> = const { Cell::new(0) };
    }

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
