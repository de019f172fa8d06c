//! A network's tensors by name: in memory, in files, in the binary.

mod download;
mod file;
mod fit;
#[cfg(feature = "hub")]
pub mod hub;
mod kind;
#[cfg(feature = "pytorch")]
pub mod pytorch;
pub mod safetensors;
mod shards;
mod sound;
mod source;
mod state;

use std::collections::BTreeMap;

use burn::tensor::TensorData;

pub use download::{DownloadError, Downloads, HubFiles};
pub use file::{WeightFile, WeightFileError};
pub use fit::{Fit, KeyAlias, MisfitError, check_fit};
pub use sound::{UnsoundWeights, require_sound};
pub use source::WeightSource;
pub use state::{collect, load};

/// Tensors in f32 by the names weight files give them.
pub type Tensors = BTreeMap<String, TensorData>;

/// Weights as they come from a file: tensors, and what the file says about them.
#[derive(Clone, Debug, Default)]
pub struct Weights {
    /// The tensors.
    pub tensors: Tensors,
    /// Free text by key, such as a licence or a training config.
    pub metadata: BTreeMap<String, String>,
}
