//! Options that shape how a learner learns.

use clap::{Args, ValueEnum};

use defrost::learner::Mixing;
use defrost::loss;

use super::values::{at_least_one, fraction, not_negative, positive};

/// How classes of very different sizes are balanced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Balance {
    /// Nothing
    None,
    /// Items of rare classes weigh more in the loss
    Weights,
    /// Items of rare classes are shown more often
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
    /// Weight decay: how much weights shrink in a step, relative to the learning rate
    #[arg(long, value_name = "D", default_value_t = 0.01, value_parser = not_negative)]
    pub weight_decay: f64,
    /// Label smoothing: fraction of each label that is spread over all classes
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub label_smoothing: Option<f64>,
    /// What to do about rare classes
    #[arg(long, value_name = "HOW", default_value = "none")]
    pub balance: Balance,
    /// Add up the gradients of this many batches before each step
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub accumulate: usize,
    /// Blend each image with another, in phases where nothing is frozen; 0.4 is usual
    #[arg(long, value_name = "ALPHA", value_parser = positive, conflicts_with = "cutmix")]
    pub mixup: Option<f64>,
    /// Paste a box of another image into each, in phases where nothing is frozen; 1 is usual
    #[arg(long, value_name = "ALPHA", value_parser = positive)]
    pub cutmix: Option<f64>,
    /// Clip gradients: scale all of them down together to this norm
    #[arg(long, value_name = "NORM", value_parser = positive)]
    pub clip: Option<f64>,
    /// Use a running average of the weights with this decay, such as 0.99
    #[arg(long, value_name = "DECAY", value_parser = fraction)]
    pub average: Option<f64>,
    /// End a phase after this many epochs without improvement [default: none; tables 20]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub patience: Option<usize>,
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
}
