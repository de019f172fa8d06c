//! The geometry of a convolution or a pooling window.

/// Zero rows and columns around an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Padding {
    /// Rows above.
    pub top: usize,
    /// Rows below.
    pub bottom: usize,
    /// Columns to the left.
    pub left: usize,
    /// Columns to the right.
    pub right: usize,
}

impl Padding {
    /// The same on all four sides, as PyTorch pads.
    pub fn all(pixels: usize) -> Self {
        Self { top: pixels, bottom: pixels, left: pixels, right: pixels }
    }

    /// TensorFlow's `SAME`: the output is `ceil(input / stride)` and an odd pixel goes below and to
    /// the right, which is asymmetric for stride 2. `size`, `kernel` and `stride` are `[height, width]`.
    pub fn same(size: [usize; 2], kernel: [usize; 2], stride: [usize; 2]) -> Self {
        let total = |axis: usize| {
            let output = size[axis].div_ceil(stride[axis]);
            ((output.max(1) - 1) * stride[axis] + kernel[axis]).saturating_sub(size[axis])
        };
        let (rows, columns) = (total(0), total(1));
        Self { top: rows / 2, bottom: rows - rows / 2, left: columns / 2, right: columns - columns / 2 }
    }
}

/// A two-dimensional convolution's geometry.
///
/// # Shapes
///
/// - input `[batch, height, width, in_channels]`
/// - weight `[out_channels, in_channels / groups, kernel[0], kernel[1]]`, PyTorch's order
/// - output `[batch, out_height, out_width, out_channels]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvShape {
    /// Images in the batch.
    pub batch: usize,
    /// Input rows.
    pub height: usize,
    /// Input columns.
    pub width: usize,
    /// Input channels, a multiple of `groups`.
    pub in_channels: usize,
    /// Output channels, a multiple of `groups`.
    pub out_channels: usize,
    /// Window size, `[height, width]`.
    pub kernel: [usize; 2],
    /// Step of the window, `[height, width]`.
    pub stride: [usize; 2],
    /// Zeros around the input.
    pub padding: Padding,
    /// Channel groups; `in_channels` of them make a depthwise convolution.
    pub groups: usize,
}

impl ConvShape {
    /// Output rows.
    pub fn out_height(&self) -> usize {
        (self.height + self.padding.top + self.padding.bottom - self.kernel[0]) / self.stride[0] + 1
    }

    /// Output columns.
    pub fn out_width(&self) -> usize {
        (self.width + self.padding.left + self.padding.right - self.kernel[1]) / self.stride[1] + 1
    }

    /// Elements of the input.
    pub fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.in_channels
    }

    /// Elements of the weight.
    pub fn weight_len(&self) -> usize {
        self.out_channels * (self.in_channels / self.groups) * self.kernel[0] * self.kernel[1]
    }

    /// Elements of the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height() * self.out_width() * self.out_channels
    }

    /// One filter per channel, as in MobileNets.
    pub fn is_depthwise(&self) -> bool {
        self.groups == self.in_channels && self.in_channels == self.out_channels && self.groups > 1
    }

    /// Multiplications and additions of one forward pass.
    pub fn flops(&self) -> u64 {
        2 * self.output_len() as u64 * (self.weight_len() / self.out_channels) as u64
    }
}
