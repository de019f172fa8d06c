//! `defrost models`

use clap::Args;

use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct ModelsArguments {
    /// Only these architectures
    pub names: Vec<String>,
    /// Measure images per second on this machine: forward, and in the steps of each phase
    #[arg(long)]
    pub measure: bool,
    /// Threads to measure with [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print a JSON list on stdout
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
