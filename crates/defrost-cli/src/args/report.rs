//! `defrost report RUN`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct ReportArguments {
    /// The folder of a run, or the file it was packed into
    pub run: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long)]
    pub json: bool,
}
