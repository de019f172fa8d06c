//! The learner that measures, with the network and the cache of the learner that wants the advice.

use std::sync::Arc;

use super::budget::{STEP, Spent};
use super::plans::AdvisedPlan;
use super::{Advice, AdviceProgress, AdviseOptions};
use crate::data::{Dataset, Subset, spread_order};
use crate::learner::best::Bests;
use crate::learner::decision::Criterion;
use crate::learner::described::Described;
use crate::learner::head::HeadSolver;
use crate::learner::{EPOCHS, Flow, History, Learner, LearnerError};
use crate::metrics::Reliability;
use crate::platform::Instant;
use crate::prefix::{Cache, CacheLimits};
use crate::recipe::{FineTune, Method, Recipe, ResolvedPhase};
use crate::stage::Network;
use crate::weights::{self, Tensors};

/// More validation items than this tell hardly more, and cost.
const VALIDATED: usize = 2000;

/// Measures for a learner, whose network and cache it has meanwhile.
pub(super) struct Advisor<'a, N> {
    owner: &'a mut Learner<N>,
    /// A learner for the trials: the same network, a part of the items, no observers.
    pub bench: Learner<N>,
    pub options: &'a AdviseOptions,
    /// The training that is advised for.
    pub recipe: FineTune,
    /// All training items, in an order of which each first part has its share of each class.
    pub train: Arc<dyn Dataset>,
    pub criterion: Criterion,
    pub spent: Spent,
    /// The weights as they were.
    base: Tensors,
    started: Instant,
}

impl<'a, N: Network> Advisor<'a, N> {
    /// Takes the learner's network and cache until [`end`](Self::end).
    pub fn new(owner: &'a mut Learner<N>, options: &'a AdviseOptions) -> Self {
        let seed = owner.options.seed;
        let spread = |data: &Arc<dyn Dataset>, most: usize| -> Arc<dyn Dataset> {
            let mut items = spread_order(&**data, seed);
            items.truncate(most);
            Arc::new(Subset::new(data.clone(), items))
        };
        let (train, valid) = (spread(&owner.train, usize::MAX), spread(&owner.valid, VALIDATED));
        let model = owner.described.model.as_ref();
        let usual = || model.map_or_else(|| FineTune::new(EPOCHS), |model| model.usual_recipe());
        let recipe = options.recipe.clone().unwrap_or_else(usual);
        let criterion = owner.criterion();
        let base = weights::collect(owner.network());
        let mut stepper = owner.stepper.clone();
        stepper.clear();
        let bench = Learner {
            network: owner.network.take(),
            plan: owner.plan.clone(),
            train: train.clone(),
            valid,
            outputs: owner.outputs,
            options: owner.options.clone(),
            loss: owner.loss.clone(),
            stepper,
            cache: std::mem::replace(&mut owner.cache, Cache::new(CacheLimits::none())),
            prefix: None,
            device: owner.device.clone(),
            history: History::default(),
            bests: Bests::default(),
            decision: None,
            reliability: Reliability::default(),
            observers: vec![],
            checkpoints: None,
            rest: None,
            stop: owner.stop.clone(),
            described: Described::default(),
        };
        Self {
            owner,
            bench,
            options,
            recipe,
            train,
            criterion,
            spent: Spent::default(),
            base,
            started: Instant::now(),
        }
    }

    /// Gives network and cache back.
    pub fn end(mut self) {
        self.owner.network = self.bench.network.take();
        std::mem::swap(&mut self.owner.cache, &mut self.bench.cache);
    }

    /// Measures all there is to measure.
    pub fn advise(&mut self) -> Result<Advice, LearnerError> {
        self.spent = self.budgeted(self.options.budget)?;
        let (depths, trials, curve) = match self.is_pretrained() {
            true => {
                let depths = self.probe_depths()?;
                let trials = self.try_plans(&depths)?;
                (Some(depths), trials, self.curve_of_heads()?)
            }
            false => {
                let (curve, whole) = self.curve_of_networks()?;
                (None, vec![whole], curve)
            }
        };
        self.spent.seconds_used = self.started.elapsed().as_secs_f64();
        Ok(self.said(depths, trials, curve))
    }

    /// Whether any stage is.
    pub fn is_pretrained(&self) -> bool {
        self.bench.plan().groups().stages().iter().any(|stage| stage.pretrained)
    }

    /// The automatic recipe at the rates and epochs that are advised for.
    pub fn usual(&self) -> Recipe {
        AdvisedPlan::All.recipe(&self.recipe, self.bench.plan())
    }

    /// Weights, history and all as they were, on all training items.
    pub fn start_over(&mut self) {
        self.start_on(self.train.len());
    }

    /// The same on the first `items` training items.
    pub fn start_on(&mut self, items: usize) {
        self.set_train((0..items.min(self.train.len())).collect());
    }

    /// The same on these training items.
    pub fn set_train(&mut self, items: Vec<usize>) {
        let bench = &mut self.bench;
        bench.train = Arc::new(Subset::new(self.train.clone(), items));
        (bench.history, bench.bests, bench.decision) = (History::default(), Bests::default(), None);
        bench.described = Described::default();
        bench.stepper.clear();
        bench.load_tensors(&self.base);
    }

    /// All training items of a class, on average.
    pub fn items_per_class(&self) -> f64 {
        self.owner.items_per_class()
    }

    /// Reports the next step to the owner's observers. Fails if a stop was requested.
    pub fn tell(&mut self, doing: impl Into<String>) -> Result<(), LearnerError> {
        let Spent { passes, passes_used, .. } = self.spent;
        let progress = AdviceProgress { doing: doing.into(), used: passes_used, passes };
        self.owner.tell(|observer, _| {
            observer.advising(&progress);
            Flow::Continue
        });
        self.bench.check_stop()
    }

    /// Counts passes.
    pub fn spend(&mut self, passes: u64) {
        self.spent.passes_used += passes;
    }

    /// Passes of finding the head on this many training items, measured on the validation items.
    pub fn head_passes(&self, items: usize) -> u64 {
        let variants = self.bench.head_variants(&HeadSolver::for_items(items)).len();
        (items * variants + self.bench.valid.len()) as u64
    }

    /// The passes of these phases on this many training items. The frozen prefix is computed once. Phases that solve for a
    /// head are not counted: [`head_passes`](Self::head_passes) counts them.
    pub fn cost(&self, phases: &[ResolvedPhase], items: usize) -> u64 {
        let stages = self.bench.plan().groups().stages().len() as u64;
        let (items, valid) = (items as u64, self.bench.valid.len() as u64);
        let of = |phase: &ResolvedPhase| {
            if phase.method == Method::SolveHead {
                return 0;
            }
            let constant = phase.plan.constant_stages() as u64;
            let epochs = phase.epochs as u64;
            let variants = epochs.min(self.bench.options.variants);
            // A phase that is compared is measured at three more points in the end.
            let measured = epochs + if phase.compared { 3 } else { 0 };
            let once = (items * variants + valid) * constant;
            let again = (STEP * items * epochs + valid * measured) * (stages - constant);
            (once + again).div_ceil(stages)
        };
        phases.iter().map(of).sum()
    }
}
