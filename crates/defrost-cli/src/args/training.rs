//! The options that `train`, `plan`, `lr-find`, `advise` and `check` share, grouped by intent.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use regex::Regex;

use defrost::NormMode;
use defrost::vision::models::HeadKind;

use super::cache::CacheOptions;
use super::labels::LabelOptions;
use super::learning::LearningOptions;
use super::rate::RateChoice;
use super::table_file::TableFileOptions;
use super::task::Task;
use super::values::{at_least_one, channels};

/// The options that `train`, `plan`, `lr-find`, `advise` and `check` share.
#[derive(Debug, Args)]
pub struct TrainingOptions {
    /// Epochs with everything unfrozen; 0: only the head trains [default: 4]
    ///
    /// One epoch is one pass over the training data. Tables train for up to 150 epochs, until validation has not improved for
    /// --patience epochs.
    #[arg(long, value_name = "N", help_heading = "Freezing")]
    pub epochs: Option<usize>,
    /// Epochs with a frozen body before those [default: none, the best head is computed directly]
    #[arg(long, value_name = "N", help_heading = "Freezing")]
    pub freeze_epochs: Option<usize>,
    /// One phase: freeze the groups before N; 0: none, -1: all but the head
    ///
    /// Trains one phase of --epochs. Layer groups count from 0 at the input; negative numbers count from the
    /// end. `defrost plan` shows the groups.
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["train_only", "gradual", "freeze_epochs"], help_heading = "Freezing")]
    pub freeze_to: Option<isize>,
    /// One phase instead, in which only these layer groups train (index or name)
    #[arg(
        long,
        value_name = "G,…",
        value_delimiter = ',',
        conflicts_with_all = ["gradual", "freeze_epochs"],
        help_heading = "Freezing"
    )]
    pub train_only: Option<Vec<String>>,
    /// Unfreeze one layer group more in each phase, instead of all at once
    #[arg(long, help_heading = "Freezing")]
    pub gradual: bool,
    /// Unfreeze only these layer groups, the head among them (index or name)
    #[arg(long, value_name = "G,…", value_delimiter = ',', conflicts_with_all = ["freeze_to", "train_only", "gradual"], help_heading = "Freezing")]
    pub thaw: Option<Vec<String>>,
    /// The phases: auto finds the best head, unfreezes, keeps what is expected to be best
    ///
    /// auto computes the best head for the frozen body. Then it unfreezes everything for --epochs epochs. Then it measures
    /// the head alone, the unfrozen network and weights between the two on the validation items, and keeps those that are
    /// expected to be best on new items. fastai is fastai's fine_tune: one frozen epoch, then --epochs unfrozen ones, and the
    /// best epoch is kept. For tables, fastai also takes fastai's network.
    #[arg(long, value_name = "NAME", default_value = "auto", conflicts_with_all = ["freeze_to", "train_only", "gradual"], help_heading = "Freezing")]
    pub recipe: RecipeChoice,
    /// Batch norms: keep statistics, follow the batch where unfrozen, or adapt everywhere
    ///
    /// keep leaves the running statistics of pretrained batch norms as they are. batch uses the statistics of each batch in
    /// unfrozen groups. adapt does so in frozen groups too, as fastai does.
    #[arg(long, value_name = "MODE", default_value = "keep", help_heading = "Freezing")]
    pub norm: Norm,
    /// Custom layer groups, by stage name: "stem,layer1|layer2|head"
    #[arg(long, value_name = "GROUPS", help_heading = "Freezing")]
    pub groups: Option<String>,

    /// Learning rate: 2e-3, 1e-5..1e-3, one per group, or find
    ///
    /// A range has two rates: the first layer group trains at the first, the head at the second, groups between them in
    /// between. A list has a rate for each group. One rate is the head's: earlier groups get less, the first a hundredth.
    /// Where a recipe unfreezes, it then takes half of these rates, as fastai does: 3e-4..1e-3 of the default 6e-4..2e-3.
    /// find tries rising rates first, as `defrost lr-find` does [default: 6e-4..2e-3; texts 2e-3, AWD-LSTM 2e-2, tables 1e-3]
    #[arg(long, value_name = "RATE", help_heading = "Learning")]
    pub lr: Option<RateChoice>,
    /// Items in a batch [default: 32; tables 32 to 256]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Learning")]
    pub batch: Option<usize>,
    /// Seed of all random numbers: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Learning")]
    pub seed: u64,
    #[command(flatten)]
    pub learning: LearningOptions,

    /// Kind of data, if not detected
    #[arg(long, value_name = "KIND", help_heading = "Network")]
    pub task: Option<Task>,
    /// Network, see `defrost models` [default: efficientnet_lite0]
    ///
    /// With --pretrained, the default is the network of that run.
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub arch: Option<String>,
    /// Source of the weights: embedded, hub (a download), a path, none [default: embedded, else hub]
    ///
    /// embedded: part of this program, for efficientnet_lite0. hub: the usual ones from the Hugging Face hub, or
    /// hub:OWNER/NAME. A path: a .safetensors or .pth file, or a folder with one. none: random weights.
    #[arg(long, value_name = "SOURCE", help_heading = "Network")]
    pub weights: Option<String>,
    /// Use cached downloads only
    #[arg(long, help_heading = "Network")]
    pub offline: bool,
    /// Start from the body of this run, with a new head
    ///
    /// For texts it may also be a language model from `defrost pretrain`.
    #[arg(long, value_name = "RUN", conflicts_with = "weights", help_heading = "Network")]
    pub pretrained: Option<PathBuf>,
    /// Go on from this finished run: its network, with its head, on more data
    ///
    /// The data has the classes of the run, or more: the weights of new classes start new. What training ends with has to
    /// prove better than the run. --size may differ from the run's.
    #[arg(long = "continue", value_name = "RUN", conflicts_with_all = ["weights", "pretrained", "arch", "cut", "head"], help_heading = "Network")]
    pub continued: Option<PathBuf>,
    /// Leave off this stage of the body and all stages after it: blocks.6, or blocks.6.0
    #[arg(long, value_name = "STAGE", help_heading = "Network")]
    pub cut: Option<String>,
    /// New head: linear is one dense layer, fastai adds a hidden layer and norms [default: linear; AWD-LSTM fastai]
    #[arg(long, value_name = "HEAD", help_heading = "Network")]
    pub head: Option<HeadChoice>,

    #[command(flatten)]
    pub labels: LabelOptions,
    /// Validation data [default: DATA/valid, else a fifth]
    ///
    /// DATA/validation and DATA/val are found, too. Without them, --valid-pct of the data is split off.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["valid_pct", "valid_column"], help_heading = "Labels and validation")]
    pub valid: Option<PathBuf>,
    /// Fraction of the data to validate on [default: 0.2 without a validation folder]
    #[arg(
        long,
        value_name = "FRACTION",
        conflicts_with = "valid_column",
        help_heading = "Labels and validation"
    )]
    pub valid_pct: Option<f64>,
    /// Keep files with the same match in their paths on one side of the split
    ///
    /// What the first group of the expression matches tells which files belong together, for example "person_([0-9]+)".
    #[arg(long, value_name = "RE", conflicts_with = "group_column", help_heading = "Labels and validation")]
    pub group_regex: Option<Regex>,
    /// Keep rows with the same value in this column on one side of the split
    ///
    /// The column is then not an input.
    #[arg(long, value_name = "NAME", help_heading = "Labels and validation")]
    pub group_column: Option<String>,

    /// Side of the images in pixels [default: the network's own, 224 for most]
    #[arg(long, value_name = "PX", help_heading = "Images")]
    pub size: Option<usize>,
    /// Channels of the images: 3 for colour, 1 for grey; pretrained weights are adapted [default: 3]
    #[arg(long, value_name = "N", value_parser = channels, help_heading = "Images")]
    pub channels: Option<usize>,
    /// How training images are varied
    #[arg(long, value_name = "HOW", default_value = "default", help_heading = "Images")]
    pub augment: Augment,
    /// Augmented variants of each image that frozen epochs take turns with
    #[arg(long, value_name = "K", alias = "views", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Images")]
    pub variants: u64,

    /// Column with the text [default: the column that reads like text]
    #[arg(long, value_name = "NAME", help_heading = "Texts and tables")]
    pub text_column: Option<String>,
    #[command(flatten)]
    pub table_file: TableFileOptions,
    /// Columns of a table that are not inputs
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', help_heading = "Texts and tables")]
    pub ignore: Vec<String>,
    /// Cut texts after this many tokens
    #[arg(long, value_name = "N", default_value_t = 256, help_heading = "Texts and tables")]
    pub max_tokens: usize,

    #[command(flatten)]
    pub cache: CacheOptions,
    /// Number format between layers: auto is bf16 where the processor multiplies it, else f32
    #[arg(long, value_name = "FORMAT", default_value = "auto", help_heading = "Machine")]
    pub precision: PrecisionChoice,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Machine")]
    pub threads: Option<usize>,
}

impl TrainingOptions {
    /// The run that the weights come from, if they come from one.
    pub fn earlier_run(&self) -> Option<&Path> {
        self.continued.as_deref().or(self.pretrained.as_deref())
    }
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
