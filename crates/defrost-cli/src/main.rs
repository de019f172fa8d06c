#![forbid(unsafe_code)]
//! The `defrost` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(defrost_cli::run(std::env::args_os()))
}
