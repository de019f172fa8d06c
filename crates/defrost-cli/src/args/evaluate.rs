//! `defrost evaluate RUN DATA`

use std::path::PathBuf;

use clap::Args;

use super::cache::CacheOptions;
use super::labels::LabelOptions;
use super::signed::SignedOptions;
use super::test_time::TestTimeOptions;
use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct EvaluateArguments {
    /// Folder of a finished run, or its packed file
    pub run: PathBuf,
    /// A folder with a folder of images per class, or a CSV file
    pub data: PathBuf,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = at_least_one)]
    pub batch: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    #[command(flatten)]
    pub signed: SignedOptions,
    #[command(flatten)]
    pub labels: LabelOptions,
    #[command(flatten)]
    pub cache: CacheOptions,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one, help_heading = "Machine")]
    pub threads: Option<usize>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
