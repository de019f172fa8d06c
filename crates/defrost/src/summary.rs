//! The plan as data, for tables, JSON and files.

use serde::{Deserialize, Serialize};

use crate::optim::StepOptions;
use crate::plan::FreezePlan;
use crate::recipe::{Method, ResolvedPhase};
use crate::stage::Stage;

/// A network's groups, and the phases it will be trained in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// The network's name.
    pub arch: String,
    /// Elements of all parameters, statistics left out.
    pub total_params: usize,
    /// Elements of those that train in the first phase.
    pub trainable_params: usize,
    /// The layer groups, input first.
    pub groups: Vec<GroupSummary>,
    /// The phases, in order.
    pub phases: Vec<PhaseSummary>,
    /// Stages of the body that were thrown away, and are in no group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cut: Vec<String>,
    /// Notes about costs that are easy to miss.
    #[serde(default)]
    pub notes: Vec<String>,
    /// Warnings about probable mistakes: new weights that stay frozen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// A layer group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GroupSummary {
    /// Its index.
    pub index: usize,
    /// Its name.
    pub name: String,
    /// Its stages that have parameters.
    pub stages: Vec<String>,
    /// Elements of the parameters of each of them.
    #[serde(default)]
    pub stage_params: Vec<usize>,
    /// Whether all of it has new weights, as a head has.
    #[serde(default)]
    pub new: bool,
    /// Elements of its parameters.
    pub params: usize,
    /// Whether it trains in the first phase.
    pub trainable: bool,
    /// How its norms behave.
    pub norm: String,
}

/// A phase of training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhaseSummary {
    /// Its name.
    pub name: String,
    /// Indices of the groups that are frozen in it.
    pub frozen_groups: Vec<usize>,
    /// How many stages are constant in it, from the input on.
    pub constant_stages: usize,
    /// Elements of the parameters that train in it.
    pub trainable_params: usize,
    /// Passes over the training data.
    pub epochs: usize,
    /// It ends earlier, after this many epochs without improvement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
    /// Batches in each.
    pub batches_per_epoch: usize,
    /// How it finds better weights.
    #[serde(default)]
    pub method: Method,
    /// Each group's highest rate; 0 where weights are solved for.
    pub lr_max: Vec<f64>,
    /// Rates and momentum before each batch, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepSummary>>,
}

/// The state of a layer group in a phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum GroupState {
    /// It does not move.
    Frozen,
    /// Its weights are solved for.
    Solved,
    /// It trains, at up to this rate.
    Trains(f64),
}

impl PhaseSummary {
    /// The state of the group with this index.
    pub fn state_of(&self, group: usize) -> GroupState {
        match self.method {
            _ if self.frozen_groups.contains(&group) => GroupState::Frozen,
            Method::Measure => GroupState::Frozen,
            Method::SolveHead => GroupState::Solved,
            Method::Steps => GroupState::Trains(self.lr_max.get(group).copied().unwrap_or(0.0)),
        }
    }

    /// What `epochs` of it do, in a few words: `4 epochs`, or `best head` where that is computed.
    pub fn in_words(&self, epochs: usize) -> String {
        match (self.method, epochs) {
            (Method::SolveHead, _) => "best head".to_owned(),
            (Method::Measure, _) => "measured before training".to_owned(),
            (Method::Steps, 1) => "1 epoch".to_owned(),
            (Method::Steps, _) => format!("{epochs} epochs"),
        }
    }
}

/// The optimizer's settings before a batch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepSummary {
    /// Each group's rate.
    pub lr: Vec<f64>,
    /// Momentum.
    pub mom: f64,
}

impl PlanSummary {
    /// The summary of `phases` for a network of the plan's groups.
    pub fn new(
        arch: &str,
        plan: &FreezePlan,
        phases: &[ResolvedPhase],
        batches_per_epoch: usize,
        with_steps: bool,
    ) -> Self {
        let first = phases.first().map_or(plan, |phase| &*phase.plan);
        let summary = |phase: &ResolvedPhase| PhaseSummary {
            name: phase.name.clone(),
            frozen_groups: match phase.method {
                Method::Measure => (0..phase.plan.groups().count()).collect(),
                _ => phase.plan.frozen_groups(),
            },
            constant_stages: phase.plan.constant_stages(),
            trainable_params: if phase.method == Method::Measure { 0 } else { phase.plan.trainable_count() },
            epochs: phase.epochs,
            patience: phase.patience.map(|patience| patience.epochs),
            batches_per_epoch,
            method: phase.method,
            lr_max: phase.rates.clone(),
            steps: with_steps.then(|| steps(phase, batches_per_epoch)),
        };
        Self {
            arch: arch.to_owned(),
            total_params: plan.parameter_count(),
            trainable_params: first.trainable_count(),
            groups: (0..first.groups().count()).map(|group| group_summary(first, group)).collect(),
            phases: phases.iter().map(summary).collect(),
            cut: vec![],
            notes: phases.iter().filter_map(ResolvedPhase::cost_of_adapting).collect(),
            warnings: phases.iter().filter_map(ResolvedPhase::frozen_new_groups).collect(),
        }
    }
}

fn group_summary(plan: &FreezePlan, group: usize) -> GroupSummary {
    let stages = plan.groups().stages_of(group);
    let with_parameters = || stages.iter().filter(|stage| stage.has_parameters());
    GroupSummary {
        index: group,
        name: plan.groups().groups()[group].name.clone(),
        stages: with_parameters().map(|stage| stage.name.clone()).collect(),
        stage_params: with_parameters().map(Stage::parameter_count).collect(),
        new: plan.groups().is_new(group),
        params: plan.groups().parameter_count(group),
        trainable: plan.trains(group),
        norm: if stages.iter().any(|stage| stage.pretrained) { plan.norm().name() } else { "batch" }
            .to_owned(),
    }
}

fn steps(phase: &ResolvedPhase, batches_per_epoch: usize) -> Vec<StepSummary> {
    let total = match phase.method {
        Method::Steps => phase.epochs * batches_per_epoch,
        Method::SolveHead | Method::Measure => 0,
    };
    let step = |done: usize| {
        let StepOptions { rates, momentum } = phase.step(done, total);
        StepSummary { lr: rates, mom: momentum }
    };
    (0..total).map(step).collect()
}
