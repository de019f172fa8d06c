//! Reading PyTorch's files: `.pth`, `.pt` and `.bin`, of both formats `torch.save` has had. They hold a pickle, which
//! is read as data: no code runs. Every size is compared with the file's before memory is allocated for it.

mod archive;
mod pickle;
mod tensors;

use std::collections::BTreeMap;

use burn::tensor::TensorData;
use thiserror::Error;

use self::archive::Storages;
use self::pickle::PickleError;
use self::tensors::View;
use super::safetensors::numbers;

/// A PyTorch file can't be read.
#[derive(Debug, Error)]
pub enum PytorchError {
    /// Its zip archive is damaged.
    #[error("its zip archive is damaged: {0}")]
    Zip(#[from] zip::result::ZipError),
    /// Its pickle is damaged, or does what weights don't need.
    #[error(transparent)]
    Pickle(#[from] PickleError),
    /// A part of the archive is compressed.
    #[error(
        "`{0}` in its zip archive is compressed or encrypted, which torch.save never does; save it again with torch.save"
    )]
    Packed(String),
    /// A part of the archive lies outside the file.
    #[error("`{0}` in its zip archive lies beyond the end of the file")]
    Outside(String),
    /// A part of the archive has changed.
    #[error("`{0}` in its zip archive does not have its checksum: the file is damaged")]
    Damaged(String),
    /// Parts of the archive lie over each other.
    #[error("the parts of its zip archive overlap")]
    Overlapping,
    /// It is none of torch.save's.
    #[error("it holds nothing that torch.save has written")]
    NoPickle,
    /// It is older than any format that is read.
    #[error(
        "it is a tar archive, from before PyTorch 0.1.10; load it with torch.load and save it again with torch.save"
    )]
    Tar,
    /// It is a program.
    #[error(
        "it is a TorchScript program; save its weights: torch.save(torch.jit.load(FILE).state_dict(), …)"
    )]
    Script,
    /// It was written on another kind of machine.
    #[error("it was written on a big-endian machine; save it again on a little-endian one")]
    BigEndian,
    /// A storage is not as the file says.
    #[error("its storage `{0}` is not as long as it should be, or is not there")]
    Storage(String),
    /// A storage is of an unknown class.
    #[error("it holds numbers as {0}, which is not known here; convert them with .float() and save it again")]
    Class(String),
    /// A tensor reaches over its storage.
    #[error("its tensor `{0}` does not lie in its storage; if it was expanded, save a copy: .contiguous()")]
    Tensor(String),
    /// It seems to have very many entries.
    #[error("its dictionaries have too many entries")]
    Entries,
    /// There are no tensors in dictionaries.
    #[error(
        "it holds no tensors by name{}; save the weights alone: torch.save(model.state_dict(), …)",
        .0.as_ref().map_or(String::new(), |class| format!(", but a pickled {class}, which only its own code can read"))
    )]
    Module(Option<String>),
}

/// A PyTorch file: tensors by name, whose numbers are read on demand.
#[derive(Debug)]
pub struct Pytorch {
    bytes: Vec<u8>,
    storages: Storages,
    views: BTreeMap<String, View>,
}

impl Pytorch {
    /// Reads a file's names and shapes. Names are the keys of the dictionaries a tensor lies in, with dots between; tensors
    /// of whole numbers are left out, as are lists of tensors, which optimizers keep.
    ///
    /// # Errors
    ///
    /// If it is damaged, or holds no tensors in dictionaries.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, PytorchError> {
        let (pickle, storages) = archive::open(&bytes)?;
        let views: BTreeMap<String, View> = tensors::tensors(&pickle)?.into_iter().collect();
        for storage in tensors::storages(&pickle)?.into_values() {
            let found = storages.get(storage.key).map(|range| range.len());
            if found.is_none() || found < storage.bytes() {
                return Err(PytorchError::Storage(storage.key.to_owned()));
            }
        }
        Ok(Self { bytes, storages, views })
    }

    /// Names and shapes.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.views.iter().map(|(name, view)| (name.as_str(), &view.shape[..]))
    }

    /// A tensor's numbers, in f32.
    pub fn tensor(&self, name: &str) -> Option<TensorData> {
        let view = self.views.get(name)?;
        let storage = &self.bytes[self.storages.get(&view.storage)?.clone()];
        let gathered = view.gather(storage, view.dtype.bitsize() / 8);
        Some(TensorData::new(numbers(view.dtype, &gathered)?, view.shape.clone()))
    }
}
