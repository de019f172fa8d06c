//! Functions of single elements and softmax against their definitions in `f64`.

use defrost_kernels::elementwise::{
    activation_backward, add, convert, gelu, gelu_backward, hardswish, hardswish_backward,
};
use defrost_kernels::softmax::{softmax, softmax_backward};
use defrost_kernels::{ActivationFn, Element, IsaLevel};
use half::bf16;

use super::close::{assert_close, rounding};
use super::support::{Guarded, Random, levels};

/// Around every instruction set's lanes, and past a chunk.
const LENGTHS: [usize; 12] = [0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 1000, (1 << 15) + 5];

fn backward_of<T: Element>(isa: IsaLevel, activation: ActivationFn, channels: usize, pixels: usize) {
    let mut random = Random::new((channels * 1000 + pixels) as u64);
    let before = random.elements::<f32>(channels * pixels);
    let output: Vec<T> = before.iter().map(|x| T::from_f32(activation.apply(x * 10.0))).collect();
    let grad_output = random.elements::<T>(output.len());
    let mut grad_pre = Guarded::<T>::new(output.len());
    let mut grad_bias = Guarded::<f32>::new(channels);
    activation_backward(isa, activation, &output, &grad_output, grad_pre.slice(), grad_bias.slice());
    let expected: Vec<T> = output
        .iter()
        .zip(&grad_output)
        .map(|(y, g)| T::from_f32(g.to_f32() * activation.slope_at_output(y.to_f32())))
        .collect();
    let context = || format!("{} {activation:?} {pixels} pixels of {channels}", isa.name());
    assert_close(grad_pre.checked(), &expected, 0.0, 0.0, context);
    let mut sums = vec![0.0f64; channels];
    for (at, value) in expected.iter().enumerate() {
        sums[at % channels] += f64::from(value.to_f32());
    }
    let sums: Vec<f32> = sums.iter().map(|sum| *sum as f32).collect();
    // A chunk adds up to 2^9 numbers in f32: √2^9 roundings by 2^-21 (of sums up to 16) are 1e-5, and the
    // worst of a thousand channels is off by a few times that.
    assert_close(grad_bias.checked(), &sums, 1e-6, 5e-5, context);
}

#[test]
fn activation_backward_is_its_definition() {
    for isa in levels() {
        for activation in [ActivationFn::Identity, ActivationFn::Relu, ActivationFn::Relu6] {
            for channels in [1, 2, 7, 8, 9, 15, 16, 17, 24, 31, 64, 100, 1153] {
                for pixels in [0, 1, 2, 5, 50, 1000] {
                    backward_of::<f32>(isa, activation, channels, pixels);
                    backward_of::<bf16>(isa, activation, channels, pixels);
                }
            }
        }
    }
}

#[test]
fn activation_backward_stops_nan_where_the_slope_is_0() {
    for isa in levels() {
        let (mut grad_pre, mut grad_bias) = ([1.0f32; 3], [1.0; 1]);
        let grad_output = [f32::NAN, 2.0, 3.0];
        activation_backward(
            isa,
            ActivationFn::Relu6,
            &[0.0, 3.0, 6.0],
            &grad_output,
            &mut grad_pre,
            &mut grad_bias,
        );
        assert_eq!((grad_pre, grad_bias), ([0.0, 2.0, 0.0], [2.0]), "{}", isa.name());
    }
}

/// The error function's own definition: its series, which converges for every x met here.
fn normal_distribution(x: f64) -> f64 {
    let (mut term, mut sum) = (x, x);
    for n in 1..200 {
        term *= -x * x / 2.0 / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    0.5 + sum / (2.0 * std::f64::consts::PI).sqrt()
}

fn gelu_of(x: f64) -> f64 {
    x * normal_distribution(x)
}

fn hardswish_of(x: f64) -> f64 {
    x * (x + 3.0).clamp(0.0, 6.0) / 6.0
}

fn hardswish_slope(x: f64) -> f64 {
    match x {
        _ if x <= -3.0 => 0.0,
        _ if x < 3.0 => x / 3.0 + 0.5,
        _ => 1.0,
    }
}

fn functions<T: Element>(isa: IsaLevel, len: usize) {
    let mut random = Random::new(len as u64);
    let scaled = |values: Vec<f32>| values.iter().map(|x| T::from_f32(x * 5.0)).collect::<Vec<T>>();
    let x = scaled(random.elements(len));
    let gradient = scaled(random.elements(len));
    let context = || format!("{} {len}", isa.name());
    // Φ is good to 2^-23 by its formula's own bound, times x and the gradient, up to 5 each.
    let absolute = 25.0 * 2f32.powi(-22);
    let check = |found: &[T], expected: &dyn Fn(f64, f64) -> f64| {
        let expected: Vec<T> = x
            .iter()
            .zip(&gradient)
            .map(|(x, g)| T::from_f32(expected(x.to_f32().into(), g.to_f32().into()) as f32))
            .collect();
        assert_close(found, &expected, rounding::<T>(), absolute, context);
    };
    // Central differences: the error is h²·f'''/6, below 1e-9.
    let slope = |f: fn(f64) -> f64, x: f64| (f(x + 5e-5) - f(x - 5e-5)) / 1e-4;
    let mut out = Guarded::<T>::new(len);
    add(isa, &x, &gradient, out.slice());
    check(out.checked(), &|x, g| x + g);
    let mut out = Guarded::<T>::new(len);
    gelu(isa, &x, out.slice());
    check(out.checked(), &|x, _| gelu_of(x));
    let mut out = Guarded::<T>::new(len);
    gelu_backward(isa, &x, &gradient, out.slice());
    check(out.checked(), &|x, g| g * slope(gelu_of, x));
    let mut out = Guarded::<T>::new(len);
    hardswish(isa, &x, out.slice());
    check(out.checked(), &|x, _| hardswish_of(x));
    let mut out = Guarded::<T>::new(len);
    hardswish_backward(isa, &x, &gradient, out.slice());
    // A difference across a kink is the slope of neither side.
    check(out.checked(), &|x, g| g * hardswish_slope(x));
}

#[test]
fn functions_are_their_definitions() {
    for isa in levels() {
        for len in LENGTHS {
            functions::<f32>(isa, len);
            functions::<bf16>(isa, len);
        }
    }
}

#[test]
fn another_format_is_rounded_to_nearest() {
    for isa in levels() {
        // More than a thread takes at a time, and a rest.
        for len in [0, 1, 15, 70_003] {
            let wide: Vec<f32> = (0..len).map(|i| (i as f32 - 500.0) * 1.234_567).collect();
            let narrow: Vec<bf16> = wide.iter().map(|x| bf16::from_f32(*x)).collect();
            let mut out = vec![bf16::ZERO; len];
            convert(isa, &wide, &mut out);
            assert_eq!(out, narrow, "{}", isa.name());
            let mut back = vec![0.0; len];
            convert(isa, &narrow, &mut back);
            assert!(back.iter().zip(&narrow).all(|(back, x)| *back == x.to_f32()), "{}", isa.name());
        }
    }
}

#[test]
fn functions_hold_at_the_extremes() {
    for isa in levels() {
        let x = [-1e30f32, -200.0, -90.0, -0.0, 90.0, 200.0, 1e30, f32::NAN];
        let mut out = [0.0; 8];
        for function in [gelu::<f32>, hardswish::<f32>] {
            function(isa, &x, &mut out);
            assert!(out[..4].iter().all(|y| y.abs() < 1e-8), "{}: {out:?}", isa.name());
            assert_eq!(out[4..7], x[4..7], "{}", isa.name());
            assert!(out[7].is_nan(), "{}", isa.name());
        }
    }
}

fn softmax_of<T: Element>(isa: IsaLevel, rows: usize, width: usize) {
    let mut random = Random::new((rows * 1000 + width) as u64);
    let x: Vec<T> =
        random.elements::<f32>(rows * width).iter().map(|x| T::from_f32(x * 20.0 + 500.0)).collect();
    let context = || format!("{} {rows} rows of {width}", isa.name());
    let mut expected = Vec::with_capacity(x.len());
    for row in x.chunks_exact(width) {
        let wide: Vec<f64> = row.iter().map(|x| f64::from(x.to_f32())).collect();
        let largest = wide.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = wide.iter().map(|x| (x - largest).exp()).sum();
        expected.extend(wide.iter().map(|x| T::from_f32(((x - largest).exp() / sum) as f32)));
    }
    let mut y = Guarded::<T>::new(x.len());
    softmax(isa, &x, width, y.slice());
    // The sum's f32 additions, and the exponential's units in the last place.
    let relative = rounding::<T>().max(2f32.powi(-24) * (width as f32).sqrt() + 2f32.powi(-21));
    assert_close(y.checked(), &expected, relative, 1e-30, context);

    let grad_y = random.elements::<T>(x.len());
    let mut grad_x = Guarded::<T>::new(x.len());
    softmax_backward(isa, &expected, &grad_y, width, grad_x.slice());
    let mut expected_grad = Vec::with_capacity(x.len());
    for (y, g) in expected.chunks_exact(width).zip(grad_y.chunks_exact(width)) {
        let products = y.iter().zip(g).map(|(y, g)| f64::from(y.to_f32()) * f64::from(g.to_f32()));
        let sum: f64 = products.sum();
        let gradient =
            |y: &T, g: &T| T::from_f32((f64::from(y.to_f32()) * (f64::from(g.to_f32()) - sum)) as f32);
        expected_grad.extend(y.iter().zip(g).map(|(y, g)| gradient(y, g)));
    }
    assert_close(grad_x.checked(), &expected_grad, rounding::<T>(), 1e-6, context);
}

#[test]
fn softmax_is_its_definition() {
    for isa in levels() {
        for (rows, width) in [(0, 3), (1, 1), (5, 7), (3, 16), (4, 17), (2, 100), (300, 130), (1, 40_000)] {
            softmax_of::<f32>(isa, rows, width);
            softmax_of::<bf16>(isa, rows, width);
        }
    }
}

#[test]
fn softmax_of_a_row_with_nan_is_nan_and_its_neighbour_is_not() {
    for isa in levels() {
        let x = [1.0f32, f32::NAN, 2.0, 1.0, 1.0, f32::NEG_INFINITY];
        let mut y = [0.0; 6];
        softmax(isa, &x, 3, &mut y);
        assert!(y[..3].iter().all(|y| y.is_nan()), "{}: {y:?}", isa.name());
        assert_eq!(y[3..], [0.5, 0.5, 0.0], "{}", isa.name());
    }
}
