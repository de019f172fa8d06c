//! What whole networks cost: milliseconds per image of everything that trains, by class of layer.
//!
//! `cargo bench --bench networks [-- [layers] FILTER…]`: a table for each network, format and number of threads whose
//! title all filters are part of; `layers` lists every layer as well. Each distinct layer is run alone, best of
//! some runs, and counted as often as the network has it. The total is that of norms with kept statistics, which
//! fold into their convolutions; what batch statistics would add stands below it.

use std::time::Instant;

use defrost_kernels::conv;
use defrost_kernels::elementwise::activation_backward;
use defrost_kernels::norm::{BatchNorm, BatchNormGradients, batch_norm_backward, batch_norm_forward};
use defrost_kernels::{
    ActivationFn, Buffer, ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, Padding, Plain,
};
use half::bf16;

const BATCH: usize = 16;

/// Passes of a layer: the columns of a table.
const PASSES: [&str; 6] = ["forward", "input", "weight", "activation", "norm fwd", "norm bwd"];

/// The passes that are part of the total.
const FOLDED: usize = 4;

/// A convolution with its norm, and how often the network has it.
#[derive(Clone, Copy, PartialEq)]
struct Layer {
    shape: ConvShape,
    activation: ActivationFn,
    residual: bool,
    count: usize,
}

impl Layer {
    fn class(&self) -> &'static str {
        let ConvShape { in_channels, out_channels, kernel, .. } = self.shape;
        match kernel {
            _ if in_channels == 3 => "stem",
            _ if self.shape.is_depthwise() => "depthwise",
            [1, 1] if in_channels.min(out_channels) <= 40 => "thin 1x1",
            [1, 1] => "wide 1x1",
            _ => "3x3",
        }
    }
}

const CLASSES: [&str; 5] = ["stem", "depthwise", "thin 1x1", "wide 1x1", "3x3"];

fn main() {
    let mut filters: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let list = filters.iter().any(|filter| filter == "layers");
    filters.retain(|filter| filter != "layers");
    let isa = match std::env::var("DEFROST_KERNEL") {
        Ok(name) => {
            IsaLevel::named(&name).unwrap_or_else(|| panic!("{name}: this processor has no such level"))
        }
        Err(_) => IsaLevel::detect(),
    };
    for (network, layers) in [("lite0", lite0()), ("resnet34", resnet34())] {
        for format in ["bf16", "f32"] {
            for threads in [1, 2] {
                let title = format!("{network} {format} {threads}t {}", isa.name());
                if !filters.iter().all(|filter| title.contains(filter.as_str())) {
                    continue;
                }
                let pool =
                    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
                println!("\n{title}: ms per image");
                pool.install(|| match format {
                    "bf16" => table::<bf16>(isa, &layers, list),
                    _ => table::<f32>(isa, &layers, list),
                });
            }
        }
    }
}

fn table<T: Element + Plain>(isa: IsaLevel, layers: &[Layer], list: bool) {
    println!("{:32} {}   total", "", PASSES.map(|pass| format!("{pass:>10}")).join(" "));
    let print = |name: &str, times: &[f64; PASSES.len()]| {
        let cells = times.map(|time| format!("{time:10.3}")).join(" ");
        println!("{name:32} {cells} {:7.2}", times[..FOLDED].iter().sum::<f64>());
    };
    let mut sums = [[0.0; PASSES.len()]; CLASSES.len()];
    for layer in layers {
        let times = times::<T>(isa, layer).map(|time| time * layer.count as f64);
        if list {
            let ConvShape { height, in_channels, out_channels, kernel, stride, .. } = layer.shape;
            let sizes = format!("{height} {in_channels}>{out_channels} {0}x{0}/{1}", kernel[0], stride[0]);
            print(&format!("  {} x {} {sizes}", layer.count, layer.class()), &times);
        }
        let class = CLASSES.iter().position(|class| *class == layer.class()).expect("every class is listed");
        sums[class].iter_mut().zip(times).for_each(|(sum, time)| *sum += time);
    }
    let mut total = [0.0; PASSES.len()];
    for (class, times) in CLASSES.iter().zip(&sums).filter(|(_, times)| times[0] > 0.0) {
        print(class, times);
        total.iter_mut().zip(times).for_each(|(total, time)| *total += time);
    }
    print("all", &total);
}

/// Milliseconds per image of each pass.
fn times<T: Element + Plain>(isa: IsaLevel, layer: &Layer) -> [f64; PASSES.len()] {
    let Layer { shape, activation, .. } = layer;
    let channels = shape.out_channels;
    let input = values::<T>(shape.input_len());
    let [residual, grad_output] = [0; 2].map(|_| values::<T>(shape.output_len()));
    let weight = values::<f32>(shape.weight_len());
    let [mut output, mut grad_pre] = [0; 2].map(|_| values::<T>(shape.output_len()));
    let (mut grad_input, mut grad_weight) = (Buffer::copy_of(&input), Buffer::copy_of(&weight));
    let [mut grad_gamma, mut grad_beta] = [0; 2].map(|_| vec![0.0; channels]);
    let bias = vec![0.1; channels];
    let residual = layer.residual.then_some(&residual[..]);
    let epilogue = Epilogue { bias: Some(&bias), residual, activation: *activation };
    let statistics = &ChannelStatistics { mean: vec![0.1; channels], variance: vec![1.0; channels] };
    let norm = BatchNorm { statistics, gamma: &bias, beta: &bias, eps: 1e-5, activation: *activation };
    [
        best(|| conv::conv2d(isa, shape, &input, &weight, epilogue, &mut output)),
        // An image has no gradient.
        if shape.in_channels == 3 {
            0.0
        } else {
            best(|| conv::conv2d_backward_input(isa, shape, &grad_output, &weight, &mut grad_input))
        },
        best(|| conv::conv2d_backward_weight(isa, shape, &input, &grad_output, &mut grad_weight)),
        best(|| {
            let (y, gradient) = (&output, &grad_output);
            activation_backward(isa, *activation, y, gradient, &mut grad_pre, &mut grad_beta);
        }),
        best(|| batch_norm_forward(isa, &norm, &grad_output, residual, &mut output)),
        best(|| {
            let (x, gradient) = (&grad_output, &grad_output);
            let (gamma, beta) = (&mut grad_gamma, &mut grad_beta);
            let gradients = BatchNormGradients { x: &mut grad_pre, residual: None, gamma, beta };
            batch_norm_backward(isa, &norm, x, None, gradient, gradients);
        }),
    ]
}

/// Milliseconds per image of the fastest of some runs.
fn best(mut run: impl FnMut()) -> f64 {
    run();
    let (begin, mut best, mut runs) = (Instant::now(), f64::INFINITY, 0);
    while runs < 4 || begin.elapsed().as_millis() < 40 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best * 1e3 / BATCH as f64
}

fn layer(
    size: usize,
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    activation: ActivationFn,
    residual: bool,
) -> Layer {
    let depthwise = channels[0] == channels[1] && activation == ActivationFn::Relu6;
    let shape = ConvShape {
        batch: BATCH,
        height: size,
        width: size,
        in_channels: channels[0],
        out_channels: channels[1],
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: Padding::same([size; 2], [kernel; 2], [stride; 2]),
        groups: if depthwise { channels[0] } else { 1 },
    };
    Layer { shape, activation, residual, count: 1 }
}

/// Equal layers as one.
fn counted(layers: Vec<Layer>) -> Vec<Layer> {
    let mut distinct: Vec<Layer> = Vec::new();
    for layer in layers {
        match distinct.iter_mut().find(|other| (Layer { count: 1, ..**other }) == layer) {
            Some(other) => other.count += 1,
            None => distinct.push(layer),
        }
    }
    distinct
}

/// EfficientNet-Lite0 at 224 pixels.
fn lite0() -> Vec<Layer> {
    use ActivationFn::{Identity, Relu6};
    // Kernel, stride of the first block, channels, blocks.
    let stages =
        [(3, 2, 24, 2), (5, 2, 40, 2), (3, 2, 80, 3), (5, 1, 112, 3), (5, 2, 192, 4), (3, 1, 320, 1)];
    let mut layers = vec![
        layer(224, [3, 32], 3, 2, Relu6, false),
        layer(112, [32, 32], 3, 1, Relu6, false),
        layer(112, [32, 16], 1, 1, Identity, false),
    ];
    let (mut size, mut inputs) = (112, 16);
    for (kernel, first_stride, outputs, blocks) in stages {
        for block in 0..blocks {
            let stride = if block == 0 { first_stride } else { 1 };
            let wide = 6 * inputs;
            layers.push(layer(size, [inputs, wide], 1, 1, Relu6, false));
            layers.push(layer(size, [wide, wide], kernel, stride, Relu6, false));
            size /= stride;
            layers.push(layer(size, [wide, outputs], 1, 1, Identity, block > 0));
            inputs = outputs;
        }
    }
    layers.push(layer(size, [inputs, 1280], 1, 1, Relu6, false));
    counted(layers)
}

/// ResNet-34 at 224 pixels.
fn resnet34() -> Vec<Layer> {
    use ActivationFn::{Identity, Relu};
    let mut layers = vec![layer(224, [3, 64], 7, 2, Relu, false)];
    let (mut size, mut inputs) = (56, 64);
    for (outputs, blocks) in [(64, 3), (128, 4), (256, 6), (512, 3)] {
        for _ in 0..blocks {
            let stride = outputs / inputs;
            layers.push(layer(size, [inputs, outputs], 3, stride, Relu, false));
            if stride > 1 {
                layers.push(layer(size, [inputs, outputs], 1, stride, Identity, false));
            }
            size /= stride;
            layers.push(layer(size, [outputs; 2], 3, 1, Relu, true));
            inputs = outputs;
        }
    }
    counted(layers)
}

/// Numbers between -1 and 1 without a pattern that a processor could profit from.
fn values<T: Element + Plain>(len: usize) -> Buffer<T> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        T::from_f32(f32::from_bits(state >> 9 | 0x4000_0000) - 3.0)
    };
    let mut values = Buffer::new(len);
    values.iter_mut().for_each(|value| *value = next());
    values
}
