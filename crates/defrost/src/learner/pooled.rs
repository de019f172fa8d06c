//! The features of items at any depth of a network, for other programs.

use burn::tensor::Device;
use thiserror::Error;

use crate::data::{DataError, Dataset, Variant};
use crate::groups::families;
use crate::metrics::Features;
use crate::prefix::{Cache, Prefix};
use crate::remedy::Remedy;
use crate::stage::Network;

/// Features can't be computed.
#[derive(Debug, Error)]
pub enum FeaturesError {
    /// No such stage.
    #[error("there is no stage `{name}` before the head; the stages are {stages}")]
    Stage {
        /// The name given.
        name: String,
        /// All names.
        stages: String,
    },
    /// The output of a stage is not numbers.
    #[error("the stage `{0}` gives no numbers")]
    NoNumbers(String),
    /// An item can't be read.
    #[error(transparent)]
    Data(#[from] DataError),
}

impl FeaturesError {
    /// What can be done about it.
    pub fn remedy(&self) -> Option<Remedy> {
        match self {
            Self::Stage { name, stages } => Remedy::nearest(name, stages.split(", ")),
            Self::NoNumbers(_) | Self::Data(_) => None,
        }
    }
}

/// The pooled output of a stage for each item of a data set, in eval mode: of the last stage with this name, or else what the head
/// receives. What earlier runs have computed is in `cache`.
///
/// # Errors
///
/// If there is no such stage before the head, or an item can't be read.
pub fn pooled_features<N: Network>(
    network: &N,
    stage: Option<&str>,
    items: &dyn Dataset,
    batch_size: usize,
    (device, cache): (&Device, &mut Cache),
) -> Result<Features, FeaturesError> {
    let stages = network.stages();
    let body = stages.len().saturating_sub(1);
    let end = match stage {
        None => body,
        Some(name) => match stages[..body].iter().rposition(|stage| stage.is_called(name)) {
            Some(position) => position + 1,
            None => {
                let stages = families(&stages[..body]).join(", ");
                return Err(FeaturesError::Stage { name: name.to_owned(), stages });
            }
        },
    };
    let prefix = Prefix::of(network, end);
    let mut found = Features::default();
    let all: Vec<usize> = (0..items.len()).collect();
    for items_of_batch in all.chunks(batch_size.max(1)) {
        let output = prefix.features(network, items, (items_of_batch, Variant::Original), device, cache)?;
        let named = || stages.get(end.saturating_sub(1)).map_or_else(String::new, |stage| stage.name.clone());
        let pooled = network.pooled(output).ok_or_else(|| FeaturesError::NoNumbers(named()))?;
        found.width = pooled.dims()[1];
        found.numbers.extend(pooled.into_data().iter::<f32>());
    }
    Ok(found)
}
