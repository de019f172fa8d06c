//! From loaded data to a learner.

use super::{Learner, LearnerError, LearnerOptions};
use crate::data::Dataset;
use crate::split_data::SplitData;
use crate::stage::Network;

impl<D: Dataset + 'static> SplitData<D> {
    /// A learner of this data over any network that takes it. It knows the names of the classes, and in its
    /// [notes](Learner::notes) what was left out.
    ///
    /// # Errors
    ///
    /// If the options do not fit the network, or a label does not fit the loss.
    pub fn learner<N: Network>(
        self,
        network: N,
        options: LearnerOptions,
    ) -> Result<Learner<N>, LearnerError> {
        let outputs = self.outputs();
        let Self { classes, train, valid, skipped, mut notes, .. } = self;
        if let Some(first) = skipped.first() {
            let (count, all) = (skipped.len(), train.len() + valid.len() + skipped.len());
            notes.push(format!("left out: {count} of {all} items; the first: {first}").into());
        }
        let learner = Learner::new(network, Box::new(train), Box::new(valid), outputs, options)?;
        Ok(learner.with_classes(classes).with_notes(notes))
    }
}
