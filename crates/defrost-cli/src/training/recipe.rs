//! The recipe that the options describe, and the errors if it does not fit the network.

use defrost::bundle::ModelConfig;
use defrost::learner::Mixing;
use defrost::{
    FineTune, FreezePlan, Gradual, Patience, PlanError, Rates, Recipe, RecipeError, ResolvedPhase, Thaw,
};

use crate::args::{RateChoice, RecipeChoice, TrainingOptions};
use crate::failure::Failure;
use crate::show::tell;

impl TrainingOptions {
    /// The model's recipe with the epochs and rates given, or the one asked for instead.
    pub fn recipe(&self, model: &impl ModelConfig) -> Recipe {
        let thawed_epochs = self.epochs.unwrap_or(model.epochs());
        let usual = self.usual(model);
        let rates = usual.rates.clone();
        match (self.freeze_to, &self.train_only, self.freeze_epochs) {
            (Some(position), ..) => Recipe::freeze_to(position, thawed_epochs, rates),
            (None, Some(groups), _) => Recipe::train_only(groups.clone(), thawed_epochs, rates),
            (None, None, epochs) if self.gradual => {
                let (rate, epochs_per_group) = (rates.highest(), epochs.unwrap_or(1));
                Gradual { epochs: thawed_epochs, epochs_per_group, rate }.into()
            }
            (None, None, epochs) if self.recipe == RecipeChoice::Fastai => {
                let fastai = FineTune::new(thawed_epochs);
                let rates = self.given_rates().unwrap_or(&fastai.rates).clone();
                {
                    let freeze_epochs = epochs.unwrap_or(fastai.freeze_epochs);
                    FineTune { freeze_epochs, rates, thaw: usual.thaw, ..fastai }.into()
                }
            }
            (None, None, Some(freeze_epochs)) => FineTune { freeze_epochs, ..usual }.into(),
            (None, None, None) => Recipe::Auto(usual),
        }
    }

    /// The model's own recipe, with the given epochs, patience, rates and groups.
    pub fn usual(&self, model: &impl ModelConfig) -> FineTune {
        let usual = match self.epochs {
            Some(epochs) => model.recipe(epochs),
            None => self.patient(model.usual_recipe()),
        };
        let rates = self.given_rates().unwrap_or(&usual.rates).clone();
        let thaw = self.thaw.clone().map_or_else(|| usual.thaw.clone(), Thaw::Only);
        FineTune { rates, thaw, ..usual }
    }

    /// The recipe with the patience given, if it has any.
    fn patient(&self, recipe: FineTune) -> FineTune {
        let epochs = |patience: Patience| self.learning.patience.unwrap_or(patience.epochs);
        let patience = recipe.patience.map(|patience| Patience { epochs: epochs(patience), ..patience });
        FineTune { patience, ..recipe }
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
            tell!("note: images are not mixed in phase {}: {why}", names.join(", "));
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
                let option = if self.thaw.is_some() { "--thaw" } else { "--train-only" };
                format!("{option} {name}: {arch} has no such layer group; there are\n{listing}")
            }
            (_, error) => error.to_string(),
        })
    }
}
