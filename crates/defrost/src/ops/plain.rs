//! The operations in plain Burn, differentiated by its autodiff: right on every device, fast on few.

use burn::tensor::Tensor;
use burn::tensor::activation::{self, relu};
use burn::tensor::module;
use burn::tensor::ops::{ConvOptions, MaxPoolOptions, PadMode};
use burn::tensor::{DType, FloatDType};

use super::{ActivationFn, AdamStep, Affine, BatchNormed, LstmState, WindowConfig, last_position};

/// See [`conv2d`](super::conv2d).
pub fn conv2d(
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    residual: Option<Tensor<4>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> Tensor<4> {
    let format = input.dtype();
    let output = convolve(input, weight, window) + bias.reshape([1, 1, 1, -1]);
    finish(output, residual, nonlinearity, format)
}

/// See [`conv2d_batch_norm`](super::conv2d_batch_norm).
pub fn conv2d_batch_norm(
    input: Tensor<4>,
    weight: Tensor<4>,
    affine: Affine,
    residual: Option<Tensor<4>>,
    window: WindowConfig,
    nonlinearity: ActivationFn,
) -> BatchNormed {
    let format = input.dtype();
    let output = convolve(input, weight, window);
    let channels = output.dims()[3];
    let over_pixels =
        |tensor: Tensor<4>| tensor.reshape([-1, channels as i32]).mean_dim(0).reshape([1, 1, 1, channels]);
    let mean = over_pixels(output.clone());
    let centred = output - mean.clone();
    let variance = over_pixels(centred.clone().square());
    let scale = affine.scale.reshape([1, 1, 1, channels]) / (variance.clone() + affine.epsilon).sqrt();
    let normed = centred * scale + affine.shift.reshape([1, 1, 1, channels]);
    BatchNormed {
        output: finish(normed, residual, nonlinearity, format),
        mean: mean.reshape([channels]).detach(),
        variance: variance.reshape([channels]).detach(),
    }
}

/// See [`scale_filters`](super::scale_filters).
pub fn scale_filters(weight: Tensor<4>, factors: Tensor<1>) -> Tensor<4> {
    weight * factors.reshape([-1, 1, 1, 1])
}

/// See [`max_pool2d`](super::max_pool2d).
pub fn max_pool2d(input: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    let padded = pad(input, window, f32::NEG_INFINITY);
    let options = MaxPoolOptions::new(window.kernel).with_stride(window.stride);
    module::max_pool2d(padded.permute([0, 3, 1, 2]), options).permute([0, 2, 3, 1])
}

/// See [`concat_pool`](super::concat_pool).
pub fn concat_pool(input: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = input.dims();
    let pixels = full(input).reshape([batch, height * width, channels]);
    let highest = pixels.clone().max_dim(1).reshape([batch, channels]);
    Tensor::cat(vec![highest, pixels.mean_dim(1).reshape([batch, channels])], 1)
}

/// See [`average_pool`](super::average_pool).
pub fn average_pool(input: Tensor<4>) -> Tensor<2> {
    let [batch, height, width, channels] = input.dims();
    full(input).reshape([batch, height * width, channels]).mean_dim(1).reshape([batch, channels])
}

/// See [`gelu`](super::gelu).
pub fn gelu<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    activation::gelu(input)
}

/// See [`hardswish`](super::hardswish).
pub fn hardswish<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    input.clone() * (input + 3.0).clamp(0.0, 6.0) / 6.0
}

/// See [`softmax_rows`](super::softmax_rows).
pub fn softmax_rows<const D: usize>(input: Tensor<D>) -> Tensor<D> {
    activation::softmax(input, D - 1)
}

/// See [`layer_norm`](super::layer_norm).
pub fn layer_norm<const D: usize>(
    input: Tensor<D>,
    scale: Tensor<1>,
    shift: Tensor<1>,
    epsilon: f64,
) -> Tensor<D> {
    let centred = input.clone() - input.mean_dim(D - 1);
    let variance = centred.clone().square().mean_dim(D - 1);
    centred / (variance + epsilon).sqrt() * scale.unsqueeze() + shift.unsqueeze()
}

/// [`attention`](super::attention) with what is added to the scores of each position instead of a mask.
pub fn attention(
    query: Tensor<3>,
    key: Tensor<3>,
    value: Tensor<3>,
    absent: Tensor<2>,
    heads: usize,
) -> Tensor<3> {
    let [batch, positions, features] = query.dims();
    let format = query.dtype();
    let width = features / heads;
    // [batch, heads, positions, width]
    let [query, key, value] =
        [query, key, value].map(|x| full(x.reshape([batch, positions, heads, width])).swap_dims(1, 2));
    let absent = absent.reshape([batch, 1, 1, positions]);
    let scores = query.matmul(key.transpose()) / (width as f64).sqrt() + absent;
    let attended = softmax_rows(scores).matmul(value).swap_dims(1, 2).reshape([batch, positions, features]);
    if format == DType::F32 { attended } else { attended.cast(format) }
}

/// See [`lstm`](super::lstm).
pub fn lstm(projected: Tensor<3>, weight: Tensor<2>, state: LstmState) -> (Tensor<3>, LstmState) {
    let ([batch, positions, gates], [_, hidden]) = (projected.dims(), weight.dims());
    let (mut h, mut c) = (state.hidden.detach(), state.cell.detach());
    let weight = weight.transpose();
    let mut outputs = vec![];
    for position in 0..positions {
        let x = projected.clone().narrow(1, position, 1).reshape([batch, gates]) + h.matmul(weight.clone());
        let gate = |index: usize| x.clone().narrow(1, index * hidden, hidden);
        let [input, forget, output] = [0, 1, 3].map(|index| activation::sigmoid(gate(index)));
        c = forget * c + input * gate(2).tanh();
        h = output * c.clone().tanh();
        outputs.push(h.clone().unsqueeze_dim(1)); // [batch, 1, hidden]
    }
    let output = Tensor::cat(outputs, 1);
    (output.clone(), LstmState { hidden: last_position(output), cell: c.detach() })
}

/// See [`adam_step`](super::adam_step).
pub fn adam_step(
    value: Tensor<1>,
    gradient: Tensor<1>,
    average: Tensor<1>,
    square_average: Tensor<1>,
    step: &AdamStep,
) -> (Tensor<1>, Tensor<1>, Tensor<1>) {
    let steps = step.steps as i32;
    let gradient = gradient * step.gradient_scale;
    let average = average * step.beta1 + gradient.clone() * (1.0 - step.beta1);
    let square_average = square_average * step.beta2 + gradient.square() * (1.0 - step.beta2);
    let correction = 1.0 - step.beta1.powi(steps);
    let square_correction = 1.0 - step.beta2.powi(steps);
    let root = (square_average.clone() / square_correction).sqrt() + step.epsilon;
    let decayed = value * (1.0 - step.rate * step.weight_decay);
    let value = decayed - average.clone() / root * (step.rate / correction);
    (value, average, square_average)
}

/// The convolution alone, in f32.
fn convolve(input: Tensor<4>, weight: Tensor<4>, window: WindowConfig) -> Tensor<4> {
    let groups = input.dims()[3] / weight.dims()[1];
    let padded = pad(full(input), window, 0.0);
    let options = ConvOptions::new(window.stride, [0, 0], [1, 1], groups);
    module::conv2d(padded.permute([0, 3, 1, 2]), weight, None, options).permute([0, 2, 3, 1])
}

fn pad(input: Tensor<4>, window: WindowConfig, value: f32) -> Tensor<4> {
    let [_, height, width, _] = input.dims();
    let padding = window.padding_for([height, width]);
    match [padding.top, padding.bottom, padding.left, padding.right] {
        [0, 0, 0, 0] => input,
        [top, bottom, left, right] => {
            input.pad([(0, 0), (top, bottom), (left, right), (0, 0)], PadMode::Constant(value))
        }
    }
}

fn finish(
    output: Tensor<4>,
    residual: Option<Tensor<4>>,
    nonlinearity: ActivationFn,
    format: DType,
) -> Tensor<4> {
    let output = match residual {
        Some(residual) => output + full(residual),
        None => output,
    };
    let output = match nonlinearity {
        ActivationFn::Identity => output,
        ActivationFn::Relu => relu(output),
        ActivationFn::Relu6 => output.clamp(0.0, 6.0),
    };
    if format == DType::F32 { output } else { output.cast(format) }
}

fn full(tensor: Tensor<4>) -> Tensor<4> {
    if tensor.dtype() == DType::F32 { tensor } else { tensor.cast(FloatDType::F32) }
}
