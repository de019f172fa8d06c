//! `defrost train DATA`

use std::path::PathBuf;

use clap::Args;

use defrost::learner::Budget;

use super::live::LiveAddress;
use super::resume::ResumeOptions;
use super::training::TrainingOptions;
use super::values::budget;

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
    /// First measure what to freeze, as `defrost advise` does, then do that
    #[arg(long, help_heading = "Training")]
    pub advise: bool,
    /// How long --advise may measure, as 90s or 5m [default: about as long as the training]
    #[arg(long, value_name = "TIME", value_parser = budget, requires = "advise", help_heading = "Training")]
    pub budget: Option<Budget>,
    /// Where the run is saved: a folder, or FILE.defrost to have the folder FILE packed into one file in the end too
    /// [default: runs/NAME-NUMBER]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Show the run's report on a page while it trains, with buttons to pause it and to stop and save it: on this
    /// machine, at port 8001 if it is free; or at a port or ADDRESS:PORT
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Output")]
    pub live: Option<LiveAddress>,
    /// Also write losses and metrics into the run's folder as an event file for TensorBoard
    #[arg(long, help_heading = "Output")]
    pub tensorboard: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
