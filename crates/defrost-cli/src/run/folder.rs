//! Where a run is saved.

use std::fs::{self, File, TryLockError};
use std::ops::Deref;
use std::path::{Path, PathBuf};

use defrost::bundle::is_run;

use super::is_unfinished;
use crate::failure::Failure;

/// The folder of a run that no other command writes to until this is dropped, or the process ends in any way.
pub struct RunFolder {
    path: PathBuf,
    /// The folder itself, locked; none where the system has no such locks.
    _lock: Option<File>,
}

impl RunFolder {
    /// Takes a folder that is there.
    ///
    /// # Errors
    ///
    /// If another command writes to it; `option` names it.
    pub fn take(path: PathBuf, option: &str) -> Result<Self, Failure> {
        let lock = File::open(&path).ok();
        match lock.as_ref().map(File::try_lock) {
            Some(Err(TryLockError::WouldBlock)) => Err(Failure::usage(format!(
                "{option} {}: another defrost is writing to this folder; wait for its end, or choose another one",
                path.display()
            ))),
            _ => Ok(Self { path, _lock: lock }),
        }
    }
}

impl Deref for RunFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

/// The ending of the name of a run in one file.
pub const PACKED: &str = "defrost";

/// The file that `out` asks the run to be packed into in the end, if it does.
pub fn packed_file(out: Option<&Path>) -> Option<&Path> {
    out.filter(|out| out.extension().is_some_and(|extension| extension == PACKED) && !out.is_dir())
}

/// Creates and takes the folder of a run: `out`, or beside it if that is a file to pack the run into, or the next free
/// `runs/NAME-NUMBER` for this data.
pub fn create_folder(out: Option<&Path>, data: &Path) -> Result<RunFolder, Failure> {
    match (packed_file(out), out) {
        (Some(file), _) if file.exists() => Err(Failure::usage(format!(
            "--out {}: there is such a file already; choose another name or remove it",
            file.display()
        ))),
        (Some(file), _) => folder(Some(&file.with_extension("")), data),
        (None, out) => folder(out, data),
    }
}

fn folder(out: Option<&Path>, data: &Path) -> Result<RunFolder, Failure> {
    let path = match out {
        Some(folder) => make(folder)?.to_owned(),
        None => next(data, "")?,
    };
    // Only when it is taken can no other command begin a run in it.
    let taken = RunFolder::take(path, "--out")?;
    refuse_a_run(&taken)?;
    try_to_write(&taken)?;
    Ok(taken)
}

/// Refuses a folder that holds a run.
fn refuse_a_run(folder: &Path) -> Result<(), Failure> {
    match folder {
        folder if is_run(folder) => Err(Failure::usage(format!(
            "--out {}: there is a finished run in it; choose another folder or remove it",
            folder.display()
        ))),
        folder if is_unfinished(folder) => Err(Failure::usage(format!(
            "--out {0}: there is an unfinished run in it; `defrost train --resume {0}` goes on with it; else choose \
             another folder or remove it",
            folder.display()
        ))),
        _ => Ok(()),
    }
}

/// Creates the folder of an advice: `out`, or the next free `runs/NAME-advice-NUMBER` for this data.
pub fn create_advice_folder(out: Option<&Path>, data: &Path) -> Result<PathBuf, Failure> {
    match out {
        Some(folder) => try_to_write(make(folder)?).map(|()| folder.to_owned()),
        None => next(data, "-advice"),
    }
}

fn next(data: &Path, what: &str) -> Result<PathBuf, Failure> {
    let full = data.canonicalize().unwrap_or_else(|_| data.to_owned());
    let name = full.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    let runs = Path::new("runs");
    try_to_write(make(runs)?)?;
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

/// Creates a folder, unless it is there.
fn make(folder: &Path) -> Result<&Path, Failure> {
    fs::create_dir_all(folder).map(|()| folder).map_err(|error| unwritable(folder, &error))
}

/// Makes sure that files can be written in a folder, before hours are spent.
fn try_to_write(folder: &Path) -> Result<(), Failure> {
    let probe = folder.join(format!(".defrost-probe-{}", std::process::id()));
    fs::write(&probe, b"").and_then(|()| fs::remove_file(&probe)).map_err(|error| unwritable(folder, &error))
}

fn unwritable(folder: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!(
        "--out {}: the run can't be saved there: {error}; choose another folder",
        folder.display()
    ))
}
