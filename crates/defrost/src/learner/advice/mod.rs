//! Advice: what to freeze, where to cut and whether more data would help, on this data, by measuring.
//!
//! Probes of every depth say where features are best; short trials of plans compete by successive halving; a learning curve
//! says what more items would bring. An advice changes nothing in the learner, and what it measures depends on its passes
//! alone, never on the clock: a time is turned into passes once, before anything is measured.

mod advisor;
mod budget;
mod data_curve;
mod depths;
mod plans;
mod trials;
mod words;

use serde::{Deserialize, Serialize};

pub use budget::{Budget, Spent};
pub use plans::AdvisedPlan;

use self::advisor::Advisor;
use super::{Gain, Learner, LearnerError};
use crate::recipe::FineTune;
use crate::stage::Network;

/// The options of an advice.
#[derive(Clone, Debug, PartialEq)]
pub struct AdviseOptions {
    /// How much it may compute.
    pub budget: Budget,
    /// The training it is for; the model's own where none is given.
    pub recipe: Option<FineTune>,
    /// Whether the network could be built without its last stages.
    pub can_cut: bool,
    /// The name of the items, in the plural.
    pub items: String,
}

impl Default for AdviseOptions {
    fn default() -> Self {
        Self { budget: Budget::default(), recipe: None, can_cut: false, items: "items".to_owned() }
    }
}

/// The measurements and the advice.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Advice {
    /// The metric that everything is measured by.
    pub metric_name: String,
    /// The allowed and the used budget.
    pub budget: Spent,
    /// A linear probe on the features of each depth, input first; nothing where nothing is pretrained.
    pub depths: Vec<Depth>,
    /// A probe on all depths at once, if there are several.
    pub together: Option<Together>,
    /// Plans that were tried, each as it was tried last.
    pub trials: Vec<Trial>,
    /// The head on a part of the training items; where nothing is pretrained, the whole network.
    pub data_curve: Vec<CurvePoint>,
    /// The expected gain from twice as many training items.
    pub more_data: Option<Gain>,
    /// All of it in sentences, the choice first.
    pub advice: Vec<String>,
    /// The choice.
    pub plan: AdvisedPlan,
    /// How the program that asked says the choice; empty in the library.
    #[serde(default)]
    pub command: String,
}

/// A linear probe on the features of a depth, cross-validated on training items.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Depth {
    /// The stage that gives the features.
    pub stage: String,
    /// How many there are.
    pub features: usize,
    /// The probe's result.
    pub metric: f64,
    /// The least it may reach on other items of the kind, at 95 %.
    pub low: f64,
    /// The most it may reach.
    pub high: f64,
    /// How much better than the last depth it is on the same items.
    pub gain: Gain,
}

/// A linear probe on several depths at once (Head2Toe, arXiv 2201.03529).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Together {
    /// How many features it was given, those with the largest weights where there are very many.
    pub features: usize,
    /// Its result.
    pub metric: f64,
    /// The least it may reach on other items of the kind, at 95 %.
    pub low: f64,
    /// The most it may reach.
    pub high: f64,
    /// How much better than the last depth alone it is on the same items.
    pub gain: Gain,
}

/// A plan that was tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The trained groups, in words.
    pub plan: String,
    /// The same as a value.
    pub choice: AdvisedPlan,
    /// Its result on validation items.
    pub metric: f64,
    /// The least it may reach on other items of the kind, at 95 %.
    pub low: f64,
    /// The most it may reach.
    pub high: f64,
    /// How much better than the head alone it is on the same items; none of the head alone.
    pub gain: Option<Gain>,
    /// Seconds the trial took.
    pub seconds: f64,
    /// Training items it had.
    pub items: usize,
    /// Epochs of its last phase.
    pub epochs: usize,
    /// Whether it was still in the race at the end.
    pub finished: bool,
}

/// A point of the learning curve.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The fraction of the training items.
    pub fraction: f64,
    /// How many those are.
    pub items: usize,
    /// The result on validation items, on average over the draws.
    pub metric: f64,
    /// The least it may be on other items of the kind, at 95 %.
    pub low: f64,
    /// The most it may be.
    pub high: f64,
    /// How often such a fraction was drawn.
    pub draws: usize,
}

/// How far an advice has come.
#[derive(Clone, Debug, PartialEq)]
pub struct AdviceProgress {
    /// Its current step.
    pub doing: String,
    /// Passes so far.
    pub used: u64,
    /// Passes in all.
    pub passes: u64,
}

impl<N: Network> Learner<N> {
    /// Measures what to freeze, where to cut, and whether more items would help. It changes nothing but the cache, which
    /// training then finds filled: weights, statistics, optimizer, history and plan stay as they are. The same passes
    /// measure the same, but for seconds.
    ///
    /// # Errors
    ///
    /// If there are no items to train or validate on, an item can't be read, or a stop was requested.
    pub fn advise(&mut self, options: &AdviseOptions) -> Result<Advice, LearnerError> {
        if self.train.is_empty() || self.valid.is_empty() {
            return Err(LearnerError::NoItems);
        }
        let (state, plan) = (self.state(None), self.plan.clone());
        let mut advisor = Advisor::new(self, options);
        let advice = advisor.advise();
        advisor.end();
        self.set_plan(plan);
        self.go_back(&state);
        advice
    }
}
