//! `--resume`: interrupted runs and the commands they were started with.
//!
//! A run's checkpoint keeps the words of its command, and the folder it was given in; resuming means giving
//! the same command again.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};
use serde::{Deserialize, Serialize};

use defrost::bundle::is_run;
use defrost::learner::{CheckpointError, CheckpointOptions, checkpoint_note};

use super::word::{Word, shell_command};
use crate::args::{Arguments, TrainArguments};
use crate::failure::{Blame, Failure};

/// Options that do not change a run's result.
const FREE: [&str; 5] = ["resume", "resume_anyway", "checkpoint_seconds", "live", "json"];

/// The part of a command that a checkpoint keeps.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct SavedWords {
    words: Vec<Word>,
    folder: Word,
    /// The learning rate, where it was looked for, in digits that read back exactly.
    rate: Option<String>,
}

/// A `train` command as it was given, or as it was given when the run began.
pub struct Session {
    /// Its arguments.
    pub arguments: TrainArguments,
    /// The training items.
    pub data: PathBuf,
    /// The folder of the run that goes on, if one does.
    pub run: Option<PathBuf>,
    saved: SavedWords,
}

impl Session {
    /// The command given in these words, or the one it asks to go on with.
    pub fn open(given: TrainArguments, words: &[OsString]) -> Result<Self, Failure> {
        let folder = std::env::current_dir().or_failure()?;
        let (arguments, run, saved) = match given.resume.resume.clone() {
            Some(run) => {
                let saved = recall(&run)?;
                let then = matches(saved.words.iter().map(OsString::from)).map_err(|error| {
                    Failure::usage(format!("{}: its command can't be read: {error}", run.display()))
                })?;
                let mut arguments = TrainArguments::from_arg_matches(&then).or_usage()?;
                let now = matches(words.iter().cloned()).or_usage()?;
                let began_in = PathBuf::from(OsString::from(&saved.folder));
                refuse_changes(&now, &then, (&folder, &began_in))?;
                (arguments.resume, arguments.json) = (given.resume, given.json);
                arguments.live = given.live;
                let run = if began_in == folder { run } else { run.canonicalize().or_usage()? };
                // The command's paths are relative to where it was given.
                std::env::set_current_dir(&began_in).map_err(|error| {
                    Failure::usage(format!("{}: the run began there: {error}", began_in.display()))
                })?;
                (arguments, Some(run), saved)
            }
            None => {
                let words = words.iter().cloned().map(Word::from).collect();
                (given, None, SavedWords { words, folder: folder.into_os_string().into(), rate: None })
            }
        };
        let data = arguments.data.clone().ok_or_else(|| Failure::usage("DATA: there is none to train on"))?;
        Ok(Self { arguments, data, run, saved })
    }

    /// The command the run began with, as a shell would read it.
    pub fn command(&self) -> String {
        shell_command(&self.saved.words)
    }

    /// Its words.
    pub fn words(&self) -> &[Word] {
        &self.saved.words
    }

    /// The learning rate that was found when the run began.
    pub fn found_rate(&self) -> Option<f64> {
        self.saved.rate.as_ref()?.parse().ok()
    }

    /// Keeps a learning rate that was found.
    pub fn keep_rate(&mut self, rate: f64) {
        self.saved.rate = Some(rate.to_string());
    }

    /// How this run's checkpoint is kept.
    pub fn checkpoint(&self, run: &Path) -> Result<CheckpointOptions, Failure> {
        Ok(CheckpointOptions {
            every: Duration::from_secs(self.arguments.resume.checkpoint_seconds),
            note: serde_json::to_string(&self.saved).or_failure()?,
            accept_changes: self.arguments.resume.resume_anyway,
            ..CheckpointOptions::new(folder(run))
        })
    }
}

/// Where a run's checkpoint is.
fn folder(run: &Path) -> PathBuf {
    run.join("checkpoint")
}

/// Whether there is a checkpoint of this run.
pub fn is_unfinished(run: &Path) -> bool {
    folder(run).join("checkpoint.json").exists()
}

/// The command a run was started with.
fn recall(run: &Path) -> Result<SavedWords, Failure> {
    let given = run.display();
    let note = checkpoint_note(&folder(run)).map_err(|error| match error {
        CheckpointError::Missing(_) | CheckpointError::File(_) if is_run(run) => {
            Failure::usage(format!("--resume {given}: the run is finished; there is nothing to go on with"))
        }
        CheckpointError::Missing(_) if run.is_dir() => Failure::usage(format!(
            "--resume {given}: there is no checkpoint in it; start the run again, or name another run's folder"
        )),
        CheckpointError::Missing(_) => Failure::usage(format!("--resume {given}: no such folder")),
        other => Failure::Usage(other.into()),
    })?;
    serde_json::from_str(&note).map_err(|error| {
        Failure::usage(format!("--resume {given}: it was not started by this command: {error}"))
    })
}

/// These words, parsed as options of `train`.
fn matches(words: impl Iterator<Item = OsString>) -> Result<ArgMatches, anyhow::Error> {
    let mut found =
        Arguments::command().try_get_matches_from([OsString::from("defrost")].into_iter().chain(words))?;
    match found.remove_subcommand() {
        Some((name, matches)) if name == "train" => Ok(matches),
        _ => Err(anyhow::anyhow!("it is not `defrost train`")),
    }
}

/// Refuses options that are given and are not what they were when the run began, in these two folders.
fn refuse_changes(now: &ArgMatches, then: &ArgMatches, folders: (&Path, &Path)) -> Result<(), Failure> {
    let command = Arguments::command();
    let arguments = command.find_subcommand("train").into_iter().flat_map(clap::Command::get_arguments);
    let mut changes = vec![];
    for argument in arguments {
        let id = argument.get_id().as_str();
        if FREE.contains(&id) || now.value_source(id) != Some(ValueSource::CommandLine) {
            continue;
        }
        let (new, old) = (values(now, id), values(then, id));
        let same = |(new, old): (&OsString, &OsString)| is_same(new, old, folders);
        if new.len() == old.len() && new.iter().zip(&old).all(same) {
            continue;
        }
        let name = argument.get_long().map_or("DATA".to_owned(), |long| format!("--{long}"));
        let said = |values: &[OsString]| values.join(OsStr::new(",")).to_string_lossy().into_owned();
        let before = if old.is_empty() { "not given".to_owned() } else { said(&old) };
        changes.push(format!("{name} {}, and {before} when the run began", said(&new)));
    }
    match changes.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!(
            "--resume: a run goes on as it began: {}; leave these out, or start a new run",
            changes.join("; ")
        ))),
    }
}

fn values(matches: &ArgMatches, id: &str) -> Vec<OsString> {
    let values = matches.try_get_raw(id).ok().flatten();
    values.map(|values| values.map(OsStr::to_os_string).collect()).unwrap_or_default()
}

/// Whether two words are the same, or paths of the same file.
fn is_same(new: &OsStr, old: &OsStr, (here, there): (&Path, &Path)) -> bool {
    let full = |folder: &Path, word: &OsStr| folder.join(word).canonicalize().ok();
    new == old || full(here, new).is_some_and(|path| full(there, old) == Some(path))
}
