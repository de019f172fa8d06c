//! `--resume`

use std::path::PathBuf;

use clap::Args;

/// Continuing interrupted runs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct ResumeOptions {
    /// Continue this interrupted run, with its own data and options
    #[arg(long, value_name = "RUN")]
    pub resume: Option<PathBuf>,
    /// Continue although data, weights or machine have changed; the result then differs
    #[arg(long, requires = "resume")]
    pub resume_anyway: bool,
    /// Write a checkpoint at least this often; 0 writes one after every batch
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub checkpoint_seconds: u64,
}
