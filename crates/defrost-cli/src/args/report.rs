//! `defrost report RUN`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// Folder of a run, or its packed file
    pub run: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
