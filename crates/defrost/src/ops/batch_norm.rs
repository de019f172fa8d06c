//! Convolution, norm over the batch's statistics, residual sum and nonlinearity as one operation.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;
use defrost_kernels::norm::{self, BatchNorm, BatchNormGradients};
use defrost_kernels::{ActivationFn, Buffer, ChannelStatistics};

use super::conv::{Conv, Conv2dOptions, SavedConv, plain_convolution, plain_finish};
use super::flex::{self, Format, Forward, Operation, by_format, dims, tensor, whole, whole_f32};
use super::isa::isa;
use super::window::WindowConfig;

/// A norm's scale and shift, `[channels]` each.
pub struct Affine {
    /// Multiplied with the normalised value.
    pub scale: Tensor<1>,
    /// Added to it.
    pub shift: Tensor<1>,
    /// Added to the variance.
    pub epsilon: f64,
}

/// The result of [`conv2d_batch_norm`].
pub struct BatchNormed {
    /// `[batch, out height, out width, out_channels]`
    pub output: Tensor<4>,
    /// The convolution's mean per channel over the batch, `[out_channels]`, without gradient.
    pub mean: Tensor<1>,
    /// Its biased variance, `[out_channels]`, without gradient.
    pub variance: Tensor<1>,
}

/// A convolution followed by a norm over the batch's statistics, residual sum and nonlinearity.
///
/// # Shapes
///
/// As [`conv2d`](super::conv2d).
pub fn conv2d_batch_norm(
    input: Tensor<4>,
    weight: Tensor<4>,
    affine: Affine,
    options: Conv2dOptions,
) -> BatchNormed {
    if !flex::takes(&input) {
        return plain(input, weight, affine, options);
    }
    let Conv2dOptions { window, residual, nonlinearity } = options;
    let operation = FusedNorm { window, epsilon: affine.epsilon, nonlinearity };
    let [input, weight] = [input, weight].map(Tensor::into_dispatch);
    let [scale, shift] = [affine.scale, affine.shift].map(Tensor::into_dispatch);
    let [output, mean, variance] = match residual {
        None => flex::apply_with_constants(operation, [input, weight, scale, shift]),
        Some(residual) => {
            flex::apply_with_constants(operation, [input, weight, scale, shift, residual.into_dispatch()])
        }
    };
    BatchNormed {
        output: Tensor::from_dispatch(output),
        mean: Tensor::from_dispatch(mean),
        variance: Tensor::from_dispatch(variance),
    }
}

/// [`conv2d_batch_norm`] in plain Burn.
pub fn plain(input: Tensor<4>, weight: Tensor<4>, affine: Affine, options: Conv2dOptions) -> BatchNormed {
    let format = input.dtype();
    let output = plain_convolution(input, weight, options.window);
    let channels = output.dims()[3];
    let over_pixels =
        |tensor: Tensor<4>| tensor.reshape([-1, channels as i32]).mean_dim(0).reshape([1, 1, 1, channels]);
    let mean = over_pixels(output.clone());
    let centred = output - mean.clone();
    let variance = over_pixels(centred.clone().square());
    let scale = affine.scale.reshape([1, 1, 1, channels]) / (variance.clone() + affine.epsilon).sqrt();
    let normed = centred * scale + affine.shift.reshape([1, 1, 1, channels]);
    BatchNormed {
        output: plain_finish(normed, options, format),
        mean: mean.reshape([channels]).detach(),
        variance: variance.reshape([channels]).detach(),
    }
}

/// Of input, weight, scale, shift and, if there are five, residual. Mean and variance are its constants.
struct FusedNorm {
    window: WindowConfig,
    epsilon: f64,
    nonlinearity: ActivationFn,
}

impl Operation<4> for FusedNorm {
    type Saved = Saved;

    fn forward(self, [input, weight, scale, shift]: [FlexTensor; 4], tracked: [bool; 4]) -> Forward<Saved> {
        let [input_tracked, weight_tracked, ..] = tracked;
        self.forward([input, weight], [scale, shift], None, [input_tracked, weight_tracked])
    }

    fn backward(saved: Saved, grad_output: FlexTensor, _: [bool; 4]) -> [Option<FlexTensor>; 4] {
        let [input, weight, scale, shift, _] = saved.gradients(grad_output, false);
        [input, weight, scale, shift]
    }
}

impl Operation<5> for FusedNorm {
    type Saved = Saved;

    fn forward(
        self,
        [input, weight, scale, shift, residual]: [FlexTensor; 5],
        tracked: [bool; 5],
    ) -> Forward<Saved> {
        let [input_tracked, weight_tracked, ..] = tracked;
        self.forward([input, weight], [scale, shift], Some(residual), [input_tracked, weight_tracked])
    }

    fn backward(saved: Saved, grad_output: FlexTensor, tracked: [bool; 5]) -> [Option<FlexTensor>; 5] {
        saved.gradients(grad_output, tracked[4])
    }
}

impl FusedNorm {
    fn forward(
        self,
        [input, weight]: [FlexTensor; 2],
        affine: [FlexTensor; 2],
        residual: Option<FlexTensor>,
        tracked: [bool; 2],
    ) -> Forward<Saved> {
        let Self { window, epsilon, nonlinearity } = self;
        let conv = Conv::new(input, weight, window);
        let (input, statistics) = conv.with_statistics();
        let [scale, shift] = affine.map(whole_f32);
        let norm = Norm { input, statistics, scale, shift, epsilon, nonlinearity };
        let residual = residual.map(|residual| whole(residual, conv.format));
        let output = by_format!(conv.format, value(&norm, residual.as_ref()));
        let constants = norm.statistics().into();
        let saved =
            Saved { conv: conv.keep(tracked), norm, output: residual.is_some().then(|| output.clone()) };
        Forward { output, constants, saved }
    }
}

/// A norm's arguments, ready for the kernels.
#[derive(Clone, Debug)]
struct Norm {
    /// The input, `[batch, height, width, channels]`.
    input: FlexTensor,
    statistics: ChannelStatistics,
    scale: FlexTensor,
    shift: FlexTensor,
    epsilon: f64,
    nonlinearity: ActivationFn,
}

impl Norm {
    /// Mean and biased variance, `[channels]` each.
    fn statistics(&self) -> [FlexTensor; 2] {
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

fn value<T: Format>(norm: &Norm, residual: Option<&FlexTensor>) -> FlexTensor {
    let input = T::slice(&norm.input);
    let mut output = Buffer::new(input.len());
    norm::batch_norm_forward(isa(), &norm.kernel(), input, residual.map(T::slice), &mut output);
    tensor(output, dims::<4>(&norm.input))
}

#[derive(Clone, Debug)]
struct Saved {
    conv: SavedConv,
    norm: Norm,
    /// If a residual is part of it; else the nonlinearity's slope follows from the norm's input.
    output: Option<FlexTensor>,
}

impl Saved {
    /// Of input, weight, scale, shift and residual.
    fn gradients(&self, grad_output: FlexTensor, residual_tracked: bool) -> [Option<FlexTensor>; 5] {
        let format = self.conv.format;
        let grad_output = whole(grad_output, format);
        let before = by_format!(format, norm_gradients(self, &grad_output, residual_tracked));
        let [grad_input, grad_weight] = self.conv.backward(&before.input);
        [grad_input, grad_weight, Some(before.scale), Some(before.shift), before.residual]
    }
}

/// A norm's gradients.
struct NormGradients {
    input: FlexTensor,
    scale: FlexTensor,
    shift: FlexTensor,
    residual: Option<FlexTensor>,
}

fn norm_gradients<T: Format>(saved: &Saved, grad_output: &FlexTensor, with_residual: bool) -> NormGradients {
    let input = T::slice(&saved.norm.input);
    let channels = saved.conv.shape.out_channels;
    let mut grad_input: Buffer<T> = Buffer::new(input.len());
    let (mut grad_scale, mut grad_shift) = (Buffer::new(channels), Buffer::new(channels));
    let mut grad_residual: Option<Buffer<T>> = with_residual.then(|| Buffer::new(input.len()));
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
