//! `defrost predict RUN INPUT…`

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};

use clap::Args;

use super::signed::SignedOptions;
use super::test_time::TestTimeOptions;
use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct PredictArguments {
    /// Folder of a finished run, or its packed file
    pub run: PathBuf,
    /// Images or folders of them; texts, files of text or folders of them; files of rows; patterns as "photos/*.jpg"
    #[arg(required = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    pub inputs: Vec<PathBuf>,
    /// How many classes to list
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub top: usize,
    #[command(flatten)]
    pub tta: TestTimeOptions,
    #[command(flatten)]
    pub signed: SignedOptions,
    /// Threads [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print a JSON list on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Print a JSON object a line on stdout
    #[arg(long, conflicts_with = "json")]
    pub jsonl: bool,
    /// Write a CSV file with a line for each input
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}
