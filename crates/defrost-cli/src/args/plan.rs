//! `defrost plan [DATA]`

use std::path::PathBuf;

use clap::Args;

use super::training::TrainingOptions;

#[derive(Debug, Args)]
pub struct PlanArguments {
    /// The data to plan for; without it, see --batches and --classes
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// Batches in an epoch, if no data is given
    #[arg(long, value_name = "N", conflicts_with = "data", help_heading = "Without data")]
    pub batches: Option<usize>,
    /// Classes, if no data is given
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        conflicts_with = "data",
        help_heading = "Without data"
    )]
    pub classes: usize,
    /// Draw the plan into this SVG file
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub svg: Option<PathBuf>,
    /// List rate and momentum of every batch in the JSON
    #[arg(long, requires = "json", help_heading = "Output")]
    pub steps: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
