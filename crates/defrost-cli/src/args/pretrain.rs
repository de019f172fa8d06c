//! `defrost pretrain text FILE… --out DIR`

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::at_least_one;

/// Data for pretraining without labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Unlabelled {
    /// Plain texts: an AWD-LSTM, a recurrent network, learns to predict the next token
    Text,
}

#[derive(Debug, Args)]
pub struct PretrainArguments {
    /// Kind of the files
    pub kind: Unlabelled,
    /// Text files, folders of them, or CSV files with a column of texts
    #[arg(required = true)]
    pub files: Vec<PathBuf>,
    /// Folder to save the network in
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: PathBuf,
    /// Size of the vocabulary, at least 258: the bytes, and frequent sequences of them
    #[arg(long, value_name = "N", default_value_t = 8000, help_heading = "Network")]
    pub vocabulary: usize,
    /// Features of a token's embedding
    #[arg(long, value_name = "N", default_value_t = 400, help_heading = "Network")]
    pub embedding: usize,
    /// Features of each recurrent layer
    #[arg(long, value_name = "N", default_value_t = 1152, help_heading = "Network")]
    pub hidden: usize,
    /// Recurrent layers
    #[arg(long, value_name = "N", default_value_t = 3, help_heading = "Network")]
    pub layers: usize,
    /// Passes over the texts
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = at_least_one, help_heading = "Training")]
    pub epochs: usize,
    /// Texts that are read side by side in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one, help_heading = "Training")]
    pub batch: usize,
    /// Tokens of each text between two training steps
    #[arg(long, value_name = "N", default_value_t = 72, value_parser = at_least_one, help_heading = "Training")]
    pub positions: usize,
    /// The highest learning rate
    #[arg(long, value_name = "RATE", default_value_t = 5e-3, help_heading = "Training")]
    pub lr: f64,
    /// Fraction of the tokens held back for validation
    #[arg(long, value_name = "FRACTION", default_value_t = 0.1, help_heading = "Training")]
    pub valid_pct: f64,
    /// Seed of all random numbers: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 42, help_heading = "Training")]
    pub seed: u64,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Machine")]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
