//! What an epoch costs, in multiply-adds: counted from the network's shapes, before anything is trained.

use super::features::Part;
use super::{Learner, LearnerError};
use crate::data::Variant;
use crate::ops::count_multiply_adds;
use crate::plan::FreezePlan;
use crate::stage::Network;

/// A pass back costs about two passes forward: one for the gradients of the input, one for those of the weights.
const BACK: u64 = 2;

impl<N: Network> Learner<N> {
    /// The multiply-adds of each stage for one item: those of convolutions, dense layers and attention.
    ///
    /// # Errors
    ///
    /// If the first training item can't be read.
    pub fn stage_costs(&self) -> Result<Vec<u64>, LearnerError> {
        let network = self.network().valid();
        let mut batch = self.items(Part::Train).inputs(&[0], Variant::Original, &self.device)?;
        let cost = |stage: usize| {
            let input = batch.clone();
            count_multiply_adds(|| batch = network.forward(input, stage..stage + 1))
        };
        Ok((0..self.plan.groups().stages().len()).map(cost).collect())
    }

    /// The multiply-adds of an epoch under a plan, validation included, once the features that it keeps are cached: the
    /// stages before the first that trains cost nothing then.
    ///
    /// # Errors
    ///
    /// As [`stage_costs`](Self::stage_costs).
    pub fn epoch_cost(&self, plan: &FreezePlan) -> Result<u64, LearnerError> {
        let forward: u64 = self.stage_costs()?.iter().skip(plan.constant_stages()).sum();
        let items = |part| self.items(part).len() as u64;
        Ok(forward * (items(Part::Train) * (1 + BACK) + items(Part::Valid)))
    }
}
