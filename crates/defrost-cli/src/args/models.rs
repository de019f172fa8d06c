//! `defrost models`

use clap::Args;

use super::values::at_least_one;

#[derive(Debug, Args)]
pub struct ModelsArguments {
    /// Only these architectures
    pub names: Vec<String>,
    /// Measure how many images a second pass here, forward and in the steps of the default recipe
    #[arg(long)]
    pub measure: bool,
    /// Threads to measure with [default: all cores]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub threads: Option<usize>,
    /// Print a JSON list on stdout
    #[arg(long)]
    pub json: bool,
}
