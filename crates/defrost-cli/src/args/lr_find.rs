//! `defrost lr-find DATA`

use std::path::PathBuf;

use clap::Args;

use super::training::TrainingOptions;

#[derive(Debug, Args)]
pub struct LrFindArguments {
    /// The data, as for `train`
    pub data: PathBuf,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Draw the curve into this SVG file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
