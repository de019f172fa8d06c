//! `defrost advise DATA`

use std::path::PathBuf;

use clap::Args;

use defrost::learner::Budget;

use super::training::TrainingOptions;
use super::values::budget;

#[derive(Debug, Args)]
pub struct AdviseArguments {
    /// The data, as for `train`
    pub data: PathBuf,
    #[command(flatten)]
    pub options: TrainingOptions,
    /// How long it may measure: 90s, 5m [default: about as long as the training]
    ///
    /// A number of passes, such as the 12000passes that an earlier advice printed, gives the same advice again.
    #[arg(long, value_name = "TIME", value_parser = budget, help_heading = "Freezing")]
    pub budget: Option<Budget>,
    /// Where advice.json and advice.html are written [default: runs/NAME-advice-NUMBER]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
