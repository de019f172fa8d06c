//! The extension module behind the Python package `defrost`: classes and conversions, no logic.
//!
//! Users see the package in `python/defrost`, whose classes hold those of this module. Everything that takes time runs in
//! [`engine`], without Python's lock.
//!
//! Imports run one way: `logs`, `engine`, `errors` and `values` ← `callbacks` ← `options` ← `data` ← `learner` ← `predictions` ← the rest.

// A test program has no interpreter to link to. What is here is tested through the package, in python/tests.
#![cfg(not(test))]

mod callbacks;
mod data;
mod engine;
mod errors;
mod features;
mod learner;
mod logs;
mod model;
mod options;
mod predictions;
mod report;
mod results;
mod training;
mod values;

use std::ffi::OsString;
use std::path::PathBuf;

use pyo3::prelude::*;

use crate::errors::OrRaise;

/// Runs the `defrost` command with these words, the program's name first; returns its exit code.
#[pyfunction]
fn run_command(py: Python<'_>, words: Vec<OsString>) -> u8 {
    py.detach(|| defrost_cli::run(words))
}

/// Packs the folder of a run into one file.
#[pyfunction]
fn pack(py: Python<'_>, folder: PathBuf, file: PathBuf) -> PyResult<()> {
    engine::compute(py, || defrost::bundle::pack(&folder, &file))?.or_raise()
}

#[pymodule]
mod _defrost {
    /// The version of the package.
    #[pymodule_export]
    #[allow(non_upper_case_globals, reason = "Python's name for it")]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_export]
    use super::engine::{set_threads, threads};
    #[pymodule_export]
    use super::features::Features;
    #[pymodule_export]
    use super::learner::Learner;
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::results::{draw_curve, draw_plan};
    #[pymodule_export]
    use super::{pack, run_command};
}
