//! A made-up item and the scores it got when the network was saved. Loading the network computes them again: if a
//! description, a file or kernels give other scores for this item, they would give other scores for every item.
//!
//! The bundle holds the item before any preprocessing, and it is processed like items that are
//! predicted.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use super::ModelConfig;
use crate::precision::Precision;
use crate::stage::Network;

/// An item and its scores.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SelfTest {
    /// The item, as [`ModelConfig::sample`] spells it.
    pub item: Vec<String>,
    /// The network's scores for it, before they become probabilities.
    pub scores: Vec<f32>,
}

impl SelfTest {
    /// This network's scores for its model's sample.
    ///
    /// # Errors
    ///
    /// If the sample can't be prepared, or the scores are not numbers; the message says so.
    pub(super) fn of<M: ModelConfig>(
        model: &M,
        network: &M::Network,
        device: &Device,
    ) -> Result<Self, String> {
        let item = model.sample();
        let scores = scores(model, &item, network, device)?;
        match scores.iter().all(|score| score.is_finite()) {
            true => Ok(Self { item, scores }),
            false => Err("the network's scores for its test item are not numbers".to_owned()),
        }
    }

    /// How far the network's scores are from those of the test: the largest difference, over the largest score if that is
    /// more than 1. Scores are logarithms of odds, or numbers in their standard deviations, so 1 is much of either.
    ///
    /// # Errors
    ///
    /// If the item is none of this model's; the message says why.
    pub(super) fn apart<M: ModelConfig>(
        &self,
        model: &M,
        network: &M::Network,
        device: &Device,
    ) -> Result<f32, String> {
        let found = scores(model, &self.item, network, device)?;
        Ok(apart(&self.scores, &found))
    }

    /// How far apart kernels may be that are both right. docs/reliability.md says what was measured between them.
    pub(super) fn allowed(precision: Precision) -> f32 {
        match precision {
            Precision::F32 => 1e-3,
            Precision::Bf16 => 1e-1,
        }
    }
}

fn scores<M: ModelConfig>(
    model: &M,
    item: &[String],
    network: &M::Network,
    device: &Device,
) -> Result<Vec<f32>, String> {
    let input = model.prepare(item, device)?;
    let scores = network.forward(input, 0..network.stages().len()).single::<2>();
    Ok(scores.into_data().iter::<f32>().collect())
}

fn apart(expected: &[f32], found: &[f32]) -> f32 {
    if expected.len() != found.len() {
        return f32::INFINITY;
    }
    let scale = expected.iter().fold(1.0f32, |scale, score| scale.max(score.abs()));
    let differences = expected.iter().zip(found).map(|(a, b)| (a - b).abs() / scale);
    // `max` would pass over what is NaN.
    let worse =
        |most: f32, difference: f32| if difference.is_nan() { f32::INFINITY } else { most.max(difference) };
    differences.fold(0.0, worse)
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn the_largest_difference_counts_and_nothing_hides_it() {
        assert_eq!(apart(&[0.5, -0.25], &[0.5, 0.25]), 0.5);
        assert_eq!(apart(&[8.0, 0.0], &[8.0, 2.0]), 0.25);
        assert_eq!(apart(&[1.0], &[1.0]), 0.0);
        assert_eq!(apart(&[1.0, 1.0], &[f32::NAN, 1.0]), f32::INFINITY);
        assert_eq!(apart(&[1.0, 2.0], &[1.0]), f32::INFINITY);
    }
}
