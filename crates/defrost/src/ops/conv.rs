//! Convolution with bias, residual sum and nonlinearity as one operation.

use burn::backend::flex::FlexTensor;
use burn::tensor::activation::relu;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{DType, Tensor, module};
use defrost_kernels::{ActivationFn, Buffer, ChannelStatistics, ConvShape, Epilogue, conv, elementwise};

use super::flex::{self, Format, Forward, Operation, by_format, dims, tensor, whole, whole_f32};
use super::isa::isa;
use super::window::{WindowConfig, pad};
use super::{count, format};

/// How a convolution moves over its image, and what follows it.
#[derive(Clone, Debug)]
pub struct Conv2dOptions {
    /// Size, step and padding.
    pub window: WindowConfig,
    /// Added to the output before the nonlinearity, `[batch, out height, out width, out_channels]`.
    pub residual: Option<Tensor<4>>,
    /// The activation function at the end.
    pub nonlinearity: ActivationFn,
}

impl Conv2dOptions {
    /// Nothing follows.
    pub fn new(window: WindowConfig) -> Self {
        Self { window, residual: None, nonlinearity: ActivationFn::Identity }
    }
}

/// A convolution followed by bias, residual sum and nonlinearity:
/// `f(conv(input, weight) + bias + residual)`.
///
/// # Shapes
///
/// - `input` `[batch, height, width, in_channels]`, f32 or bf16
/// - `weight` `[out_channels, in_channels / groups, kernel height, kernel width]`, f32
/// - `bias` `[out_channels]`, f32
/// - residual and output `[batch, out height, out width, out_channels]`, as the input's format
pub fn conv2d(input: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, options: Conv2dOptions) -> Tensor<4> {
    if let Some(output) = count::conv2d(&input, &weight, options.window) {
        return output;
    }
    if !flex::takes(&input) {
        return plain(input, weight, bias, options);
    }
    let Conv2dOptions { window, residual, nonlinearity } = options;
    let operation = FusedConv { window, nonlinearity };
    let [input, weight] = [input, weight].map(Tensor::into_dispatch);
    match residual {
        None => flex::apply(operation, [input, weight, bias.into_dispatch()]),
        Some(residual) => {
            flex::apply(operation, [input, weight, bias.into_dispatch(), residual.into_dispatch()])
        }
    }
}

/// [`conv2d`] in plain Burn.
pub fn plain(input: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, options: Conv2dOptions) -> Tensor<4> {
    let format = input.dtype();
    let output = plain_convolution(input, weight, options.window) + bias.reshape([1, 1, 1, -1]);
    plain_finish(output, options, format)
}

/// The convolution alone in plain Burn, in f32.
pub(super) fn plain_convolution(input: Tensor<4>, weight: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    let groups = input.dims()[3] / weight.dims()[1];
    let padded = pad(format::plain_f32(input), window, 0.0);
    let options = ConvOptions::new(window.stride, [0, 0], [1, 1], groups);
    module::conv2d(padded.permute([0, 3, 1, 2]), weight, None, options).permute([0, 2, 3, 1])
}

/// The following operations in plain Burn.
pub(super) fn plain_finish(output: Tensor<4>, options: Conv2dOptions, format: DType) -> Tensor<4> {
    let output = match options.residual {
        Some(residual) => output + format::plain_f32(residual),
        None => output,
    };
    let output = match options.nonlinearity {
        ActivationFn::Identity => output,
        ActivationFn::Relu => relu(output),
        ActivationFn::Relu6 => output.clamp(0.0, 6.0),
    };
    format::plain(output, format)
}

/// Of input, weight, bias and, if there are four, residual.
struct FusedConv {
    window: WindowConfig,
    nonlinearity: ActivationFn,
}

impl Operation<3> for FusedConv {
    type Saved = Saved;

    fn forward(self, [input, weight, bias]: [FlexTensor; 3], tracked: [bool; 3]) -> Forward<Saved> {
        let [input_tracked, weight_tracked, _] = tracked;
        self.forward([input, weight], bias, None, [input_tracked, weight_tracked])
    }

    fn backward(saved: Saved, grad_output: FlexTensor, tracked: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [input, weight, bias, _] = saved.gradients(grad_output, tracked[2]);
        [input, weight, bias]
    }
}

impl Operation<4> for FusedConv {
    type Saved = Saved;

    fn forward(self, [input, weight, bias, residual]: [FlexTensor; 4], tracked: [bool; 4]) -> Forward<Saved> {
        let [input_tracked, weight_tracked, ..] = tracked;
        self.forward([input, weight], bias, Some(residual), [input_tracked, weight_tracked])
    }

    fn backward(saved: Saved, grad_output: FlexTensor, tracked: [bool; 4]) -> [Option<FlexTensor>; 4] {
        saved.gradients(grad_output, tracked[2])
    }
}

impl FusedConv {
    fn forward(
        self,
        [input, weight]: [FlexTensor; 2],
        bias: FlexTensor,
        residual: Option<FlexTensor>,
        tracked: [bool; 2],
    ) -> Forward<Saved> {
        let Self { window, nonlinearity } = self;
        let conv = Conv::new(input, weight, window);
        let residual = residual.map(|residual| whole(residual, conv.format));
        let bias = whole_f32(bias);
        let output = by_format!(conv.format, value(&conv, &bias, residual.as_ref(), nonlinearity));
        let bent = nonlinearity != ActivationFn::Identity;
        let saved = Saved { conv: conv.keep(tracked), nonlinearity, output: bent.then(|| output.clone()) };
        Forward::new(output, saved)
    }
}

fn value<T: Format>(
    conv: &Conv,
    bias: &FlexTensor,
    residual: Option<&FlexTensor>,
    activation: ActivationFn,
) -> FlexTensor {
    let (input, weight) = (T::slice(&conv.input), f32::slice(&conv.weight));
    let epilogue = Epilogue { bias: Some(f32::slice(bias)), residual: residual.map(T::slice), activation };
    let mut output = Buffer::new(conv.shape.output_len());
    conv::conv2d(isa(), &conv.shape, input, weight, epilogue, &mut output);
    tensor(output, conv.out_dims())
}

#[derive(Clone, Debug)]
struct Saved {
    conv: SavedConv,
    nonlinearity: ActivationFn,
    /// Unless the nonlinearity's slope is 1 everywhere.
    output: Option<FlexTensor>,
}

impl Saved {
    /// Of input, weight, bias and residual.
    fn gradients(&self, grad_output: FlexTensor, bias_tracked: bool) -> [Option<FlexTensor>; 4] {
        let format = self.conv.format;
        let grad_output = whole(grad_output, format);
        let (grad_pre, grad_bias) = if self.output.is_none() && !bias_tracked {
            (grad_output, None)
        } else {
            let (grad_pre, grad_bias) = by_format!(format, before_nonlinearity(self, &grad_output));
            (grad_pre, Some(grad_bias))
        };
        let [grad_input, grad_weight] = self.conv.backward(&grad_pre);
        [grad_input, grad_weight, grad_bias, Some(grad_pre)]
    }
}

/// The gradients before the nonlinearity, and of the bias.
fn before_nonlinearity<T: Format>(saved: &Saved, grad_output: &FlexTensor) -> (FlexTensor, FlexTensor) {
    let channels = saved.conv.shape.out_channels;
    let gradient = T::slice(grad_output);
    // The slope of the identity does not read the output.
    let output = saved.output.as_ref().map_or(gradient, T::slice);
    let mut grad_pre: Buffer<T> = Buffer::new(gradient.len());
    let mut grad_bias = Buffer::new(channels);
    elementwise::activation_backward(
        isa(),
        saved.nonlinearity,
        output,
        gradient,
        &mut grad_pre,
        &mut grad_bias,
    );
    (tensor(grad_pre, dims::<4>(grad_output)), tensor(grad_bias, [channels]))
}

/// A convolution's arguments, ready for the kernels.
pub(super) struct Conv {
    shape: ConvShape,
    pub format: DType,
    input: FlexTensor,
    weight: FlexTensor,
}

impl Conv {
    pub(super) fn new(input: FlexTensor, weight: FlexTensor, window: WindowConfig) -> Self {
        let format = input.dtype();
        let [batch, height, width, in_channels] = dims(&input);
        let [out_channels, group_channels, kernel_height, kernel_width] = dims(&weight);
        let shape = ConvShape {
            batch,
            height,
            width,
            in_channels,
            out_channels,
            kernel: [kernel_height, kernel_width],
            stride: window.stride,
            padding: window.padding_for([height, width]),
            groups: in_channels / group_channels,
        };
        Self { shape, format, input: whole(input, format), weight: whole_f32(weight) }
    }

    /// The output's dimensions.
    fn out_dims(&self) -> [usize; 4] {
        [self.shape.batch, self.shape.out_height(), self.shape.out_width(), self.shape.out_channels]
    }

    /// `conv(input, weight)` and its statistics.
    pub(super) fn with_statistics(&self) -> (FlexTensor, ChannelStatistics) {
        by_format!(self.format, with_statistics(self))
    }

    /// What the gradients of the tracked ones among input and weight read.
    pub(super) fn keep(self, [input_tracked, weight_tracked]: [bool; 2]) -> SavedConv {
        SavedConv {
            shape: self.shape,
            format: self.format,
            input: weight_tracked.then_some(self.input),
            weight: input_tracked.then_some(self.weight),
        }
    }
}

fn with_statistics<T: Format>(conv: &Conv) -> (FlexTensor, ChannelStatistics) {
    let (input, weight) = (T::slice(&conv.input), f32::slice(&conv.weight));
    let mut output: Buffer<T> = Buffer::new(conv.shape.output_len());
    let mut statistics = ChannelStatistics::new(conv.shape.out_channels);
    conv::conv2d_with_statistics(isa(), &conv.shape, input, weight, &mut output, &mut statistics);
    (tensor(output, conv.out_dims()), statistics)
}

/// A convolution waiting for its output's gradient.
#[derive(Clone, Debug)]
pub(super) struct SavedConv {
    pub shape: ConvShape,
    pub format: DType,
    /// If the weight's gradient is wanted.
    input: Option<FlexTensor>,
    /// If the input's is.
    weight: Option<FlexTensor>,
}

impl SavedConv {
    /// The gradients of input and weight, where wanted, given the one of `conv(input, weight)`.
    pub(super) fn backward(&self, grad_output: &FlexTensor) -> [Option<FlexTensor>; 2] {
        by_format!(self.format, gradients(self, grad_output))
    }
}

fn gradients<T: Format>(saved: &SavedConv, grad_output: &FlexTensor) -> [Option<FlexTensor>; 2] {
    let shape = &saved.shape;
    let grad_output = T::slice(grad_output);
    let grad_input = saved.weight.as_ref().map(|weight| {
        let mut grad_input: Buffer<T> = Buffer::new(shape.input_len());
        conv::conv2d_backward_input(isa(), shape, grad_output, f32::slice(weight), &mut grad_input);
        tensor(grad_input, [shape.batch, shape.height, shape.width, shape.in_channels])
    });
    let grad_weight = saved.input.as_ref().map(|input| {
        let mut grad_weight = Buffer::new(shape.weight_len());
        conv::conv2d_backward_weight(isa(), shape, T::slice(input), grad_output, &mut grad_weight);
        let [rows, columns] = shape.kernel;
        tensor(grad_weight, [shape.out_channels, shape.in_channels / shape.groups, rows, columns])
    });
    [grad_input, grad_weight]
}
