//! `defrost check DATA`

use std::path::PathBuf;

use clap::Args;

use super::training::TrainingOptions;

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// The data, as for `train`
    pub data: PathBuf,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Draw the first training batch, augmented as in training, into this PNG file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub show_batch: Option<PathBuf>,
    /// Write the items left out, with the reasons, into this CSV file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub left_out: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
