//! Convolution, and convolution with its norm as one operation.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::BatchNorm;
use crate::ops::{self, Affine, Nonlinearity, Window};

/// What a convolution is made with.
#[derive(Clone, Copy, Debug)]
pub struct Conv2dConfig {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Channel groups; as many as channels make a depthwise convolution.
    pub groups: usize,
    /// Size, step and padding.
    pub window: Window,
}

impl Conv2dConfig {
    /// One group.
    pub fn new(in_channels: usize, out_channels: usize, window: Window) -> Self {
        Self { in_channels, out_channels, groups: 1, window }
    }

    /// One filter per channel.
    pub fn depthwise(channels: usize, window: Window) -> Self {
        Self { in_channels: channels, out_channels: channels, groups: channels, window }
    }

    /// New weights, Kaiming normal over the outputs as torchvision initialises its networks.
    pub fn init(&self, device: &Device) -> Conv2d {
        let [height, width] = self.window.kernel;
        let shape = [self.out_channels, self.in_channels / self.groups, height, width];
        let fan_out = self.out_channels / self.groups * height * width;
        let normal = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: true };
        Conv2d { weight: normal.init_with(shape, None, Some(fan_out), device), window: self.window }
    }
}

/// A convolution without bias.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out_channels, in_channels / groups, kernel height, kernel width]`
    pub weight: Param<Tensor<4>>,
    #[module(skip)]
    window: Window,
}

/// `f(norm(conv(input)) + residual)`: `[batch, height, width, in_channels]` to
/// `[batch, out height, out width, out_channels]`.
///
/// A norm over running statistics is folded into the weights, which gradients pass through: with the
/// statistics kept, training costs no more than a convolution with a bias.
pub fn conv_norm(
    conv: &Conv2d,
    norm: &BatchNorm,
    input: Tensor<4>,
    residual: Option<Tensor<4>>,
    nonlinearity: Nonlinearity,
) -> Tensor<4> {
    if !norm.uses_batch_statistics() {
        let (scale, shift) = norm.folded();
        let weight = ops::scale_filters(conv.weight.val(), scale);
        return ops::conv2d(input, weight, shift, residual, conv.window, nonlinearity);
    }
    let affine = Affine { scale: norm.weight.val(), shift: norm.bias.val(), epsilon: norm.epsilon };
    let normed =
        ops::conv2d_batch_norm(input, conv.weight.val(), affine, residual, conv.window, nonlinearity);
    let [batch, height, width, _] = normed.output.dims();
    norm.follow(normed.mean, normed.variance, batch * height * width);
    normed.output
}
