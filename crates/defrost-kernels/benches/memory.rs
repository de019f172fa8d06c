//! The kernels that memory bounds, in GB/s beside a plain copy's.
//!
//! `cargo bench --bench memory [-- FILTER]`. The bytes of a kernel are those it must move: each input
//! once, each output once. The copy is measured in the same minute over arrays of the same size, because
//! a busy machine's bandwidth drifts. `× copy` is the kernel's time over the copy's, `× FMA` its time over that of
//! its products alone at the peak measured in the same minute.

use std::time::Instant;

use defrost_kernels::adam::{AdamStep, adam_step};
use defrost_kernels::elementwise::activation_backward;
use defrost_kernels::norm::{BatchNorm, BatchNormGradients, batch_norm_backward, batch_norm_forward};
use defrost_kernels::pool::{PoolShape, max_pool, max_pool_backward};
use defrost_kernels::{
    ActivationFn, Buffer, ChannelStatistics, ConvShape, Element, Epilogue, IsaLevel, Padding, Plain,
    depthwise,
};
use half::bf16;
use rayon::prelude::*;

#[path = "kernels/peak.rs"]
mod peak;

/// EfficientNet-Lite0's depthwise convolutions at 224 pixels: input size, channels, kernel, stride.
const DEPTHWISE: [[usize; 4]; 10] = [
    [112, 32, 3, 1],
    [112, 96, 3, 2],
    [56, 144, 3, 1],
    [56, 144, 5, 2],
    [28, 240, 5, 1],
    [28, 240, 3, 2],
    [14, 480, 5, 1],
    [14, 672, 5, 2],
    [7, 1152, 5, 1],
    [7, 1152, 3, 1],
];

const BATCH: usize = 16;

fn main() {
    let filter = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let isa = match std::env::var("DEFROST_KERNEL") {
        Ok(name) => {
            IsaLevel::named(&name).unwrap_or_else(|| panic!("{name}: this processor has no such level"))
        }
        Err(_) => IsaLevel::detect(),
    };
    for threads in [1, 2] {
        println!("\n{} thread(s), {}\n", threads, isa.name());
        println!("{:44} {:>9} {:>8} {:>8} {:>7} {:>7}", "", "ms", "GB/s", "copy", "× copy", "× FMA");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start");
        pool.install(|| {
            let bench = Bench { isa, filter: &filter };
            DEPTHWISE.iter().for_each(|layer| bench.depthwise::<bf16>(*layer));
            bench.depthwise::<f32>(DEPTHWISE[2]);
            bench.norm::<bf16>(112 * 112 * BATCH, 96);
            bench.norm::<bf16>(56 * 56 * BATCH, 144);
            bench.norm::<bf16>(56 * 56 * BATCH, 64);
            bench.norm::<f32>(56 * 56 * BATCH, 64);
            bench.activation::<bf16>(56 * 56 * BATCH, 144);
            bench.activation::<f32>(56 * 56 * BATCH, 64);
            bench.max_pool();
            bench.adam(11_700_000);
        });
    }
}

struct Bench<'a> {
    isa: IsaLevel,
    filter: &'a str,
}

impl Bench<'_> {
    /// The best of some runs of `run`, which moves `bytes`, beside a copy that moves as many and beside `flops`.
    fn measure(&self, name: &str, bytes: usize, flops: u64, mut run: impl FnMut()) {
        if !name.contains(self.filter) {
            return;
        }
        let (from, mut to) = (Buffer::<f32>::zeroed(bytes / 8), Buffer::<f32>::zeroed(bytes / 8));
        let (mut best, mut best_copy) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..12 {
            let start = Instant::now();
            run();
            best = best.min(start.elapsed().as_secs_f64());
            let start = Instant::now();
            to.par_chunks_mut(1 << 14)
                .zip(from.par_chunks(1 << 14))
                .for_each(|(to, from)| to.copy_from_slice(from));
            best_copy = best_copy.min(start.elapsed().as_secs_f64());
        }
        let rate = bytes as f64 / best / 1e9;
        let copy = bytes as f64 / best_copy / 1e9;
        let peak = peak::gflops(self.isa, false).unwrap_or(f64::NAN) * rayon::current_num_threads() as f64;
        let products = best * peak * 1e9 / flops as f64;
        println!(
            "{name:44} {:9.3} {rate:8.1} {copy:8.1} {:7.2} {products:7.2}",
            best * 1e3,
            best / best_copy
        );
    }

    fn depthwise<T: Element + Plain>(&self, [size, channels, kernel, stride]: [usize; 4]) {
        let shape = ConvShape {
            batch: BATCH,
            height: size,
            width: size,
            in_channels: channels,
            out_channels: channels,
            kernel: [kernel; 2],
            stride: [stride; 2],
            padding: Padding::all(kernel / 2),
            groups: channels,
        };
        let mut input = values::<T>(shape.input_len());
        let mut output = values::<T>(shape.output_len());
        let mut weight = values::<f32>(shape.weight_len());
        let mut statistics = ChannelStatistics::new(channels);
        let format = std::any::type_name::<T>().rsplit("::").next().unwrap_or_default();
        let name = |pass: &str| {
            format!("depthwise {size:3} {channels:4} {kernel}x{kernel}/{stride} {format} {pass}")
        };
        let bytes = (shape.input_len() + shape.output_len()) * size_of::<T>();
        let isa = self.isa;
        self.measure(&name("forward"), bytes, shape.flops(), || {
            depthwise::conv2d(isa, &shape, &input, &weight, Epilogue::NONE, &mut output);
        });
        self.measure(&name("statistics"), bytes, shape.flops(), || {
            depthwise::conv2d_with_statistics(isa, &shape, &input, &weight, &mut output, &mut statistics);
        });
        self.measure(&name("input"), bytes, shape.flops(), || {
            depthwise::conv2d_backward_input(isa, &shape, &output, &weight, &mut input);
        });
        self.measure(&name("weight"), bytes, shape.flops(), || {
            depthwise::conv2d_backward_weight(isa, &shape, &input, &output, &mut weight);
        });
    }

    fn norm<T: Element + Plain>(&self, pixels: usize, channels: usize) {
        let len = pixels * channels;
        let (x, grad_y, mut y, mut grad_x) =
            (values::<T>(len), values::<T>(len), values::<T>(len), values::<T>(len));
        let statistics = ChannelStatistics { mean: vec![0.1; channels], variance: vec![1.0; channels] };
        let (gamma, beta) = (vec![1.0; channels], vec![0.1; channels]);
        let norm = BatchNorm {
            statistics: &statistics,
            gamma: &gamma,
            beta: &beta,
            eps: 1e-5,
            activation: ActivationFn::Relu,
        };
        let bytes = len * size_of::<T>();
        self.measure(&format!("norm {len} forward"), 2 * bytes, 0, || {
            batch_norm_forward(self.isa, &norm, &x, None, &mut y);
        });
        let (mut grad_gamma, mut grad_beta) = (vec![0.0; channels], vec![0.0; channels]);
        // Reads three arrays, twice, and writes one.
        self.measure(&format!("norm {len} backward"), 7 * bytes, 0, || {
            batch_norm_backward(
                self.isa,
                &norm,
                &x,
                None,
                &grad_y,
                BatchNormGradients {
                    x: &mut grad_x,
                    residual: None,
                    gamma: &mut grad_gamma,
                    beta: &mut grad_beta,
                },
            );
        });
    }

    fn activation<T: Element + Plain>(&self, pixels: usize, channels: usize) {
        let len = pixels * channels;
        let (y, grad_y, mut grad_pre) = (values::<T>(len), values::<T>(len), values::<T>(len));
        let mut grad_bias = vec![0.0; channels];
        self.measure(&format!("activation_backward {len}"), 3 * len * size_of::<T>(), 0, || {
            let activation = ActivationFn::Relu6;
            activation_backward(self.isa, activation, &y, &grad_y, &mut grad_pre, &mut grad_bias);
        });
    }

    /// A resnet's.
    fn max_pool(&self) {
        let shape = PoolShape {
            batch: BATCH,
            height: 112,
            width: 112,
            channels: 64,
            kernel: [3, 3],
            stride: [2, 2],
            padding: Padding::all(1),
        };
        let mut input = values::<bf16>(shape.input_len());
        let mut output = values::<bf16>(shape.output_len());
        let argmax = max_pool(self.isa, &shape, &input, &mut output);
        let bytes = 2 * shape.input_len() + 3 * shape.output_len();
        self.measure("max_pool forward", bytes, 0, || {
            max_pool(self.isa, &shape, &input, &mut output);
        });
        self.measure("max_pool backward", bytes, 0, || {
            max_pool_backward(self.isa, &shape, &output, &argmax, &mut input);
        });
    }

    fn adam(&self, len: usize) {
        let [mut parameter, gradient, mut average] = [0; 3].map(|_| values::<f32>(len));
        let mut sqr_average = vec![1.0; len];
        let step = AdamStep { lr: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-5, weight_decay: 0.01, step: 9 };
        self.measure(&format!("adam {len}"), 7 * 4 * len, 0, || {
            adam_step(self.isa, step, &mut parameter, &gradient, &mut average, &mut sqr_average);
        });
    }
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
