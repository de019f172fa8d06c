//! Items of the first training batch as they enter the network: augmented, mixed, cut.

use serde::{Deserialize, Serialize};

use crate::bundle::ModelConfig;
use crate::data::Preview;
use crate::learner::Learner;
use crate::stage::Network;

/// This many are shown.
const SHOWN: usize = 12;

/// An item as training sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingItem {
    /// What it is labelled with.
    pub label: String,
    /// What enters the network.
    pub preview: Preview,
}

/// Some items of the first batch in which nothing is frozen; none where they enter the network as they are, or can't be read any more.
pub(super) fn training_batch<N: Network, M: ModelConfig<Network = N>>(
    learner: &Learner<N>,
    model: &M,
    classes: &[String],
) -> Vec<TrainingItem> {
    // A file may be gone by now; what was trained on is not needed for anything else.
    let Ok(batch) = learner.first_batch() else { return vec![] };
    let previews = model.preview_inputs(&batch.inputs).into_iter().take(SHOWN).enumerate();
    previews.map(|(place, preview)| TrainingItem { label: batch.label(place, classes), preview }).collect()
}
