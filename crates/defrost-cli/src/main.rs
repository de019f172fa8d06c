#![forbid(unsafe_code)]
//! The `defrost` command: parse, call the library, show.
//!
//! No training logic lives here: what a command does, a library user can do in as many lines.

mod args;
mod cache;
mod commands;
mod curve;
mod domain;
mod estimate;
mod failure;
mod found;
mod hub;
mod labels;
mod layout;
mod learning;
mod live;
mod progress;
mod record;
mod remedies;
mod resume;
mod run_folder;
mod serve;
mod training;
mod word;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Train(arguments) => commands::train(*arguments),
        Command::Plan(arguments) => commands::plan(&arguments),
        Command::LrFind(arguments) => commands::lr_find(&arguments),
        Command::Evaluate(arguments) => commands::evaluate(&arguments),
        Command::Predict(arguments) => commands::predict(&arguments),
        Command::Serve(arguments) => commands::serve(&arguments),
        Command::Check(arguments) => commands::check(&arguments),
        Command::Report(arguments) => commands::report(&arguments),
        Command::Pack(arguments) => commands::pack(&arguments),
        Command::Pretrain(arguments) => commands::pretrain(&arguments),
        Command::Models(arguments) => commands::models(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

/// What a command comes to.
type Outcome = Result<(), Failure>;
