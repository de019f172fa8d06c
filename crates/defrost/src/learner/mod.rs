//! The learner: a network, its data and the freeze plan, trained phase by phase.
//!
//! It knows stages and batches, not images. A learner over a pretrained network starts frozen, one
//! over a new network starts thawed, as in fastai.

mod advice;
mod average;
mod batch_losses;
mod best;
mod checkpoint;
mod cost;
mod decision;
mod described;
mod early_stopping;
mod error;
mod estimate;
mod evaluate;
mod events;
mod features;
mod first_batch;
mod fit;
mod head;
mod history;
mod lr_find;
mod mixing;
mod of_data;
mod phase;
mod pooled;
mod reliability;
mod run;
mod state;
mod suggestions;
mod test_time_augmentation;
mod unfinished;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

pub use advice::{
    Advice, AdviceProgress, AdviseOptions, AdvisedPlan, Budget, CurvePoint, Depth, Spent, Together, Trial,
};
pub use batch_losses::BatchLosses;
pub use checkpoint::{CheckpointError, CheckpointOptions, checkpoint_note};
pub use decision::{Candidate, Decision, ExpectedGain, Gain, Kept};
pub(crate) use described::Model;
pub use described::{EPOCHS, SaveError};
pub use early_stopping::EarlyStopping;
pub use error::LearnerError;
pub use estimate::PhaseEstimate;
pub use evaluate::{Evaluation, evaluate};
pub use events::{BatchReport, Flow, Observer, Position, Resumed, RolledBack};
pub use first_batch::{FirstBatch, first_batch};
pub use history::{EpochRecord, History};
pub use lr_find::{LrFind, LrFindOptions, RatePoint};
pub use mixing::Mixing;
pub use pooled::{FeaturesError, pooled_features};
pub use suggestions::{Suggestions, suggest};
pub use test_time_augmentation::TestTimeAugmentation;
pub use unfinished::UnfinishedRun;

use crate::data::{Dataset, Draws, TargetKind};
use crate::groups::LayerGroups;
use crate::loss::{AnyLoss, Balance, LossOptions};
use crate::metrics::{self, Metric, Reliability};
use crate::optim::{AdamW, Optimizer, Stepper};
use crate::plan::{FreezePlan, NormMode};
use crate::prefix::{Cache, CacheLimits, Prefix};
use crate::stage::Network;
use best::Bests;
use checkpoint::Checkpoints;
use described::Described;
use unfinished::Rest;

/// A learner's options.
#[derive(Clone, Debug)]
pub struct LearnerOptions {
    /// Items in a batch.
    pub batch_size: usize,
    /// Where all random draws come from.
    pub seed: u64,
    /// How pretrained norms behave.
    pub norm: NormMode,
    /// The loss; the [usual](LossOptions::usual) one for what the items are labelled with unless there is one.
    pub loss: Option<AnyLoss>,
    /// The fraction of each label that the usual loss for classes spreads over all classes, `0.0..1.0`.
    pub label_smoothing: Option<f64>,
    /// How rare classes are balanced.
    pub balance: Balance,
    /// Custom metrics, in addition to those that fit the targets.
    pub metrics: Vec<Metric>,
    /// The metric whose best value makes the best epoch: the highest one, or the lowest one of an error; the loss's
    /// unless there is one.
    pub monitored: Option<String>,
    /// How parameters move.
    pub optimizer: Arc<dyn Optimizer>,
    /// How the items of a batch are mixed where nothing in front of them is frozen.
    pub mixing: Mixing,
    /// Decoupled weight decay.
    pub weight_decay: f64,
    /// How many batches' gradients are added up for a step, at least 1: a step is that of a batch as many
    /// times as large, as long as no norm looks at the batch.
    pub accumulate: usize,
    /// Gradients are scaled down to this norm over all of them together, if they exceed it.
    pub max_gradient_norm: Option<f64>,
    /// Decay of a running average of the weights, `0.0..1.0`, which is what is evaluated and kept; none
    /// unless there is one.
    pub average: Option<f64>,
    /// How many augmented variants of each item frozen epochs take turns with, at least 1: behind a frozen
    /// prefix each costs one pass, once.
    pub variants: u64,
    /// How many frozen features may be cached, and where.
    pub cache: CacheLimits,
    /// Layer groups by stage name, as [`LayerGroups::parse`] reads them; the network's own if there are
    /// none.
    pub groups: Option<String>,
    /// Whether all of the network is trained for this task, its head too, as that of an earlier run is: then nothing is new.
    pub is_trained: bool,
}

impl Default for LearnerOptions {
    fn default() -> Self {
        Self {
            batch_size: 32,
            seed: 42,
            norm: NormMode::Keep,
            loss: None,
            label_smoothing: None,
            balance: Balance::None,
            metrics: vec![],
            monitored: None,
            optimizer: Arc::new(AdamW::default()),
            mixing: Mixing::None,
            weight_decay: 0.01,
            accumulate: 1,
            max_gradient_norm: None,
            average: None,
            variants: 2,
            cache: CacheLimits::memory(2 << 30),
            groups: None,
            is_trained: false,
        }
    }
}

impl LearnerOptions {
    /// Items in an optimizer step.
    pub fn step_size(&self) -> usize {
        self.batch_size.max(1) * self.accumulate.max(1)
    }
}

/// Trains a network on data under a freeze plan.
///
/// The data sets of the domains make one, over a pretrained network; over a network of your own, [`Learner::new`] does:
///
/// ```
/// use burn::module::Module;
/// use burn::nn::{Linear, LinearConfig};
/// use burn::tensor::activation::relu;
/// use burn::tensor::{Device, Tensor};
/// use defrost::burn;
/// use defrost::prelude::*;
/// use std::ops::Range;
/// # struct Sides;
/// # impl Dataset for Sides {
/// #     fn len(&self) -> usize { 64 }
/// #     fn target(&self, item: usize) -> Target { Target::Class(usize::from(item >= 32)) }
/// #     fn name(&self, item: usize) -> String { item.to_string() }
/// #     fn fingerprint(&self, item: usize, _: Variant) -> Fingerprint { Fingerprint::of(&[&item.to_le_bytes()]) }
/// #     fn inputs(&self, items: &[usize], _: Variant, device: &Device) -> Result<Batch, DataError> {
/// #         let points: Vec<f32> = items.iter().map(|&item| item as f32 / 32.0 - 1.0).collect();
/// #         Ok(Tensor::<1>::from_floats(points.as_slice(), device).reshape([-1, 1]).into())
/// #     }
/// # }
///
/// #[derive(Module, Debug)]
/// struct Mlp {
///     encoder: Linear,
///     head: Linear,
/// }
///
/// impl Network for Mlp {
///     fn stages(&self) -> Vec<Stage> {
///         vec![
///             Stage::of("encoder", "encoder.", &self.encoder),
///             Stage::of("head", "head.", &self.head).untrained(),
///         ]
///     }
///
///     fn forward(&self, input: Batch, stages: Range<usize>) -> Batch {
///         let stage = |x, stage| match stage {
///             0 => relu(self.encoder.forward(x)),
///             _ => self.head.forward(x),
///         };
///         stages.fold(input.single::<2>(), stage).into()
///     }
/// }
///
/// let device = Device::flex();
/// let (encoder, head) = (LinearConfig::new(1, 16).init(&device), LinearConfig::new(16, 2).init(&device));
/// let (train, valid) = (Box::new(Sides), Box::new(Sides)); // 64 points on a line, of two classes
/// let mut learner = Learner::new(Mlp { encoder, head }, train, valid, 2, LearnerOptions::default())?;
/// assert_eq!(learner.plan().frozen_groups(), [0]);
/// learner.fine_tune(2)?;
/// println!("{:?}", learner.best());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Learner<N> {
    /// On the autodiff device, in the plan's state. `None` only while an optimizer step owns it.
    network: Option<N>,
    plan: Arc<FreezePlan>,
    train: Arc<dyn Dataset>,
    valid: Arc<dyn Dataset>,
    outputs: usize,
    options: LearnerOptions,
    loss: AnyLoss,
    stepper: Stepper,
    cache: Cache,
    /// The constant stages with the weights they have; `None` after anything but a training step.
    prefix: Option<Prefix>,
    device: Device,
    history: History,
    bests: Bests,
    decision: Option<Decision>,
    /// How its answers are made; as the network gives them where training came after.
    reliability: Reliability,
    observers: Vec<Box<dyn Observer>>,
    checkpoints: Option<Checkpoints>,
    /// Whether a stop was requested.
    stop: Option<Arc<AtomicBool>>,
    /// Whether a run that goes on in parts is to rest.
    rest: Option<Rest>,
    described: Described<N>,
}

/// Every metric has a name of its own, and the monitored one is there.
fn check_metrics(options: &LearnerOptions, kind: TargetKind) -> Result<(), LearnerError> {
    let own = options.metrics.iter().map(Metric::name);
    let mut known: Vec<&str> = metrics::names(kind).to_vec();
    for name in own {
        if known.contains(&name) {
            return Err(LearnerError::MetricName(name.to_owned()));
        }
        known.push(name);
    }
    match &options.monitored {
        Some(name) if !known.contains(&name.as_str()) => {
            Err(LearnerError::Monitored { name: name.clone(), known: known.join(", ") })
        }
        _ => Ok(()),
    }
}

fn check_targets(data: &dyn Dataset, kind: TargetKind, outputs: usize) -> Result<(), LearnerError> {
    let wrong = (0..data.len()).find(|&item| !kind.fits(&data.target(item), outputs));
    let Some(item) = wrong else { return Ok(()) };
    let (name, target, expected) = (data.name(item), data.target(item), kind.description());
    Err(LearnerError::Target { item: name, target, expected, outputs })
}

impl<N: Network> Learner<N> {
    /// A learner whose network gives `outputs` scores for an item: one for each class or label, or one
    /// number. If any stage is pretrained it starts frozen up to its head, else thawed.
    ///
    /// # Errors
    ///
    /// If the groups asked for do not fit the network, or a label or an option does not fit the loss.
    pub fn new(
        network: N,
        train: Box<dyn Dataset>,
        valid: Box<dyn Dataset>,
        outputs: usize,
        options: LearnerOptions,
    ) -> Result<Self, LearnerError> {
        let how = LossOptions { label_smoothing: options.label_smoothing, balance: options.balance };
        let loss = how.apply(options.loss.clone(), &*train)?;
        check_metrics(&options, loss.kind())?;
        for data in [&train, &valid] {
            check_targets(&**data, loss.kind(), outputs)?;
        }
        let network = network.valid().train();
        let groups = match &options.groups {
            Some(text) => LayerGroups::parse(network.stages(), text)?,
            None => LayerGroups::of(&network)?,
        };
        let groups = if options.is_trained { groups.all_pretrained() } else { groups };
        let unfrozen = FreezePlan::unfrozen(groups, options.norm);
        let pretrained = unfrozen.groups().stages().iter().any(|stage| stage.pretrained);
        let plan = match unfrozen.groups().count() {
            2.. if pretrained => unfrozen.freeze()?,
            _ => unfrozen,
        };
        let plan = Arc::new(plan);
        let mut stepper = Stepper::new(options.optimizer.clone(), options.weight_decay);
        stepper.max_gradient_norm = options.max_gradient_norm;
        let device = network.devices().into_iter().next().unwrap_or_default().inner();
        Ok(Self {
            network: Some(plan.apply(network)),
            plan,
            train: train.into(),
            valid: valid.into(),
            outputs,
            loss,
            stepper,
            cache: Cache::new(options.cache.clone()),
            prefix: None,
            options,
            device,
            history: History::default(),
            bests: Bests::default(),
            decision: None,
            reliability: Reliability::default(),
            observers: vec![],
            checkpoints: None,
            stop: None,
            rest: None,
            described: Described::default(),
        })
    }

    /// Lets `observer` watch all training from now on.
    pub fn observe(&mut self, observer: Box<dyn Observer>) {
        self.observers.push(observer);
    }

    /// The network, in training state.
    pub fn network(&self) -> &N {
        self.network.as_ref().expect("an optimizer step always gives the network back")
    }

    /// The current freeze plan.
    pub fn plan(&self) -> &FreezePlan {
        &self.plan
    }

    /// The measurements so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The options it was made with.
    pub fn options(&self) -> &LearnerOptions {
        &self.options
    }

    /// The loss it trains with.
    pub fn loss(&self) -> &AnyLoss {
        &self.loss
    }

    /// The metric whose highest value makes the best epoch; the validation loss alone if there is none.
    pub fn monitored_metric(&self) -> Option<&str> {
        self.options.monitored.as_deref().or_else(|| self.loss.monitored_metric())
    }

    /// Batches in a training epoch.
    pub fn batches_per_epoch(&self) -> usize {
        crate::data::batch_count(self.train.len(), self.options.step_size())
    }

    /// How many items it trains on.
    pub fn train_items(&self) -> usize {
        self.train.len()
    }

    /// The items it trains on.
    pub fn train_data(&self) -> &dyn Dataset {
        &*self.train
    }

    /// The items that validate.
    pub fn valid(&self) -> &dyn Dataset {
        &*self.valid
    }

    /// The cache of frozen features.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// The items of a training epoch's steps.
    fn steps(&self, draws: Draws) -> Vec<Vec<usize>> {
        first_batch::steps(&*self.train, &self.options, draws)
    }

    /// The device the network's constant part runs on.
    pub fn device(&self) -> &Device {
        &self.device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learner_goes_to_another_thread() {
        fn sent<T: Send>() {}
        sent::<Learner<burn::nn::Linear>>();
    }
}
