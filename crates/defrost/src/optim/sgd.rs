//! Stochastic gradient descent with momentum, as PyTorch steps it.

use burn::tensor::Tensor;

use super::{Optimizer, ParameterState, ParameterStep};

const VELOCITY: &str = "velocity";

/// Gradient descent along a running sum of gradients, of which momentum carries over. A rate for it is about a
/// hundred times one for Adam.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sgd;

impl Optimizer for Sgd {
    fn step(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut ParameterState,
        step: &ParameterStep,
    ) -> Tensor<1> {
        let velocity = state.take(VELOCITY, &gradient) * step.momentum + gradient * step.gradient_scale;
        state.keep(VELOCITY, velocity.clone());
        value * (1.0 - step.rate * step.weight_decay) - velocity * step.rate
    }
}

#[cfg(test)]
mod tests {
    use super::super::stepper::tests::assert_formula;
    use super::*;

    #[test]
    fn it_follows_its_formula() {
        let mut velocity = 0.0;
        assert_formula(&Sgd, |value, gradient, step| {
            velocity = velocity * step.momentum + gradient * step.gradient_scale;
            value * (1.0 - step.rate * step.weight_decay) - velocity * step.rate
        });
    }
}
