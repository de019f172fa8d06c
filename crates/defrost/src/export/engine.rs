//! An engine that is not this library, to run an export in: ONNX Runtime, from Python.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Checks;
use crate::graph::{Array, Numbers};

/// What compares.
const COMPARE: &str = include_str!("check.py");
/// What runs.
const RUN: &str = include_str!("run.py");
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

/// A batch as a model gets it, by the names of its inputs.
pub(super) type Given = BTreeMap<String, Array>;

/// What models gave.
#[derive(Deserialize)]
pub(super) struct Ran {
    /// The engine and its version.
    pub engine: String,
    /// For each model and each batch, the numbers in a row.
    pub outputs: Vec<Vec<Vec<f32>>>,
}

/// An export can't be run elsewhere.
#[derive(Debug, Error)]
pub enum EngineError {
    /// There is no engine.
    #[error("`{}` has no ONNX Runtime to compute in: {reason}", python.display())]
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
        let mut comparing = script(&self.python, COMPARE);
        comparing.arg(file).arg("-");
        let said = told(comparing, file, |to| Ok(to.write_all(checks.to_json().as_bytes())))?;
        parsed(file, &said)
    }

    /// An output of models, for batch after batch; `file` is what the models become.
    pub(super) fn run<E: From<EngineError>>(
        &self,
        file: &Path,
        models: &[&[u8]],
        output: &str,
        batches: impl Iterator<Item = Result<Given, E>>,
    ) -> Result<Ran, E> {
        let mut batches = batches.peekable();
        let inputs: Vec<String> = match batches.peek() {
            Some(Ok(batch)) => batch.keys().cloned().collect(),
            _ => vec![],
        };
        let mut running = script(&self.python, RUN);
        running.arg(models.len().to_string()).arg(output).args(inputs);
        let said = told(running, file, |to| {
            for model in models {
                let bytes = Array { shape: vec![model.len()], numbers: Numbers::U8(model.to_vec()) };
                if let Err(ended) = to.write_all(&bytes.to_npy()) {
                    return Ok(Err(ended));
                }
            }
            for batch in batches {
                if let Err(ended) = batch?.values().try_for_each(|array| to.write_all(&array.to_npy())) {
                    return Ok(Err(ended));
                }
            }
            Ok::<_, E>(Ok(()))
        })?;
        Ok(parsed(file, &said)?)
    }
}

/// What a script says once it was given what `give` writes. Where it ends before it has read that, what it says is the reason.
fn told<E: From<EngineError>>(
    mut script: Command,
    file: &Path,
    give: impl FnOnce(&mut dyn Write) -> Result<io::Result<()>, E>,
) -> Result<Vec<u8>, E> {
    let failed = |reason: String| EngineError::Failed { file: file.to_owned(), reason };
    script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = script.spawn().map_err(|error| failed(error.to_string()))?;
    let given = running.stdin.take().map_or(Ok(Ok(())), |mut to| give(&mut to));
    let ran = running.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let is_whole = given?.is_ok();
    match ran.status.success() && is_whole {
        true => Ok(ran.stdout),
        false => Err(failed(last_line(&ran.stderr)).into()),
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(file: &Path, said: &[u8]) -> Result<T, EngineError> {
    serde_json::from_slice(said)
        .map_err(|error| EngineError::Failed { file: file.to_owned(), reason: error.to_string() })
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
