//! Milliseconds an image costs in one training step: forward, backward, Adam.
//!
//! `cargo bench -p defrost --bench step -- [architecture] [f32|bf16] [keep|batch] [all|head] [steps]`; a word that
//! is left out runs all of its kind. `RAYON_NUM_THREADS` sets the threads.

use burn::tensor::Device;
use defrost::vision::models::{Architecture, HeadKind, Precision, VisionNetwork};
use defrost::vision::timing::training_steps;
use defrost::{FreezePlan, LayerGroups, NormMode, ops};

const BATCH: usize = 16;
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
    println!("kernels: {}", ops::isa_level().unwrap().name());
    println!("{:<24} {:<5} {:<6} {:<5} {:>9} {:>9}", "network", "", "norm", "train", "best ms", "median ms");
    let all: Vec<&str> = Architecture::all().map(|architecture| architecture.name).collect();
    for architecture in wanted(&all) {
        for precision in wanted(&["bf16", "f32"]) {
            for norm in wanted(&["keep", "batch"]) {
                for train in wanted(&["all", "head"]) {
                    let times = measure(architecture, precision, norm, train, steps);
                    let [best, median] = [times[0], times[times.len() / 2]];
                    println!(
                        "{architecture:<24} {precision:<5} {norm:<6} {train:<5} {best:>9.2} {median:>9.2}"
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
    let body = architecture.body(&architecture.config, &device);
    let head = HeadKind::Linear.init(body.channels(), CLASSES, &device);
    let precision = if precision == "bf16" { Precision::Bf16 } else { Precision::F32 };
    let network = VisionNetwork::new(body, head, precision, architecture.group_starts, true);
    let norm = if norm == "keep" { NormMode::Keep } else { NormMode::Batch };
    let unfrozen = FreezePlan::unfrozen(LayerGroups::of(&network).unwrap(), norm);
    let plan = if train == "all" { unfrozen } else { unfrozen.freeze().unwrap() };
    let seconds = training_steps(network, &plan, [BATCH, architecture.sizes.usual], steps);
    seconds.into_iter().map(|seconds| seconds * 1e3 / BATCH as f64).collect()
}
