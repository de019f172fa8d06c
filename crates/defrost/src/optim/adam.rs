//! Adam as fastai steps it (arXiv 1412.6980, with the decoupled decay of arXiv 1711.05101).

use burn::tensor::Tensor;

use super::{Optimizer, ParameterState, ParameterStep};
use crate::ops;

const AVERAGE: &str = "average";
const SQUARE_AVERAGE: &str = "square_average";

/// Adam with decoupled weight decay. `beta1` is the momentum of each step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// How much of the running average of squares carries over.
    pub beta2: f64,
    /// Added to the root of the average of squares.
    pub epsilon: f64,
}

impl Default for AdamW {
    /// fastai's constants.
    fn default() -> Self {
        Self { beta2: 0.99, epsilon: 1e-5 }
    }
}

impl Optimizer for AdamW {
    fn step(
        &self,
        value: Tensor<1>,
        gradient: Tensor<1>,
        state: &mut ParameterState,
        step: &ParameterStep,
    ) -> Tensor<1> {
        let average = state.take(AVERAGE, &gradient);
        let square_average = state.take(SQUARE_AVERAGE, &gradient);
        let step = ops::AdamStep {
            rate: step.rate,
            beta1: step.momentum,
            beta2: self.beta2,
            epsilon: self.epsilon,
            weight_decay: step.weight_decay,
            steps: state.steps,
            gradient_scale: step.gradient_scale,
        };
        let (value, average, square_average) =
            ops::adam_step(value, gradient, average, square_average, &step);
        state.keep(AVERAGE, average);
        state.keep(SQUARE_AVERAGE, square_average);
        value
    }
}
