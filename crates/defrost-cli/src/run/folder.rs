//! Where a run is saved.

use std::fs;
use std::path::{Path, PathBuf};

use defrost::bundle::is_run;

use super::is_unfinished;
use crate::failure::Failure;

/// The ending of the name of a run in one file.
pub const PACKED: &str = "defrost";

/// The file that `out` asks the run to be packed into in the end, if it does.
pub fn packed_file(out: Option<&Path>) -> Option<&Path> {
    out.filter(|out| out.extension().is_some_and(|extension| extension == PACKED) && !out.is_dir())
}

/// Creates the folder of a run: `out`, or beside it if that is a file to pack the run into, or the next free
/// `runs/NAME-NUMBER` for this data.
pub fn create_folder(out: Option<&Path>, data: &Path) -> Result<PathBuf, Failure> {
    match (packed_file(out), out) {
        (Some(file), _) if file.exists() => Err(Failure::usage(format!(
            "--out {}: there is such a file already; choose another name or remove it",
            file.display()
        ))),
        (Some(file), _) => folder(Some(&file.with_extension("")), data),
        (None, out) => folder(out, data),
    }
}

fn folder(out: Option<&Path>, data: &Path) -> Result<PathBuf, Failure> {
    match out {
        Some(folder) if is_run(folder) => Err(Failure::usage(format!(
            "--out {}: there is a finished run in it; choose another folder or remove it",
            folder.display()
        ))),
        Some(folder) if is_unfinished(folder) => Err(Failure::usage(format!(
            "--out {0}: there is an unfinished run in it; `defrost train --resume {0}` goes on with it; else choose \
             another folder or remove it",
            folder.display()
        ))),
        Some(folder) => make(folder).map(|()| folder.to_owned()),
        None => next(data, ""),
    }
}

/// Creates the folder of an advice: `out`, or the next free `runs/NAME-advice-NUMBER` for this data.
pub fn create_advice_folder(out: Option<&Path>, data: &Path) -> Result<PathBuf, Failure> {
    match out {
        Some(folder) => make(folder).map(|()| folder.to_owned()),
        None => next(data, "-advice"),
    }
}

fn next(data: &Path, what: &str) -> Result<PathBuf, Failure> {
    let full = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = full.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    let runs = Path::new("runs");
    make(runs)?;
    for number in 1.. {
        let folder = runs.join(format!("{name}{what}-{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(unwritable(&folder, &error)),
        }
    }
    unreachable!("there is always a next number")
}

/// Creates a folder and makes sure that files can be written in it, before hours are spent.
fn make(folder: &Path) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let probe = folder.join(".defrost-probe");
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|error| unwritable(folder, &error))
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "--out {}: the run can't be saved there: {error}; choose another folder",
        folder.display()
    ))
}
