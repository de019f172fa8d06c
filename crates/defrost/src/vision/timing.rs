//! How long steps take, measured on images of noise.

use std::sync::Arc;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Distribution, Tensor};

use super::models::VisionNetwork;
use crate::batch::Batch;
use crate::data::{Target, target_rows};
use crate::loss::{CrossEntropy, Loss as _};
use crate::ops::SpinGuard;
use crate::optim::{AdamW, StepOptions, Stepper};
use crate::plan::FreezePlan;
use crate::platform::Instant;
use crate::prefix;
use crate::stage::Network;

/// Steps that are run before the first that is timed: they find the memory.
const UNTIMED: usize = 2;

/// Seconds of `steps` forward passes over batches of `[batch, size, size, 3]`, in ascending order.
pub fn forward_passes(network: &VisionNetwork, [batch, size]: [usize; 2], steps: usize) -> Vec<f64> {
    let network = network.valid();
    let stages = 0..network.stages().len();
    let _awake = SpinGuard::new();
    let pass = |_| {
        let input = noise(batch, size);
        let started = Instant::now();
        network.forward(input, stages.clone()).single::<2>().into_data();
        started.elapsed().as_secs_f64()
    };
    ordered((0..UNTIMED + steps).map(pass).collect())
}

/// Seconds of `steps` training steps under a plan, in ascending order: what is constant, computed anew; the rest,
/// forward and backward; Adam.
pub fn training_steps(
    network: VisionNetwork,
    plan: &FreezePlan,
    [batch, size]: [usize; 2],
    steps: usize,
) -> Vec<f64> {
    let mut network = plan.apply(network.train());
    let mut optimizer = Stepper::new(Arc::new(AdamW::default()), 0.01);
    let settings = StepOptions { rates: vec![1e-4; plan.groups().count()], momentum: 0.9 };
    let stages = plan.constant_stages()..network.stages().len();
    let _awake = SpinGuard::new();
    let mut seconds = vec![];
    for _ in 0..UNTIMED + steps {
        let input = noise(batch, size);
        let started = Instant::now();
        let features = prefix::run(&network, plan.constant_stages(), input).on_autodiff();
        let scores: Tensor<2> = network.forward(features, stages.clone()).single();
        let classes = scores.dims()[1];
        let targets: Vec<Target> = (0..batch).map(|item| Target::Class(item % classes)).collect();
        let rows = target_rows(&targets, classes, &scores.device());
        let loss = CrossEntropy::default().forward(scores, rows);
        let gradients = GradientsParams::from_grads(loss.backward(), &network);
        network = optimizer.step(network, gradients, plan, &settings);
        seconds.push(started.elapsed().as_secs_f64());
    }
    ordered(seconds)
}

fn noise(batch: usize, size: usize) -> Batch {
    let noise = Distribution::Uniform(-1.0, 1.0);
    Tensor::<4>::random([batch, size, size, 3], noise, &Device::flex()).into()
}

fn ordered(mut seconds: Vec<f64>) -> Vec<f64> {
    seconds.drain(..UNTIMED);
    seconds.sort_by(f64::total_cmp);
    seconds
}
