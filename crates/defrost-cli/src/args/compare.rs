//! `defrost runs [DIR]` and `defrost compare RUN RUN…`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct RunsArguments {
    /// Folder of runs
    #[arg(default_value = "runs")]
    pub folder: PathBuf,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct CompareArguments {
    /// Folders of finished runs, or packed files; each is compared with the first
    #[arg(num_args = 2.., required = true, value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// Write a page of the comparison, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
