//! The convolutions of ResNets and EfficientNet-Lite0, on every tier.

use std::hint::black_box;
use std::time::Instant;

use defrost_kernels::conv::{self, ChannelStatistics, Epilogue};
use defrost_kernels::{ConvShape, Element, Padding, Tier};
use half::bf16;

use super::peak;

/// Name, batch, size, channels in, channels out, kernel, stride.
const SHAPES: [(&str, usize, usize, usize, usize, usize, usize); 18] = [
    ("resnet 56 64 3x3", 4, 56, 64, 64, 3, 1),
    ("resnet 28 128 3x3", 8, 28, 128, 128, 3, 1),
    ("resnet 14 256 3x3", 16, 14, 256, 256, 3, 1),
    ("resnet 7 512 3x3", 16, 7, 512, 512, 3, 1),
    ("resnet 7 512 3x3 b32", 32, 7, 512, 512, 3, 1),
    ("resnet 56 64>128 3x3/2", 8, 56, 64, 128, 3, 2),
    ("resnet 14 256>512 3x3/2", 16, 14, 256, 512, 3, 2),
    ("resnet 56 64>128 1x1/2", 8, 56, 64, 128, 1, 2),
    ("stem 224 3>64 7x7/2", 2, 224, 3, 64, 7, 2),
    ("resnet50 56 64>256 1x1", 4, 56, 64, 256, 1, 1),
    ("resnet50 14 1024>256 1x1", 16, 14, 1024, 256, 1, 1),
    ("resnet50 7 512>2048 1x1", 16, 7, 512, 2048, 1, 1),
    ("lite0 112 16>96 1x1", 4, 112, 16, 96, 1, 1),
    ("lite0 56 24>144 1x1", 8, 56, 24, 144, 1, 1),
    ("lite0 56 144>24 1x1", 8, 56, 144, 24, 1, 1),
    ("lite0 14 480>112 1x1", 16, 14, 480, 112, 1, 1),
    ("lite0 7 192>1152 1x1", 16, 7, 192, 1152, 1, 1),
    ("lite0 7 1152>320 1x1", 16, 7, 1152, 320, 1, 1),
];

/// Prints a line for each shape, format, tier and number of threads that all filters are part of.
pub fn run(filters: &[String]) {
    println!(
        "{:<36} {:>7} | {:>16} {:>16} {:>16} {:>16}",
        "GFLOP/s (of the peak)", "peak", "forward", "with statistics", "backward input", "backward weight"
    );
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        for tier in Tier::NAMES.into_iter().filter_map(Tier::named) {
            for shape in SHAPES {
                pool.install(|| {
                    line::<f32>("f32", tier, threads, shape, filters);
                    line::<bf16>("bf16", tier, threads, shape, filters);
                });
            }
        }
    }
}

fn line<T: Element>(
    format: &str,
    tier: Tier,
    threads: usize,
    (name, batch, size, in_channels, out_channels, kernel, stride): (
        &str,
        usize,
        usize,
        usize,
        usize,
        usize,
        usize,
    ),
    filters: &[String],
) {
    let label = format!("{} {format} {threads}t, {name}", tier.name());
    if !filters.iter().all(|filter| label.contains(filter.as_str())) {
        return;
    }
    let shape = ConvShape {
        batch,
        height: size,
        width: size,
        in_channels,
        out_channels,
        kernel: [kernel; 2],
        stride: [stride; 2],
        padding: Padding::all(kernel / 2),
        groups: 1,
    };
    let ramp = |len: usize| (0..len).map(|i| T::from_f32((i % 251) as f32 / 125.0 - 1.0)).collect::<Vec<T>>();
    let (input, grad_output) = (ramp(shape.input_len()), ramp(shape.output_len()));
    let weight: Vec<f32> = (0..shape.weight_len()).map(|i| (i % 241) as f32 / 120.0 - 1.0).collect();
    let mut output = grad_output.clone();
    let mut grad_input = input.clone();
    let mut grad_weight = weight.clone();
    let mut statistics =
        ChannelStatistics { mean: vec![0.0; out_channels], variance: vec![0.0; out_channels] };
    let peak = peak::gflops(tier, format == "bf16").map(|peak| peak * threads as f64);
    let speeds = [
        speed(&shape, || conv::conv2d(tier, &shape, &input, &weight, Epilogue::NONE, &mut output)),
        speed(&shape, || {
            conv::conv2d_with_statistics(tier, &shape, &input, &weight, &mut output, &mut statistics);
        }),
        speed(&shape, || conv::conv2d_backward_input(tier, &shape, &grad_output, &weight, &mut grad_input)),
        speed(&shape, || {
            conv::conv2d_backward_weight(tier, &shape, &input, &grad_output, &mut grad_weight);
        }),
    ];
    black_box((&output, &grad_input, &grad_weight, &statistics));
    let cells = speeds.map(|speed| {
        let ratio = peak.map_or("-".to_owned(), |peak| format!("{:.0} %", 100.0 * speed / peak));
        format!("{speed:>8.1} {ratio:>7}")
    });
    println!("{label:<36} {:>7.0} | {}", peak.unwrap_or(f64::NAN), cells.join(" "));
}

/// GFLOP/s of the fastest of a few runs.
fn speed(shape: &ConvShape, mut operation: impl FnMut()) -> f64 {
    operation();
    let begin = Instant::now();
    let mut best = f64::INFINITY;
    while begin.elapsed().as_millis() < 60 {
        let start = Instant::now();
        operation();
        best = best.min(start.elapsed().as_secs_f64());
    }
    shape.flops() as f64 / best / 1e9
}
