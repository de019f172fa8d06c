//! Milliseconds a picture costs in one training step: forward, backward, Adam.
//!
//! `cargo bench -p defrost --bench step -- [architecture] [f32|bf16] [keep|batch] [all|head] [steps]`; a word that
//! is left out runs all of its kind. `RAYON_NUM_THREADS` sets the threads.

use std::time::Instant;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};
use defrost::data::target_rows;
use defrost::vision::models::{Architecture, HeadKind, Precision, VisionNetwork};
use defrost::{Adam, FreezePlan, LayerGroups, Loss, Network, NormMode, StepSettings, Target, ops, prefix};

const BATCH: usize = 16;
const SIZE: usize = 224;
const CLASSES: usize = 10;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |choices: &[&'static str]| -> Vec<&'static str> {
        let named: Vec<_> =
            choices.iter().copied().filter(|choice| words.iter().any(|w| w == choice)).collect();
        if named.is_empty() { choices.to_vec() } else { named }
    };
    let steps = words.iter().find_map(|word| word.parse().ok()).unwrap_or(5);
    // Nothing is handed over and waited for where a step's parallel parts begin: this thread is one of the pool's.
    rayon::ThreadPoolBuilder::new().use_current_thread().build_global().expect("no pool was started before");
    println!("kernels: {}", ops::kernel_tier().unwrap().name());
    println!("{:<20} {:<5} {:<6} {:<5} {:>9} {:>9}", "network", "", "norm", "train", "best ms", "median ms");
    for architecture in wanted(&["efficientnet_lite0", "resnet34", "resnet18", "resnet50", "mobilenet_v2"]) {
        for precision in wanted(&["bf16", "f32"]) {
            for norm in wanted(&["keep", "batch"]) {
                for train in wanted(&["all", "head"]) {
                    let times = measure(architecture, precision, norm, train, steps);
                    let [best, median] = [times[0], times[times.len() / 2]];
                    println!(
                        "{architecture:<20} {precision:<5} {norm:<6} {train:<5} {best:>9.2} {median:>9.2}"
                    );
                }
            }
        }
    }
}

/// Sorted.
fn measure(architecture: &str, precision: &str, norm: &str, train: &str, steps: usize) -> Vec<f64> {
    let device = Device::flex();
    device.seed(1);
    let architecture = Architecture::named(architecture).unwrap();
    let body = architecture.body(&architecture.convention, &device);
    let head = HeadKind::Linear.init(body.channels(), CLASSES, &device);
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let network = VisionNetwork::new(body, head, precision, architecture.group_starts, true).train();
    let norm = if norm == "keep" { NormMode::Keep } else { NormMode::Batch };
    let unfrozen = FreezePlan::unfrozen(LayerGroups::of(&network).unwrap(), norm);
    let plan = if train == "all" { unfrozen } else { unfrozen.freeze().unwrap() };
    let mut network = plan.apply(network);
    let mut optimizer = Adam::new(0.01);
    let settings = StepSettings { rates: vec![1e-4; plan.groups().count()], momentum: 0.9 };
    let stages = plan.constant_stages()..network.stages().len();
    let targets: Vec<Target> = (0..BATCH).map(|item| Target::Class(item % CLASSES)).collect();

    let _awake = ops::Awake::new();
    let mut times = vec![];
    for _ in 0..steps + 2 {
        let shape = [BATCH, SIZE, SIZE, 3];
        let input: Tensor<4> = Tensor::random(shape, Distribution::Uniform(-1.0, 1.0), &device);
        let start = Instant::now();
        let input = prefix::run(&network, plan.constant_stages(), input.into());
        let scores: Tensor<2> = network.forward(input, stages.clone()).single();
        let rows = target_rows(&targets, CLASSES, &scores.device());
        let loss = Loss::default().forward(scores, rows);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(network, gradients, &plan, &settings);
        times.push(start.elapsed().as_secs_f64() * 1e3 / BATCH as f64);
    }
    // The first two find the memory.
    times.drain(..2);
    times.sort_by(f64::total_cmp);
    times
}
