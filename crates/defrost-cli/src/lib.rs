#![forbid(unsafe_code)]
//! The `defrost` command: parse, call the library, show. It is a library so that other programs can have the same command.
//!
//! No training logic lives here: what a command does, a library user can do in as many lines.
//!
//! Imports run one way: `args` (the options as clap reads them) ← `training` (options to the learner's options and recipe) ←
//! `domain` (options to data and networks, for each kind of data) ← `commands`, a file each. `run` knows the folders of
//! runs, `show` words results for people, `terminal` prints. `serve` and `live` are pages that the command computes for, `pages` are
//! those that compute in the browser,
//! `http` is what all need of HTTP.

#[macro_use]
mod terminal;

mod args;
mod commands;
mod domain;
mod failure;
mod http;
mod live;
mod pages;
mod remedies;
mod run;
mod serve;
mod show;
mod trace;
mod training;

use std::ffi::OsString;

use clap::FromArgMatches;

use args::{Arguments, Command};
use failure::Failure;

/// Runs the command that these words are, the program's name first; returns its exit code.
pub fn run(words: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = words.into_iter().collect();
    let parsed = args::command().try_get_matches_from(&words);
    let arguments = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) => {
            // Help and versions come this way, too. A stream that is closed can't be told so.
            let _ = error.print();
            return u8::try_from(error.exit_code()).unwrap_or(Failure::USAGE);
        }
    };
    if arguments.quiet {
        show::be_quiet();
    }
    let traced = trace::start();
    let outcome = traced.and_then(|()| {
        failure::or_out_of_memory(|| dispatch(arguments.command, words.get(1..).unwrap_or_default()))
    });
    let lost = outcome.is_ok().then(terminal::lost).flatten();
    let lost = lost.map(|error| {
        Failure::Running(anyhow::anyhow!("stdout can't be written, so results are lost: {error}"))
    });
    match outcome.err().or(lost) {
        None => 0,
        Some(failure) => {
            failure.print();
            failure.exit_code()
        }
    }
}

/// Calls the command's function; `words` are the arguments that it was parsed from.
fn dispatch(command: Command, words: &[OsString]) -> Outcome {
    match command {
        Command::Train(arguments) => commands::train(*arguments, words),
        Command::Advise(arguments) => commands::advise(&arguments, words),
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
        Command::Playground(arguments) => commands::playground(&arguments),
        Command::Models(arguments) => commands::models(&arguments),
        Command::Completions(arguments) => commands::completions(&arguments),
        Command::Man(arguments) => commands::man(&arguments),
    }
}

/// How a command ends.
type Outcome = Result<(), Failure>;
