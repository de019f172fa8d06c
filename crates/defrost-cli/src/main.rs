#![forbid(unsafe_code)]
//! The `defrost` command: parse, call the library, show.
//!
//! No training logic lives here: what a command does, a library user can do in as many lines.
//!
//! Imports run one way: `args` (the words as clap reads them) ← `training` (words to the learner's options and recipe) ←
//! `domain` (words to data and networks, for each kind of data) ← `commands`, a file each. `run` knows the folders that
//! runs are in, `show` how things are told to people, `serve` and `live` are the two pages, `http` carries them.

mod args;
mod commands;
mod domain;
mod failure;
mod http;
mod live;
mod remedies;
mod run;
mod serve;
mod show;
mod training;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let outcome = match arguments.command {
        Command::Train(arguments) => commands::train(*arguments),
        Command::Advise(arguments) => commands::advise(&arguments),
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
