//! An optimizer: a step of the same length for every number, along the sign of a running mean of its gradient
//! (signSGD with momentum, arXiv 1802.04434). Checkpoints keep what it remembers by name.

use defrost::burn::tensor::Tensor;
use defrost::optim::{Optimizer, ParameterState, ParameterStep};

#[derive(Debug)]
pub struct SignSgd;

impl Optimizer for SignSgd {
    fn step(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut ParameterState,
        step: &ParameterStep,
    ) -> Tensor<1> {
        let average = state.take("average", &gradient) * step.momentum + gradient * (1.0 - step.momentum);
        state.keep("average", average.clone());
        value - average.sign() * step.rate
    }
}
