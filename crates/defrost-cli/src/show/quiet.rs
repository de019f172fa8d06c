//! `--quiet`: progress is not shown, warnings and errors are.

use std::sync::atomic::{AtomicBool, Ordering};

static QUIET: AtomicBool = AtomicBool::new(false);

/// From now on, [`tell!`](crate::show::tell) prints nothing.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Whether progress is not wanted.
pub fn is_quiet() -> bool {
    QUIET.load(Ordering::Relaxed)
}

/// Prints a line of progress on stderr, unless the command is quiet.
macro_rules! tell {
    ($($words:tt)*) => {
        if !$crate::show::is_quiet() {
            eprintln!($($words)*);
        }
    };
}
pub(crate) use tell;
