//! From words to objects: the recipe, the learner's options, the threads.

use burn::tensor::Device;

use defrost::bundle::ModelConfig;
use defrost::data::{Dataset, Validation};
use defrost::learner::Mixing;
use defrost::vision::models::Precision;
use defrost::{
    FineTune, FreezePlan, Gradual, Learner, LearnerError, LearnerOptions, Network, PlanError, Rates, Recipe,
    RecipeError, ResolvedPhase, Thaw,
};

use crate::args::{PrecisionChoice, TrainingOptions};
use crate::failure::{Blame, Failure};
use crate::learning::{RateChoice, explain_loss};

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
    pub fn learner(&self) -> LearnerOptions {
        let options = LearnerOptions {
            batch_size: self.batch,
            seed: self.seed,
            norm: self.norm.into(),
            variants: self.variants,
            cache: self.cache.rows(),
            groups: self.groups.clone(),
            ..LearnerOptions::default()
        };
        self.learning.apply(options)
    }

    /// A learner of these options for a network of as many outputs as there are classes, or one for a number.
    pub fn open<N: Network>(
        &self,
        network: N,
        (train, valid): (Box<dyn Dataset>, Box<dyn Dataset>),
        classes: usize,
    ) -> Result<Learner<N>, Failure> {
        Learner::new(network, train, valid, classes.max(1), self.learner()).map_err(|error| match error {
            LearnerError::Loss(error) => explain_loss(error),
            error => Failure::Usage(error.into()),
        })
    }

    /// The model's recipe with the epochs and rates given, or the one asked for instead.
    pub fn recipe(&self, model: &impl ModelConfig) -> Recipe {
        let usual = model.recipe(self.epochs);
        let rates = self.given_rates().unwrap_or(&usual.rates).clone();
        match (self.freeze_to, &self.train_only, self.freeze_epochs) {
            (Some(position), ..) => Recipe::freeze_to(position, self.epochs, rates),
            (None, Some(groups), _) => Recipe::train_only(groups.clone(), self.epochs, rates),
            (None, None, epochs) if self.gradual => {
                let (rate, epochs_per_group) = (rates.highest(), epochs.unwrap_or(1));
                Gradual { epochs: self.epochs, epochs_per_group, rate }.into()
            }
            (None, None, Some(freeze_epochs)) => FineTune { freeze_epochs, rates, ..usual }.into(),
            (None, None, None) => Recipe::Auto(FineTune { rates, ..usual }),
        }
    }

    fn given_rates(&self) -> Option<&Rates> {
        match &self.lr {
            Some(RateChoice::Given(rates)) => Some(rates),
            Some(RateChoice::Find) | None => None,
        }
    }

    /// The recipe's phases for a network of these groups; names the option that does not fit it.
    pub fn resolve(
        &self,
        arch: &str,
        recipe: &Recipe,
        plan: &FreezePlan,
    ) -> Result<Vec<ResolvedPhase>, Failure> {
        let phases = recipe.resolve(plan).map_err(|error| self.explain(arch, error))?;
        self.check_mixing(&phases)?;
        Ok(phases)
    }

    /// Says which phases do not mix images, and refuses to mix in none.
    fn check_mixing(&self, phases: &[ResolvedPhase]) -> Result<(), Failure> {
        let mixing = self.learning.mixing();
        if mixing == Mixing::None {
            return Ok(());
        }
        let unmixed = phases.iter().filter(|phase| !mixing.acts_in(phase));
        let names: Vec<&str> = unmixed.map(|phase| phase.name.as_str()).collect();
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

    fn explain(&self, arch: &str, error: RecipeError) -> Failure {
        let (thaw, error) = match error {
            RecipeError::NoEpochs => {
                return Failure::usage(
                    "--epochs 0 --freeze-epochs 0: nothing would be trained; give at least one epoch",
                );
            }
            RecipeError::Rates { rates, source, .. } => {
                let rates = self.given_rates().unwrap_or(&rates);
                return Failure::usage(format!("--lr {rates}: {source}"));
            }
            RecipeError::Plan { thaw, source, .. } => (thaw, source),
        };
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
