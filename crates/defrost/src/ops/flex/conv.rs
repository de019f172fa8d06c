//! Convolution with bias, residual sum and nonlinearity, and its gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use burn::tensor::DType;
use defrost_kernels::{Buffer, ChannelStatistics, ConvShape, Epilogue, conv, elementwise};

use super::format::{Format, by_format, dims, tensor, whole, whole_f32};
use crate::ops::isa::isa;
use crate::ops::{ActivationFn, WindowConfig};

/// A convolution's arguments, ready for the kernels.
#[derive(Clone, Debug)]
pub struct Conv {
    pub shape: ConvShape,
    pub format: DType,
    input: FlexTensor,
    weight: FlexTensor,
}

impl Conv {
    pub fn new(input: FlexTensor, weight: FlexTensor, window: WindowConfig) -> Self {
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
    pub fn out_dims(&self) -> [usize; 4] {
        [self.shape.batch, self.shape.out_height(), self.shape.out_width(), self.shape.out_channels]
    }

    /// `f(conv(input, weight) + bias + residual)`
    pub fn forward(
        &self,
        bias: FlexTensor,
        residual: Option<FlexTensor>,
        nonlinearity: ActivationFn,
    ) -> FlexTensor {
        let residual = residual.map(|residual| whole(residual, self.format));
        by_format!(self.format, forward(self, &whole_f32(bias), residual.as_ref(), nonlinearity))
    }

    /// `conv(input, weight)` and its statistics.
    pub fn with_statistics(&self) -> (FlexTensor, ChannelStatistics) {
        by_format!(self.format, with_statistics(self))
    }

    /// What the gradients of the tracked ones among input and weight read.
    pub fn keep(self, input_tracked: bool, weight_tracked: bool) -> SavedConv {
        SavedConv {
            shape: self.shape,
            format: self.format,
            input: weight_tracked.then_some(self.input),
            weight: input_tracked.then_some(self.weight),
        }
    }
}

fn forward<T: Format>(
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

fn with_statistics<T: Format>(conv: &Conv) -> (FlexTensor, ChannelStatistics) {
    let (input, weight) = (T::slice(&conv.input), f32::slice(&conv.weight));
    let mut output: Buffer<T> = Buffer::new(conv.shape.output_len());
    let mut statistics = ChannelStatistics::new(conv.shape.out_channels);
    conv::conv2d_with_statistics(isa(), &conv.shape, input, weight, &mut output, &mut statistics);
    (tensor(output, conv.out_dims()), statistics)
}

/// A convolution waiting for its output's gradient.
#[derive(Clone, Debug)]
pub struct SavedConv {
    pub shape: ConvShape,
    pub format: DType,
    /// If the weight's gradient is wanted.
    input: Option<FlexTensor>,
    /// If the input's is.
    weight: Option<FlexTensor>,
}

impl SavedConv {
    /// The gradients of input and weight, where wanted, given the one of `conv(input, weight)`.
    pub fn backward(&self, grad_output: &FlexTensor) -> [Option<FlexTensor>; 2] {
        by_format!(self.format, conv_backward(self, grad_output))
    }
}

fn conv_backward<T: Format>(saved: &SavedConv, grad_output: &FlexTensor) -> [Option<FlexTensor>; 2] {
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

/// The operation on the gradient graph.
pub fn tracked<C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<Flex>>,
    weight: FloatTensor<Autodiff<Flex>>,
    bias: FloatTensor<Autodiff<Flex>>,
    residual: Option<FloatTensor<Autodiff<Flex>>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> FloatTensor<Autodiff<Flex>> {
    let tracks = [input.is_tracked(), weight.is_tracked()];
    let (input, input_node) = input.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (bias, bias_node) = bias.into_parts();
    let conv = Conv::new(input, weight, window);
    match residual.map(FloatTensor::<Autodiff<Flex>>::into_parts) {
        None => {
            let output = conv.forward(bias, None, nonlinearity);
            let parents = [input_node, weight_node, bias_node];
            finish::<3, C>(conv, tracks, output, nonlinearity, parents)
        }
        Some((residual, residual_node)) => {
            let output = conv.forward(bias, Some(residual), nonlinearity);
            let parents = [input_node, weight_node, bias_node, residual_node];
            finish::<4, C>(conv, tracks, output, nonlinearity, parents)
        }
    }
}

fn finish<const N: usize, C: CheckpointStrategy>(
    conv: Conv,
    [input_tracked, weight_tracked]: [bool; 2],
    output: FlexTensor,
    nonlinearity: ActivationFn,
    parents: [NodeGuard; N],
) -> FloatTensor<Autodiff<Flex>> {
    match ConvBackward.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::UnTracked(prepared) => prepared.finish(output),
        OpsKind::Tracked(prepared) => {
            let bent = nonlinearity != ActivationFn::Identity;
            let saved = Saved {
                conv: conv.keep(input_tracked, weight_tracked),
                nonlinearity,
                output: bent.then(|| output.clone()),
            };
            prepared.finish(saved, output)
        }
    }
}

#[derive(Clone, Debug)]
struct Saved {
    conv: SavedConv,
    nonlinearity: ActivationFn,
    /// Unless the nonlinearity's slope is 1 everywhere.
    output: Option<FlexTensor>,
}

/// Of input, weight, bias and, if there are four, residual.
#[derive(Debug)]
struct ConvBackward;

impl<const N: usize> Backward<Flex, N> for ConvBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let saved = ops.state;
        let grad_output = whole(grads.consume::<Flex>(&ops.node), saved.conv.format);
        let mut parents = ops.parents.into_iter();
        let mut next = || parents.next().flatten();
        let (input, weight, bias, residual) = (next(), next(), next(), next());

        let (grad_pre, grad_bias) = match (&saved.output, &bias) {
            (None, None) => (grad_output, None),
            _ => {
                let (grad_pre, grad_bias) = by_format!(saved.conv.format, before(&saved, grad_output));
                (grad_pre, Some(grad_bias))
            }
        };
        let [grad_input, grad_weight] = saved.conv.backward(&grad_pre);
        let gradients =
            [(input, grad_input), (weight, grad_weight), (bias, grad_bias), (residual, Some(grad_pre))];
        for (parent, gradient) in gradients {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// The gradients before the nonlinearity, and of the bias.
fn before<T: Format>(saved: &Saved, grad_output: FlexTensor) -> (FlexTensor, FlexTensor) {
    let channels = saved.conv.shape.out_channels;
    let gradient = T::slice(&grad_output);
    // The slope of the identity does not read the output.
    let output = saved.output.as_ref().map_or(gradient, T::slice);
    let (mut grad_pre, mut grad_bias) = (Buffer::new(gradient.len()), Buffer::new(channels));
    elementwise::activation_backward(
        isa(),
        saved.nonlinearity,
        output,
        gradient,
        &mut grad_pre,
        &mut grad_bias,
    );
    let out_dims: [usize; 4] = dims(&grad_output);
    (tensor(grad_pre, out_dims), tensor(grad_bias, [channels]))
}
