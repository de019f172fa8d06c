//! `defrost pretrain text FILE… --out DIR`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::at_least_one;

/// Data for pretraining without labels.
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
    /// Seed of all random numbers: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Training")]
    pub seed: u64,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
