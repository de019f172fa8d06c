//! `RUST_LOG`: a line on stderr for each event in the library, for people who look for a cause.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::time::uptime;

use crate::Outcome;
use crate::failure::Failure;
use crate::terminal::Stderr;

/// The variable that says which events are shown, such as `defrost=debug`.
const VARIABLE: &str = "RUST_LOG";

/// Shows the events that the variable names; none if it is not set.
pub fn start() -> Outcome {
    let Ok(wanted) = std::env::var(VARIABLE) else { return Ok(()) };
    let filter = EnvFilter::try_new(&wanted).map_err(|error| {
        Failure::usage(format!("{VARIABLE}={wanted}: {error}; write it as {VARIABLE}=defrost=debug"))
    })?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Stderr).with_ansi(false);
    // Nobody else has set it in this process.
    let _ = lines.with_timer(uptime()).try_init();
    Ok(())
}
