//! Recipes: training as a list of phases, each with its own freezing, rates and schedule.
//!
//! A recipe is data, and knows no network. [`Recipe::resolve`] fits it to one, once: the learner runs the resolved
//! phases, estimates, plans and reports show them, and a checkpoint keeps them.

mod fine_tune;
mod gradual;
mod patience;
mod phase;
mod resolved;

use thiserror::Error;

pub use fine_tune::FineTune;
pub use gradual::Gradual;
pub use patience::Patience;
pub use phase::{Method, Phase, Thaw};
pub use resolved::ResolvedPhase;

use crate::plan::{FreezePlan, PlanError};
use crate::rates::{Rates, RatesError};
use crate::schedule::Schedule;

/// How a network is trained.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
/// use defrost::{FineTune, FreezePlan, LayerGroups, NormMode, Recipe, Stage};
///
/// let device = Device::flex();
/// let linear = |name: &str| Stage::of(name, name, &LinearConfig::new(2, 2).init(&device));
/// let groups = LayerGroups::from_starts(vec![linear("body"), linear("head")], &[0, 1])?;
/// let plan = FreezePlan::unfrozen(groups, NormMode::Keep);
///
/// let phases = Recipe::from(FineTune::new(4)).resolve(&plan)?;
/// assert_eq!(phases[0].plan.frozen_groups(), [0]);
/// assert_eq!(phases[1].rates, [1e-5, 1e-3]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Recipe {
    /// Train the head on frozen features, then everything.
    FineTune(FineTune),
    /// What is done where nothing else is said. Where any stage is pretrained, the head converges on frozen features: a
    /// [dense](crate::Stage::dense) one is solved for, another trains for the recipe's frozen epochs. Then everything trains,
    /// and the result competes with the frozen head (LP-FT, arXiv 2202.10054; WiSE-FT, arXiv 2109.01903): see
    /// [`Decision`](crate::learner::Decision). Where none is, nothing is worth freezing, and everything trains from the
    /// start, in one cycle of the same epochs and rates, or until [patience](FineTune::patience) ends. Where all are, the
    /// network goes on from an earlier run: everything trains, and the result competes with that run.
    Auto(FineTune),
    /// Unfreeze one group a phase.
    Gradual(Gradual),
    /// Custom phases.
    Phases(Vec<Phase>),
}

/// A recipe does not fit the network.
#[derive(Debug, Error, PartialEq)]
pub enum RecipeError {
    /// There is no phase with an epoch.
    #[error("nothing would be trained: the recipe has no epochs; give at least one")]
    NoEpochs,
    /// The layer groups of a phase do not exist.
    #[error("phase {phase}: {source}")]
    Plan {
        /// The phase's name.
        phase: String,
        /// The groups that it should train.
        thaw: Thaw,
        /// The reason.
        source: PlanError,
    },
    /// A phase's rates don't fit the groups.
    #[error("phase {phase}: {source}")]
    Rates {
        /// The phase's name.
        phase: String,
        /// Its rates.
        rates: Rates,
        /// The reason.
        source: RatesError,
    },
}

impl Recipe {
    /// One cycle of `epochs`, frozen to this position; negative counts from the end, 0 trains everything.
    pub fn freeze_to(position: isize, epochs: usize, rates: Rates) -> Self {
        Phase::from_position(position, epochs, rates, Schedule::ONE_CYCLE).into()
    }

    /// One cycle of `epochs` in which only these groups train, by name or index.
    pub fn train_only(groups: Vec<String>, epochs: usize, rates: Rates) -> Self {
        Phase::only(groups, epochs, rates, Schedule::ONE_CYCLE).into()
    }

    /// The highest rate of any phase.
    pub fn highest_rate(&self) -> f64 {
        match self {
            Self::FineTune(recipe) | Self::Auto(recipe) => recipe.rates.highest(),
            Self::Gradual(recipe) => recipe.rate,
            Self::Phases(phases) => phases.iter().map(|phase| phase.rates.highest()).fold(f64::MIN, f64::max),
        }
    }

    /// The same recipe at other rates: its highest is `rate`, the others keep their ratio to it. That is how a rate
    /// that [`lr_find`](crate::Learner::lr_find) suggests is used.
    #[must_use]
    pub fn with_highest_rate(self, rate: f64) -> Self {
        let factor = rate / self.highest_rate();
        let fine_tune = |recipe: FineTune| FineTune { rates: recipe.rates.scaled(factor), ..recipe };
        let scaled = |phase: Phase| Phase { rates: phase.rates.scaled(factor), ..phase };
        match self {
            Self::FineTune(recipe) => Self::FineTune(fine_tune(recipe)),
            Self::Auto(recipe) => Self::Auto(fine_tune(recipe)),
            Self::Gradual(recipe) => Self::Gradual(Gradual { rate, ..recipe }),
            Self::Phases(phases) => Self::Phases(phases.into_iter().map(scaled).collect()),
        }
    }

    /// The phases for a network of the plan's groups; those without epochs are left out. What the plan freezes now
    /// does not matter.
    ///
    /// # Errors
    ///
    /// If a position or group does not exist, rates don't fit the groups, nothing would train in a phase, or there
    /// is none.
    pub fn resolve(&self, plan: &FreezePlan) -> Result<Vec<ResolvedPhase>, RecipeError> {
        let phases = self.phases(plan);
        let phases = phases.iter().filter(|phase| phase.epochs > 0).map(|phase| phase.resolve(plan));
        let phases = phases.collect::<Result<Vec<_>, _>>()?;
        if phases.is_empty() { Err(RecipeError::NoEpochs) } else { Ok(phases) }
    }

    fn phases(&self, plan: &FreezePlan) -> Vec<Phase> {
        let stages = plan.groups().stages();
        let is_new = || stages.iter().all(|stage| !stage.pretrained);
        let is_trained = || stages.iter().all(|stage| stage.pretrained);
        let solvable = || plan.freeze().is_ok_and(|frozen| frozen.dense_head().is_some());
        match self {
            Self::Auto(recipe) if is_new() => {
                let whole = Phase::from_position(0, recipe.epochs, recipe.rates.clone(), Schedule::ONE_CYCLE);
                vec![whole.with_patience(recipe.patience)]
            }
            Self::Auto(recipe) => {
                let [frozen, thawed] = recipe.phases();
                let (first, head_penalty) = match () {
                    () if is_trained() => (Phase::start(), None),
                    () if solvable() => (Phase::solved_head(), Some(recipe.head_penalty)),
                    () => (frozen, None),
                };
                vec![first, Phase { compared: true, head_penalty, ..thawed }]
            }
            Self::FineTune(recipe) => recipe.phases().into(),
            Self::Gradual(recipe) => recipe.phases(plan.groups().count()),
            Self::Phases(phases) => phases.clone(),
        }
    }
}

impl From<FineTune> for Recipe {
    fn from(recipe: FineTune) -> Self {
        Self::FineTune(recipe)
    }
}

impl From<Gradual> for Recipe {
    fn from(recipe: Gradual) -> Self {
        Self::Gradual(recipe)
    }
}

impl From<Phase> for Recipe {
    fn from(phase: Phase) -> Self {
        Self::Phases(vec![phase])
    }
}

impl From<Vec<Phase>> for Recipe {
    fn from(phases: Vec<Phase>) -> Self {
        Self::Phases(phases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::groups::LayerGroups;
    use crate::plan::NormMode;
    use crate::stage::{Parameter, Role, Stage};
    use burn::module::ParamId;

    /// Groups of one stage each, pretrained or not.
    fn plan(pretrained: &[bool]) -> FreezePlan {
        let parameter =
            || Parameter { id: ParamId::new(), name: "w".into(), shape: vec![1], role: Role::Weight };
        let stage = |(index, &pretrained): (usize, &bool)| Stage {
            name: format!("s{index}"),
            parameters: vec![parameter()],
            training_flags: vec![],
            pretrained,
            dense: false,
        };
        let starts: Vec<usize> = (0..pretrained.len()).collect();
        let stages = pretrained.iter().enumerate().map(stage).collect();
        FreezePlan::unfrozen(LayerGroups::from_starts(stages, &starts).unwrap(), NormMode::Keep)
    }

    fn names(recipe: &Recipe, plan: &FreezePlan) -> Vec<String> {
        recipe.resolve(plan).unwrap().into_iter().map(|phase| phase.name).collect()
    }

    #[test]
    fn phases_without_epochs_are_left_out() {
        let plan = plan(&[true, false]);
        let head = FineTune { freeze_epochs: 0, ..FineTune::new(2) };
        assert_eq!(names(&head.clone().into(), &plan), ["thawed"]);
        assert_eq!(names(&FineTune::new(0).into(), &plan), ["frozen"]);
        assert_eq!(Recipe::from(FineTune { epochs: 0, ..head }).resolve(&plan), Err(RecipeError::NoEpochs));
    }

    #[test]
    fn a_network_with_nothing_pretrained_trains_whole_from_the_start() {
        let auto = Recipe::Auto(FineTune::new(2));
        assert_eq!(names(&auto, &plan(&[true, false])), ["frozen", "thawed"]);
        let whole = auto.resolve(&plan(&[false, false])).unwrap();
        assert_eq!((whole.len(), &whole[0].rates[..]), (1, &[2e-3; 2][..]));
        assert_eq!(names(&FineTune::new(2).into(), &plan(&[false, false])), ["frozen", "thawed"]);
    }

    #[test]
    fn a_network_in_which_nothing_is_new_competes_with_its_start() {
        let phases = Recipe::Auto(FineTune::new(2)).resolve(&plan(&[true, true])).unwrap();
        let found: Vec<_> =
            phases.iter().map(|phase| (phase.name.as_str(), phase.method, phase.compared)).collect();
        assert_eq!(found, [("start", Method::Measure, false), ("thawed", Method::Steps, true)]);
    }

    #[test]
    fn a_found_rate_is_the_highest() {
        let plan = plan(&[true, true, false]);
        let phase = |rates| Phase::from_position(0, 1, rates, Schedule::Constant);
        let recipes = [
            Recipe::from(FineTune { freeze_epochs: 0, ..FineTune::new(2) }),
            Recipe::Auto(FineTune::brisk(2)),
            Gradual { epochs: 1, epochs_per_group: 1, rate: 1.0 }.into(),
            vec![phase(Rates::One(1e-3)), phase(Rates::Between(1e-3, 1e-2))].into(),
        ];
        let highest = |recipe: Recipe| {
            let phases = recipe.with_highest_rate(3e-2).resolve(&plan).unwrap();
            phases.iter().flat_map(|phase| phase.rates.clone()).fold(0.0, f64::max)
        };
        assert_eq!(recipes.map(highest), [1.5e-2, 3e-2, 3e-2, 3e-2]);
    }

    #[test]
    fn a_new_head_that_is_frozen_is_noted() {
        let plan = plan(&[true, false]);
        let phases = |group: &str| {
            Recipe::train_only(vec![group.to_owned()], 1, Rates::One(1e-3)).resolve(&plan).unwrap()
        };
        assert_eq!(phases("0")[0].plan.frozen_groups(), [1]);
        let warning = "only 0: s1 is new and frozen: its weights stay random";
        assert_eq!(phases("0")[0].frozen_new_groups().as_deref(), Some(warning));
        assert_eq!(phases("1")[0].frozen_new_groups(), None);
    }

    #[test]
    fn what_does_not_fit_names_the_phase() {
        let plan = plan(&[true, false]);
        let error = Recipe::freeze_to(7, 1, Rates::One(1e-3)).resolve(&plan).unwrap_err();
        assert!(matches!(error, RecipeError::Plan { thaw: Thaw::From(7), .. }));
        let error = Recipe::freeze_to(0, 1, Rates::Each(vec![1e-3; 3])).resolve(&plan).unwrap_err();
        let expected = "phase thawed: 3 rates for 2 layer groups; write one rate, a slice lo..hi, or 2 rates";
        assert_eq!(error.to_string(), expected);
    }
}
