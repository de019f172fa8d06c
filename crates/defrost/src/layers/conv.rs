//! Convolution, convolution with its norm as one operation, and the norm alone.

use burn::module::{Module, Param};
use burn::nn::Initializer;
use burn::tensor::{Device, Tensor};

use super::BatchNorm;
use crate::graph::{Graph, Value};
use crate::ops::{self, ActivationFn, Affine, Conv2dOptions, WindowConfig};

/// The configuration of a convolution.
#[derive(Clone, Copy, Debug)]
pub struct Conv2dConfig {
    /// Channels in.
    pub in_channels: usize,
    /// Channels out.
    pub out_channels: usize,
    /// Channel groups; as many as channels make a depthwise convolution.
    pub groups: usize,
    /// Size, step and padding.
    pub window: WindowConfig,
    /// Whether a number per output channel is added.
    pub bias: bool,
}

impl Conv2dConfig {
    /// One group, no bias.
    pub fn new(in_channels: usize, out_channels: usize, window: WindowConfig) -> Self {
        Self { in_channels, out_channels, groups: 1, window, bias: false }
    }

    /// One filter per channel, no bias.
    pub fn depthwise(channels: usize, window: WindowConfig) -> Self {
        Self::new(channels, channels, window).grouped(channels)
    }

    /// The same in this many groups.
    pub fn grouped(self, groups: usize) -> Self {
        Self { groups, ..self }
    }

    /// The same with a bias.
    pub fn biased(self) -> Self {
        Self { bias: true, ..self }
    }

    /// New weights, Kaiming normal over the outputs as torchvision initialises its networks; bias 0.
    pub fn init(&self, device: &Device) -> Conv2d {
        let [height, width] = self.window.kernel;
        let shape = [self.out_channels, self.in_channels / self.groups, height, width];
        let fan_out = self.out_channels / self.groups * height * width;
        let normal = Initializer::KaimingNormal { gain: 2f64.sqrt(), fan_out_only: true };
        let bias = self.bias.then(|| Param::from_tensor(Tensor::zeros([self.out_channels], device)));
        Conv2d { weight: normal.init_with(shape, None, Some(fan_out), device), bias, window: self.window }
    }
}

/// A convolution.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[out_channels, in_channels / groups, kernel height, kernel width]`
    pub weight: Param<Tensor<4>>,
    /// `[out_channels]`
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    window: WindowConfig,
}

impl Conv2d {
    /// `f(conv(input) + bias)`: `[batch, height, width, in_channels]` to `[batch, out height, out width,
    /// out_channels]`.
    pub fn forward(&self, input: Tensor<4>, nonlinearity: ActivationFn) -> Tensor<4> {
        let weight = self.weight.val();
        let bias = match &self.bias {
            Some(bias) => bias.val(),
            None => Tensor::zeros([weight.dims()[0]], &input.device()),
        };
        let options = Conv2dOptions { nonlinearity, ..Conv2dOptions::new(self.window) };
        ops::conv2d(input, weight, bias, options)
    }

    /// The same in a graph, over an image with channels first.
    pub fn export(&self, graph: &mut Graph, x: Value, nonlinearity: ActivationFn) -> Value {
        let weight = graph.parameter(&self.weight);
        let bias = self.bias.as_ref().map(|bias| graph.parameter(bias));
        let y = graph.conv(x, weight, bias, self.window);
        graph.activation(y, nonlinearity)
    }
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
    nonlinearity: ActivationFn,
) -> Tensor<4> {
    let bias = conv.bias.as_ref().map(Param::val);
    let options = Conv2dOptions { window: conv.window, residual, nonlinearity };
    normalised(input, conv.weight.val(), bias, norm, options)
}

/// [`conv_norm`] in a graph, over images with channels first. The norm is folded into weight and bias.
pub fn export_conv_norm(
    conv: &Conv2d,
    norm: &BatchNorm,
    graph: &mut Graph,
    x: Value,
    residual: Option<Value>,
    nonlinearity: ActivationFn,
) -> Value {
    let (scale, shift) = norm.folded();
    let shift = match &conv.bias {
        Some(bias) => shift + bias.val() * scale.clone(),
        None => shift,
    };
    let (name, bias) = (graph.name_of(&conv.weight), graph.name_of(&norm.bias));
    let weight = graph.tensor(&name, ops::scale_filters(conv.weight.val(), scale));
    let bias = graph.tensor(&bias, shift);
    let mut y = graph.conv(x, weight, Some(bias), conv.window);
    if let Some(residual) = residual {
        y = graph.node("Add", &[y, residual]);
    }
    graph.activation(y, nonlinearity)
}

/// `f(norm(input))`: `[batch, height, width, channels]`, the same shape. It is a depthwise convolution of ones
/// with a window of one, which has the kernels already.
pub fn norm_alone(norm: &BatchNorm, input: Tensor<4>, nonlinearity: ActivationFn) -> Tensor<4> {
    let scale = norm.weight.val();
    let ones = Tensor::ones([scale.dims()[0], 1, 1, 1], &scale.device());
    let options = Conv2dOptions { nonlinearity, ..Conv2dOptions::new(WindowConfig::centered(1, 1)) };
    normalised(input, ones, None, norm, options)
}

fn normalised(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Option<Tensor<1>>,
    norm: &BatchNorm,
    options: Conv2dOptions,
) -> Tensor<4> {
    if !norm.uses_batch_statistics() {
        let (scale, shift) = norm.folded();
        let weight = ops::scale_filters(weight, scale.clone());
        let shift = match bias {
            Some(bias) => shift + bias * scale,
            None => shift,
        };
        return ops::conv2d(input, weight, shift, options);
    }
    let affine = Affine { scale: norm.weight.val(), shift: norm.bias.val(), epsilon: norm.epsilon };
    let normed = ops::conv2d_batch_norm(input, weight, affine, options);
    let [batch, height, width, _] = normed.output.dims();
    // The norm takes a bias out again: it moves the running mean and nothing else.
    let mean = match bias {
        Some(bias) => normed.mean.without_autodiff() + bias.without_autodiff(),
        None => normed.mean,
    };
    norm.follow(mean, normed.variance, batch * height * width);
    normed.output
}
