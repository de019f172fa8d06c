//! Options that shape how a learner learns, and the learner's options they become.

use std::str::FromStr;

use clap::{Args, ValueEnum};

use defrost::learner::{Mixing, TestTimeAugmentation};
use defrost::loss::{self, LossError};
use defrost::{LearnerOptions, Rates, RatesError};

use crate::args::at_least_one;
use crate::failure::Failure;

/// The learning rate asked for.
#[derive(Clone, Debug)]
pub enum RateChoice {
    /// These.
    Given(Rates),
    /// What the rate finder suggests.
    Find,
}

impl FromStr for RateChoice {
    type Err = RatesError;

    fn from_str(text: &str) -> Result<Self, RatesError> {
        if text == "find" { Ok(Self::Find) } else { text.parse().map(Self::Given) }
    }
}

/// What to do about classes of very different sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Balance {
    /// Nothing.
    None,
    /// Let items of rare classes weigh more in the loss.
    Weights,
    /// Show items of rare classes more often.
    Sample,
}

impl From<Balance> for loss::Balance {
    fn from(balance: Balance) -> Self {
        match balance {
            Balance::None => Self::None,
            Balance::Weights => Self::Weights,
            Balance::Sample => Self::Sample,
        }
    }
}

/// How the learner learns.
#[derive(Debug, Args)]
#[command(next_help_heading = "Learning")]
pub struct LearningOptions {
    /// How much weights shrink, as a fraction of the rate
    #[arg(long, value_name = "D", default_value_t = 0.01, value_parser = not_negative)]
    pub weight_decay: f64,
    /// The fraction of each label spread over all classes
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub label_smoothing: Option<f64>,
    /// What to do about rare classes
    #[arg(long, value_name = "HOW", default_value = "none")]
    pub balance: Balance,
    /// Add up the gradients of this many batches for a step
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub accumulate: usize,
    /// Blend each image of a batch with another where nothing is frozen; 0.4 is usual
    #[arg(long, value_name = "ALPHA", value_parser = positive, conflicts_with = "cutmix")]
    pub mixup: Option<f64>,
    /// Paste a box of another image into each where nothing is frozen; 1 is usual
    #[arg(long, value_name = "ALPHA", value_parser = positive)]
    pub cutmix: Option<f64>,
    /// Scale gradients down to this norm over all of them together
    #[arg(long, value_name = "NORM", value_parser = positive)]
    pub clip: Option<f64>,
    /// Keep a running average of the weights with this decay, as 0.99, and use it
    #[arg(long, value_name = "DECAY", value_parser = fraction)]
    pub average: Option<f64>,
    /// End a phase after this many epochs without a better one
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub patience: Option<usize>,
}

/// How often a saved run looks at an item.
#[derive(Debug, Args)]
pub struct TestTimeOptions {
    /// Look at each image in several variations too and average the answers
    #[arg(long)]
    pub tta: bool,
}

impl TestTimeOptions {
    /// The looks asked for.
    pub fn tta(&self) -> TestTimeAugmentation {
        if self.tta { TestTimeAugmentation::FASTAI } else { TestTimeAugmentation::NONE }
    }
}

impl LearningOptions {
    /// How images are mixed.
    pub fn mixing(&self) -> Mixing {
        match (self.mixup, self.cutmix) {
            (Some(alpha), _) => Mixing::MixUp { alpha },
            (None, Some(alpha)) => Mixing::CutMix { alpha },
            (None, None) => Mixing::None,
        }
    }

    /// Puts these options into the learner's.
    pub fn apply(&self, options: LearnerOptions) -> LearnerOptions {
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
pub fn explain_loss(error: LossError) -> Failure {
    Failure::usage(match error {
        LossError::NoClasses => "--balance: it is for items of one class each; these have none".to_owned(),
        LossError::NoSmoothing => {
            "--label-smoothing: it is for items of one class each; these have labels or numbers".to_owned()
        }
        LossError::Given => error.to_string(),
    })
}

fn number(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("`{text}` is not a number"))
}

fn not_negative(text: &str) -> Result<f64, String> {
    Some(number(text)?).filter(|number| *number >= 0.0).ok_or("it must be at least 0".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    Some(number(text)?).filter(|number| *number > 0.0).ok_or("it must be more than 0".to_owned())
}

fn fraction(text: &str) -> Result<f64, String> {
    let allowed = |number: &f64| (0.0..1.0).contains(number);
    Some(number(text)?).filter(allowed).ok_or("it must be at least 0 and below 1".to_owned())
}
