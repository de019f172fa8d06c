//! A file for each command.

mod advise;
mod check;
mod compare;
mod data;
mod evaluate;
mod export;
mod features;
mod lr_find;
mod models;
mod pack;
mod plan;
mod playground;
mod predict;
mod pretrain;
mod report;
mod runs;
mod serve;
mod shell;
mod train;

pub use advise::advise;
pub use check::check;
pub use compare::compare;
pub use evaluate::evaluate;
pub use export::export;
pub use features::features;
pub use lr_find::lr_find;
pub use models::models;
pub use pack::pack;
pub use plan::plan;
pub use playground::playground;
pub use predict::predict;
pub use pretrain::pretrain;
pub use report::report;
pub use runs::runs;
pub use serve::serve;
pub use shell::{completions, man};
pub use train::train;

use serde::Serialize;

use defrost::Reading;

use crate::Outcome;
use crate::failure::Blame;
use crate::show::tell;

/// Prints the reading of the data.
fn report_reading(reading: Option<&Reading>) {
    reading.into_iter().flat_map(Reading::lines).for_each(|line| tell!("{line}"));
}

/// Prints a result as JSON on stdout.
fn print_json<T: Serialize>(value: &T) -> Outcome {
    let text = serde_json::to_string(value).or_failure()?;
    println!("{text}");
    Ok(())
}
