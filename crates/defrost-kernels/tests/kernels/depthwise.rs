//! Every level's depthwise convolutions against the reference of all convolutions.

use defrost_kernels::conv::reference;
use defrost_kernels::{
    ActivationFn, ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, Padding, depthwise,
};
use half::bf16;

use super::close::{assert_close, rounding};
use super::support::{Guarded, Random, levels};

fn shape(
    batch: usize,
    size: [usize; 2],
    channels: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: Padding,
) -> ConvShape {
    ConvShape {
        batch,
        height: size[0],
        width: size[1],
        in_channels: channels,
        out_channels: channels,
        kernel,
        stride,
        padding,
        groups: channels,
    }
}

fn chosen() -> Vec<ConvShape> {
    let all = Padding::all;
    vec![
        shape(0, [4, 4], 8, [3, 3], [1, 1], all(1)),
        shape(1, [1, 1], 1, [3, 3], [1, 1], all(1)),
        shape(1, [1, 1], 16, [5, 5], [2, 2], all(2)),
        shape(2, [5, 9], 7, [3, 3], [1, 1], all(1)),
        shape(2, [9, 5], 8, [3, 3], [2, 2], all(1)),
        shape(1, [8, 8], 15, [5, 5], [1, 1], all(2)),
        shape(1, [9, 8], 17, [5, 5], [2, 2], Padding::same([9, 8], [5, 5], [2, 2])),
        shape(1, [7, 7], 672, [5, 5], [1, 1], all(2)),
        shape(2, [30, 31], 96, [3, 3], [2, 2], Padding::same([30, 31], [3, 3], [2, 2])),
        // Several bands an image and several blocks of channels a band.
        shape(1, [70, 70], 144, [3, 3], [1, 1], all(1)),
        // Wider padding than the kernel: the gradient of the input is cropped.
        shape(1, [5, 6], 4, [3, 3], [1, 1], all(4)),
        shape(1, [6, 5], 4, [2, 3], [3, 2], Padding { top: 0, bottom: 3, left: 2, right: 0 }),
        // A stride wider than the kernel skips rows and columns.
        shape(1, [9, 9], 3, [1, 2], [3, 4], all(0)),
        shape(1, [9, 20], 33, [7, 4], [1, 3], all(1)),
    ]
}

fn shapes() -> Vec<ConvShape> {
    let mut random = Random::new(11);
    let mut shapes = chosen();
    while shapes.len() < 60 {
        let kernel = [1 + random.below(5), 1 + random.below(5)];
        let mut padding = || random.below(4);
        let padding = Padding { top: padding(), bottom: padding(), left: padding(), right: padding() };
        let size = [kernel[0] + random.below(15), kernel[1] + random.below(15)];
        let stride = [1 + random.below(3), 1 + random.below(3)];
        shapes.push(shape(1 + random.below(3), size, 1 + random.below(40), kernel, stride, padding));
    }
    shapes
}

/// Sums of up to `terms` products of numbers up to 1, in another order than the reference: each `f32`
/// addition may be off by 2^-24 of a sum that rarely passes √terms.
fn sum_tolerance(terms: usize) -> f32 {
    terms as f32 * 2f32.powi(-22)
}

fn forward<T: Element>(isa: IsaLevel, shape: &ConvShape, random: &mut Random) {
    let input = random.elements::<T>(shape.input_len());
    let weight = random.elements::<f32>(shape.weight_len());
    let bias = random.elements::<f32>(shape.out_channels);
    let residual = random.elements::<T>(shape.output_len());
    let taps = shape.kernel[0] * shape.kernel[1];
    for (bias, residual, activation) in [
        (None, None, ActivationFn::Identity),
        (Some(&bias[..]), None, ActivationFn::Relu6),
        (Some(&bias[..]), Some(&residual[..]), ActivationFn::Relu),
    ] {
        let epilogue = Epilogue { bias, residual, activation };
        let mut output = Guarded::<T>::new(shape.output_len());
        depthwise::conv2d(isa, shape, &input, &weight, epilogue, output.slice());
        let mut expected = vec![T::default(); shape.output_len()];
        reference::conv2d(shape, &input, &weight, &epilogue, &mut expected);
        assert_close(output.checked(), &expected, rounding::<T>(), sum_tolerance(taps + 2), || {
            format!("{} {epilogue:?} {shape:?}", isa.name())
        });
    }
}

fn statistics<T: Element>(isa: IsaLevel, shape: &ConvShape, random: &mut Random) {
    if shape.batch == 0 {
        return; // Nothing has no mean.
    }
    let input = random.elements::<T>(shape.input_len());
    let weight = random.elements::<f32>(shape.weight_len());
    let mut output = Guarded::<T>::new(shape.output_len());
    let mut found = ChannelStatistics::new(shape.out_channels);
    depthwise::conv2d_with_statistics(isa, shape, &input, &weight, output.slice(), &mut found);
    let mut expected = vec![T::default(); shape.output_len()];
    let mut wanted = ChannelStatistics::new(shape.out_channels);
    reference::conv2d_with_statistics(shape, &input, &weight, &mut expected, &mut wanted);
    // Where bf16 rounds the two outputs apart, the statistics follow by as much. Some thousand values at a
    // time are added in f32: √2^12 · 2^-24.
    let tolerance = rounding::<T>().max(2f32.powi(-18));
    let context = || format!("{} {shape:?}", isa.name());
    assert_close(&found.mean, &wanted.mean, tolerance, tolerance, context);
    assert_close(&found.variance, &wanted.variance, 2.0 * tolerance, tolerance, context);
}

fn gradients<T: Element>(isa: IsaLevel, shape: &ConvShape, random: &mut Random) {
    let input = random.elements::<T>(shape.input_len());
    let weight = random.elements::<f32>(shape.weight_len());
    let grad_output = random.elements::<T>(shape.output_len());
    let context = || format!("{} {shape:?}", isa.name());

    let mut grad_input = Guarded::<T>::new(shape.input_len());
    depthwise::conv2d_backward_input(isa, shape, &grad_output, &weight, grad_input.slice());
    let mut expected = vec![T::default(); shape.input_len()];
    reference::conv2d_backward_input(shape, &grad_output, &weight, &mut expected);
    let taps = shape.kernel[0] * shape.kernel[1];
    assert_close(grad_input.checked(), &expected, rounding::<T>(), sum_tolerance(taps), context);

    let mut grad_weight = Guarded::<f32>::new(shape.weight_len());
    depthwise::conv2d_backward_weight(isa, shape, &input, &grad_output, grad_weight.slice());
    let mut expected = vec![0.0; shape.weight_len()];
    reference::conv2d_backward_weight(shape, &input, &grad_output, &mut expected);
    let terms = shape.output_len() / shape.out_channels;
    assert_close(grad_weight.checked(), &expected, rounding::<f32>(), sum_tolerance(terms), context);
}

fn every_level(check: impl Fn(IsaLevel, &ConvShape, &mut Random)) {
    for isa in levels() {
        for (seed, shape) in shapes().iter().enumerate() {
            check(isa, shape, &mut Random::new(seed as u64));
        }
    }
}

#[test]
fn forward_is_the_reference() {
    every_level(forward::<f32>);
    every_level(forward::<bf16>);
}

#[test]
fn statistics_are_the_reference() {
    every_level(statistics::<f32>);
    every_level(statistics::<bf16>);
}

#[test]
fn gradients_are_the_reference() {
    every_level(gradients::<f32>);
    every_level(gradients::<bf16>);
}

#[test]
fn nan_reaches_the_outputs_that_see_it_and_no_others() {
    for isa in levels() {
        let shape = shape(1, [5, 5], 3, [3, 3], [1, 1], Padding::all(1));
        let mut input = vec![1.0f32; shape.input_len()];
        input[1] = f32::NAN;
        let mut output = vec![0.0; shape.output_len()];
        let weight = vec![1.0; shape.weight_len()];
        depthwise::conv2d(isa, &shape, &input, &weight, Epilogue::NONE, &mut output);
        for (index, value) in output.iter().enumerate() {
            let (row, column, channel) = (index / 15, index / 3 % 5, index % 3);
            assert_eq!(value.is_nan(), row < 2 && column < 2 && channel == 1, "{} at {index}", isa.name());
        }
    }
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let shape = shape(3, [40, 40], 24, [3, 3], [1, 1], Padding::all(1));
    let mut random = Random::new(3);
    let input = random.elements::<bf16>(shape.input_len());
    let grad_output = random.elements::<bf16>(shape.output_len());
    let weight = random.elements::<f32>(shape.weight_len());
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        pool.install(|| {
            let mut output = vec![bf16::ZERO; shape.output_len()];
            let mut statistics = ChannelStatistics::new(24);
            let isa = IsaLevel::detect();
            depthwise::conv2d_with_statistics(isa, &shape, &input, &weight, &mut output, &mut statistics);
            let mut grad_weight = vec![0.0; shape.weight_len()];
            depthwise::conv2d_backward_weight(isa, &shape, &input, &grad_output, &mut grad_weight);
            (output, statistics, grad_weight)
        })
    };
    assert_eq!(run(1), run(3));
}
