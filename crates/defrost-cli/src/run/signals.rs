//! Ctrl-C and SIGTERM.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Blame, Failure};

/// True from the first Ctrl-C on; the second one ends the command at once.
pub fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: it is the one before that the shutdown depends on.
        flag::register_conditional_shutdown(signal, Failure::INTERRUPTED.into(), stop.clone())
            .or_failure()?;
        flag::register(signal, stop.clone()).or_failure()?;
    }
    Ok(stop)
}
