//! What people are shown: plans, curves, estimates, progress and predictions, in words and characters.

pub mod curve;
mod estimate;
mod plan;
mod prediction;
mod progress;

pub use estimate::{estimate_outcome, estimate_table};
pub use plan::{metrics, plan_table, rate, report_warnings, thousands};
pub use prediction::{Explanation, Found};
pub use progress::{Progress, bar, seconds};
