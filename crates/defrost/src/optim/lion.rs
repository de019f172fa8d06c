//! Lion (arXiv 2302.06675): steps of equal length in the direction of a running average's signs.

use burn::tensor::Tensor;

use super::{Optimizer, ParameterState, ParameterStep};

const AVERAGE: &str = "average";

/// Lion. `beta1` is the momentum of each step. It remembers half of what Adam does; its rates are a third to a tenth of
/// Adam's, its decay three to ten times as much.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// How much of the running average of gradients carries over.
    pub beta2: f64,
}

impl Default for Lion {
    /// The paper's constant.
    fn default() -> Self {
        Self { beta2: 0.99 }
    }
}

impl Optimizer for Lion {
    fn step(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut ParameterState,
        step: &ParameterStep,
    ) -> Tensor<1> {
        let average = state.take(AVERAGE, &gradient);
        let gradient = gradient * step.gradient_scale;
        let update = average.clone() * step.momentum + gradient.clone() * (1.0 - step.momentum);
        state.keep(AVERAGE, average * self.beta2 + gradient * (1.0 - self.beta2));
        value * (1.0 - step.rate * step.weight_decay) - update.sign() * step.rate
    }
}

#[cfg(test)]
mod tests {
    use super::super::stepper::tests::assert_formula;
    use super::*;

    #[test]
    fn it_follows_its_formula() {
        let mut average = 0.0f64;
        assert_formula(&Lion::default(), |value, gradient, step| {
            let gradient = gradient * step.gradient_scale;
            let update = average * step.momentum + gradient * (1.0 - step.momentum);
            average = average * 0.99 + gradient * (1.0 - 0.99);
            value * (1.0 - step.rate * step.weight_decay) - update.signum() * step.rate
        });
    }
}
