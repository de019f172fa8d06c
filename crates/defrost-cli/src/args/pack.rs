//! `defrost pack RUN [FILE]`

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub struct PackArguments {
    /// Folder of a finished run
    pub run: PathBuf,
    /// The file [default: RUN.defrost]
    pub file: Option<PathBuf>,
    /// Print one JSON object on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
