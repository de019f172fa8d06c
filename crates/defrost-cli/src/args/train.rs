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
    /// Folder with a folder of images or texts per class, or a CSV file
    ///
    /// A CSV file holds texts or table rows. The folder may also hold train/ and valid/, each with a folder per class.
    #[arg(required_unless_present = "resume")]
    pub data: Option<PathBuf>,
    #[command(flatten)]
    pub options: TrainingOptions,
    #[command(flatten)]
    pub resume: ResumeOptions,
    /// First measure what to freeze, then do that
    #[arg(long, help_heading = "Freezing")]
    pub advise: bool,
    /// How long --advise may measure: 90s, 5m [default: about as long as the training]
    #[arg(long, value_name = "TIME", value_parser = budget, requires = "advise", help_heading = "Freezing")]
    pub budget: Option<Budget>,
    /// Where the run is saved [default: runs/NAME-NUMBER]
    ///
    /// FILE.defrost saves it in the folder FILE and also packs that folder into one file.
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Show the report in a browser while it trains
    ///
    /// The page has buttons to pause the run and to stop and save it. It is at port 8001 of this machine if that is free, or at
    /// the given port or ADDRESS:PORT.
    #[arg(long, value_name = "PORT", num_args = 0..=1, require_equals = true, default_missing_value = "", help_heading = "Output")]
    pub live: Option<LiveAddress>,
    /// Also write an event file for TensorBoard into the run's folder
    #[arg(long, help_heading = "Output")]
    pub tensorboard: bool,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
