//! Plans, curves, estimates, progress and predictions as text for people.

mod advice;
mod estimate;
mod plan;
mod prediction;
mod progress;
mod quiet;
mod trust;

pub use advice::advice_text;
pub use estimate::{estimate_lines, estimate_outcome, size};
use plan::metrics_that_fit;
pub use plan::{metrics, rate, report_warnings, say_plan, tell_plan, thousands};
#[cfg(test)]
pub use prediction::Said;
pub use prediction::{Explanation, Found};
#[cfg(test)]
pub use progress::bar;
pub use progress::{Advising, Progress, on_a_terminal, seconds};
pub(crate) use quiet::tell;
pub use quiet::{be_quiet, is_quiet};
pub use trust::{baseline_line, calibration_line, trust_lines, with_interval};
