//! Every level's convolutions against the reference, the reference against finite differences.

use defrost_kernels::conv::{self, reference};
use defrost_kernels::{ActivationFn, ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, Padding};
use half::bf16;

use super::support::{Guarded, Random, levels};

/// Shapes whose borders, strides and channel counts have each been a reason for a bug somewhere.
fn chosen() -> Vec<ConvShape> {
    let shape = |batch, size: [usize; 2], channels: [usize; 2], kernel, stride, padding| ConvShape {
        batch,
        height: size[0],
        width: size[1],
        in_channels: channels[0],
        out_channels: channels[1],
        kernel,
        stride,
        padding,
        groups: 1,
    };
    let all = Padding::all;
    let same = |size, kernel, stride| Padding::same(size, kernel, stride);
    vec![
        shape(1, [1, 1], [1, 1], [1, 1], [1, 1], all(0)),
        shape(1, [1, 1], [3, 2], [3, 3], [1, 1], all(1)),
        shape(1, [1, 1], [2, 3], [1, 1], [2, 2], all(1)),
        shape(2, [1, 5], [4, 33], [1, 1], [1, 1], all(0)),
        shape(2, [9, 9], [24, 40], [1, 1], [1, 1], all(0)),
        shape(3, [7, 7], [64, 96], [1, 1], [1, 1], all(0)),
        shape(2, [8, 8], [32, 64], [1, 1], [2, 2], all(0)),
        shape(2, [7, 7], [64, 64], [3, 3], [1, 1], all(1)),
        shape(1, [14, 14], [32, 70], [3, 3], [1, 1], all(1)),
        shape(1, [29, 31], [16, 16], [3, 3], [1, 1], all(1)),
        shape(3, [5, 1], [32, 48], [3, 3], [1, 1], all(1)),
        shape(3, [9, 6], [48, 32], [3, 3], [1, 1], all(2)),
        shape(1, [40, 13], [32, 32], [3, 3], [1, 1], all(0)),
        shape(2, [6, 9], [64, 80], [3, 3], [1, 1], Padding { top: 0, bottom: 1, left: 2, right: 1 }),
        shape(2, [15, 15], [17, 31], [3, 3], [2, 2], all(1)),
        shape(1, [16, 16], [32, 32], [3, 3], [2, 2], same([16, 16], [3, 3], [2, 2])),
        shape(2, [32, 32], [3, 16], [7, 7], [2, 2], all(3)),
        shape(1, [33, 30], [3, 32], [3, 3], [2, 2], same([33, 30], [3, 3], [2, 2])),
        shape(1, [11, 12], [5, 7], [5, 5], [1, 1], all(2)),
        shape(1, [11, 12], [5, 7], [5, 5], [3, 3], all(2)),
        shape(1, [6, 9], [2, 3], [2, 4], [3, 2], Padding { top: 0, bottom: 1, left: 2, right: 1 }),
        shape(1, [4, 4], [8, 8], [1, 1], [1, 1], all(2)),
        shape(2, [5, 5], [8, 8], [3, 3], [1, 1], all(4)),
        shape(1, [10, 10], [8, 8], [3, 3], [1, 1], all(0)),
        shape(1, [16, 16], [160, 8], [16, 16], [16, 16], all(0)),
        ConvShape { groups: 4, ..shape(2, [9, 9], [16, 24], [3, 3], [1, 1], all(1)) },
        ConvShape { groups: 2, ..shape(1, [8, 8], [6, 4], [1, 1], [1, 1], all(0)) },
        ConvShape { groups: 6, ..shape(1, [8, 7], [6, 6], [3, 3], [2, 2], all(1)) },
    ]
}

fn random_shape(random: &mut Random) -> ConvShape {
    let groups = if random.below(5) == 0 { 1 + random.below(3) } else { 1 };
    let kernel = [1 + random.below(5), 1 + random.below(5)];
    let mut padding = || random.below(4);
    let padding = Padding { top: padding(), bottom: padding(), left: padding(), right: padding() };
    ConvShape {
        batch: 1 + random.below(3),
        height: (kernel[0] + random.below(20)).saturating_sub(padding.top + padding.bottom).max(1),
        width: (kernel[1] + random.below(20)).saturating_sub(padding.left + padding.right).max(1),
        in_channels: groups * (1 + random.below(40)),
        out_channels: groups * (1 + random.below(70)),
        kernel,
        stride: [1 + random.below(3), 1 + random.below(3)],
        padding,
        groups,
    }
}

fn shapes() -> Vec<ConvShape> {
    let mut random = Random::new(7);
    let mut shapes = chosen();
    while shapes.len() < 70 {
        let shape = random_shape(&mut random);
        if shape.height + shape.padding.top + shape.padding.bottom >= shape.kernel[0]
            && shape.width + shape.padding.left + shape.padding.right >= shape.kernel[1]
        {
            shapes.push(shape);
        }
    }
    shapes
}

/// An operation's arguments, and the same with every sign positive: with those the reference computes how much
/// was added up, which is what rounding errors are proportional to.
struct Arguments<T> {
    input: Vec<T>,
    weight: Vec<f32>,
    residual: Vec<T>,
    bias: Vec<f32>,
    grad_output: Vec<T>,
}

impl<T: Element> Arguments<T> {
    fn new(shape: &ConvShape) -> Self {
        let mut random = Random::new(shape.flops());
        Self {
            input: random.elements(shape.input_len()),
            // Exact in T, so that only the result is rounded to it, whatever the isa multiplies.
            weight: random.elements::<T>(shape.weight_len()).iter().map(|value| value.to_f32()).collect(),
            residual: random.elements(shape.output_len()),
            bias: random.elements(shape.out_channels),
            grad_output: random.elements(shape.output_len()),
        }
    }

    /// The same values, changed by `map`, in the format whose results are not rounded once more.
    fn map(&self, map: impl Fn(f32) -> f32) -> Arguments<f32> {
        let wide = |values: &[T]| values.iter().map(|value| map(value.to_f32())).collect();
        Arguments {
            input: wide(&self.input),
            weight: self.weight.iter().map(|value| map(*value)).collect(),
            residual: wide(&self.residual),
            bias: self.bias.iter().map(|value| map(*value)).collect(),
            grad_output: wide(&self.grad_output),
        }
    }

    fn epilogue(&self, activation: ActivationFn) -> Epilogue<'_, T> {
        Epilogue { bias: Some(&self.bias), residual: Some(&self.residual), activation }
    }
}

/// Of what was added up. In `f32` sums of a few thousand products in any order differ by less than this; a result
/// in `bf16` is rounded to 8 bits, by at most 2^-8.
fn tolerance<T: Element>() -> f32 {
    if size_of::<T>() == 2 { 1.0 / 256.0 + 1e-5 } else { 1e-5 }
}

#[track_caller]
fn assert_close<T: Element>(what: &str, found: &[T], expected: &[f32], magnitude: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let found = found.to_f32();
        let bound = tolerance * magnitude[index] + f32::MIN_POSITIVE;
        assert!(
            (found - expected).abs() <= bound,
            "{what}: element {index} is {found}, not {expected} within {bound}"
        );
    }
}

fn forward_agrees<T: Element>(isa: IsaLevel) {
    for shape in shapes() {
        let arguments = Arguments::<T>::new(&shape);
        let absolute = arguments.map(f32::abs);
        let wide = arguments.map(|value| value);
        let mut magnitude = vec![0.0f32; shape.output_len()];
        let all = absolute.epilogue(ActivationFn::Identity);
        reference::conv2d(&shape, &absolute.input, &absolute.weight, &all, &mut magnitude);
        let activations = [ActivationFn::Identity, ActivationFn::Relu, ActivationFn::Relu6];
        for activation in activations {
            let mut expected = vec![0.0f32; shape.output_len()];
            reference::conv2d(&shape, &wide.input, &wide.weight, &wide.epilogue(activation), &mut expected);
            let mut output = Guarded::new(shape.output_len());
            let epilogue = arguments.epilogue(activation);
            conv::conv2d(isa, &shape, &arguments.input, &arguments.weight, epilogue, output.slice());
            let what = format!("{} {shape:?}", isa.name());
            assert_close(&what, output.checked(), &expected, &magnitude, tolerance::<T>());
        }
    }
}

fn statistics_agree<T: Element>(isa: IsaLevel) {
    for shape in shapes() {
        let mut arguments = Arguments::<T>::new(&shape);
        // A large mean with a small variance: where sums of squares would cancel.
        arguments.input.iter_mut().for_each(|value| *value = T::from_f32(value.to_f32() + 20.0));
        let mut expected = vec![T::default(); shape.output_len()];
        conv::conv2d(isa, &shape, &arguments.input, &arguments.weight, Epilogue::NONE, &mut expected);
        let mut output = Guarded::new(shape.output_len());
        let mut statistics = ChannelStatistics::new(shape.out_channels);
        conv::conv2d_with_statistics(
            isa,
            &shape,
            &arguments.input,
            &arguments.weight,
            output.slice(),
            &mut statistics,
        );
        assert_eq!(output.checked(), expected, "statistics must not change the output");
        for channel in 0..shape.out_channels {
            let values: Vec<f64> = expected[channel..]
                .iter()
                .step_by(shape.out_channels)
                .map(|value| f64::from(value.to_f32()))
                .collect();
            let count = values.len() as f64;
            let mean = values.iter().sum::<f64>() / count;
            let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            // Distances are summed in f32 over at most a few thousand pixels.
            let what = format!("{} {shape:?} channel {channel}", isa.name());
            let found = f64::from(statistics.mean[channel]);
            assert!(
                (found - mean).abs() <= 1e-5 * (mean.abs() + variance.sqrt()) + 1e-30,
                "{what}: {found} {mean}"
            );
            let found = f64::from(statistics.variance[channel]);
            assert!((found - variance).abs() <= 1e-4 * variance + 1e-30, "{what}: {found} {variance}");
        }
    }
}

fn backward_input_agrees<T: Element>(isa: IsaLevel) {
    for shape in shapes() {
        let arguments = Arguments::<T>::new(&shape);
        let absolute = arguments.map(f32::abs);
        let wide = arguments.map(|value| value);
        let mut magnitude = vec![0.0f32; shape.input_len()];
        reference::conv2d_backward_input(&shape, &absolute.grad_output, &absolute.weight, &mut magnitude);
        let mut expected = vec![0.0f32; shape.input_len()];
        reference::conv2d_backward_input(&shape, &wide.grad_output, &wide.weight, &mut expected);
        let mut gradient = Guarded::new(shape.input_len());
        conv::conv2d_backward_input(isa, &shape, &arguments.grad_output, &arguments.weight, gradient.slice());
        let what = format!("{} {shape:?}", isa.name());
        assert_close(&what, gradient.checked(), &expected, &magnitude, tolerance::<T>());
    }
}

fn backward_weight_agrees<T: Element>(isa: IsaLevel) {
    for shape in shapes() {
        let arguments = Arguments::<T>::new(&shape);
        let absolute = arguments.map(f32::abs);
        let wide = arguments.map(|value| value);
        let mut magnitude = vec![0.0f32; shape.weight_len()];
        reference::conv2d_backward_weight(&shape, &absolute.input, &absolute.grad_output, &mut magnitude);
        let mut expected = vec![0.0f32; shape.weight_len()];
        reference::conv2d_backward_weight(&shape, &wide.input, &wide.grad_output, &mut expected);
        let mut gradient = Guarded::new(shape.weight_len());
        conv::conv2d_backward_weight(isa, &shape, &arguments.input, &arguments.grad_output, gradient.slice());
        let what = format!("{} {shape:?}", isa.name());
        // Factors are exact in bf16 and the result is f32, so the tolerance is that of f32 for both.
        assert_close(&what, gradient.checked(), &expected, &magnitude, 1e-5);
    }
}

/// Each isa that this machine has, in both formats.
macro_rules! on_every_level {
    ($($name:ident),*) => {$(
        mod $name {
            #[test]
            fn f32() {
                super::levels().for_each(super::$name::<f32>);
            }
            #[test]
            fn bf16() {
                super::levels().for_each(super::$name::<half::bf16>);
            }
        }
    )*};
}

on_every_level!(
    forward_agrees,
    statistics_agree,
    backward_input_agrees,
    backward_weight_agrees,
    nan_spreads_as_far_as_in_the_reference,
    runs_repeat_byte_for_byte
);

fn nan_spreads_as_far_as_in_the_reference<T: Element>(isa: IsaLevel) {
    for shape in shapes().into_iter().step_by(3) {
        let mut arguments = Arguments::<T>::new(&shape);
        let middle = arguments.input.len() / 2;
        arguments.input[middle] = T::from_f32(f32::NAN);
        let middle = arguments.grad_output.len() / 2;
        arguments.grad_output[middle] = T::from_f32(f32::NAN);
        let check = |expected: &[T], found: &[T]| {
            for (expected, found) in expected.iter().zip(found) {
                assert!(
                    !expected.to_f32().is_nan() || found.to_f32().is_nan(),
                    "a NaN got lost in {shape:?}"
                );
            }
        };
        let none = Epilogue { activation: ActivationFn::Relu6, ..Epilogue::NONE };
        let (mut expected, mut found) =
            (vec![T::default(); shape.output_len()], vec![T::default(); shape.output_len()]);
        reference::conv2d(&shape, &arguments.input, &arguments.weight, &none, &mut expected);
        conv::conv2d(isa, &shape, &arguments.input, &arguments.weight, none, &mut found);
        check(&expected, &found);
        let (mut expected, mut found) =
            (vec![T::default(); shape.input_len()], vec![T::default(); shape.input_len()]);
        reference::conv2d_backward_input(&shape, &arguments.grad_output, &arguments.weight, &mut expected);
        conv::conv2d_backward_input(isa, &shape, &arguments.grad_output, &arguments.weight, &mut found);
        check(&expected, &found);
        let (mut expected, mut found) = (vec![0.0; shape.weight_len()], vec![0.0; shape.weight_len()]);
        reference::conv2d_backward_weight(&shape, &arguments.input, &arguments.grad_output, &mut expected);
        conv::conv2d_backward_weight(isa, &shape, &arguments.input, &arguments.grad_output, &mut found);
        assert!(expected.iter().zip(&found).all(|(expected, found)| !expected.is_nan() || found.is_nan()));
    }
}

/// Twice with two threads, once with one.
fn runs_repeat_byte_for_byte<T: Element>(isa: IsaLevel) {
    let same = |size: usize, channels: usize, kernel: usize, stride: usize| ConvShape {
        batch: 3,
        height: size,
        width: size,
        in_channels: channels,
        out_channels: channels + 8,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: Padding::all(kernel / 2),
        groups: 1,
    };
    for shape in [same(28, 64, 3, 1), same(56, 24, 1, 1), same(28, 48, 3, 2), same(64, 3, 7, 2)] {
        let arguments = Arguments::<T>::new(&shape);
        let run = || {
            let mut output = vec![T::default(); shape.output_len()];
            let mut statistics = ChannelStatistics::new(shape.out_channels);
            let mut grad_input = vec![T::default(); shape.input_len()];
            let mut grad_weight = vec![0.0; shape.weight_len()];
            let Arguments { input, weight, grad_output, .. } = &arguments;
            conv::conv2d_with_statistics(isa, &shape, input, weight, &mut output, &mut statistics);
            conv::conv2d_backward_input(isa, &shape, grad_output, weight, &mut grad_input);
            conv::conv2d_backward_weight(isa, &shape, input, grad_output, &mut grad_weight);
            (output, statistics, grad_input, grad_weight)
        };
        let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let two = pool(2);
        let first = two.install(run);
        assert_eq!(first, two.install(run));
        assert_eq!(first, pool(1).install(run));
    }
}

/// The reference's gradients are those of its forward pass: the loss `sum(output * grad_output)` is linear in
/// input and in weight, so a difference quotient is exact but for rounding.
#[test]
fn the_reference_differentiates_itself() {
    for shape in chosen().into_iter().filter(|shape| shape.flops() < 2_000_000) {
        let arguments = Arguments::<f32>::new(&shape);
        let Arguments { input, weight, grad_output, .. } = &arguments;
        let loss = |input: &[f32], weight: &[f32]| -> f64 {
            let mut output = vec![0.0; shape.output_len()];
            reference::conv2d(&shape, input, weight, &Epilogue::NONE, &mut output);
            output.iter().zip(grad_output).map(|(y, g)| f64::from(*y) * f64::from(*g)).sum()
        };
        let mut grad_input = vec![0.0; shape.input_len()];
        let mut grad_weight = vec![0.0; shape.weight_len()];
        reference::conv2d_backward_input(&shape, grad_output, weight, &mut grad_input);
        reference::conv2d_backward_weight(&shape, input, grad_output, &mut grad_weight);
        let base = loss(input, weight);
        let mut random = Random::new(3);
        for _ in 0..5 {
            let index = random.below(input.len());
            let mut moved = input.clone();
            moved[index] += 1.0;
            let slope = loss(&moved, weight) - base;
            assert!((slope - f64::from(grad_input[index])).abs() < 1e-3, "input {index} of {shape:?}");
            let index = random.below(weight.len());
            let mut moved = weight.clone();
            moved[index] += 1.0;
            let slope = loss(input, &moved) - base;
            assert!((slope - f64::from(grad_weight[index])).abs() < 1e-3, "weight {index} of {shape:?}");
        }
    }
}

#[test]
#[should_panic(expected = "weight has 7 elements, its shape says 8")]
fn a_wrong_length_names_both_numbers() {
    let shape = ConvShape {
        batch: 1,
        height: 1,
        width: 1,
        in_channels: 2,
        out_channels: 4,
        kernel: [1, 1],
        stride: [1, 1],
        padding: Padding::all(0),
        groups: 1,
    };
    let none = Epilogue::NONE;
    conv::conv2d(IsaLevel::detect(), &shape, &[0.0f32; 2], &[0.0; 7], none, &mut [0.0; 4]);
}

#[test]
fn formats_are_read_as_they_are() {
    let shape = ConvShape {
        batch: 1,
        height: 1,
        width: 2,
        in_channels: 1,
        out_channels: 1,
        kernel: [1, 2],
        stride: [1, 1],
        padding: Padding::all(0),
        groups: 1,
    };
    for isa in levels() {
        let mut output = [bf16::ZERO];
        let input = [bf16::from_f32(3.0), bf16::from_f32(-0.5)];
        conv::conv2d(isa, &shape, &input, &[2.0, 4.0], Epilogue::NONE, &mut output);
        assert_eq!(output[0].to_f32(), 4.0);
    }
}
