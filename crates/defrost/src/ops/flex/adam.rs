//! A step of Adam, in place wherever nobody else holds the tensor.

use burn::backend::flex::FlexTensor;
use burn::backend::ops::FloatTensorOps;
use burn::backend::{Flex, Scalar};
use defrost_kernels::adam;

use super::format::{Format, whole_f32};
use crate::ops::AdamStep;
use crate::ops::isa::isa;

/// New value, gradient average and average of squares.
pub fn step(
    value: FlexTensor,
    gradient: FlexTensor,
    average: FlexTensor,
    square_average: FlexTensor,
    step: &AdamStep,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let [mut value, mut gradient, mut average, mut square_average] =
        [value, gradient, average, square_average].map(whole_f32);
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
    (value, average, square_average)
}
