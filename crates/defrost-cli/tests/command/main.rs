//! The command, tested as a command, in temporary folders.

mod bad_input;
mod plan;
mod support;
mod train;
