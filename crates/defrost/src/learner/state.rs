//! Going back to where training has been.

use super::Learner;
use crate::optim::Adam;
use crate::stage::Network;
use crate::weights::{self, Tensors};

/// Weights, statistics and the optimizer's averages. There is no random state to keep: draws are functions
/// of the position.
pub(super) struct State {
    tensors: Tensors,
    optimizer: Adam,
}

impl<N: Network> Learner<N> {
    /// Everything that training moves, as it is now.
    pub(super) fn state(&self) -> State {
        State { tensors: weights::collect(self.network()), optimizer: self.optimizer.clone() }
    }

    /// Goes back to an earlier state under the same plan.
    pub(super) fn go_back(&mut self, state: &State) {
        self.load(&state.tensors);
        self.optimizer = state.optimizer.clone();
    }

    /// Puts these tensors in place of the network's own.
    pub(super) fn load(&mut self, tensors: &Tensors) {
        let plan = self.plan.clone();
        self.update_network(|network, _| plan.apply(weights::load(network, tensors)));
    }
}
