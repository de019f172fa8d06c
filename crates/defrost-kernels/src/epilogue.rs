//! The operations after a convolution's sums, in the same pass over memory.

use crate::ActivationFn;

/// What the forward pass adds while it writes: `y = activation(conv(x, w) + bias + residual)`.
#[derive(Clone, Copy, Debug)]
pub struct Epilogue<'a, T> {
    /// One addend per output channel.
    pub bias: Option<&'a [f32]>,
    /// One addend per output element.
    pub residual: Option<&'a [T]>,
    /// The activation function after the sum.
    pub activation: ActivationFn,
}

impl<T> Epilogue<'_, T> {
    /// The bare convolution.
    pub const NONE: Self = Self { bias: None, residual: None, activation: ActivationFn::Identity };
}
