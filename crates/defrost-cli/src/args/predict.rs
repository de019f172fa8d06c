//! `defrost predict RUN INPUT…`

use std::path::PathBuf;

use clap::Args;

use super::test_time::TestTimeOptions;
use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// Folder of a finished run, or its packed file
    pub run: PathBuf,
    /// Images; texts, files of text or CSV files
    #[arg(required = true)]
    pub inputs: Vec<PathBuf>,
    /// How many classes to list
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub top: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print a JSON list on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
