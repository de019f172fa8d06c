//! A network with Burn's own batch-norm, which leaves an update of its statistics pending after each forward pass:
//! whatever goes back, saves or goes on takes it along.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use burn::module::Module;
use burn::nn::{BatchNorm, BatchNormConfig, Linear, LinearConfig};
use burn::tensor::activation::relu;
use burn::tensor::{Device, TensorData};
use defrost::learner::{BatchReport, CheckpointOptions, Flow, LrFindOptions, Observer, Position};
use defrost::weights::{Tensors, collect, load};
use defrost::{
    Batch, Learner, LearnerError, LearnerOptions, Network, NormMode, Phase, Rates, Role, Schedule, Stage,
    StepOptions,
};

use crate::support::Clusters;

#[derive(Module, Debug)]
struct Foreign {
    dense: Linear,
    norm: BatchNorm,
    head: Linear,
}

impl Foreign {
    fn new() -> Self {
        let device = Device::flex();
        let network = Self {
            dense: LinearConfig::new(6, 6).init(&device),
            norm: BatchNormConfig::new(6).init(&device),
            head: LinearConfig::new(6, 3).init(&device),
        };
        let mut tensors = collect(&network);
        for (name, data) in tensors.iter_mut().filter(|(name, _)| !name.starts_with("norm.")) {
            let wave = |i: usize| ((i * 37 + name.len() * 11) as f32 * 12.9898).sin() * 0.6;
            *data = TensorData::new((0..data.num_elements()).map(wave).collect(), data.shape().clone());
        }
        load(network, &tensors)
    }
}

impl Network for Foreign {
    fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::of("dense", "dense.", &self.dense),
            Stage::of("norm", "norm.", &self.norm),
            Stage::of("head", "head.", &self.head),
        ]
    }

    fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
        let mut x = input.single::<2>();
        for stage in stages {
            x = match stage {
                0 => self.dense.forward(x),
                1 => relu(self.norm.forward(x)),
                _ => self.head.forward(x),
            };
        }
        x.into()
    }
}

fn learner() -> Learner<Foreign> {
    let options = LearnerOptions { batch_size: 8, norm: NormMode::Batch, ..LearnerOptions::default() };
    let mut learner =
        Learner::new(Foreign::new(), Box::new(Clusters(44)), Box::new(Clusters(12)), 3, options).unwrap();
    learner.unfreeze();
    learner
}

#[test]
fn its_statistics_are_known_as_such() {
    let roles: Vec<Role> =
        Foreign::new().stages()[1].parameters.iter().map(|parameter| parameter.role).collect();
    assert_eq!(roles, [Role::Norm, Role::Norm, Role::Buffer, Role::Buffer]);
}

#[test]
fn a_search_for_a_rate_leaves_nothing_pending() {
    let (mut searched, mut other) = (learner(), learner());
    let before = collect(searched.network());
    searched.lr_find(&LrFindOptions::default()).unwrap();
    assert!(collect(searched.network()) == before);
    for learner in [&mut searched, &mut other] {
        learner.fit_one_cycle(2, 1e-2).unwrap();
    }
    assert!(collect(searched.network()) == collect(other.network()));
}

/// Makes the weights explode in a batch of the second epoch, once.
struct ExplodeOnce(bool);

impl Observer for ExplodeOnce {
    fn batch_started(&mut self, position: &Position, settings: &mut StepOptions) {
        if position.epoch == 2 && position.batch == 2 && !std::mem::replace(&mut self.0, true) {
            settings.rates.fill(f64::INFINITY);
        }
    }
}

/// Halves the rates from the second epoch on.
struct Halve;

impl Observer for Halve {
    fn batch_started(&mut self, position: &Position, settings: &mut StepOptions) {
        if position.epoch > 1 {
            settings.rates.iter_mut().for_each(|rate| *rate /= 2.0);
        }
    }
}

#[test]
fn an_epoch_that_is_taken_back_leaves_nothing_pending() {
    let run = |observer: Box<dyn Observer>| {
        let mut learner = learner();
        learner.observe(observer);
        learner.fit(3, 1e-2).unwrap();
        collect(learner.network())
    };
    assert!(run(Box::new(ExplodeOnce(false))) == run(Box::new(Halve)));
}

/// Asks to stop after so many batches.
struct StopAfter(usize, Arc<AtomicBool>);

impl Observer for StopAfter {
    fn batch_ended(&mut self, _report: &BatchReport) -> Flow {
        self.0 = self.0.saturating_sub(1);
        self.1.store(self.0 == 0, Ordering::Relaxed);
        Flow::Continue
    }
}

fn trained(folder: &Path, stop_after: Option<usize>, goes_on: bool) -> Result<Tensors, LearnerError> {
    let mut learner = learner();
    learner.checkpoint(CheckpointOptions::new(folder));
    if let Some(batches) = stop_after {
        let stop = Arc::new(AtomicBool::new(false));
        learner.stop_on(stop.clone());
        learner.observe(Box::new(StopAfter(batches, stop)));
    }
    let phase = Phase::from_position(0, 3, Rates::One(1e-2), Schedule::ONE_CYCLE);
    let phases = learner.resolve(phase)?;
    if goes_on {
        learner.resume(&phases)?
    } else {
        learner.run(&phases)?
    };
    Ok(collect(learner.network()))
}

#[test]
fn a_run_that_goes_on_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let expected = trained(folder.path(), None, false).unwrap();
    for batches in 1..15 {
        let stopped = trained(folder.path(), Some(batches), false);
        assert!(matches!(stopped, Err(LearnerError::Interrupted)));
        assert!(trained(folder.path(), None, true).unwrap() == expected, "stopped after {batches} batches");
    }
}
