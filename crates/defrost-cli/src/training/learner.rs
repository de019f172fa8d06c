//! The options a learner gets.

use defrost::bundle::ModelConfig;
use defrost::data::{Dataset, Validation};
use defrost::loss::LossError;
use defrost::vision::models::Precision;
use defrost::{Learner, LearnerError, LearnerOptions, Network};

use crate::args::{LearningOptions, PrecisionChoice, TrainingOptions};
use crate::failure::Failure;

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

    /// Items in a batch: the number given, or the usual one for this many training items.
    pub fn batch_size(&self, model: &impl ModelConfig, items: usize) -> usize {
        self.batch.unwrap_or_else(|| model.batch_size(items))
    }

    /// The learner's options; the batch size is the one given, or else the usual one for images.
    pub fn learner(&self) -> LearnerOptions {
        let usual = LearnerOptions::default();
        let options = LearnerOptions {
            batch_size: self.batch.unwrap_or(usual.batch_size),
            seed: self.seed,
            norm: self.norm.into(),
            variants: self.variants,
            cache: self.cache.rows(),
            groups: self.groups.clone(),
            ..usual
        };
        self.learning.apply(options)
    }

    /// A learner of these options for a network of as many outputs as there are classes, or one for a number. Where it is
    /// trained, nothing of it is new.
    pub fn open<N: Network>(
        &self,
        (network, model): (N, &impl ModelConfig<Network = N>),
        (train, valid): (Box<dyn Dataset>, Box<dyn Dataset>),
        (classes, is_trained): (usize, bool),
    ) -> Result<Learner<N>, Failure> {
        let batch_size = self.batch_size(model, train.len());
        let options = LearnerOptions { batch_size, is_trained, ..self.learner() };
        Learner::new(network, train, valid, classes.max(1), options).map_err(|error| match error {
            LearnerError::Loss(error) => explain_loss(error),
            error => Failure::Usage(error.into()),
        })
    }
}

impl LearningOptions {
    /// Puts these options into the learner's.
    fn apply(&self, options: LearnerOptions) -> LearnerOptions {
        LearnerOptions {
            label_smoothing: self.label_smoothing,
            balance: self.balance.into(),
            mixing: self.mixing(),
            weight_decay: self.weight_decay,
            accumulate: self.accumulate,
            max_gradient_norm: self.clip,
            average: self.average,
            ..options
        }
    }
}

/// Names the option that does not fit what the items are labelled with.
fn explain_loss(error: LossError) -> Failure {
    Failure::usage(match error {
        LossError::NoClasses => "--balance: it is for items of one class each; these have none".to_owned(),
        LossError::NoSmoothing => {
            "--label-smoothing: it is for items of one class each; these have labels or numbers".to_owned()
        }
        LossError::Given => error.to_string(),
    })
}
