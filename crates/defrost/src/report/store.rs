//! A report in a run's folder: `report.json` with all data, and `report.html`, the page drawn from it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{About, ExportEntry, Report, State};
use crate::bundle::{self, BundleError, RunFiles};
use crate::files::{self, FileError};
use crate::learner::BatchLosses;
use crate::platform::fs;

/// The version of the format this writes, and the only one it reads.
const FORMAT: u32 = 1;
const RECORD: &str = "report.json";
const PAGE: &str = "report.html";
/// A record larger than this was not written here.
const LIMIT: u64 = 64 << 20;
/// A run of more epochs was none.
const EPOCHS: usize = 1_000_000;

/// The content of `report.json`.
#[derive(Debug, Serialize, Deserialize)]
struct StoredReport {
    format: u32,
    report: Report,
}

/// A report can't be written, or read again.
#[derive(Debug, Error)]
pub enum RecordError {
    /// A file can't be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The run has none, and can't be used otherwise.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// It was made by a version that kept no predictions.
    #[error("{}: the run has kept no predictions for its validation items", .0.display())]
    NoPredictions(PathBuf),
    /// The record is not what it should be.
    #[error("{}: not a valid report: {reason}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// Writes a report and its page into a run's folder; returns the page's path. The page is drawn from the written record, so that the
/// page can be drawn again byte for byte.
///
/// # Errors
///
/// If a file can't be written.
pub fn write(folder: &Path, report: &Report) -> Result<PathBuf, RecordError> {
    let path = folder.join(RECORD);
    let damaged =
        |error: serde_json::Error| RecordError::Damaged { path: path.clone(), reason: error.to_string() };
    let stored = StoredReport { format: FORMAT, report: report.clone() };
    let bytes = serde_json::to_vec(&stored).map_err(damaged)?;
    files::write_atomically(&path, |file| file.write_all(&bytes))?;
    let stored: StoredReport = serde_json::from_slice(&bytes).map_err(damaged)?;
    draw(folder, folder.join(PAGE), &stored.report)
}

/// Draws the page of a run again: into its folder, or beside the file it was packed into. Returns the page's path. A run
/// without a record is shown as far as its bundle goes.
///
/// # Errors
///
/// If there is no run, its record is damaged, or the page can't be written.
pub fn rewrite(run: &Path) -> Result<PathBuf, RecordError> {
    let page = if fs::is_file(run) { run.with_extension("html") } else { run.join(PAGE) };
    draw(run, page, &read(run)?)
}

/// Notes in a run's folder what it was exported to, in place of an earlier note on that file, and draws its page again. A packed run
/// and one without a record are left as they are.
///
/// # Errors
///
/// If the record is damaged, or a file can't be written.
pub fn note_export(run: &Path, export: ExportEntry) -> Result<(), RecordError> {
    if !fs::is_file(&run.join(RECORD)) {
        return Ok(());
    }
    let mut report = read(run)?;
    report.exports.retain(|earlier| earlier.file != export.file);
    report.exports.push(export);
    write(run, &report).map(drop)
}

/// The report of a run, as far as it was recorded.
///
/// # Errors
///
/// If there is no run, or its record is damaged.
pub fn read(run: &Path) -> Result<Report, RecordError> {
    let mut files = RunFiles::open(run)?;
    let path = files.path(RECORD);
    let Some(bytes) = files.size(RECORD) else { return of_bundle(run) };
    let damaged = |reason: String| RecordError::Damaged { path: path.clone(), reason };
    if bytes > LIMIT {
        return Err(damaged(format!("it has {bytes} bytes, and {LIMIT} at most")));
    }
    let stored: StoredReport =
        serde_json::from_slice(&files.read(RECORD)?).map_err(|error| damaged(error.to_string()))?;
    match stored.format {
        FORMAT => Ok(stored.report),
        other => Err(damaged(format!("format {other} and not {FORMAT}: written by another version"))),
    }
}

fn draw(run: &Path, page: PathBuf, report: &Report) -> Result<PathBuf, RecordError> {
    let epochs = report.plan.phases.iter().fold(0usize, |sum, phase| sum.saturating_add(phase.epochs));
    if epochs > EPOCHS {
        let reason = format!("its phases have {epochs} epochs, and {EPOCHS} at most");
        return Err(RecordError::Damaged { path: run.join(RECORD), reason });
    }
    let text = report.to_html();
    files::write_atomically(&page, |file| file.write_all(text.as_bytes()))?;
    Ok(page)
}

/// What the bundle of a run without a record tells.
fn of_bundle(run: &Path) -> Result<Report, RecordError> {
    let outline = bundle::outline(run)?;
    let name = run.file_name().map_or_else(|| "run".to_owned(), |name| name.to_string_lossy().into_owned());
    Ok(Report {
        about: About { name, task: outline.task, classes: outline.classes, ..About::default() },
        state: State::Unknown,
        monitored: outline.loss.monitored_metric().map(str::to_owned),
        plan: outline.plan,
        courses: vec![],
        epochs: outline.epochs,
        estimates: outline.estimate,
        movements: vec![],
        advice: None,
        decision: None,
        validation: None,
        batch_losses: BatchLosses::default(),
        batch: vec![],
        exports: vec![],
    })
}
