//! The convolutions of ResNets and EfficientNet-Lite0, on every level.

use std::hint::black_box;
use std::time::Instant;

use defrost_kernels::conv;
use defrost_kernels::{Buffer, ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, Padding, Plain};
use half::bf16;
use rayon::ThreadPool;

use super::peak;

/// Name, batch, size, channels in, channels out, kernel, stride.
const SHAPES: [Shape; 18] = [
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

/// Prints a line for each shape, format and level that all filters are part of: for each pass, GFLOP/s of one thread,
/// their fraction of the peak, and how many times as fast two threads are.
pub fn run(filters: &[String]) {
    println!(
        "{:<38} {:>6} | {:>20} {:>20} {:>20} {:>20}",
        "GFLOP/s, fraction of the peak, 2 threads",
        "peak",
        "forward",
        "with statistics",
        "grad input",
        "grad weight"
    );
    let pools = [1, 2]
        .map(|threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start"));
    for isa in IsaLevel::NAMES.into_iter().filter_map(IsaLevel::named) {
        for shape in &SHAPES {
            line::<f32>("f32", isa, shape, &pools, filters);
            line::<bf16>("bf16", isa, shape, &pools, filters);
        }
    }
}

type Shape = (&'static str, usize, usize, usize, usize, usize, usize);

fn line<T: Element + Plain>(
    format: &str,
    isa: IsaLevel,
    &(name, batch, size, in_channels, out_channels, kernel, stride): &Shape,
    pools: &[ThreadPool; 2],
    filters: &[String],
) {
    let label = format!("{} {format}, {name}", isa.name());
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
    let mut input = ramp::<T>(shape.input_len());
    let mut output = ramp::<T>(shape.output_len());
    let mut weight = ramp::<f32>(shape.weight_len());
    let mut statistics = ChannelStatistics::new(out_channels);
    let peak = peak::gflops(isa, format == "bf16");
    let cells = [0, 1, 2, 3].map(|pass| {
        let [one, two] = [0, 1].map(|pool: usize| {
            pools[pool].install(|| {
                speed(&shape, || match pass {
                    0 => conv::conv2d(isa, &shape, &input, &weight, Epilogue::NONE, &mut output),
                    1 => {
                        conv::conv2d_with_statistics(
                            isa,
                            &shape,
                            &input,
                            &weight,
                            &mut output,
                            &mut statistics,
                        );
                    }
                    2 => conv::conv2d_backward_input(isa, &shape, &output, &weight, &mut input),
                    _ => conv::conv2d_backward_weight(isa, &shape, &input, &output, &mut weight),
                })
            })
        });
        let fraction = peak.map_or("-".to_owned(), |peak| format!("{:.0} %", 100.0 * one / peak));
        format!("{one:>8.1} {fraction:>5} ×{:.2}", two / one)
    });
    black_box((&input, &output, &weight, &statistics));
    println!("{label:<38} {:>6.0} | {}", peak.unwrap_or(f64::NAN), cells.join(" "));
}

/// Small numbers without zeros, in memory like that of a training step.
fn ramp<T: Element + Plain>(len: usize) -> Buffer<T> {
    let mut ramp = Buffer::new(len);
    ramp.iter_mut().enumerate().for_each(|(i, value)| *value = T::from_f32((i % 251) as f32 / 125.0 - 1.0));
    ramp
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
