//! `defrost report RUN`

use serde_json::json;

use defrost::report::rewrite;

use super::print_json;
use crate::Outcome;
use crate::args::ReportArguments;
use crate::failure::Blame;

/// Draws the report of a run again, from what the run has kept.
pub fn report(arguments: &ReportArguments) -> Outcome {
    let page = rewrite(&arguments.run).or_usage()?;
    match arguments.json {
        true => print_json(&json!({ "report": page.display().to_string() })),
        false => {
            println!("{}", page.display());
            Ok(())
        }
    }
}
