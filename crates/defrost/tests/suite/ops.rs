//! The operations' fast path on flex against their definition in plain Burn.
//!
//! Tolerances are fractions of the largest magnitude. f32: both sum the same products in another order,
//! which costs a few 1e-7 for each of up to thousands; 1e-4 is far above that and far below any mistake. bf16:
//! a value is rounded by up to 2^-9 of itself when it is written, and a gradient passes two or three such
//! roundings on its way.

use burn::tensor::{DType, Device, FloatDType, Gradients, Tensor, TensorData};
use defrost::ops::{
    self, ActivationFn, AdamStep, Affine, BatchNormed, Conv2dOptions, Padding, PaddingRule, WindowConfig,
    plain,
};

const F32: f64 = 1e-4;
const BF16: f64 = 1.0 / 128.0;

/// Numbers that look random, the same in every run.
struct Noise(u64);

impl Noise {
    /// In -1..1.
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }

    fn tensor<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| self.next()).collect();
        Tensor::from_data(TensorData::new(values, shape), &Device::flex())
    }

    /// Multiples of a quarter in -1..=1: their sums of products are exact in f32, and where they are small,
    /// in bf16 too.
    fn grid<const D: usize>(&mut self, shape: [usize; D]) -> Tensor<D> {
        (self.tensor(shape) * 2.0).round() / 2.0
    }
}

/// A convolution's geometry.
#[derive(Clone, Copy, Debug)]
struct Geometry {
    size: [usize; 2],
    channels: [usize; 2],
    groups: usize,
    window: WindowConfig,
}

fn geometries() -> Vec<Geometry> {
    let of = |size, channels, groups, window| Geometry { size, channels, groups, window };
    vec![
        of([9, 7], [5, 6], 1, WindowConfig::centered(3, 1)),
        of([9, 7], [16, 33], 1, WindowConfig::centered(3, 2)),
        of([8, 6], [16, 8], 1, WindowConfig::same(3, 2)),
        of([5, 5], [24, 40], 1, WindowConfig::centered(1, 1)),
        of([7, 5], [8, 16], 1, WindowConfig::centered(1, 2)),
        of([21, 19], [3, 8], 1, WindowConfig::centered(7, 2)),
        of([6, 9], [24, 24], 24, WindowConfig::same(5, 1)),
        of([7, 10], [17, 17], 17, WindowConfig::same(3, 2)),
        of([6, 5], [8, 12], 2, WindowConfig::centered(3, 1)),
        of([6, 7], [64, 64], 16, WindowConfig::centered(3, 2)),
        of([12, 9], [3, 8], 1, WindowConfig::tiles(4)),
        of(
            [5, 6],
            [4, 4],
            1,
            WindowConfig { padding: PaddingRule::Fixed(0), ..WindowConfig::centered(3, 1) },
        ),
    ]
}

/// What a convolution is given; a flag for each says whether its gradient is wanted.
struct Inputs {
    geometry: Geometry,
    nonlinearity: ActivationFn,
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    scale: Tensor<1>,
    residual: Option<Tensor<4>>,
    cotangent: Tensor<4>,
}

const ALL: [bool; 5] = [true; 5];

impl Inputs {
    fn new(geometry: Geometry, nonlinearity: ActivationFn, has_residual: bool, format: FloatDType) -> Self {
        let Geometry { size, channels: [inputs, outputs], groups, window } = geometry;
        let mut noise = Noise(size[0] as u64 * 31 + outputs as u64);
        let Padding { top, bottom, left, right } = window.padding_for(size);
        let [rows, columns] = window.kernel;
        let out = [
            3,
            (size[0] + top + bottom - rows) / window.stride[0] + 1,
            (size[1] + left + right - columns) / window.stride[1] + 1,
            outputs,
        ];
        let exact = format == FloatDType::BF16;
        let mut draw = |shape| if exact { noise.grid(shape) } else { noise.tensor(shape) };
        let input = draw([3, size[0], size[1], inputs]);
        let weight = draw([outputs, inputs / groups, rows, columns]);
        let residual = has_residual.then(|| draw(out).cast(format));
        let mut noise = Noise(7);
        // An odd eighth, which keeps exact sums off the nonlinearities' kinks at 0 and 6, where the slope is
        // a matter of taste.
        let bias = if exact { noise.grid([outputs]) + 0.125 } else { noise.tensor([outputs]) };
        let scale = noise.tensor([outputs]) * 0.3 + 1.0;
        let cotangent = noise.tensor(out);
        Self { geometry, nonlinearity, input: input.cast(format), weight, bias, scale, residual, cotangent }
    }

    /// Values, then gradients of input, weight, bias, scale, residual.
    fn conv(&self, tracks: [bool; 5], conv: Conv) -> Vec<Option<Vec<f64>>> {
        let Leaves { input, weight, bias, residual, .. } = self.leaves(tracks);
        let leaves = (input.clone(), weight.clone(), bias.clone(), residual.clone());
        let output = conv(input, weight, bias, self.options(residual));
        assert_eq!(output.dtype(), self.input.dtype());
        let gradients = self.gradients(output.clone());
        let (input, weight, bias, residual) = leaves;
        vec![
            Some(numbers(output)),
            gradient(&input, &gradients),
            gradient(&weight, &gradients),
            gradient(&bias, &gradients),
            residual.and_then(|residual| gradient(&residual, &gradients)),
        ]
    }

    /// The same of convolution and norm, statistics first.
    fn norm(&self, tracks: [bool; 5], norm: ConvNorm) -> Vec<Option<Vec<f64>>> {
        let Leaves { input, weight, bias, scale, residual } = self.leaves(tracks);
        let leaves = (input.clone(), weight.clone(), bias.clone(), scale.clone(), residual.clone());
        let affine = Affine { scale, shift: bias, epsilon: 1e-3 };
        let BatchNormed { output, mean, variance } = norm(input, weight, affine, self.options(residual));
        assert_eq!(output.dtype(), self.input.dtype());
        let gradients = self.gradients(output.clone());
        let (input, weight, bias, scale, residual) = leaves;
        vec![
            Some(numbers(mean)),
            Some(numbers(variance)),
            Some(numbers(output)),
            gradient(&input, &gradients),
            gradient(&weight, &gradients),
            gradient(&bias, &gradients),
            gradient(&scale, &gradients),
            residual.and_then(|residual| gradient(&residual, &gradients)),
        ]
    }

    fn options(&self, residual: Option<Tensor<4>>) -> Conv2dOptions {
        Conv2dOptions { window: self.geometry.window, residual, nonlinearity: self.nonlinearity }
    }

    fn leaves(&self, [input, weight, bias, scale, residual]: [bool; 5]) -> Leaves {
        Leaves {
            input: leaf(&self.input, input),
            weight: leaf(&self.weight, weight),
            bias: leaf(&self.bias, bias),
            scale: leaf(&self.scale, scale),
            residual: self.residual.as_ref().map(|tensor| leaf(tensor, residual)),
        }
    }

    fn gradients(&self, output: Tensor<4>) -> Gradients {
        (output.cast(FloatDType::F32) * self.cotangent.clone().autodiff()).sum().backward()
    }
}

struct Leaves {
    input: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    scale: Tensor<1>,
    residual: Option<Tensor<4>>,
}

type Conv = fn(Tensor<4>, Tensor<4>, Tensor<1>, Conv2dOptions) -> Tensor<4>;
type ConvNorm = fn(Tensor<4>, Tensor<4>, Affine, Conv2dOptions) -> BatchNormed;

fn leaf<const D: usize>(tensor: &Tensor<D>, tracked: bool) -> Tensor<D> {
    let tensor = tensor.clone().autodiff();
    if tracked { tensor.require_grad() } else { tensor }
}

fn gradient<const D: usize>(leaf: &Tensor<D>, gradients: &Gradients) -> Option<Vec<f64>> {
    let gradient = leaf.grad(gradients)?;
    assert_eq!(gradient.dtype(), leaf.dtype());
    assert_eq!(gradient.dims(), leaf.dims());
    Some(numbers(gradient))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f64> {
    tensor.into_data().iter::<f64>().collect()
}

#[track_caller]
fn assert_near(found: &[Option<Vec<f64>>], expected: &[Option<Vec<f64>>], tolerance: f64, of: &str) {
    assert_eq!(found.len(), expected.len());
    for (index, pair) in found.iter().zip(expected).enumerate() {
        let (found, expected) = match pair {
            (None, None) => continue,
            (Some(found), Some(expected)) => (found, expected),
            _ => panic!("{of}: one of the two results {index} is missing"),
        };
        assert_eq!(found.len(), expected.len(), "{of}: result {index}");
        let largest = expected.iter().fold(1e-3f64, |largest, number| largest.max(number.abs()));
        for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
            let error = (found - expected).abs() / largest;
            assert!(error <= tolerance, "{of}: result {index}, element {at}: {found} and not {expected}");
        }
    }
}

const NONLINEARITIES: [ActivationFn; 3] = [ActivationFn::Identity, ActivationFn::Relu, ActivationFn::Relu6];

fn every_case(format: FloatDType, check: impl Fn(Inputs, &str)) {
    for geometry in geometries() {
        for nonlinearity in NONLINEARITIES {
            for has_residual in [false, true] {
                let of = format!("{geometry:?} {nonlinearity:?} residual {has_residual}");
                check(Inputs::new(geometry, nonlinearity, has_residual, format), &of);
            }
        }
    }
}

#[test]
fn conv2d_is_plain_conv2d_in_f32() {
    every_case(FloatDType::F32, |inputs, of| {
        assert_near(&inputs.conv(ALL, ops::conv2d), &inputs.conv(ALL, plain::conv2d), F32, of);
    });
}

#[test]
fn conv2d_is_plain_conv2d_in_bf16() {
    every_case(FloatDType::BF16, |inputs, of| {
        assert_near(&inputs.conv(ALL, ops::conv2d), &inputs.conv(ALL, plain::conv2d), BF16, of);
    });
}

#[test]
fn conv2d_batch_norm_is_plain_in_f32() {
    every_case(FloatDType::F32, |inputs, of| {
        let found = inputs.norm(ALL, ops::conv2d_batch_norm);
        assert_near(&found, &inputs.norm(ALL, plain::conv2d_batch_norm), F32, of);
    });
}

#[test]
fn conv2d_batch_norm_is_plain_in_bf16() {
    every_case(FloatDType::BF16, |inputs, of| {
        let found = inputs.norm(ALL, ops::conv2d_batch_norm);
        assert_near(&found, &inputs.norm(ALL, plain::conv2d_batch_norm), BF16, of);
    });
}

#[test]
fn only_the_gradients_asked_for_are_there() {
    let geometry = geometries()[1];
    for bits in 1..32 {
        let tracks = std::array::from_fn(|index| bits >> index & 1 == 1);
        let inputs = Inputs::new(geometry, ActivationFn::Relu, true, FloatDType::F32);
        let of = format!("{tracks:?}");
        let found = inputs.norm(tracks, ops::conv2d_batch_norm);
        assert_near(&found, &inputs.norm(tracks, plain::conv2d_batch_norm), F32, &of);
        // The plain convolution has no scale.
        if bits & 0b10111 != 0 {
            assert_near(&inputs.conv(tracks, ops::conv2d), &inputs.conv(tracks, plain::conv2d), F32, &of);
        }
    }
}

#[test]
fn without_autodiff_the_values_are_the_same() {
    for geometry in geometries() {
        let inputs = Inputs::new(geometry, ActivationFn::Relu6, true, FloatDType::F32);
        let with = |conv: Conv| {
            let Inputs { input, weight, bias, residual, .. } = &inputs;
            let options = inputs.options(residual.clone());
            let output = conv(input.clone(), weight.clone(), bias.clone(), options);
            assert!(!output.device().is_autodiff());
            vec![Some(numbers(output))]
        };
        assert_near(&with(ops::conv2d), &with(plain::conv2d), F32, &format!("{geometry:?}"));
    }
}

#[test]
fn tensors_may_be_views() {
    let geometry = geometries()[0];
    let mut inputs = Inputs::new(geometry, ActivationFn::Relu, true, FloatDType::F32);
    let expected = inputs.conv(ALL, plain::conv2d);
    // The same numbers, seen through a permutation and a slice.
    let by_channels = inputs.input.clone().permute([0, 3, 1, 2]).into_data();
    inputs.input = Tensor::<4>::from_data(by_channels, &Device::flex()).permute([0, 2, 3, 1]);
    inputs.weight = Tensor::cat(vec![inputs.weight.clone() * 2.0, inputs.weight], 0).slice(6..12);
    assert_near(&inputs.conv(ALL, ops::conv2d), &expected, F32, "views");
}

#[test]
fn gradients_may_be_views() {
    let inputs = Inputs::new(geometries()[0], ActivationFn::Relu, false, FloatDType::F32);
    let of = |conv: Conv| {
        let Leaves { input, weight, bias, .. } = inputs.leaves(ALL);
        let output = conv(input.clone(), weight, bias, inputs.options(None));
        // The gradient of a sum is one number seen everywhere; a permutation turns it around.
        let weights = inputs.cotangent.clone().autodiff().permute([0, 3, 1, 2]);
        let loss = output.clone().sum() + (output.permute([0, 3, 1, 2]) * weights).sum();
        let summed = gradient(&input, &loss.backward());
        let (weight, bias) = (leaf(&inputs.weight, true), leaf(&inputs.bias, true));
        let output = conv(input.clone(), weight, bias, inputs.options(None));
        vec![summed, gradient(&input, &output.sum().backward())]
    };
    assert_near(&of(ops::conv2d), &of(plain::conv2d), F32, "views");
}

/// `[2, height, width, channels]` of whole numbers no two of which are equal in an image's channel.
fn distinct(size: [usize; 2], channels: usize, format: FloatDType) -> Tensor<4> {
    let value = |at: usize| {
        let (channel, pixel, image) =
            (at % channels, at / channels % (size[0] * size[1]), at / channels / (size[0] * size[1]));
        ((pixel * 37 + channel * 11 + image * 5) % 251) as f32 - 125.0
    };
    let shape = [2, size[0], size[1], channels];
    let values: Vec<f32> = (0..shape.iter().product()).map(value).collect();
    Tensor::<4>::from_data(TensorData::new(values, shape), &Device::flex()).cast(format)
}

fn pooled<const D: usize>(
    input: &Tensor<4>,
    out: DType,
    pool: impl Fn(Tensor<4>) -> Tensor<D>,
) -> Vec<Option<Vec<f64>>> {
    let input = leaf(input, true);
    let output = pool(input.clone());
    assert_eq!(output.dtype(), out);
    let cotangent = Noise(3).tensor(output.dims()).autodiff();
    let gradients = (output.clone().cast(FloatDType::F32) * cotangent).sum().backward();
    vec![Some(numbers(output)), gradient(&input, &gradients)]
}

#[test]
fn windows_that_overhang_cover_all_pixels() {
    let window = WindowConfig { padding: PaddingRule::CeilMode, ..WindowConfig::centered(3, 2) };
    // torch.nn.MaxPool2d(3, 2, ceil_mode=True) on 3, 4, 5, 6 and 31 pixels a side.
    for (size, expected) in [(3, 1), (4, 2), (5, 2), (6, 3), (31, 15), (55, 27)] {
        let input = Tensor::<4>::zeros([1, size, size, 1], &Device::flex());
        assert_eq!(ops::max_pool2d(input, window).dims(), [1, expected, expected, 1], "{size}");
    }
}

#[test]
fn curves_are_plain_curves() {
    type Curve = fn(Tensor<2>) -> Tensor<2>;
    let curves: [(Curve, Curve); 2] = [(ops::gelu, plain::gelu), (ops::hardswish, plain::hardswish)];
    for (format, tolerance) in [(FloatDType::F32, F32), (FloatDType::BF16, BF16)] {
        for (fast, plain) in curves {
            // Odd eighths, which bf16 holds and which keep off the kinks at -3 and 3.
            let input = ((Noise(5).tensor([7, 37]) * 20.0).round() / 4.0 + 0.125).cast(format);
            let results = |curve: Curve, input: Tensor<2>| {
                let input = leaf(&input, true);
                let output = curve(input.clone()).cast(FloatDType::F32);
                let gradients = (output.clone() * Noise(9).tensor([7, 37]).autodiff()).sum().backward();
                vec![Some(numbers(output)), input.grad(&gradients).map(numbers)]
            };
            let found = results(fast, input.clone());
            assert_near(
                &found,
                &results(plain, input.cast(FloatDType::F32)),
                tolerance,
                &format!("{format:?}"),
            );
        }
    }
}

#[test]
fn formats_are_plain_casts() {
    let (wide, above) = (Noise(5).tensor([7, 37]), Noise(9).tensor([7, 37]));
    for (from, to) in [(FloatDType::F32, FloatDType::BF16), (FloatDType::BF16, FloatDType::F32)] {
        let (input, above) = (leaf(&wide.clone().cast(from), true), above.clone().cast(to));
        let output = ops::in_format(input.clone(), to);
        assert_eq!(output.dtype(), to.into());
        assert_eq!(output.clone().into_data(), input.clone().cast(to).into_data());
        let gradients = (output * above.clone().autodiff()).sum().backward();
        let gradient = input.grad(&gradients).unwrap();
        assert_eq!(gradient.into_data(), above.cast(from).into_data(), "the gradient in the input's format");
    }
}

#[test]
fn pools_are_plain_pools() {
    for (format, tolerance) in [(FloatDType::F32, F32), (FloatDType::BF16, BF16)] {
        for (size, channels) in [([7, 7], 70), ([12, 9], 5), ([1, 1], 3)] {
            let input = distinct(size, channels, format);
            let of = format!("{format:?} {size:?}");
            let found = pooled(&input, DType::F32, ops::concat_pool);
            assert_near(&found, &pooled(&input, DType::F32, plain::concat_pool), tolerance, &of);
            let found = pooled(&input, DType::F32, ops::average_pool);
            assert_near(&found, &pooled(&input, DType::F32, plain::average_pool), tolerance, &of);
            let overhang = WindowConfig { padding: PaddingRule::CeilMode, ..WindowConfig::centered(3, 2) };
            for window in
                [WindowConfig::centered(3, 2), WindowConfig::same(3, 2), WindowConfig::same(2, 1), overhang]
            {
                if size == [1, 1] {
                    continue;
                }
                let out = input.dtype();
                let found = pooled(&input, out, |input| ops::max_pool2d(input, window));
                let expected = pooled(&input, out, |input| plain::max_pool2d(input, window));
                assert_near(&found, &expected, tolerance, &format!("{of} {window:?}"));
            }
        }
    }
}

type Step = fn(Tensor<1>, Tensor<1>, Tensor<1>, Tensor<1>, &AdamStep) -> (Tensor<1>, Tensor<1>, Tensor<1>);

#[test]
fn adam_is_plain_adam() {
    let run = |adam_step: Step| {
        let mut noise = Noise(11);
        let start = noise.tensor([1003]);
        let zeros = Tensor::zeros([1003], &Device::flex());
        let mut state = (start.clone(), zeros.clone(), zeros);
        for steps in 1..6 {
            let step = AdamStep {
                rate: 0.01,
                beta1: 0.95 - 0.01 * f64::from(steps),
                beta2: 0.99,
                epsilon: 1e-5,
                weight_decay: 0.1,
                steps,
                gradient_scale: if steps == 3 { 0.25 } else { 1.0 },
            };
            state = adam_step(state.0, noise.tensor([1003]), state.1, state.2, &step);
        }
        let (value, average, square_average) = state;
        [start, value, average, square_average].map(|tensor| Some(numbers(tensor)))
    };
    // A handful of roundings of f32. The start is shared with the first step, which must not change it.
    assert_near(&run(ops::adam_step), &run(plain::adam_step), 1e-6, "adam");
}

#[test]
fn scaled_filters_are_plain_ones() {
    for shape in [[5, 3, 3, 3], [64, 40, 3, 3], [24, 1, 5, 5], [300, 7, 1, 1]] {
        for tracks in [[true, true], [true, false], [false, true]] {
            let run = |scale: fn(Tensor<4>, Tensor<1>) -> Tensor<4>| {
                let mut noise = Noise(5);
                let weight = leaf(&noise.tensor(shape), tracks[0]);
                let factors = leaf(&noise.tensor([shape[0]]), tracks[1]);
                let scaled = scale(weight.clone(), factors.clone());
                let gradients = (scaled.clone() * noise.tensor(shape).autodiff()).sum().backward();
                [Some(numbers(scaled)), gradient(&weight, &gradients), gradient(&factors, &gradients)]
            };
            assert_near(&run(ops::scale_filters), &run(plain::scale_filters), F32, &format!("{shape:?}"));
        }
    }
}

#[test]
fn a_forks_gradients_are_added() {
    for (format, tolerance) in [(FloatDType::F32, F32), (FloatDType::BF16, BF16)] {
        let run = |fork: fn(Tensor<4>) -> (Tensor<4>, Tensor<4>)| {
            let mut noise = Noise(9);
            let input = leaf(&noise.tensor([2, 5, 4, 7]).cast(format), true);
            // Once at a leaf, once further on; the ways back are of different length.
            let (a, b) = fork(input.clone());
            let (c, d) = fork((a * 2.0 + 1.0) * 0.5);
            let sum = b * 3.0 + c.abs() + d * 0.25;
            let cotangent = noise.tensor([2, 5, 4, 7]).autodiff();
            let gradients = (sum.clone().cast(FloatDType::F32) * cotangent).sum().backward();
            [Some(numbers(sum)), gradient(&input, &gradients)]
        };
        let clones = |input: Tensor<4>| (input.clone(), input);
        assert_near(&run(ops::fork), &run(clones), tolerance, &format!("{format:?}"));
    }
}

#[test]
fn a_way_that_is_dropped_takes_no_gradient_with_it() {
    for format in [FloatDType::F32, FloatDType::BF16] {
        for kept in [0, 1] {
            let input = leaf(&Noise(9).tensor([2, 5, 4, 7]).cast(format), true);
            // Once at a leaf, once further on; of each fork, one way leads to no loss.
            let way = |x| <[Tensor<4>; 2]>::from(ops::fork(x))[kept].clone();
            let output = way(way(input.clone()) * 2.0) * 3.0;
            let gradients = output.sum().backward();
            let found = gradient(&input, &gradients).expect("the way that is left has a gradient");
            assert!(found.iter().all(|number| *number == 6.0), "{format:?} {kept}");
        }
    }
    // A way may be computed with and still lead nowhere.
    let input = leaf(&Noise(9).tensor([1, 2, 2, 3]), true);
    let (a, b) = ops::fork(input.clone());
    let _unused = b * 7.0;
    let gradients = (a * 2.0).sum().backward();
    assert_eq!(gradient(&input, &gradients), Some(vec![2.0; 12]));
}

#[test]
fn a_forked_tensor_may_go_a_third_way() {
    let input = leaf(&Noise(9).tensor([1, 2, 2, 3]), true);
    let (a, b) = ops::fork(input.clone());
    let gradients = (a * 2.0 + b * 3.0 + input.clone() * 5.0).sum().backward();
    assert_eq!(gradient(&input, &gradients), Some(vec![10.0; 12]));
}
