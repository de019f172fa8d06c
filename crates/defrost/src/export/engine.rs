//! An engine that is not this library, to compare an export in: ONNX Runtime, from Python.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Checks;

/// What compares.
const SCRIPT: &str = include_str!("check.py");
/// What is tried to find out whether there is an engine.
const IMPORTS: &str = "import numpy, onnxruntime";
/// Python would look for modules in the present folder first, whatever lies there.
const ELSEWHERE: &str = "import sys\nsys.path[:] = [place for place in sys.path if place]\n";

/// A Python that has ONNX Runtime.
#[derive(Clone, Debug)]
pub struct Engine {
    python: PathBuf,
}

/// An output, and how far it is from this library's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// Its name.
    pub output: String,
    /// The largest difference; of labels, how many are others.
    pub largest: f64,
    /// The largest that is allowed.
    pub allowed: f64,
}

/// What was compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// The engine and its version.
    pub engine: String,
    /// How many items.
    pub items: usize,
    /// Output by output.
    pub differences: Vec<Difference>,
}

impl Verified {
    /// Whether all outputs are what they should be; not if there are none.
    pub fn agrees(&self) -> bool {
        !self.differences.is_empty()
            && self.differences.iter().all(|difference| difference.largest <= difference.allowed)
    }
}

/// An export can't be compared.
#[derive(Debug, Error)]
pub enum EngineError {
    /// There is no engine.
    #[error("`{}` has no ONNX Runtime to compare in: {reason}", python.display())]
    Missing {
        /// The Python.
        python: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The engine can't run the file.
    #[error("{}: ONNX Runtime can't run it: {reason}", file.display())]
    Failed {
        /// The export.
        file: PathBuf,
        /// The last line of what it said.
        reason: String,
    },
}

impl Engine {
    /// The engine that this Python has.
    ///
    /// # Errors
    ///
    /// If it has none.
    pub fn of_python(python: &Path) -> Result<Self, EngineError> {
        let missing = |reason: String| EngineError::Missing { python: python.to_owned(), reason };
        let tried = script(python, IMPORTS).stdin(Stdio::null()).output();
        let tried = tried.map_err(|error| missing(error.to_string()))?;
        match tried.status.success() {
            true => Ok(Self { python: python.to_owned() }),
            false => Err(missing(last_line(&tried.stderr))),
        }
    }

    /// Runs the items through an export and compares its answers with those given.
    ///
    /// # Errors
    ///
    /// If the engine can't run it.
    pub fn verify(&self, file: &Path, checks: &Checks) -> Result<Verified, EngineError> {
        let failed = |reason: String| EngineError::Failed { file: file.to_owned(), reason };
        let mut running = script(&self.python, SCRIPT);
        running.arg(file).arg("-").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut running = running.spawn().map_err(|error| failed(error.to_string()))?;
        let items = running.stdin.take();
        // Where it ends early, what it says is the reason.
        let _ = items.map(|mut to| to.write_all(checks.to_json().as_bytes()));
        let ran = running.wait_with_output().map_err(|error| failed(error.to_string()))?;
        if !ran.status.success() {
            return Err(failed(last_line(&ran.stderr)));
        }
        serde_json::from_slice(&ran.stdout).map_err(|error| failed(error.to_string()))
    }
}

/// A script to run, without what lies in the present folder.
fn script(python: &Path, text: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("-c").arg(format!("{ELSEWHERE}{text}"));
    command
}

fn last_line(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").trim().to_owned()
}
