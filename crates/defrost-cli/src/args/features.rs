//! `defrost features SOURCE DATA OUT`

use std::path::PathBuf;

use clap::Args;

use super::training::TrainingOptions;

#[derive(Debug, Args)]
pub struct FeaturesArguments {
    /// Folder of a finished run, or its packed file; or the name of a network, see `defrost models`
    pub source: PathBuf,
    /// The data, as for `evaluate` where SOURCE is a run, and as for `train` where it is a network
    pub data: PathBuf,
    /// The file to write: .npy, .csv or .parquet
    pub out: PathBuf,
    /// The stage whose output becomes the features [default: what the head reads]
    #[arg(long, value_name = "NAME")]
    pub stage: Option<String>,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
