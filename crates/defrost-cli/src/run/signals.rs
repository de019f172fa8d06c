//! The signals that stop a command: Ctrl-C, SIGTERM, a terminal that is closed (SIGHUP), Ctrl-\\ (SIGQUIT).

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Blame, Failure};

/// True from the first of these signals on; the second one ends the command at once.
pub fn stop_on_signals() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    // A command under `nohup` goes on when its terminal is closed.
    let further = [SIGHUP, SIGQUIT].into_iter().filter(|&signal| !is_ignored(signal));
    for signal in [SIGINT, SIGTERM].into_iter().chain(further) {
        // In this order: it is the one before that the shutdown depends on.
        flag::register_conditional_shutdown(signal, Failure::INTERRUPTED.into(), stop.clone())
            .or_failure()?;
        flag::register(signal, stop.clone()).or_failure()?;
    }
    Ok(stop)
}

/// Whether the process was started to ignore this signal, where the system tells.
fn is_ignored(signal: c_int) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    ignored >> (signal - 1) & 1 == 1
}
