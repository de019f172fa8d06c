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
    /// How long it may measure, as 90s or 5m; or the passes that an earlier advice names, as 12000passes, which give the
    /// same again [default: about as long as the training]
    #[arg(long, value_name = "TIME", value_parser = budget)]
    pub budget: Option<Budget>,
    /// Where advice.json and advice.html are written [default: runs/NAME-advice-NUMBER]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
