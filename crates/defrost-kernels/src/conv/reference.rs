//! The definition of the four operations, as loops over every index. The fast kernels are tested against them.
//!
//! Sums run in `f64` and are rounded once, so differences are the rounding of the fast kernels.

use crate::{ChannelStatistics, ConvShape, Element, Epilogue};

/// Calls `visit(input index, weight index, output index)` for every product of the convolution.
fn for_each_product(shape: &ConvShape, mut visit: impl FnMut(usize, usize, usize)) {
    let [kernel_height, kernel_width] = shape.kernel;
    let group_in = shape.in_channels / shape.groups;
    let group_out = shape.out_channels / shape.groups;
    for image in 0..shape.batch {
        for out_row in 0..shape.out_height() {
            for out_column in 0..shape.out_width() {
                for kernel_row in 0..kernel_height {
                    let row = (out_row * shape.stride[0] + kernel_row).wrapping_sub(shape.padding.top);
                    if row >= shape.height {
                        continue;
                    }
                    for kernel_column in 0..kernel_width {
                        let column =
                            (out_column * shape.stride[1] + kernel_column).wrapping_sub(shape.padding.left);
                        if column >= shape.width {
                            continue;
                        }
                        let input = ((image * shape.height + row) * shape.width + column) * shape.in_channels;
                        let output = ((image * shape.out_height() + out_row) * shape.out_width()
                            + out_column)
                            * shape.out_channels;
                        for out in 0..shape.out_channels {
                            let first = out / group_out * group_in;
                            for channel in 0..group_in {
                                let weight = ((out * group_in + channel) * kernel_height + kernel_row)
                                    * kernel_width
                                    + kernel_column;
                                visit(input + first + channel, weight, output + out);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// See [`conv2d`](super::conv2d).
pub fn conv2d<T: Element>(
    shape: &ConvShape,
    input: &[T],
    weight: &[f32],
    epilogue: &Epilogue<T>,
    output: &mut [T],
) {
    let mut sums = vec![0.0f64; output.len()];
    for_each_product(shape, |i, w, o| sums[o] += f64::from(input[i].to_f32()) * f64::from(weight[w]));
    for (index, (out, sum)) in output.iter_mut().zip(&sums).enumerate() {
        let bias = epilogue.bias.map_or(0.0, |bias| bias[index % shape.out_channels]);
        let residual = epilogue.residual.map_or(0.0, |residual| residual[index].to_f32());
        *out = T::from_f32(epilogue.activation.apply((sum + f64::from(bias) + f64::from(residual)) as f32));
    }
}

/// See [`conv2d_with_statistics`](super::conv2d_with_statistics).
pub fn conv2d_with_statistics<T: Element>(
    shape: &ConvShape,
    input: &[T],
    weight: &[f32],
    output: &mut [T],
    statistics: &mut ChannelStatistics,
) {
    conv2d(shape, input, weight, &Epilogue::NONE, output);
    let pixels = output.len() / shape.out_channels;
    for channel in 0..shape.out_channels {
        let values =
            || output.iter().skip(channel).step_by(shape.out_channels).map(|v| f64::from(v.to_f32()));
        let mean = values().sum::<f64>() / pixels as f64;
        let variance = values().map(|v| (v - mean).powi(2)).sum::<f64>() / pixels as f64;
        statistics.mean[channel] = mean as f32;
        statistics.variance[channel] = variance as f32;
    }
}

/// See [`conv2d_backward_input`](super::conv2d_backward_input).
pub fn conv2d_backward_input<T: Element>(
    shape: &ConvShape,
    grad_output: &[T],
    weight: &[f32],
    grad_input: &mut [T],
) {
    let mut sums = vec![0.0f64; grad_input.len()];
    for_each_product(shape, |i, w, o| sums[i] += f64::from(grad_output[o].to_f32()) * f64::from(weight[w]));
    for (gradient, sum) in grad_input.iter_mut().zip(&sums) {
        *gradient = T::from_f32(*sum as f32);
    }
}

/// See [`conv2d_backward_weight`](super::conv2d_backward_weight).
pub fn conv2d_backward_weight<T: Element>(
    shape: &ConvShape,
    input: &[T],
    grad_output: &[T],
    grad_weight: &mut [f32],
) {
    let mut sums = vec![0.0f64; grad_weight.len()];
    for_each_product(shape, |i, w, o| {
        sums[w] += f64::from(grad_output[o].to_f32()) * f64::from(input[i].to_f32());
    });
    for (gradient, sum) in grad_weight.iter_mut().zip(&sums) {
        *gradient = *sum as f32;
    }
}
