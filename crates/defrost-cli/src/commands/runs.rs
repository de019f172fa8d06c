//! `defrost runs [DIR]`

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::{Value, json};

use defrost::bundle::is_run;

use super::print_json;
use crate::Outcome;
use crate::args::RunsArguments;
use crate::failure::Failure;
use crate::run::{Overview, is_unfinished};
use crate::show::seconds;

/// A run in a folder.
enum Found {
    Finished(Box<Overview>),
    /// It can be resumed.
    Unfinished(PathBuf),
    /// It can't be read, and why.
    Damaged(PathBuf, String),
}

/// Lists the runs in a folder, the newest first.
pub fn runs(arguments: &RunsArguments) -> Outcome {
    let found: Vec<Found> = paths(&arguments.folder)?.iter().filter_map(|path| look(path)).collect();
    if arguments.json {
        return print_json(&json!({ "runs": found.iter().map(Found::json).collect::<Vec<_>>() }));
    }
    if found.is_empty() {
        println!("{} holds no runs", arguments.folder.display());
    }
    found.iter().for_each(|found| println!("{}", found.line()));
    Ok(())
}

/// The paths in a folder, the newest first.
fn paths(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| Failure::usage(format!("{}: {error}", folder.display()));
    let entries = fs::read_dir(folder).map_err(unreadable)?;
    let mut paths: Vec<(SystemTime, PathBuf)> = vec![];
    for entry in entries {
        let path = entry.map_err(unreadable)?.path();
        let changed =
            fs::metadata(&path).and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        paths.push((changed, path));
    }
    paths.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
    Ok(paths.into_iter().map(|(_, path)| path).collect())
}

/// The run at a path, if there is one.
fn look(path: &Path) -> Option<Found> {
    if is_run(path) {
        return Some(match Overview::of(path) {
            Ok(overview) => Found::Finished(Box::new(overview)),
            Err(error) => Found::Damaged(path.to_owned(), error.to_string()),
        });
    }
    is_unfinished(path).then(|| Found::Unfinished(path.to_owned()))
}

impl Found {
    fn line(&self) -> String {
        match self {
            Self::Finished(overview) => {
                let result = overview.result().unwrap_or_else(|| "no result is kept".to_owned());
                let took =
                    overview.report.seconds().map_or_else(String::new, |took| format!(", {}", seconds(took)));
                let (arch, data) = (&overview.report.plan.arch, &overview.report.about.name);
                format!("{}: {result}, {arch} on {data}{took}", overview.run)
            }
            Self::Unfinished(path) => {
                let run = path.display();
                format!("{run}: not finished; `defrost train --resume {run}` goes on")
            }
            Self::Damaged(path, reason) => format!("{}: can't be read: {reason}", path.display()),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Finished(overview) => overview.json(),
            Self::Unfinished(path) => json!({ "run": path.display().to_string(), "unfinished": true }),
            Self::Damaged(path, reason) => json!({ "run": path.display().to_string(), "error": reason }),
        }
    }
}
