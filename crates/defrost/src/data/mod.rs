//! Labelled data as the learner sees it: items by index, batches on demand.
//!
//! The core knows no images, texts or tables; a domain implements [`Dataset`]. Nothing here depends on
//! timing: which items a batch holds, and every random draw for an item, is a function of (seed, epoch,
//! item).

mod amount;
mod balance;
pub mod class_folder;
mod draws;
mod fingerprint;
mod folds;
mod label;
mod order;
mod preview;
pub mod split;
mod subset;
mod target;
mod together;
mod validation;

pub(crate) use amount::note as amount_note;
pub use balance::{balanced_batches, class_weights, classes};
pub use draws::{Draws, Rng};
pub use fingerprint::Fingerprint;
pub use folds::folds;
pub use label::{Label, MixedLabels};
pub use order::{batch_count, epoch_batches, plain_batches};
pub use preview::Preview;
pub use subset::{Subset, spread_order};
pub use target::{Target, TargetKind, target_rows};
#[cfg(any(feature = "vision", feature = "text"))]
pub(crate) use together::matched;
pub(crate) use together::notes as together_notes;
pub use validation::Validation;

use std::fmt;
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use thiserror::Error;

use crate::batch::Batch;

/// How items are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// As they are: the same bytes every time.
    Original,
    /// As the augmentation changes them for these draws.
    Augmented(Draws),
}

/// Labelled items: implement it for data of your own.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use defrost::prelude::*;
///
/// /// Points on a line, and on which side of its middle they lie.
/// struct Sides;
///
/// impl Dataset for Sides {
///     fn len(&self) -> usize {
///         64
///     }
///
///     fn target(&self, item: usize) -> Target {
///         Target::Class(usize::from(item >= 32))
///     }
///
///     fn name(&self, item: usize) -> String {
///         format!("point {item}")
///     }
///
///     fn fingerprint(&self, item: usize, _variant: Variant) -> Fingerprint {
///         Fingerprint::of(&[b"sides", &item.to_le_bytes()])
///     }
///
///     fn inputs(&self, items: &[usize], _variant: Variant, device: &Device) -> Result<Batch, DataError> {
///         let points: Vec<f32> = items.iter().map(|&item| item as f32 / 32.0 - 1.0).collect();
///         Ok(Tensor::<1>::from_floats(points.as_slice(), device).reshape([-1, 1]).into()) // [batch, 1]
///     }
/// }
///
/// let batch: Tensor<2> = Sides.inputs(&[0, 63], Variant::Original, &Device::flex())?.single();
/// assert_eq!(batch.dims(), [2, 1]);
/// # Ok::<(), DataError>(())
/// ```
pub trait Dataset: Send + Sync {
    /// How many items there are.
    fn len(&self) -> usize;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What an item is labelled with.
    fn target(&self, item: usize) -> Target;

    /// What an item is called, for messages and reports: a path, a line number.
    fn name(&self, item: usize) -> String;

    /// All that the input of this item in this variant follows from: its content, how it is prepared, what was
    /// drawn. Where two fingerprints are equal, [`inputs`](Self::inputs) gives the same bytes: that is what lets
    /// a row kept by an earlier run stand for the item. The item's number, name and class are no part of it.
    fn fingerprint(&self, item: usize, variant: Variant) -> Fingerprint;

    /// How long the item is where items differ in length, as texts do: items of similar size share a batch.
    fn size(&self, _item: usize) -> usize {
        1
    }

    /// What the item shares with others that would give it away, such as the person it shows: items of one name stay on one
    /// side of every split. `None` for an item by itself.
    fn belongs_to(&self, _item: usize) -> Option<&str> {
        None
    }

    /// What a person is shown of the item; `None` if there is nothing to show, or no longer.
    fn preview(&self, _item: usize) -> Option<Preview> {
        None
    }

    /// The file that holds nothing but this item, if there is one.
    fn file(&self, _item: usize) -> Option<&Path> {
        None
    }

    /// What a person should know about how the item is read, such as that it is cut.
    fn remark(&self, _item: usize) -> Option<String> {
        None
    }

    /// The names of the fields that every item has, as the rows of a table have cells; none where items are of one piece.
    fn fields(&self) -> Vec<String> {
        vec![]
    }

    /// The first item of each pair, in their order, with this field of the second; nothing where items have no fields.
    fn exchanged(&self, _field: usize, _pairs: &[(usize, usize)]) -> Option<Box<dyn Dataset>> {
        None
    }

    /// A batch as it enters the first stage, on `device`. Work on items is spread over the threads of
    /// the current pool.
    ///
    /// # Shapes
    ///
    /// Every tensor of the batch begins with an axis of as many items: images are `[batch, height, width, channels]`,
    /// tokens and their mask `[batch, positions]` each, a table's categories and numbers `[batch, columns]` each.
    ///
    /// # Errors
    ///
    /// If an item can no longer be read.
    fn inputs(&self, items: &[usize], variant: Variant, device: &Device) -> Result<Batch, DataError>;
}

/// An item could not be read.
#[derive(Debug, Error)]
#[error("{item}: {reason}")]
pub struct DataError {
    /// Its name.
    pub item: String,
    /// What is wrong with it.
    pub reason: String,
}

/// An item that can't be read and is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// Which: a file, or a file and a line.
    pub path: PathBuf,
    /// A word for what is wrong, stable for machines.
    pub kind: &'static str,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.path.display(), self.reason)
    }
}
