//! The plan as data: what tables, JSON and files show of it.

use serde::{Deserialize, Serialize};

use crate::plan::{FreezePlan, NormMode};
use crate::recipe::Phase;
use crate::stage::Stage;

/// A network's groups, and the phases it will be trained in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanSummary {
    /// What the network is called.
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
    /// What this costs more than it might seem to.
    #[serde(default)]
    pub notes: Vec<String>,
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
    /// What its norms do.
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
    /// Batches in each.
    pub batches_per_epoch: usize,
    /// Each group's highest rate.
    pub lr_max: Vec<f64>,
    /// Rates and momentum before each batch, if asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<StepSummary>>,
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
    /// What `phases` will do to a network of these groups.
    ///
    /// # Errors
    ///
    /// If a phase's position or rates do not fit the groups.
    pub fn new(
        arch: &str,
        plan: &FreezePlan,
        phases: &[Phase],
        batches_per_epoch: usize,
        with_steps: bool,
    ) -> Result<Self, crate::LearnerError> {
        let plans = phases.iter().map(|phase| phase.thaw.apply(plan)).collect::<Result<Vec<_>, _>>()?;
        let first = plans.first().unwrap_or(plan);
        let summaries = phases.iter().zip(&plans).map(|(phase, plan)| {
            let lr_max = phase.rates.for_groups(plan.groups().count())?;
            let steps = with_steps.then(|| steps(phase, &lr_max, batches_per_epoch));
            Ok(PhaseSummary {
                name: phase.name.clone(),
                frozen_groups: plan.frozen_groups(),
                constant_stages: plan.constant_stages(),
                trainable_params: plan.trainable_count(),
                epochs: phase.epochs,
                batches_per_epoch,
                lr_max,
                steps,
            })
        });
        Ok(Self {
            arch: arch.to_owned(),
            total_params: plan.parameter_count(),
            trainable_params: first.trainable_count(),
            groups: (0..first.groups().count()).map(|group| group_summary(first, group)).collect(),
            phases: summaries.collect::<Result<_, crate::LearnerError>>()?,
            cut: vec![],
            notes: phases
                .iter()
                .zip(&plans)
                .filter_map(|(phase, plan)| cost_of_adapting(phase, plan))
                .collect(),
        })
    }
}

/// What a phase computes again and again because norms of its frozen groups train.
fn cost_of_adapting(phase: &Phase, plan: &FreezePlan) -> Option<String> {
    let kept = FreezePlan::unfrozen(plan.groups().clone(), NormMode::Keep);
    let constant = phase.thaw.apply(&kept).ok()?.constant_stages();
    (plan.norm() == NormMode::Adapt && constant > 0).then(|| {
        format!(
            "{}: the norms of frozen groups train (norm mode adapt), so nothing is constant: each epoch runs all {} stages \
             forward and back for every item; under keep, {constant} of them would run once for each item, without gradients, \
             and be kept",
            phase.name,
            plan.groups().stages().len()
        )
    })
}

fn group_summary(plan: &FreezePlan, group: usize) -> GroupSummary {
    let stages = plan.groups().stages_of(group);
    let with_parameters = || stages.iter().filter(|stage| stage.has_parameters());
    GroupSummary {
        index: group,
        name: plan.groups().groups()[group].name.clone(),
        stages: with_parameters().map(|stage| stage.name.clone()).collect(),
        stage_params: with_parameters().map(Stage::parameter_count).collect(),
        new: stages.iter().all(|stage| !stage.pretrained),
        params: plan.groups().parameter_count(group),
        trainable: plan.trains(group),
        norm: if stages.iter().any(|stage| stage.pretrained) { plan.norm().name() } else { "batch" }
            .to_owned(),
    }
}

fn steps(phase: &Phase, rates: &[f64], batches_per_epoch: usize) -> Vec<StepSummary> {
    let total = phase.epochs * batches_per_epoch;
    let step = |done: usize| {
        let hyper = phase.schedule.at(done as f64 / total as f64);
        StepSummary { lr: rates.iter().map(|rate| rate * hyper.rate_factor).collect(), mom: hyper.momentum }
    };
    (0..total).map(step).collect()
}
