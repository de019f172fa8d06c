//! From words to objects: the recipe, the learner's options, the threads.

use burn::tensor::Device;

use defrost::bundle::ModelConfig;
use defrost::data::{Dataset, Validation};
use defrost::learner::Mixing;
use defrost::recipe::gradual;
use defrost::vision::models::Precision;
use defrost::{FineTune, FreezePlan, LearnerOptions, Phase, PlanError, Schedule, Thaw};

use crate::args::{PrecisionChoice, TrainingOptions};
use crate::failure::{Blame, Failure};
use crate::learning::RateChoice;

/// Starts the threads everything runs on; returns how many.
pub fn start_threads(threads: Option<usize>) -> Result<usize, Failure> {
    // This thread is one of them: nothing is handed over and waited for where a step's parallel parts begin.
    let mut builder = rayon::ThreadPoolBuilder::new().use_current_thread();
    if let Some(threads) = threads {
        builder = builder.num_threads(threads);
    }
    builder.build_global().or_failure()?;
    defrost::ops::isa_level().or_usage()?;
    Ok(rayon::current_num_threads())
}

/// The plain device that everything starts on.
pub fn device() -> Device {
    Device::flex()
}

impl TrainingOptions {
    /// The number format between layers.
    pub fn precision(&self) -> Precision {
        match self.precision {
            PrecisionChoice::F32 => Precision::F32,
            PrecisionChoice::Bf16 => Precision::Bf16,
            PrecisionChoice::Auto => Precision::fastest(),
        }
    }

    /// Where the items that validate come from.
    pub fn validation(&self) -> Validation {
        match (&self.valid, self.valid_pct) {
            (Some(path), _) => Validation::Path(path.clone()),
            (None, Some(fraction)) => Validation::Fraction(fraction),
            (None, None) => Validation::default(),
        }
    }

    /// What the learner is told.
    pub fn learner(&self, train: &dyn Dataset) -> Result<LearnerOptions, Failure> {
        let options = LearnerOptions {
            batch_size: self.batch,
            seed: self.seed,
            norm: self.norm.into(),
            variants: self.variants,
            cache: self.cache.rows(),
            groups: self.groups.clone(),
            ..LearnerOptions::default()
        };
        self.learning.apply(options, train)
    }

    /// The model's recipe with the epochs and rates given.
    pub fn recipe(&self, model: &impl ModelConfig) -> FineTune {
        let usual = model.recipe(self.epochs);
        let rates = match &self.lr {
            Some(RateChoice::Given(rates)) => rates.clone(),
            Some(RateChoice::Find) | None => usual.rates.clone(),
        };
        FineTune { freeze_epochs: self.freeze_epochs.unwrap_or(usual.freeze_epochs), rates, ..usual }
    }

    /// The phases these options ask for, at the recipe's rates. A network of which nothing is pretrained has
    /// nothing worth freezing: unless somebody asks for it, it trains as a whole from the start.
    pub fn phases(&self, plan: &FreezePlan, recipe: &FineTune) -> Vec<Phase> {
        let rates = &recipe.rates;
        let schedule = Schedule::ONE_CYCLE;
        if let Some(position) = self.freeze_to {
            return vec![Phase::from_position(position, self.epochs, rates.clone(), schedule)];
        }
        if let Some(names) = &self.train_only {
            return vec![Phase::only(names.clone(), self.epochs, rates.clone(), schedule)];
        }
        if self.gradual {
            let epochs_a_group = self.freeze_epochs.unwrap_or(1);
            return gradual(plan.groups().count(), self.epochs, epochs_a_group, rates.highest());
        }
        let pretrained = plan.groups().stages().iter().any(|stage| stage.pretrained);
        if !pretrained && self.freeze_epochs.is_none() {
            let whole = Phase::from_position(0, self.epochs, rates.clone(), schedule);
            return [whole].into_iter().filter(|phase| phase.epochs > 0).collect();
        }
        recipe.phases()
    }

    /// Refuses phases that do not fit the network, naming the option that is wrong.
    pub fn check(
        &self,
        (arch, recipe): (&str, &FineTune),
        phases: &[Phase],
        plan: &FreezePlan,
    ) -> Result<(), Failure> {
        if phases.is_empty() {
            return Err(Failure::usage(
                "--epochs 0 --freeze-epochs 0: nothing would be trained; give at least one epoch",
            ));
        }
        for phase in phases {
            phase.thaw.apply(plan).map_err(|error| self.explain(arch, &phase.thaw, error))?;
            let rates = phase.rates.for_groups(plan.groups().count());
            rates.map_err(|error| Failure::usage(format!("--lr {}: {error}", recipe.rates)))?;
        }
        self.check_mixing(phases, plan)
    }

    /// Says which phases do not mix images, and refuses to mix in none.
    fn check_mixing(&self, phases: &[Phase], plan: &FreezePlan) -> Result<(), Failure> {
        if self.learning.mixing() == Mixing::None {
            return Ok(());
        }
        let frozen = |phase: &&Phase| phase.thaw.apply(plan).is_ok_and(|plan| plan.constant_stages() > 0);
        let names: Vec<&str> = phases.iter().filter(frozen).map(|phase| phase.name.as_str()).collect();
        let why = "behind frozen stages each image is computed once and kept, by itself";
        if names.len() == phases.len() {
            return Err(Failure::usage(format!(
                "--mixup, --cutmix: no phase would mix images: {why}; thaw everything (--freeze-to 0) or leave it out"
            )));
        }
        if !names.is_empty() {
            eprintln!("note: images are not mixed in phase {}: {why}", names.join(", "));
        }
        Ok(())
    }

    fn explain(&self, arch: &str, thaw: &Thaw, error: PlanError) -> Failure {
        Failure::usage(match (thaw, error) {
            (Thaw::From(given), PlanError::Position { count, listing, .. }) => {
                let last = count - 1;
                format!(
                    "--freeze-to {given}: {arch} has {count} layer groups (0 to {last}, or -{count} to -1)\n{listing}\n  \
                     help: --freeze-to {last} trains only the head; --freeze-to 0 trains everything"
                )
            }
            (Thaw::From(given), PlanError::NothingTrains { count, listing }) => format!(
                "--freeze-to {given}: all {count} layer groups of {arch} would be frozen and nothing would train\n{listing}\n  \
                 help: --freeze-to {} trains only the head",
                count - 1
            ),
            (Thaw::Only(_), PlanError::UnknownGroup { name, listing }) => {
                format!("--train-only {name}: {arch} has no such layer group; there are\n{listing}")
            }
            (_, error) => error.to_string(),
        })
    }
}
