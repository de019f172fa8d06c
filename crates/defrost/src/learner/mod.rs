//! The learner: a network, its data and the freeze plan, trained phase by phase.
//!
//! It knows stages and batches, not images. A learner over a pretrained network starts frozen, one
//! over a new network starts thawed, as in fastai.

mod average;
mod best;
mod checkpoint;
mod described;
mod early_stopping;
mod error;
mod estimate;
mod evaluate;
mod events;
mod features;
mod first_batch;
mod fit;
mod history;
mod lr_find;
mod mixing;
mod of_data;
mod phase;
mod run;
mod state;
mod suggestions;
mod test_time_augmentation;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use burn::tensor::Device;

pub use best::Best;
pub use checkpoint::{CheckpointError, CheckpointOptions, checkpoint_note};
pub(crate) use described::Model;
pub use described::{EPOCHS, SaveError};
pub use early_stopping::EarlyStopping;
pub use error::LearnerError;
pub use estimate::PhaseEstimate;
pub(crate) use evaluate::split;
pub use evaluate::{Evaluation, Prediction, evaluate};
pub use events::{BatchReport, Flow, Observer, Position, Resumed, RolledBack};
pub use first_batch::{FirstBatch, first_batch};
pub use history::{EpochRecord, History};
pub use lr_find::{LrFind, LrFindOptions, RatePoint};
pub use mixing::Mixing;
pub use suggestions::{Suggestions, suggest};
pub use test_time_augmentation::TestTimeAugmentation;

use crate::data::{Dataset, Draws};
use crate::groups::LayerGroups;
use crate::loss::Loss;
use crate::optim::Adam;
use crate::plan::{FreezePlan, NormMode};
use crate::prefix::{Cache, CacheLimits, Prefix};
use crate::stage::Network;
use checkpoint::Checkpoints;
use described::Described;

/// Which items a training epoch shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sampling {
    /// All, shuffled.
    #[default]
    Shuffled,
    /// As many, with all classes equally often. Items that are not of one class each are shuffled.
    Balanced,
}

/// What a learner is told once.
#[derive(Clone, Debug)]
pub struct LearnerOptions {
    /// Items in a batch.
    pub batch_size: usize,
    /// Where all random draws come from.
    pub seed: u64,
    /// What pretrained norms do.
    pub norm: NormMode,
    /// The loss, which says what the items are labelled with.
    pub loss: Loss,
    /// How the items of a batch are mixed where nothing in front of them is frozen.
    pub mixing: Mixing,
    /// Which items an epoch shows.
    pub sampling: Sampling,
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
    /// How much of what the frozen prefix makes of items may be kept, and where.
    pub cache: CacheLimits,
    /// Layer groups by stage name, as [`LayerGroups::parse`] reads them; the network's own if there are
    /// none.
    pub groups: Option<String>,
}

impl Default for LearnerOptions {
    fn default() -> Self {
        Self {
            batch_size: 32,
            seed: 42,
            norm: NormMode::Keep,
            loss: Loss::default(),
            mixing: Mixing::None,
            sampling: Sampling::Shuffled,
            weight_decay: 0.01,
            accumulate: 1,
            max_gradient_norm: None,
            average: None,
            variants: 2,
            cache: CacheLimits::memory(2 << 30),
            groups: None,
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
pub struct Learner<N> {
    /// On the autodiff device, in the plan's state. `None` only while an optimizer step owns it.
    network: Option<N>,
    plan: Arc<FreezePlan>,
    train: Box<dyn Dataset>,
    valid: Box<dyn Dataset>,
    outputs: usize,
    options: LearnerOptions,
    optimizer: Adam,
    cache: Cache,
    /// The constant stages with the weights they have; `None` after anything but a training step.
    prefix: Option<Prefix>,
    device: Device,
    history: History,
    best: Option<Best>,
    observers: Vec<Box<dyn Observer>>,
    checkpoints: Option<Checkpoints>,
    /// Whether somebody asks to stop.
    stop: Option<Arc<AtomicBool>>,
    described: Described<N>,
}

fn check_targets(data: &dyn Dataset, loss: &Loss, outputs: usize) -> Result<(), LearnerError> {
    let wrong = (0..data.len()).find(|&item| !loss.fits(&data.target(item), outputs));
    let Some(item) = wrong else { return Ok(()) };
    let (name, target, expected) = (data.name(item), data.target(item), loss.expects());
    Err(LearnerError::Target { item: name, target, expected, outputs })
}

impl<N: Network> Learner<N> {
    /// A learner whose network gives `outputs` scores for an item: one for each class or label, or one
    /// number. If any stage is pretrained it starts frozen up to its head, else thawed.
    ///
    /// # Errors
    ///
    /// If the groups asked for do not fit the network, or a label does not fit the loss.
    pub fn new(
        network: N,
        train: Box<dyn Dataset>,
        valid: Box<dyn Dataset>,
        outputs: usize,
        options: LearnerOptions,
    ) -> Result<Self, LearnerError> {
        for data in [&train, &valid] {
            check_targets(&**data, &options.loss, outputs)?;
        }
        let network = network.valid().train();
        let groups = match &options.groups {
            Some(text) => LayerGroups::parse(network.stages(), text)?,
            None => LayerGroups::of(&network)?,
        };
        let unfrozen = FreezePlan::unfrozen(groups, options.norm);
        let pretrained = unfrozen.groups().stages().iter().any(|stage| stage.pretrained);
        let plan = match unfrozen.groups().count() {
            2.. if pretrained => unfrozen.freeze()?,
            _ => unfrozen,
        };
        let plan = Arc::new(plan);
        let mut optimizer = Adam::new(options.weight_decay);
        optimizer.max_gradient_norm = options.max_gradient_norm;
        let device = network.devices().into_iter().next().unwrap_or_default().inner();
        Ok(Self {
            network: Some(plan.apply(network)),
            plan,
            train,
            valid,
            outputs,
            optimizer,
            cache: Cache::new(options.cache.clone()),
            prefix: None,
            options,
            device,
            history: History::default(),
            best: None,
            observers: vec![],
            checkpoints: None,
            stop: None,
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

    /// What is frozen now.
    pub fn plan(&self) -> &FreezePlan {
        &self.plan
    }

    /// What has been measured so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The options it was made with.
    pub fn options(&self) -> &LearnerOptions {
        &self.options
    }

    /// Batches in a training epoch.
    pub fn batches_per_epoch(&self) -> usize {
        crate::data::batch_count(self.train.len(), self.options.step_size())
    }

    /// The items that validate.
    pub fn valid(&self) -> &dyn Dataset {
        &*self.valid
    }

    /// What is kept of the frozen prefix's work.
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
