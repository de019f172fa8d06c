//! What `train`, `plan`, `lr-find` and `check` share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regex::Regex;

use defrost::NormMode;
use defrost::vision::models::HeadKind;
use defrost::vision::transform::RGB;

use super::cache::CacheOptions;
use super::labels::LabelOptions;
use super::learning::LearningOptions;
use super::rate::RateChoice;
use super::task::Task;
use super::values::{at_least_one, channels};

/// What `train`, `plan` and `lr-find` share.
#[derive(Debug, Args)]
pub struct TrainingOptions {
    /// Data type, if not detected
    #[arg(long, value_name = "KIND", help_heading = "Network")]
    pub task: Option<Task>,
    /// The architecture: `defrost models` lists them [default: efficientnet_lite0, or that of --pretrained]
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub arch: Option<String>,
    /// Pretrained weights: embedded, hub (the usual ones from the Hugging Face hub) or hub:OWNER/NAME, a .safetensors
    /// or .pth file, a folder with one, or none [default: embedded where there are any, else hub]
    #[arg(long, value_name = "SOURCE", help_heading = "Network")]
    pub weights: Option<String>,
    /// Use cached downloads only
    #[arg(long, help_heading = "Network")]
    pub offline: bool,
    /// Start from the body of this finished run, with a new head; or from a language model of `defrost pretrain`
    #[arg(long, value_name = "RUN", conflicts_with = "weights", help_heading = "Network")]
    pub pretrained: Option<PathBuf>,
    /// Custom layer groups, by stage name: "stem,layer1|layer2|head"
    #[arg(long, value_name = "GROUPS", help_heading = "Network")]
    pub groups: Option<String>,
    /// Leave off this stage of the body and all stages after it
    #[arg(long, value_name = "STAGE", help_heading = "Network")]
    pub cut: Option<String>,
    /// The new head: one dense layer (linear), or fastai's with a hidden layer and norms [default: linear; AWD-LSTM fastai]
    #[arg(long, value_name = "HEAD", help_heading = "Network")]
    pub head: Option<HeadChoice>,

    /// auto finds the best head, unfreezes everything, and keeps what validates best; fastai is fastai's fine_tune, for
    /// tables over fastai's network
    #[arg(long, value_name = "NAME", default_value = "auto", conflicts_with_all = ["freeze_to", "train_only", "gradual"], help_heading = "Training")]
    pub recipe: RecipeChoice,
    /// Epochs with everything unfrozen [default: 4; tables up to 150, until validation has not improved for --patience]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub epochs: Option<usize>,
    /// Frozen epochs before them, step by step [default: none, the best head is found at once]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub freeze_epochs: Option<usize>,
    /// Instead of the recipe: one phase of --epochs, frozen up to this layer group; -1 trains only the head, 0 everything
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["train_only", "gradual", "freeze_epochs"], help_heading = "Training")]
    pub freeze_to: Option<isize>,
    /// Instead of the recipe: one phase of --epochs in which only these layer groups train (index or name)
    #[arg(
        long,
        value_name = "G,…",
        value_delimiter = ',',
        conflicts_with_all = ["gradual", "freeze_epochs"],
        help_heading = "Training"
    )]
    pub train_only: Option<Vec<String>>,
    /// The groups that the recipe thaws, the head among them (index or name) [default: all]
    #[arg(long, value_name = "G,…", value_delimiter = ',', conflicts_with_all = ["freeze_to", "train_only", "gradual"], help_heading = "Training")]
    pub thaw: Option<Vec<String>>,
    /// Instead of the recipe: unfreeze one layer group more in each phase
    #[arg(long, help_heading = "Training")]
    pub gradual: bool,
    /// Learning rate: one (2e-3), a slice (1e-5..1e-3), one per group (1e-5,1e-4,1e-3), or find: what
    /// `defrost lr-find` suggests [default: 6e-4..2e-3; texts 2e-3, AWD-LSTM 2e-2, tables 1e-3]
    #[arg(long, value_name = "RATE", help_heading = "Training")]
    pub lr: Option<RateChoice>,
    /// What pretrained batch-norms do: keep their statistics, follow the batch in thawed groups, or adapt
    /// in all (as fastai)
    #[arg(long, value_name = "MODE", default_value = "keep", help_heading = "Training")]
    pub norm: Norm,
    /// Items in a batch [default: 32; tables 32 to 256, by their rows]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Training")]
    pub batch: Option<usize>,
    /// Seed of all random numbers: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Training")]
    pub seed: u64,
    #[command(flatten)]
    pub learning: LearningOptions,

    #[command(flatten)]
    pub labels: LabelOptions,
    /// Validation images [default: DATA/valid, validation or val, else a fraction]
    #[arg(long, value_name = "DIR", conflicts_with = "valid_pct", help_heading = "Images")]
    pub valid: Option<PathBuf>,
    /// The fraction split off for validation [default: 0.2 where there is no folder]
    #[arg(long, value_name = "FRACTION", help_heading = "Images")]
    pub valid_pct: Option<f64>,
    /// Files with the same match in their paths stay on one side of the split: the first group of this expression, as
    /// "person_([0-9]+)"
    #[arg(long, value_name = "RE", conflicts_with = "group_column", help_heading = "Images")]
    pub group_regex: Option<Regex>,
    /// Rows with the same value in this column stay on one side of the split; the column is not an input
    #[arg(long, value_name = "NAME", help_heading = "Texts and tables")]
    pub group_column: Option<String>,
    /// Channels of the images: 3, red, green and blue, or 1, grey; pretrained weights are adapted
    #[arg(long, value_name = "N", default_value_t = RGB, value_parser = channels, help_heading = "Images")]
    pub channels: usize,
    /// Side of the images in pixels [default: what is usual for the architecture, 224 for most]
    #[arg(long, value_name = "PX", help_heading = "Images")]
    pub size: Option<usize>,
    /// How training images are varied
    #[arg(long, value_name = "HOW", default_value = "default", help_heading = "Images")]
    pub augment: Augment,

    /// How many augmented variants of each image frozen epochs take turns with
    #[arg(long, value_name = "K", alias = "views", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Images")]
    pub variants: u64,

    /// The column that is the text [default: the one that reads like it]
    #[arg(long, value_name = "NAME", help_heading = "Texts and tables")]
    pub text_column: Option<String>,
    /// Columns of a table that are not inputs
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', help_heading = "Texts and tables")]
    pub ignore: Vec<String>,
    /// Texts are cut after so many tokens
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Texts and tables")]
    pub max_tokens: usize,

    #[command(flatten)]
    pub cache: CacheOptions,
    /// Number format between layers: bf16 where the processor multiplies it, else f32
    #[arg(long, value_name = "FORMAT", default_value = "auto", help_heading = "Machine")]
    pub precision: PrecisionChoice,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Machine")]
    pub threads: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RecipeChoice {
    Auto,
    Fastai,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Norm {
    Keep,
    Batch,
    Adapt,
}

impl From<Norm> for NormMode {
    fn from(norm: Norm) -> Self {
        match norm {
            Norm::Keep => Self::Keep,
            Norm::Batch => Self::Batch,
            Norm::Adapt => Self::Adapt,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum HeadChoice {
    Linear,
    Fastai,
}

impl From<HeadChoice> for HeadKind {
    fn from(head: HeadChoice) -> Self {
        match head {
            HeadChoice::Linear => Self::Linear,
            HeadChoice::Fastai => Self::ConcatPool,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Augment {
    Default,
    None,
    Strong,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PrecisionChoice {
    Auto,
    F32,
    Bf16,
}
