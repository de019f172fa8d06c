//! A step of Adam, in place if the tensor has no other owner.

use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, Scalar};
use burn::tensor::Tensor;
use defrost_kernels::adam;

use super::flex::{self, Format, whole_f32};
use super::isa::isa;

/// The constants of one step of Adam for one parameter.
#[derive(Clone, Debug)]
pub struct AdamStep {
    /// The learning rate.
    pub rate: f64,
    /// Momentum of the gradient average.
    pub beta1: f64,
    /// Momentum of the average of squares.
    pub beta2: f64,
    /// Added to the root of the average of squares.
    pub epsilon: f64,
    /// The value shrinks by rate × this before the step.
    pub weight_decay: f64,
    /// How many steps this one makes, from 1.
    pub steps: u32,
    /// The gradient is multiplied by this first.
    pub gradient_scale: f64,
}

/// One step of Adam on a flat parameter: new value, gradient average and average of squares, all
/// `[elements]`, without gradients.
///
/// As fastai: averages are `m·a + (1-m)·g`, both corrected by `1 - m^steps` with the momentum of this
/// step, decay is decoupled.
pub fn adam_step(
    value: Tensor<1>,
    gradient: Tensor<1>,
    average: Tensor<1>,
    square_average: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    if !flex::takes(&value) {
        return plain(value, gradient, average, square_average, step);
    }
    let inputs = [value, gradient, average, square_average].map(Tensor::into_dispatch);
    let [value, average, square_average] =
        flex::compute(|inputs| stepped(inputs, step), inputs).map(Tensor::from_dispatch);
    (value, average, square_average)
}

/// [`adam_step`] in plain Burn.
pub fn plain(
    value: Tensor<1>,
    gradient: Tensor<1>,
    average: Tensor<1>,
    square_average: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let steps = step.steps as i32;
    let gradient = gradient * step.gradient_scale;
    let average = average * step.beta1 + gradient.clone() * (1.0 - step.beta1);
    let square_average = square_average * step.beta2 + gradient.square() * (1.0 - step.beta2);
    let correction = 1.0 - step.beta1.powi(steps);
    let square_correction = 1.0 - step.beta2.powi(steps);
    let root = (square_average.clone() / square_correction).sqrt() + step.epsilon;
    let decayed = value * (1.0 - step.rate * step.weight_decay);
    let value = decayed - average.clone() / root * (step.rate / correction);
    (value, average, square_average)
}

/// Of value, gradient, gradient average and average of squares: all but the gradient.
fn stepped(inputs: [FlexTensor; 4], step: &AdamStep) -> [FlexTensor; 3] {
    let [mut value, mut gradient, mut average, mut square_average] = inputs.map(whole_f32);
    if step.gradient_scale != 1.0 {
        gradient = Flex::float_mul_scalar(gradient, Scalar::from(step.gradient_scale));
    }
    adam::adam_step(
        isa(),
        adam::AdamStep {
            lr: step.rate,
            beta1: step.beta1,
            beta2: step.beta2,
            eps: step.epsilon,
            weight_decay: step.weight_decay,
            step: step.steps,
        },
        f32::slice_mut(&mut value),
        f32::slice(&gradient),
        f32::slice_mut(&mut average),
        f32::slice_mut(&mut square_average),
    );
    [value, average, square_average]
}
