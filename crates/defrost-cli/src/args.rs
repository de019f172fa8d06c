//! The command line's words. Parsing has no side effects; `training` turns the words into objects.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use defrost::NormMode;
use defrost::vision::models::HeadKind;
use defrost::vision::transform::{GREY, RGB};

use crate::labels::LabelOptions;
use crate::learning::{LearningOptions, RateChoice, TestTimeOptions};

use crate::cache::CacheOptions;

use crate::domain::Task;
use crate::live::LiveAddress;
use crate::resume::ResumeOptions;

/// Teach a pretrained network a new task: freeze most of it, train the rest, then thaw.
#[derive(Debug, Parser)]
#[command(name = "defrost", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fine-tune on a folder of images or texts, or a CSV of texts or of table rows
    Train(Box<TrainArguments>),
    /// Show what would be frozen, what would train, and at which rates; trains nothing
    Plan(PlanArguments),
    /// Suggest a learning rate
    LrFind(LrFindArguments),
    /// Measure a saved run on labelled data
    Evaluate(EvaluateArguments),
    /// Classes and probabilities of images, texts or rows
    Predict(PredictArguments),
    /// A page to try a run in, and a JSON API
    Serve(ServeArguments),
    /// Find what is wrong with data before any training: exit code 0 if nothing is, or nothing that matters;
    /// 1 if items are lost or measures would be wrong
    Check(CheckArguments),
    /// Draw the report of a run again
    Report(ReportArguments),
    /// Pack a run's folder into one file, which every command takes in its place
    Pack(PackArguments),
    /// Teach a language to a new network, from plain texts; `train --pretrained` goes on from it
    Pretrain(PretrainArguments),
    /// The architectures, their stages and groups, and where their weights come from
    Models(ModelsArguments),
}

#[derive(Debug, Args)]
pub struct TrainArguments {
    /// A folder with a folder of images per class, or with train/ and valid/ of such folders; or a CSV file
    /// of texts or of table rows
    #[arg(required_unless_present = "resume")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub options: TrainingOptions,
    #[command(flatten)]
    pub resume: ResumeOptions,
    /// Where the run is saved: a folder, or FILE.defrost to have the folder FILE packed into one file in the end too
    /// [default: runs/NAME-NUMBER]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Show the run's report on a page while it trains, with buttons to pause it and to stop and save it: on this
    /// machine, at port 8001 if it is free; or at a port or ADDRESS:PORT
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Output")]
    pub live: Option<LiveAddress>,
    /// Write what is measured into the run's folder as an event file for TensorBoard too
    #[arg(long, help_heading = "Output")]
    pub tensorboard: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The data the plan is for; without it, see --batches and --classes
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Batches in an epoch, where there is no data
    #[arg(long, value_name = "N", conflicts_with = "data")]
    pub batches: Option<usize>,
    /// Classes, where there is no data
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "data")]
    pub classes: usize,
    /// Draw the plan into this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
    /// List rate and momentum of every batch in the JSON
    #[arg(long, requires = "json")]
    pub steps: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct LrFindArguments {
    /// The data, as for `train`
    pub data: PathBuf,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Draw the curve into this file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// The folder of a finished run, or the file it was packed into
    pub run: PathBuf,
    /// A folder with a folder of images per class, or a CSV file
    pub data: PathBuf,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    pub batch: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    #[command(flatten)]
    pub labels: LabelOptions,
    #[command(flatten)]
    pub cache: CacheOptions,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The folder of a run, or the file it was packed into
    pub run: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PackArguments {
    /// The folder of a finished run
    pub run: PathBuf,
    /// The file [default: RUN.defrost]
    pub file: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// The folder of a finished run, or the file it was packed into
    pub run: PathBuf,
    /// Images; texts, files of text or CSV files
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// How many classes to list
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub top: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print a JSON list on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ServeArguments {
    /// The folder of a finished run, or the file it was packed into
    pub run: PathBuf,
    /// The port; 0 takes one that is free
    #[arg(long, value_name = "P", default_value_t = 8000)]
    pub port: u16,
    /// The address; any but that of this machine itself lets others in, without a password
    #[arg(long, value_name = "ADDR", default_value_t = Ipv4Addr::LOCALHOST.into())]
    pub host: IpAddr,
    /// How many classes to list
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub top: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    /// How many requests may wait; those beyond are told to come back later
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = at_least_one)]
    pub queue: usize,
    /// The longest request, in megabytes
    #[arg(long, value_name = "MB", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=512))]
    pub body_limit: u16,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print the address as one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The data, as for `train`
    pub data: PathBuf,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Draw the first training batch, varied as training would vary it, into this PNG file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub show_batch: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// What is learned from without labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Unlabelled {
    /// Plain texts: an AWD-LSTM learns to tell the next token
    Text,
}

#[derive(Debug, Args)]
pub struct PretrainArguments {
    /// What the files are
    pub kind: Unlabelled,
    /// Text files, folders of them, or CSV files with a column of texts
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Where the network is saved
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Tokens to learn, from 258: bytes, and what often stands together
    #[arg(long, value_name = "N", default_value_t = 8000, help_heading = "Network")]
    pub vocabulary: usize,
    /// Features of a token
    #[arg(long, value_name = "N", default_value_t = 400, help_heading = "Network")]
    pub embedding: usize,
    /// Features of the recurrent layers
    #[arg(long, value_name = "N", default_value_t = 1152, help_heading = "Network")]
    pub hidden: usize,
    /// Recurrent layers
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Network")]
    pub layers: usize,
    /// Passes over the texts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one, help_heading = "Training")]
    pub epochs: usize,
    /// Rows of a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one, help_heading = "Training")]
    pub batch: usize,
    /// Tokens of a row that are read before a step
    #[arg(long, value_name = "N", default_value_t = 72, value_parser = at_least_one, help_heading = "Training")]
    pub positions: usize,
    /// The highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 5e-3, help_heading = "Training")]
    pub lr: f64,
    /// The fraction of the tokens that measures
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, help_heading = "Training")]
    pub valid_pct: f64,
    /// Where all random draws come from
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Training")]
    pub seed: u64,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct ModelsArguments {
    /// Only these architectures
    pub names: Vec<String>,
    /// Measure how many images a second pass here, forward and in the steps of the default recipe
    #[arg(long)]
    pub measure: bool,
    /// Threads to measure with [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print a JSON list on stdout
    #[arg(long)]
    pub json: bool,
}

/// What `train`, `plan` and `lr-find` share.
#[derive(Debug, Args)]
pub struct TrainingOptions {
    /// What the data is, where a look at it does not tell
    #[arg(long, value_name = "KIND", help_heading = "Network")]
    pub task: Option<Task>,
    /// The architecture: `defrost models` lists them [default: efficientnet_lite0, or that of --pretrained]
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub arch: Option<String>,
    /// Pretrained weights: embedded, hub (the usual ones from the Hugging Face hub) or hub:OWNER/NAME, a .safetensors
    /// or .pth file, a folder with one, or none [default: embedded where there are any, else hub]
    #[arg(long, value_name = "SOURCE", help_heading = "Network")]
    pub weights: Option<String>,
    /// Download nothing: of the hub, take what is in its cache
    #[arg(long, help_heading = "Network")]
    pub offline: bool,
    /// The body of this finished run instead, for another task; or what `defrost pretrain` has made
    #[arg(long, value_name = "RUN", conflicts_with = "weights", help_heading = "Network")]
    pub pretrained: Option<PathBuf>,
    /// Own layer groups by stage name, as "stem,layer1|layer2|head"
    #[arg(long, value_name = "GROUPS", help_heading = "Network")]
    pub groups: Option<String>,
    /// Drop this stage of the body and all after it
    #[arg(long, value_name = "STAGE", help_heading = "Network")]
    pub cut: Option<String>,
    /// What is put on the body: one dense layer, or fastai's head with a hidden layer and norms
    #[arg(long, value_name = "HEAD", default_value = "linear", help_heading = "Network")]
    pub head: HeadChoice,

    /// Thawed epochs
    #[arg(long, value_name = "N", default_value_t = 4, help_heading = "Training")]
    pub epochs: usize,
    /// Frozen epochs before them [default: 1, for texts 5, or 0 where nothing is pretrained]
    #[arg(long, value_name = "N", help_heading = "Training")]
    pub freeze_epochs: Option<usize>,
    /// One phase of --epochs instead, frozen to this position; negative counts from the end, 0 trains all
    #[arg(long, value_name = "N", allow_negative_numbers = true, conflicts_with_all = ["train_only", "gradual", "freeze_epochs"], help_heading = "Training")]
    pub freeze_to: Option<isize>,
    /// One phase of --epochs instead, in which only these groups train (index or name)
    #[arg(
        long,
        value_name = "G,…",
        value_delimiter = ',',
        conflicts_with_all = ["gradual", "freeze_epochs"],
        help_heading = "Training"
    )]
    pub train_only: Option<Vec<String>>,
    /// Thaw one group a phase instead
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
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one, help_heading = "Training")]
    pub batch: usize,
    /// Where all random draws come from
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
    /// Columns of a table that are no inputs
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

/// A count that is not 0.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("it must be at least 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("`{text}` is not a number")),
    }
}

/// What an image can have.
fn channels(text: &str) -> Result<usize, String> {
    let known = text.parse().ok().filter(|channels| [GREY, RGB].contains(channels));
    known.ok_or_else(|| format!("images have {RGB} channels, red, green and blue, or {GREY}, grey"))
}
