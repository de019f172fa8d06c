//! Convolution, norm over the batch's statistics, residual sum and nonlinearity, and their gradients.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex};
use defrost_kernels::norm::{self, BatchNorm, BatchNormGradients};
use defrost_kernels::{Buffer, ChannelStatistics};

use super::conv::{Conv, SavedConv};
use super::format::{Format, by_format, dims, tensor, whole, whole_f32};
use crate::ops::isa::isa;
use crate::ops::{ActivationFn, WindowConfig};

/// A norm's arguments, ready for the kernels.
#[derive(Clone, Debug)]
pub struct Norm {
    /// What is normalised, `[batch, height, width, channels]`.
    input: FlexTensor,
    statistics: ChannelStatistics,
    scale: FlexTensor,
    shift: FlexTensor,
    epsilon: f64,
    nonlinearity: ActivationFn,
}

impl Norm {
    /// Normalises a convolution's output by its statistics; gives `f(norm(input) + residual)` too.
    pub fn forward(
        (input, statistics): (FlexTensor, ChannelStatistics),
        [scale, shift]: [FlexTensor; 2],
        residual: Option<FlexTensor>,
        epsilon: f64,
        nonlinearity: ActivationFn,
    ) -> (Self, FlexTensor) {
        let residual = residual.map(|residual| whole(residual, input.dtype()));
        let (scale, shift) = (whole_f32(scale), whole_f32(shift));
        let norm = Self { input, statistics, scale, shift, epsilon, nonlinearity };
        let output = by_format!(norm.input.dtype(), forward(&norm, residual.as_ref()));
        (norm, output)
    }

    /// Mean and biased variance, `[channels]` each.
    pub fn statistics(&self) -> [FlexTensor; 2] {
        let ChannelStatistics { mean, variance } = &self.statistics;
        [mean, variance].map(|values| tensor(Buffer::copy_of(values), [values.len()]))
    }

    fn kernel(&self) -> BatchNorm<'_> {
        BatchNorm {
            statistics: &self.statistics,
            gamma: f32::slice(&self.scale),
            beta: f32::slice(&self.shift),
            eps: self.epsilon as f32,
            activation: self.nonlinearity,
        }
    }
}

fn forward<T: Format>(norm: &Norm, residual: Option<&FlexTensor>) -> FlexTensor {
    let input = T::slice(&norm.input);
    let mut output = Buffer::new(input.len());
    norm::batch_norm_forward(isa(), &norm.kernel(), input, residual.map(T::slice), &mut output);
    tensor(output, dims::<4>(&norm.input))
}

/// The operation on the gradient graph: output, mean, biased variance.
#[expect(clippy::type_complexity, reason = "three tensors")]
pub fn tracked<C: CheckpointStrategy>(
    input: FloatTensor<Autodiff<Flex>>,
    weight: FloatTensor<Autodiff<Flex>>,
    [scale, shift]: [FloatTensor<Autodiff<Flex>>; 2],
    residual: Option<FloatTensor<Autodiff<Flex>>>,
    epsilon: f64,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> (FloatTensor<Autodiff<Flex>>, FloatTensor<Autodiff<Flex>>, FloatTensor<Autodiff<Flex>>) {
    let tracks = [input.is_tracked(), weight.is_tracked()];
    let (input, input_node) = input.into_parts();
    let (weight, weight_node) = weight.into_parts();
    let (scale, scale_node) = scale.into_parts();
    let (shift, shift_node) = shift.into_parts();
    let conv = Conv::new(input, weight, window);
    let (residual, residual_node) = residual.map(FloatTensor::<Autodiff<Flex>>::into_parts).unzip();
    let (norm, output) =
        Norm::forward(conv.with_statistics(), [scale, shift], residual, epsilon, nonlinearity);
    let statistics = norm.statistics().map(FloatTensor::<Autodiff<Flex>>::new);
    let output = match residual_node {
        None => finish::<4, C>(conv, tracks, norm, output, [input_node, weight_node, scale_node, shift_node]),
        Some(residual_node) => {
            let parents = [input_node, weight_node, scale_node, shift_node, residual_node];
            finish::<WITH_RESIDUAL, C>(conv, tracks, norm, output, parents)
        }
    };
    let [mean, variance] = statistics;
    (output, mean, variance)
}

/// Parents of a sum: input, weight, scale, shift and residual.
const WITH_RESIDUAL: usize = 5;

fn finish<const N: usize, C: CheckpointStrategy>(
    conv: Conv,
    [input_tracked, weight_tracked]: [bool; 2],
    norm: Norm,
    output: FlexTensor,
    parents: [NodeGuard; N],
) -> FloatTensor<Autodiff<Flex>> {
    match ConvNormBackward.prepare::<C>(parents).compute_bound().stateful() {
        OpsKind::UnTracked(prepared) => prepared.finish(output),
        OpsKind::Tracked(prepared) => {
            let saved = Saved {
                conv: conv.keep(input_tracked, weight_tracked),
                norm,
                output: (N == WITH_RESIDUAL).then(|| output.clone()),
            };
            prepared.finish(saved, output)
        }
    }
}

#[derive(Clone, Debug)]
struct Saved {
    conv: SavedConv,
    norm: Norm,
    /// If a residual is part of it; else the nonlinearity's slope follows from the norm's input.
    output: Option<FlexTensor>,
}

/// Of input, weight, scale, shift and, if there are five, residual.
#[derive(Debug)]
struct ConvNormBackward;

impl<const N: usize> Backward<Flex, N> for ConvNormBackward {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let saved = ops.state;
        let grad_output = whole(grads.consume::<Flex>(&ops.node), saved.conv.format);
        let mut parents = ops.parents.into_iter();
        let mut next = || parents.next().flatten();
        let (input, weight, scale, shift, residual) = (next(), next(), next(), next(), next());

        let before = by_format!(saved.conv.format, norm_backward(&saved, &grad_output, residual.is_some()));
        let [grad_input, grad_weight] = saved.conv.backward(&before.input);
        let gradients = [
            (input, grad_input),
            (weight, grad_weight),
            (scale, Some(before.scale)),
            (shift, Some(before.shift)),
            (residual, before.residual),
        ];
        for (parent, gradient) in gradients {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// A norm's gradients.
struct NormGradients {
    input: FlexTensor,
    scale: FlexTensor,
    shift: FlexTensor,
    residual: Option<FlexTensor>,
}

fn norm_backward<T: Format>(saved: &Saved, grad_output: &FlexTensor, has_residual: bool) -> NormGradients {
    let input = T::slice(&saved.norm.input);
    let channels = saved.conv.shape.out_channels;
    let (mut grad_input, mut grad_scale, mut grad_shift) =
        (Buffer::new(input.len()), Buffer::new(channels), Buffer::new(channels));
    let mut grad_residual: Option<Buffer<T>> = has_residual.then(|| Buffer::new(input.len()));
    norm::batch_norm_backward(
        isa(),
        &saved.norm.kernel(),
        input,
        saved.output.as_ref().map(T::slice),
        T::slice(grad_output),
        BatchNormGradients {
            x: &mut grad_input,
            residual: grad_residual.as_deref_mut(),
            gamma: &mut grad_scale,
            beta: &mut grad_shift,
        },
    );
    let out_dims: [usize; 4] = dims(grad_output);
    NormGradients {
        input: tensor(grad_input, out_dims),
        scale: tensor(grad_scale, [channels]),
        shift: tensor(grad_shift, [channels]),
        residual: grad_residual.map(|gradient| tensor(gradient, out_dims)),
    }
}
