//! The functions between layers.

/// What follows a convolution (and its norm and residual sum), fused into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ActivationFn {
    /// Nothing.
    Identity,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
}

impl ActivationFn {
    /// The function's value at `x`; NaN stays NaN.
    #[inline(always)]
    pub fn apply(self, x: f32) -> f32 {
        let (lowest, highest) = self.range();
        let x = if x < lowest { lowest } else { x };
        if x > highest { highest } else { x }
    }

    /// The values it can take: between them, it changes nothing.
    #[inline(always)]
    pub(crate) fn range(self) -> (f32, f32) {
        match self {
            Self::Identity => (f32::NEG_INFINITY, f32::INFINITY),
            Self::Relu => (0.0, f32::INFINITY),
            Self::Relu6 => (0.0, 6.0),
        }
    }

    /// The slope, told from the function's **value** `y`: what lets a fused operation keep only its
    /// output for the backward pass. At the kinks it is 0, as in PyTorch.
    pub fn slope_at_output(self, y: f32) -> f32 {
        let passes = match self {
            Self::Identity => true,
            Self::Relu => y > 0.0,
            Self::Relu6 => y > 0.0 && y < 6.0,
        };
        if passes { 1.0 } else { 0.0 }
    }
}
