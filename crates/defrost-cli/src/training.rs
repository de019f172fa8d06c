//! From words to objects: the recipe, the network's set-up, the data, the threads.

use std::path::PathBuf;

use burn::tensor::Device;

use defrost::vision::augment::AugmentPolicy;
use defrost::vision::models::Precision;
use defrost::vision::transform::Preprocess;
use defrost::vision::{PictureFolder, Validation, VisionSetup, WeightSource};
use defrost::{FineTune, FreezePlan, LearnerOptions, Phase, PlanError, Schedule, Thaw};

use crate::args::{Augment, Cache, PrecisionChoice, TrainingOptions};
use crate::failure::{Blame, Failure};

/// The share of the pictures that validates where nothing else is said.
const DEFAULT_SHARE: f64 = 0.2;

/// Starts the threads everything runs on; returns how many.
pub fn start_threads(threads: Option<usize>) -> Result<usize, Failure> {
    let mut builder = rayon::ThreadPoolBuilder::new();
    if let Some(threads) = threads {
        builder = builder.num_threads(threads);
    }
    builder.build_global().or_failure()?;
    defrost::ops::kernel_tier().or_usage()?;
    Ok(rayon::current_num_threads())
}

/// The plain device that everything starts on.
pub fn device() -> Device {
    Device::flex()
}

impl TrainingOptions {
    /// What the network is made of.
    pub fn setup(&self) -> Result<VisionSetup, Failure> {
        Ok(VisionSetup {
            architecture: self.arch.clone(),
            weights: self.weight_source()?,
            size: self.size,
            precision: self.precision(),
            cut: self.cut.clone(),
            seed: self.seed,
            ..VisionSetup::default()
        })
    }

    fn weight_source(&self) -> Result<Option<WeightSource>, Failure> {
        match self.weights.as_deref() {
            None => Ok(None),
            Some("embedded") => Ok(Some(WeightSource::Embedded)),
            Some("none") => Ok(Some(WeightSource::None)),
            Some(path) if path.ends_with(".safetensors") => Ok(Some(WeightSource::File(PathBuf::from(path)))),
            Some(other) => Err(Failure::usage(format!(
                "--weights {other}: say embedded, none, or the path of a .safetensors file"
            ))),
        }
    }

    /// The number format between layers.
    pub fn precision(&self) -> Precision {
        match self.precision {
            PrecisionChoice::F32 => Precision::F32,
            PrecisionChoice::Bf16 => Precision::Bf16,
            PrecisionChoice::Auto => Precision::fastest(),
        }
    }

    /// What the learner is told.
    pub fn learner(&self) -> LearnerOptions {
        LearnerOptions {
            batch_size: self.batch,
            seed: self.seed,
            norm: self.norm.into(),
            views: self.views,
            cache_limit: match self.cache {
                Cache::Auto => LearnerOptions::default().cache_limit,
                Cache::Off => 0,
            },
            groups: self.groups.clone(),
            ..LearnerOptions::default()
        }
    }

    /// The data, split, without what can't be read.
    pub fn pictures(
        &self,
        data: &std::path::Path,
        preprocess: &Preprocess,
    ) -> Result<PictureFolder, Failure> {
        let validation = match (&self.valid, self.valid_pct) {
            (Some(path), _) => Validation::Folder(path.clone()),
            (None, Some(share)) => Validation::Share(share),
            (None, None) => Validation::Found { otherwise: DEFAULT_SHARE },
        };
        let augment = match self.augment {
            Augment::Default => AugmentPolicy::default(),
            Augment::None => AugmentPolicy::none(),
        };
        PictureFolder::open(data, &validation, preprocess, &augment, self.seed).or_usage()
    }

    /// The phases these options ask for.
    pub fn phases(&self, groups: usize) -> Vec<Phase> {
        let schedule = Schedule::ONE_CYCLE;
        if let Some(position) = self.freeze_to {
            return vec![Phase::from_position(position, self.epochs, self.lr.clone(), schedule)];
        }
        if let Some(names) = &self.train_only {
            return vec![Phase::only(names.clone(), self.epochs, self.lr.clone(), schedule)];
        }
        if self.gradual {
            return defrost::recipe::gradual(groups, self.epochs, self.freeze_epochs, self.lr.highest());
        }
        let recipe = FineTune {
            freeze_epochs: self.freeze_epochs,
            rates: self.lr.clone(),
            ..FineTune::new(self.epochs)
        };
        recipe.phases()
    }

    /// Refuses phases that do not fit the network, naming the option that is wrong.
    pub fn check(&self, phases: &[Phase], plan: &FreezePlan) -> Result<(), Failure> {
        if phases.is_empty() {
            return Err(Failure::usage(
                "--epochs 0 --freeze-epochs 0: nothing would be trained; give at least one epoch",
            ));
        }
        for phase in phases {
            phase.thaw.apply(plan).map_err(|error| self.explain(&phase.thaw, error))?;
            let rates = phase.rates.for_groups(plan.groups().count());
            rates.map_err(|error| Failure::usage(format!("--lr {}: {error}", self.lr)))?;
        }
        Ok(())
    }

    fn explain(&self, thaw: &Thaw, error: PlanError) -> Failure {
        let arch = &self.arch;
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
