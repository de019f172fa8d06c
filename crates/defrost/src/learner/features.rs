//! The input of the first stage that trains.

use std::collections::HashSet;

use super::{Learner, LearnerError};
use crate::batch::Batch;
use crate::data::{Dataset, Draws, Variant};
use crate::prefix::Prefix;
use crate::stage::Network;

/// Which of the learner's data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Train,
    Valid,
}

impl<N: Network> Learner<N> {
    /// The input of the first stage that is not constant: from the cache, or else through the prefix.
    ///
    /// While there is a prefix, an item is seen in a limited number of variants, which come round again; without
    /// one, every epoch has its own.
    pub(super) fn features(
        &mut self,
        part: Part,
        items: &[usize],
        draws: Option<Draws>,
    ) -> Result<Batch, LearnerError> {
        let stages = self.plan.constant_stages();
        let draws = draws.map(|draws| if stages > 0 { draws.among(self.options.variants) } else { draws });
        self.features_in(part, items, draws.map_or(Variant::Original, Variant::Augmented))
    }

    /// The same in a given variant.
    pub(super) fn features_in(
        &mut self,
        part: Part,
        items: &[usize],
        variant: Variant,
    ) -> Result<Batch, LearnerError> {
        let stages = self.plan.constant_stages();
        let data = match part {
            Part::Train => &*self.train,
            Part::Valid => &*self.valid,
        };
        let network = self.network.as_ref().expect("an optimizer step always gives the network back");
        let prefix = self.prefix.get_or_insert_with(|| Prefix::of(network, stages));
        Ok(prefix.features(network, data, (items, variant), &self.device, &mut self.cache)?)
    }

    /// Those of training items in a given variant. A run that rests does so after some that had to be computed, so that it gets
    /// further each time.
    pub(super) fn features_before_rest(
        &mut self,
        items: &[usize],
        variant: Variant,
    ) -> Result<Batch, LearnerError> {
        let cached = self.cache.entries_in_memory();
        let features = self.features_in(Part::Train, items, variant)?;
        if self.cache.entries_in_memory() > cached {
            self.check_rest()?;
        }
        Ok(features)
    }

    /// The data set of a part.
    pub(super) fn items(&self, part: Part) -> &dyn Dataset {
        match part {
            Part::Train => &*self.train,
            Part::Valid => &*self.valid,
        }
    }

    /// Caches the features of the few items that did not fill a batch in this epoch. In the next
    /// epoch each of them would cost a pass of its own.
    pub(super) fn cache_left_out(
        &mut self,
        batches: &[Vec<usize>],
        draws: Draws,
    ) -> Result<(), LearnerError> {
        if self.plan.constant_stages() == 0 || self.cache.stores_nothing() {
            return Ok(());
        }
        let shown: HashSet<usize> = batches.iter().flatten().copied().collect();
        let left_out: Vec<usize> = (0..self.train.len()).filter(|item| !shown.contains(item)).collect();
        // Where classes are balanced, an epoch leaves out many items, and as many the next time.
        if left_out.len() < self.options.step_size() {
            for items in left_out.chunks(self.options.batch_size.max(1)) {
                self.features(Part::Train, items, Some(draws))?;
            }
        }
        Ok(())
    }
}
