//! The window of a convolution or a pooling layer: its size, its step and what surrounds the image.

use burn::tensor::Tensor;
use burn::tensor::ops::PadMode;
use defrost_kernels::Padding;

/// The window of a convolution or a pooling layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowConfig {
    /// Its size in pixels, `[height, width]`.
    pub kernel: [usize; 2],
    /// Its step, `[height, width]`.
    pub stride: [usize; 2],
    /// The padding around the image.
    pub padding: PaddingRule,
}

/// How much is added around an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaddingRule {
    /// As many pixels on each side.
    Fixed(usize),
    /// TensorFlow's `SAME`: the output is the input over the stride, rounded up.
    Same,
    /// Nothing, but the last window may reach beyond the lower and right edge: PyTorch's `ceil_mode`.
    CeilMode,
}

impl WindowConfig {
    /// A square window padded so that stride 1 keeps the size, as PyTorch models do.
    pub fn centered(kernel: usize, stride: usize) -> Self {
        Self { kernel: [kernel; 2], stride: [stride; 2], padding: PaddingRule::Fixed(kernel / 2) }
    }

    /// A square window padded as TensorFlow does.
    pub fn same(kernel: usize, stride: usize) -> Self {
        Self { padding: PaddingRule::Same, ..Self::centered(kernel, stride) }
    }

    /// A window without padding.
    pub fn inside(kernel: usize, stride: usize) -> Self {
        Self { padding: PaddingRule::Fixed(0), ..Self::centered(kernel, stride) }
    }

    /// Windows side by side, without padding.
    pub fn tiles(size: usize) -> Self {
        Self::inside(size, size)
    }

    /// The size of what an image of this size becomes, `[height, width]`.
    pub fn output_size(&self, size: [usize; 2]) -> [usize; 2] {
        let Padding { top, bottom, left, right } = self.padding_for(size);
        let steps =
            |axis: usize, around: usize| (size[axis] + around - self.kernel[axis]) / self.stride[axis];
        [steps(0, top + bottom) + 1, steps(1, left + right) + 1]
    }

    /// The padding for an image of this size, `[height, width]`.
    pub fn padding_for(&self, size: [usize; 2]) -> Padding {
        match self.padding {
            PaddingRule::Fixed(pixels) => Padding::all(pixels),
            PaddingRule::Same => Padding::same(size, self.kernel, self.stride),
            PaddingRule::CeilMode => {
                let beyond = |axis: usize| {
                    let steps = size[axis].saturating_sub(self.kernel[axis]).div_ceil(self.stride[axis]);
                    (steps * self.stride[axis] + self.kernel[axis]).saturating_sub(size[axis])
                };
                Padding { bottom: beyond(0), right: beyond(1), ..Padding::default() }
            }
        }
    }
}

/// `[batch, height, width, channels]` with `value` around each image, in plain Burn.
pub(super) fn pad(input: Tensor<4>, window: WindowConfig, value: f32) -> Tensor<4> {
    let [_, height, width, _] = input.dims();
    let padding = window.padding_for([height, width]);
    match [padding.top, padding.bottom, padding.left, padding.right] {
        [0, 0, 0, 0] => input,
        [top, bottom, left, right] => {
            input.pad([(0, 0), (top, bottom), (left, right), (0, 0)], PadMode::Constant(value))
        }
    }
}
