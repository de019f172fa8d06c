//! The freeze plan: which layer groups train. All that follows from freezing is computed here.
//!
//! One value decides what gets a gradient, which norm uses batch statistics, which stages are constant and may be
//! cached, and what the tables and reports show.

use std::collections::HashMap;

use burn::module::{Flag, Module, ModuleMapper, Param, ParamId};
use burn::tensor::Tensor;
use thiserror::Error;

use crate::groups::LayerGroups;
use crate::stage::{Parameter, Role, Stage, TrainingFlag};

/// What pretrained batch-norms do while the network trains.
///
/// Norms of new stages (a head, an unpretrained network) always work the usual way: batch statistics,
/// running statistics that follow, in groups that train.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum NormMode {
    /// The pretrained statistics are used everywhere and never move; scale and shift train with their
    /// group.
    #[default]
    Keep,
    /// Thawed groups use batch statistics and update the running ones, as in PyTorch; frozen groups
    /// stay inert.
    Batch,
    /// fastai's way: norms train in frozen groups too, statistics included. Nothing before the first
    /// norm is constant then.
    Adapt,
}

impl NormMode {
    /// All modes with the names options know them by.
    pub const NAMES: [(&str, Self); 3] =
        [("keep", Self::Keep), ("batch", Self::Batch), ("adapt", Self::Adapt)];

    /// Its name in options and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Batch => "batch",
            Self::Adapt => "adapt",
        }
    }
}

/// Which groups train; everything else is frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreezePlan {
    groups: LayerGroups,
    trains: Vec<bool>,
    norm: NormMode,
}

/// A freeze position or a choice of groups that does not exist. Each message lists the groups.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// No such position.
    #[error(
        "freeze position {position} does not exist: the network has {count} layer {} \
         (0 to {}, or -{count} to -1)\n{listing}",
        if *count == 1 { "group" } else { "groups" }, count - 1
    )]
    Position {
        /// The position asked for.
        position: isize,
        /// How many groups there are.
        count: usize,
        /// The groups.
        listing: String,
    },
    /// `freeze()` with one group would freeze nothing.
    #[error("the network has one layer group, so there is nothing to freeze before it\n{listing}")]
    OneGroup {
        /// The group.
        listing: String,
    },
    /// No such group.
    #[error("there is no layer group `{name}`; the groups are\n{listing}")]
    UnknownGroup {
        /// The name or index asked for.
        name: String,
        /// The groups.
        listing: String,
    },
    /// All groups are frozen.
    #[error("all {count} layer groups are frozen, so nothing would train\n{listing}")]
    NothingTrains {
        /// How many groups there are.
        count: usize,
        /// The groups.
        listing: String,
    },
}

impl FreezePlan {
    /// All groups train.
    pub fn unfrozen(groups: LayerGroups, norm: NormMode) -> Self {
        Self { trains: vec![true; groups.count()], groups, norm }
    }

    /// Freezes the first `position` groups and thaws the rest; a negative position counts from the end
    /// (fastai's `freeze_to`). `position` = number of groups freezes all of them.
    ///
    /// # Errors
    ///
    /// If there is no such position.
    pub fn freeze_to(&self, position: isize) -> Result<Self, PlanError> {
        let count = self.groups.count();
        let first = if position < 0 { position + count as isize } else { position };
        if !(0..=count as isize).contains(&first) {
            return Err(PlanError::Position { position, count, listing: self.groups.listing() });
        }
        let trains = (0..count as isize).map(|group| group >= first).collect();
        Ok(Self { trains, ..self.clone() })
    }

    /// Freezes all groups but the last (fastai's `freeze`).
    ///
    /// # Errors
    ///
    /// If there is one group only.
    pub fn freeze(&self) -> Result<Self, PlanError> {
        match self.groups.count() {
            1 => Err(PlanError::OneGroup { listing: self.groups.listing() }),
            _ => self.freeze_to(-1),
        }
    }

    /// Thaws all groups (fastai's `unfreeze`).
    pub fn unfreeze(&self) -> Self {
        Self::unfrozen(self.groups.clone(), self.norm)
    }

    /// Trains these groups and no others ("surgical" fine-tuning, arXiv 2210.11466). Each is given by
    /// name or index.
    ///
    /// # Errors
    ///
    /// If a group does not exist.
    pub fn train_only<S: AsRef<str>>(&self, names: &[S]) -> Result<Self, PlanError> {
        let mut trains = vec![false; self.groups.count()];
        for name in names.iter().map(AsRef::as_ref) {
            let unknown =
                || PlanError::UnknownGroup { name: name.to_owned(), listing: self.groups.listing() };
            trains[self.groups.find(name).ok_or_else(unknown)?] = true;
        }
        Ok(Self { trains, ..self.clone() })
    }

    /// The same plan with another norm mode.
    #[must_use]
    pub fn with_norm(&self, norm: NormMode) -> Self {
        Self { norm, ..self.clone() }
    }

    /// The groups.
    pub fn groups(&self) -> &LayerGroups {
        &self.groups
    }

    /// How pretrained norms behave.
    pub fn norm(&self) -> NormMode {
        self.norm
    }

    /// Whether the group trains.
    pub fn trains(&self, group: usize) -> bool {
        self.trains[group]
    }

    /// The indices of the frozen groups.
    pub fn frozen_groups(&self) -> Vec<usize> {
        (0..self.groups.count()).filter(|&group| !self.trains[group]).collect()
    }

    /// Refuses a plan under which nothing would train.
    ///
    /// # Errors
    ///
    /// If all groups are frozen.
    pub fn require_training(&self) -> Result<(), PlanError> {
        if self.trains.contains(&true) {
            return Ok(());
        }
        Err(PlanError::NothingTrains { count: self.groups.count(), listing: self.groups.listing() })
    }

    /// How many stages, from the input on, give the same output for the same input as long as this plan
    /// holds: the frozen prefix.
    pub fn constant_stages(&self) -> usize {
        let moves = |group: usize| {
            let stages = self.groups.groups()[group].stages.clone();
            stages.into_iter().find(|&stage| self.stage_moves(group, stage))
        };
        (0..self.groups.count()).find_map(moves).unwrap_or(self.groups.stages().len())
    }

    fn stage_moves(&self, group: usize, stage: usize) -> bool {
        let stage = &self.groups.stages()[stage];
        stage.parameters.iter().any(|parameter| self.parameter_trains(group, parameter))
            || stage.training_flags.iter().any(|flag| self.flag_is_on(group, stage.pretrained, flag))
    }

    /// Elements of all parameters that get a gradient.
    pub fn trainable_count(&self) -> usize {
        self.parameters()
            .filter(|&(group, parameter)| self.parameter_trains(group, parameter))
            .map(|(_, p)| p.len())
            .sum()
    }

    /// Elements of all parameters, statistics left out.
    pub fn parameter_count(&self) -> usize {
        (0..self.groups.count()).map(|group| self.groups.parameter_count(group)).sum()
    }

    /// All parameters that get a gradient, each with its group.
    pub fn trained_parameters(&self) -> impl Iterator<Item = (usize, &Parameter)> {
        self.parameters().filter(|&(group, parameter)| self.parameter_trains(group, parameter))
    }

    /// Whether the last group trains and no other.
    pub fn trains_head_alone(&self) -> bool {
        self.trains.split_last().is_some_and(|(&head, body)| head && !body.contains(&true))
    }

    /// The last stage, if it is all that trains, it is one dense layer, and all before it is constant: then the best
    /// weights for the features that reach it can be solved for.
    pub fn dense_head(&self) -> Option<&Stage> {
        let (head, body) = self.groups.stages().split_last()?;
        let is_one = head.dense && self.constant_stages() == body.len();
        is_one.then_some(head)
    }

    /// Puts a network in the plan's state: which parameters require gradients, which flags are on.
    pub fn apply<M: Module>(&self, network: M) -> M {
        let parameters = self.parameters().map(|(group, p)| (p.id, self.parameter_trains(group, p)));
        let training_flags = self.groups_and_stages().flat_map(|(group, stage)| {
            stage
                .training_flags
                .iter()
                .map(move |flag| (flag.id, self.flag_is_on(group, stage.pretrained, flag)))
        });
        network.map(&mut PlanMapper { active: parameters.chain(training_flags).collect() })
    }

    fn groups_and_stages(&self) -> impl Iterator<Item = (usize, &Stage)> {
        (0..self.groups.count())
            .flat_map(|group| self.groups.stages_of(group).iter().map(move |stage| (group, stage)))
    }

    fn parameters(&self) -> impl Iterator<Item = (usize, &Parameter)> {
        self.groups_and_stages().flat_map(|(group, stage)| stage.parameters.iter().map(move |p| (group, p)))
    }

    fn parameter_trains(&self, group: usize, parameter: &Parameter) -> bool {
        match parameter.role {
            Role::Buffer => false,
            Role::Norm => self.trains[group] || self.norm == NormMode::Adapt,
            Role::Weight | Role::Bias => self.trains[group],
        }
    }

    fn flag_is_on(&self, group: usize, pretrained: bool, flag: &TrainingFlag) -> bool {
        match self.norm {
            NormMode::Keep if flag.of_norm && pretrained => false,
            NormMode::Adapt if flag.of_norm => true,
            _ => self.trains[group],
        }
    }
}

/// Sets gradients and flags by exact id.
struct PlanMapper {
    active: HashMap<ParamId, bool>,
}

impl ModuleMapper for PlanMapper {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        match self.active.get(&param.id) {
            Some(&active) => param.set_require_grad(active),
            None => param,
        }
    }

    fn map_flag(&mut self, flag: Param<Flag>) -> Param<Flag> {
        match self.active.get(&flag.id) {
            Some(&active) => flag.with_value(active),
            None => flag,
        }
    }
}
