//! Snapshots of training, and going back to them.

use super::average::Average;
use super::best::Bests;
use super::{History, Learner};
use crate::metrics::Reliability;
use crate::optim::Stepper;
use crate::stage::Network;
use crate::weights::{self, MisfitError, Tensors, check_fit};

/// Weights, statistics, what the optimizer remembers and the weights'. There is no random state to keep: draws are
/// functions of the position.
pub(super) struct State {
    pub(super) tensors: Tensors,
    pub(super) stepper: Stepper,
    pub(super) average: Option<Average>,
}

impl<N: Network> Learner<N> {
    /// Everything that training moves, as it is now. A running average is its phase's.
    pub(super) fn state(&self, average: Option<&Average>) -> State {
        let tensors = weights::collect(self.network());
        State { tensors, stepper: self.stepper.clone(), average: average.cloned() }
    }

    /// Goes back to an earlier state under the same plan.
    pub(super) fn go_back(&mut self, state: &State) {
        self.load_tensors(&state.tensors);
        self.stepper = state.stepper.clone();
    }

    /// Takes these weights in place of the network's own; the optimizer forgets its averages.
    ///
    /// # Errors
    ///
    /// If one is missing, or of another shape; the message lists the first.
    pub fn load_weights(&mut self, tensors: &Tensors) -> Result<(), MisfitError> {
        let network = self.summary().arch;
        check_fit("the weights", &network, self.plan.groups().stages(), tensors)?;
        self.load_tensors(tensors);
        self.stepper.clear();
        Ok(())
    }

    /// Goes back to before any training, to these weights: nothing has been trained, and no phase has run. Features that are
    /// cached stay so.
    ///
    /// # Errors
    ///
    /// As [`load_weights`](Self::load_weights).
    pub fn start_again(&mut self, tensors: &Tensors) -> Result<(), MisfitError> {
        self.load_weights(tensors)?;
        (self.history, self.bests, self.decision) = (History::default(), Bests::default(), None);
        self.reliability = Reliability::default();
        self.described.phases.clear();
        Ok(())
    }

    /// Puts these tensors in place of the network's own.
    pub(super) fn load_tensors(&mut self, tensors: &Tensors) {
        let plan = self.plan.clone();
        self.update_network(|network, _| plan.apply(weights::load(network, tensors)));
    }
}
