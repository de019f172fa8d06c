//! `--resume`

use std::path::PathBuf;

use clap::Args;

/// Taking up interrupted runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Interruption")]
pub struct ResumeOptions {
    /// Go on with the interrupted run in this folder, with its own data and options
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Go on although data, weights or machine have changed; the run then ends with other weights
    #[arg(long, requires = "resume")]
    pub resume_anyway: bool,
    /// Write a checkpoint at least this often; 0 writes one after every batch
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub checkpoint_seconds: u64,
}
