//! The gradient of the weight.

use super::kernel::Microkernel;
use super::reference;
use crate::{ConvShape, Element};

/// See [`conv2d_backward_weight`](super::conv2d_backward_weight).
pub(super) fn gradient<K: Microkernel, T: Element>(
    _kernel: K,
    shape: &ConvShape,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) {
    reference::conv2d_backward_weight(shape, input, grad_output, grad_weight);
}
