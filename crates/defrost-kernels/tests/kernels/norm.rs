//! Batch norm and layer norm against their definitions in `f64`, and their gradients against finite
//! differences.

use defrost_kernels::norm::{
    BatchNorm, BatchNormGradients, LayerNormGradients, batch_norm_backward, batch_norm_forward,
    layer_norm_backward, layer_norm_forward,
};
use defrost_kernels::{ActivationFn, ChannelStatistics, ConvShape, Element, IsaLevel, Padding, depthwise};
use half::bf16;

use super::close::{assert_close, rounding};
use super::support::{Guarded, Random, levels};

const EPS: f32 = 1e-3;

fn wide<T: Element>(values: &[T]) -> Vec<f64> {
    values.iter().map(|value| f64::from(value.to_f32())).collect()
}

fn narrow<T: Element>(values: &[f64]) -> Vec<T> {
    values.iter().map(|value| T::from_f32(*value as f32)).collect()
}

/// Mean and biased variance of every `step`-th value from `start` on.
fn moments(values: &[f64], start: usize, step: usize) -> (f64, f64) {
    let count = (values.len() / step).max(1) as f64;
    let values = || values.iter().skip(start).step_by(step);
    let mean = values().sum::<f64>() / count;
    (mean, values().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
}

/// The statistics of `x` `[pixels, channels]`, as a convolution gathers them that changes nothing.
fn channel_statistics<T: Element>(isa: IsaLevel, x: &[T], channels: usize) -> ChannelStatistics {
    let shape = ConvShape {
        batch: 1,
        height: x.len() / channels,
        width: 1,
        in_channels: channels,
        out_channels: channels,
        kernel: [1, 1],
        stride: [1, 1],
        padding: Padding::all(0),
        groups: channels,
    };
    let mut output = vec![T::default(); x.len()];
    let mut statistics = ChannelStatistics::new(channels);
    depthwise::conv2d_with_statistics(isa, &shape, x, &vec![1.0; channels], &mut output, &mut statistics);
    statistics
}

#[test]
fn statistics_keep_their_digits_under_a_large_mean() {
    for isa in levels() {
        for (channels, pixels) in [(1, 1), (1, 50_000), (3, 1000), (16, 7), (17, 300), (96, 3000), (1152, 49)]
        {
            let mut random = Random::new(channels as u64);
            let x: Vec<f32> = random.elements::<f32>(channels * pixels).iter().map(|x| 1000.0 + x).collect();
            let found = channel_statistics(isa, &x, channels);
            let all = wide(&x);
            let (mean, variance): (Vec<f64>, Vec<f64>) =
                (0..channels).map(|channel| moments(&all, channel, channels)).unzip();
            let context = || format!("{} {pixels} pixels of {channels}", isa.name());
            assert_close(&found.mean, &narrow::<f32>(&mean), 2f32.powi(-23), 0.0, context);
            // Thousands of squares are added in f32.
            assert_close(&found.variance, &narrow::<f32>(&variance), 1e-5, 1e-9, context);
        }
    }
}

/// One batch norm's numbers.
struct Case<T> {
    x: Vec<T>,
    residual: Vec<T>,
    grad_y: Vec<T>,
    gamma: Vec<f32>,
    beta: Vec<f32>,
    activation: ActivationFn,
}

impl<T: Element> Case<T> {
    fn new(channels: usize, pixels: usize, activation: ActivationFn) -> Self {
        let mut random = Random::new((channels * 100 + pixels) as u64);
        let len = channels * pixels;
        Self {
            x: random.elements::<f32>(len).iter().map(|x| T::from_f32(4.0 * x + 1.0)).collect(),
            residual: random.elements(len),
            grad_y: random.elements(len),
            gamma: random.elements::<f32>(channels).iter().map(|gamma| 2.0 * gamma + 3.0).collect(),
            beta: random.elements(channels),
            activation,
        }
    }

    /// Output and gradients by the definition: y, grad_x, grad_pre, grad_gamma, grad_beta.
    fn expected(&self, residual: bool) -> [Vec<f64>; 5] {
        let channels = self.gamma.len();
        let (x, grad_y) = (wide(&self.x), wide(&self.grad_y));
        let pixels = (x.len() / channels) as f64;
        let (mut y, mut grad_x, mut grad_pre) = (x.clone(), x.clone(), x.clone());
        let (mut grad_gamma, mut grad_beta) = (vec![0.0; channels], vec![0.0; channels]);
        for channel in 0..channels {
            let (mean, variance) = moments(&x, channel, channels);
            let inverse = 1.0 / (variance + f64::from(EPS)).sqrt();
            let gamma = f64::from(self.gamma[channel]);
            let part = || (channel..x.len()).step_by(channels);
            for at in part() {
                let added = if residual { f64::from(self.residual[at].to_f32()) } else { 0.0 };
                let value = (x[at] - mean) * inverse * gamma + f64::from(self.beta[channel]) + added;
                y[at] = f64::from(self.activation.apply(value as f32));
                // Told from the stored output where there is a residual, else from the input.
                let seen = if residual { T::from_f32(y[at] as f32).to_f32() } else { y[at] as f32 };
                grad_pre[at] = grad_y[at] * f64::from(self.activation.slope_at_output(seen));
                grad_beta[channel] += grad_pre[at];
                grad_gamma[channel] += grad_pre[at] * (x[at] - mean) * inverse;
            }
            for at in part() {
                let normal = (x[at] - mean) * inverse;
                let mean_gradient = (grad_beta[channel] + normal * grad_gamma[channel]) / pixels;
                grad_x[at] = gamma * inverse * (grad_pre[at] - mean_gradient);
            }
        }
        [y, grad_x, grad_pre, grad_gamma, grad_beta]
    }
}

fn batch_norm_agrees<T: Element>(isa: IsaLevel, channels: usize, pixels: usize, activation: ActivationFn) {
    let case = Case::<T>::new(channels, pixels, activation);
    let statistics = channel_statistics(isa, &case.x, channels);
    let (gamma, beta) = (&case.gamma[..], &case.beta[..]);
    let norm = BatchNorm { statistics: &statistics, gamma, beta, eps: EPS, activation };
    for with_residual in [false, true] {
        let context = || format!("{} {activation:?} {pixels} pixels of {channels}", isa.name());
        let [y, grad_x, grad_pre, grad_gamma, grad_beta] = case.expected(with_residual);
        // Numbers up to 30 whose every step is rounded to 2^-24 of itself.
        let absolute = 1e-4;
        let mut found = Guarded::<T>::new(y.len());
        let residual = with_residual.then_some(&case.residual[..]);
        batch_norm_forward(isa, &norm, &case.x, residual, found.slice());
        assert_close(found.checked(), &narrow::<T>(&y), rounding::<T>(), absolute, context);

        let y = narrow::<T>(&y);
        let (mut found_x, mut found_pre) = (Guarded::<T>::new(y.len()), Guarded::<T>::new(y.len()));
        let (mut found_gamma, mut found_beta) =
            (Guarded::<f32>::new(channels), Guarded::<f32>::new(channels));
        batch_norm_backward(
            isa,
            &norm,
            &case.x,
            with_residual.then_some(&y[..]),
            &case.grad_y,
            BatchNormGradients {
                x: found_x.slice(),
                residual: with_residual.then(|| found_pre.slice()),
                gamma: found_gamma.slice(),
                beta: found_beta.slice(),
            },
        );
        assert_close(found_x.checked(), &narrow::<T>(&grad_x), rounding::<T>(), absolute, context);
        if with_residual {
            assert_close(found_pre.checked(), &narrow::<T>(&grad_pre), 0.0, 0.0, context);
        }
        assert_close(found_gamma.checked(), &narrow::<f32>(&grad_gamma), 1e-5, absolute, context);
        assert_close(found_beta.checked(), &narrow::<f32>(&grad_beta), 1e-5, absolute, context);
    }
}

#[test]
fn batch_norm_is_its_definition() {
    for isa in levels() {
        for activation in [ActivationFn::Identity, ActivationFn::Relu, ActivationFn::Relu6] {
            for (channels, pixels) in
                [(1, 1), (1, 200), (7, 30), (8, 9), (15, 40), (16, 5), (17, 65), (24, 100), (64, 900)]
            {
                batch_norm_agrees::<f32>(isa, channels, pixels, activation);
                batch_norm_agrees::<bf16>(isa, channels, pixels, activation);
            }
        }
    }
}

/// The loss `Σ grad_y · y` of a batch norm, its statistics included.
fn loss(case: &Case<f32>) -> f64 {
    let [y, ..] = case.expected(true);
    y.iter().zip(wide(&case.grad_y)).map(|(y, g)| y * g).sum()
}

#[test]
fn the_definition_of_batch_norms_gradient_is_the_slope() {
    let mut case = Case::<f32>::new(3, 9, ActivationFn::Identity);
    let [_, grad_x, _, grad_gamma, grad_beta] = case.expected(true);
    // Steps of 2^-6 are exact; what is left is their cubic term and y's rounding to f32.
    const STEP: f32 = 0.015_625;
    type Numbers = fn(&mut Case<f32>) -> &mut Vec<f32>;
    let parts: [(&[f64], Numbers); 3] =
        [(&grad_x, |c| &mut c.x), (&grad_gamma, |c| &mut c.gamma), (&grad_beta, |c| &mut c.beta)];
    for (gradient, numbers) in parts {
        for (at, expected) in gradient.iter().enumerate() {
            numbers(&mut case)[at] += STEP;
            let above = loss(&case);
            numbers(&mut case)[at] -= 2.0 * STEP;
            let below = loss(&case);
            numbers(&mut case)[at] += STEP;
            let slope = (above - below) / (2.0 * f64::from(STEP));
            assert!((slope - expected).abs() < 1e-3, "{at}: {slope}, not {expected}");
        }
    }
}

/// Layer norm by its definition.
fn layer_norm(x: &[f64], gamma: &[f64], beta: &[f64]) -> Vec<f64> {
    let rows = x.chunks_exact(gamma.len()).flat_map(|row| {
        let (mean, variance) = moments(row, 0, 1);
        let inverse = 1.0 / (variance + f64::from(EPS)).sqrt();
        row.iter().enumerate().map(move |(at, x)| (x - mean) * inverse * gamma[at] + beta[at])
    });
    rows.collect()
}

fn layer_norm_agrees<T: Element>(isa: IsaLevel, rows: usize, width: usize) {
    let mut random = Random::new((rows * 100 + width) as u64);
    let x: Vec<T> = random.elements::<f32>(rows * width).iter().map(|x| T::from_f32(3.0 * x + 2.0)).collect();
    let (gamma, beta) = (random.elements::<f32>(width), random.elements::<f32>(width));
    let context = || format!("{} {rows} rows of {width}", isa.name());
    let mut y = Guarded::<T>::new(x.len());
    layer_norm_forward(isa, &x, &gamma, &beta, EPS, y.slice());
    let expected = layer_norm(&wide(&x), &wide(&gamma), &wide(&beta));
    assert_close(y.checked(), &narrow::<T>(&expected), rounding::<T>(), 1e-5, context);

    let grad_y = random.elements::<T>(x.len());
    let mut grad_x = Guarded::<T>::new(x.len());
    let (mut grad_gamma, mut grad_beta) = (Guarded::<f32>::new(width), Guarded::<f32>::new(width));
    let gradients =
        LayerNormGradients { x: grad_x.slice(), gamma: grad_gamma.slice(), beta: grad_beta.slice() };
    layer_norm_backward(isa, &x, &gamma, EPS, &grad_y, gradients);
    let loss = |x: &[f64], gamma: &[f64], beta: &[f64]| -> f64 {
        layer_norm(x, gamma, beta).iter().zip(wide(&grad_y)).map(|(y, g)| y * g).sum()
    };
    let (x, gamma, beta) = (wide(&x), wide(&gamma), wide(&beta));
    // Central differences of f64: the cubic term is below 1e-6, or ten times that in rows of two.
    let slopes = |values: &[f64], loss: &dyn Fn(&[f64]) -> f64| -> Vec<f64> {
        let slope = |at: usize| {
            let moved = |step: f64| {
                let mut moved = values.to_vec();
                moved[at] += step;
                loss(&moved)
            };
            (moved(1e-4) - moved(-1e-4)) / 2e-4
        };
        (0..values.len()).map(slope).collect()
    };
    let by_x = slopes(&x, &|x| loss(x, &gamma, &beta));
    assert_close(grad_x.checked(), &narrow::<T>(&by_x), rounding::<T>(), 2e-5, context);
    let by_gamma = slopes(&gamma, &|gamma| loss(&x, gamma, &beta));
    assert_close(grad_gamma.checked(), &narrow::<f32>(&by_gamma), 1e-5, 2e-5, context);
    let by_beta = slopes(&beta, &|beta| loss(&x, &gamma, beta));
    assert_close(grad_beta.checked(), &narrow::<f32>(&by_beta), 1e-5, 2e-5, context);
}

#[test]
fn layer_norm_is_its_definition() {
    for isa in levels() {
        for (rows, width) in [(0, 4), (1, 1), (3, 7), (2, 8), (2, 9), (5, 16), (4, 33), (2, 130)] {
            layer_norm_agrees::<f32>(isa, rows, width);
            layer_norm_agrees::<bf16>(isa, rows, width);
        }
    }
}
