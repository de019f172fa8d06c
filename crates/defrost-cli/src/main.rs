#![forbid(unsafe_code)]
//! The `defrost` command: parse, call the library, show.
//!
//! No training logic lives here: what a command does, a library user can do in as many lines.
//!
//! Imports run one way: `args` (the options as clap reads them) ← `training` (options to the learner's options and recipe) ←
//! `domain` (options to data and networks, for each kind of data) ← `commands`, a file each. `run` knows the folders of
//! runs, `show` words results for people, `terminal` prints, `serve` and `live` are the two pages, `http` is what both need of HTTP.

#[macro_use]
mod terminal;

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
mod trace;
mod training;

use std::process::ExitCode;

use clap::FromArgMatches;

use args::{Arguments, Command};
use failure::Failure;

fn main() -> ExitCode {
    let matches = args::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    if arguments.quiet {
        show::be_quiet();
    }
    let traced = trace::start();
    let outcome = traced.and_then(|()| failure::or_out_of_memory(|| run(arguments.command)));
    let lost = outcome.is_ok().then(terminal::lost).flatten();
    let lost = lost.map(|error| {
        Failure::Running(anyhow::anyhow!("stdout can't be written, so results are lost: {error}"))
    });
    match outcome.err().or(lost) {
        None => ExitCode::SUCCESS,
        Some(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

fn run(command: Command) -> Outcome {
    match command {
        Command::Train(arguments) => commands::train(*arguments),
        Command::Advise(arguments) => commands::advise(&arguments),
        Command::Plan(arguments) => commands::plan(&arguments),
        Command::LrFind(arguments) => commands::lr_find(&arguments),
        Command::Evaluate(arguments) => commands::evaluate(&arguments),
        Command::Predict(arguments) => commands::predict(&arguments),
        Command::Serve(arguments) => commands::serve(&arguments),
        Command::Check(arguments) => commands::check(&arguments),
        Command::Runs(arguments) => commands::runs(&arguments),
        Command::Compare(arguments) => commands::compare(&arguments),
        Command::Report(arguments) => commands::report(&arguments),
        Command::Pack(arguments) => commands::pack(&arguments),
        Command::Export(arguments) => commands::export(&arguments),
        Command::Features(arguments) => commands::features(*arguments),
        Command::Pretrain(arguments) => commands::pretrain(&arguments),
        Command::Models(arguments) => commands::models(&arguments),
        Command::Completions(arguments) => commands::completions(&arguments),
        Command::Man(arguments) => commands::man(&arguments),
    }
}

/// How a command ends.
type Outcome = Result<(), Failure>;
