//! What people are shown: plans, curves, estimates, progress and predictions, in words and characters.

mod advice;
pub mod curve;
mod estimate;
mod plan;
mod prediction;
mod progress;
mod trust;

pub use advice::advice_text;
pub use estimate::{estimate_outcome, estimate_table};
pub use plan::{metrics, plan_table, rate, report_warnings, thousands};
#[cfg(test)]
pub use prediction::Said;
pub use prediction::{Explanation, Found};
pub use progress::{Advising, Progress, bar, seconds};
pub use trust::{baseline_line, calibration_line, trust_lines, with_interval};
