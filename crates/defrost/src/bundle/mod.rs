//! A saved model: a folder with weights and everything needed to use them again, or that folder packed into one file.
//!
//! `model.safetensors` holds the tensors, `bundle.json` the [`BundleManifest`]: classes, the domain's part
//! (architecture, preprocessing), the freeze plan, the metrics, a hash of the weights, and a [`SelfTest`].
//! `familiarity.safetensors` holds the reference for how familiar an item is.

#[cfg(feature = "archive")]
mod archive;
mod batches;
mod earlier_head;
mod model;
mod prediction;
mod run_files;
mod self_test;
mod signature;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[cfg(feature = "archive")]
use archive::Archive;
#[cfg(feature = "archive")]
pub use archive::{ArchiveError, pack, pack_model};
pub use batches::{BATCH, in_batches};
pub use earlier_head::{ContinueError, Continued, EarlierHead};
pub use model::{ExportItem, InputForm, Loaded, ModelConfig, TorchModel};
pub use prediction::NamedPrediction;
use prediction::Names;
pub(crate) use run_files::RunFiles;
pub use self_test::SelfTest;
pub use signature::{SignatureError, verify_signature};

use crate::data::Fingerprint;
use crate::files::{self, FileError};
use crate::learner::{EpochRecord, PhaseEstimate, SaveError};
use crate::loss::AnyLoss;
use crate::metrics::{Baseline, Familiarity, THRESHOLD, Temperature};
use crate::summary::PlanSummary;
use crate::weights::safetensors::{self, ParseError};
use crate::weights::{MisfitError, Tensors};

/// The version of the format this writes, and the only one it reads.
const FORMAT: u32 = 1;

const MANIFEST: &str = "bundle.json";
const WEIGHTS: &str = "model.safetensors";
const FAMILIARITY: &str = "familiarity.safetensors";

/// The content of a bundle's `bundle.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BundleManifest<D> {
    /// Version of the format.
    pub format: u32,
    /// Which domain the model belongs to.
    pub task: String,
    /// Class names; a prediction is an index into them.
    pub classes: Vec<String>,
    /// The loss it was trained with, which says what its scores mean.
    pub loss: AnyLoss,
    /// The probability from which on each label is said to be there, chosen on the validation items; none where items
    /// are of one class or have numbers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thresholds: Vec<f32>,
    /// What scores of classes are divided by before probabilities are made of them, chosen on the validation items; 1 in
    /// bundles of earlier versions.
    #[serde(default)]
    pub temperature: Temperature,
    /// The answer that needs no network; none in bundles of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Baseline>,
    /// Which items are like the training data, a file of its own; none in bundles of earlier versions.
    #[serde(skip)]
    pub familiarity: Option<Familiarity>,
    /// The domain's description, from which the network is built and fed.
    pub model: D,
    /// The plan: which groups were frozen and which trained.
    pub plan: PlanSummary,
    /// The measurements.
    pub epochs: Vec<EpochRecord>,
    /// The phases' estimated and actual cost.
    #[serde(default, alias = "quote")]
    pub estimate: Vec<PhaseEstimate>,
    /// SHA-256 of `model.safetensors`.
    pub weights_sha256: String,
    /// SHA-256 of each of the model's [own files](ModelConfig::files), by name.
    #[serde(default)]
    pub files_sha256: BTreeMap<String, String>,
    /// The network's scores for a made-up item; none in bundles of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub self_test: Option<SelfTest>,
}

impl<D> BundleManifest<D> {
    /// How many scores the network gives for an item: one for each class, or one number.
    pub fn outputs(&self) -> usize {
        self.classes.len().max(1)
    }

    /// The probability from which on a label is said to be there, one for each label or one for all.
    pub fn thresholds(&self) -> &[f32] {
        if self.thresholds.is_empty() { &[THRESHOLD] } else { &self.thresholds }
    }
}

/// A bundle can't be used.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no run that was packed.
    #[cfg(feature = "archive")]
    #[error("{}: not a run in one file: {reason}", path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// The reason.
        reason: ArchiveError,
    },
    /// A run's folder was meant.
    #[error("{}: this is a file of a run, which is named by its folder: {}", path.display(), path.parent().unwrap_or(path).display())]
    FileOfRun {
        /// The file.
        path: PathBuf,
    },
    /// The folder holds no bundle.
    #[error("{}: not a finished run: there is no bundle.json in it", .0.display())]
    NoBundle(PathBuf),
    /// `bundle.json` is not what it should be.
    #[error("{}: not a valid bundle: {reason}", path.display())]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The weights are not the ones the manifest was written for.
    #[error("{}: the file has changed since the run wrote it: its SHA-256 is {found} and should be {expected}", path.display())]
    Changed {
        /// Which file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The hash it should have.
        expected: String,
    },
    /// The weights are damaged.
    #[error("{}: {source}", path.display())]
    Weights {
        /// Which file.
        path: PathBuf,
        /// The reason.
        source: ParseError,
    },
    /// The weights do not fit the network described.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
    /// The network does not answer as it did when it was saved.
    #[error(
        "{}: its answers would be wrong: the scores of its test item are off by {apart:.1e}, and rounding explains {allowed:.0e}; either \
         bundle.json has changed since the run wrote it, or the {kernels} kernels are wrong on this processor, which \
         DEFROST_KERNEL=portable would show",
        folder.display()
    )]
    SelfTest {
        /// The bundle.
        folder: PathBuf,
        /// How far its scores are from those that were saved: the largest difference, over the largest score if that is more than 1.
        apart: f32,
        /// How far they may be.
        allowed: f32,
        /// The kernels in use.
        kernels: &'static str,
    },
}

/// The files of a bundle.
fn paths(run: &Path) -> (PathBuf, PathBuf) {
    (run.join(MANIFEST), run.join(WEIGHTS))
}

/// Writes a bundle; the manifest comes last, so that a folder with one is complete. The hashes are filled in.
///
/// # Errors
///
/// If a file can't be written.
pub fn write<M: ModelConfig>(
    folder: &Path,
    mut manifest: BundleManifest<M>,
    tensors: &Tensors,
) -> Result<(), SaveError> {
    let (manifest_path, weights_path) = paths(folder);
    safetensors::write(&weights_path, tensors, &BTreeMap::from([("format".to_owned(), "pt".to_owned())]))?;
    manifest.format = FORMAT;
    manifest.weights_sha256 = Fingerprint::sha256(&files::read(&weights_path)?).to_string();
    let familiarity = manifest.familiarity.as_ref().map(|known| (FAMILIARITY.to_owned(), known.to_bytes()));
    for (name, bytes) in manifest.model.files().into_iter().chain(familiarity) {
        files::write_atomically(&folder.join(&name), |file| std::io::Write::write_all(file, &bytes))?;
        manifest.files_sha256.insert(name, Fingerprint::sha256(&bytes).to_string());
    }
    files::write_atomically(&manifest_path, |file| Ok(serde_json::to_writer_pretty(file, &manifest)?))?;
    Ok(())
}

/// Whether a finished run is there, in a folder or in one file.
pub fn is_run(path: &Path) -> bool {
    RunFiles::open(path).is_ok_and(|files| files.has(MANIFEST))
}

/// The domain a bundle's model belongs to.
///
/// # Errors
///
/// If there is no bundle, or its manifest is damaged.
pub fn task(run: &Path) -> Result<String, BundleError> {
    task_in(&mut RunFiles::open(run)?)
}

/// The manifest of a bundle of any domain, without its weights.
///
/// # Errors
///
/// If there is no bundle, or its manifest is damaged.
pub fn outline(run: &Path) -> Result<BundleManifest<serde_json::Value>, BundleError> {
    read_manifest(&mut RunFiles::open(run)?)
}

/// The manifest of a bundle of this domain, without its other files.
///
/// # Errors
///
/// If there is no bundle, one of another domain or version, or its manifest is damaged.
pub fn manifest<M: ModelConfig>(run: &Path) -> Result<BundleManifest<M>, BundleError> {
    manifest_in(&mut RunFiles::open(run)?)
}

/// Reads a bundle and checks that its weights are the ones that were written.
///
/// # Errors
///
/// If a file is missing, damaged or changed.
pub fn read<M: ModelConfig>(run: &Path) -> Result<(BundleManifest<M>, Tensors), BundleError> {
    let mut files = RunFiles::open(run)?;
    let mut manifest = manifest_in::<M>(&mut files)?;
    let bytes = unchanged(&mut files, WEIGHTS, &manifest.weights_sha256)?;
    let mut own = BTreeMap::new();
    for (name, hash) in &manifest.files_sha256 {
        // A name that leads elsewhere is none this wrote.
        if Path::new(name).file_name().is_none_or(|file| file != name.as_str()) {
            let (path, reason) =
                (files.path(MANIFEST), format!("`{name}` is not the name of a file in the folder"));
            return Err(BundleError::Manifest { path, reason });
        }
        own.insert(name.clone(), unchanged(&mut files, name, hash)?);
    }
    if let Some(bytes) = own.remove(FAMILIARITY) {
        let damaged = |reason| BundleError::Manifest { path: files.path(FAMILIARITY), reason };
        manifest.familiarity = Some(Familiarity::parse(&bytes).map_err(damaged)?);
    }
    manifest.model.take_files(own);
    let damaged = |source| BundleError::Weights { path: files.path(WEIGHTS), source };
    let weights = safetensors::parse(&bytes).map_err(damaged)?;
    Ok((manifest, weights.tensors))
}

fn task_in(files: &mut RunFiles) -> Result<String, BundleError> {
    #[derive(Deserialize)]
    struct Task {
        task: String,
    }
    Ok(read_manifest::<Task>(files)?.task)
}

fn manifest_in<M: ModelConfig>(files: &mut RunFiles) -> Result<BundleManifest<M>, BundleError> {
    let path = files.path(MANIFEST);
    let invalid = |reason: String| BundleError::Manifest { path: path.clone(), reason };
    let task = task_in(files)?;
    if task != M::TASK {
        return Err(invalid(format!("it is a {task} model, not a {} one", M::TASK)));
    }
    let manifest: BundleManifest<M> = read_manifest(files)?;
    if manifest.format != FORMAT {
        return Err(invalid(format!(
            "format {} and not {FORMAT}: written by another version",
            manifest.format
        )));
    }
    let probabilities = manifest.thresholds.iter().all(|threshold| (0.0..=1.0).contains(threshold));
    if !probabilities || ![0, manifest.classes.len()].contains(&manifest.thresholds.len()) {
        return Err(invalid("there must be a threshold in 0 to 1 for each label, or none".to_owned()));
    }
    if !manifest.temperature.is_valid() {
        return Err(invalid("the temperature must be more than 0".to_owned()));
    }
    if manifest.baseline.as_ref().is_some_and(|baseline| baseline.outputs() != manifest.outputs()) {
        return Err(invalid("the baseline must have a number for each class, or one".to_owned()));
    }
    Ok(manifest)
}

/// `bundle.json` as far as `T` goes.
fn read_manifest<T: DeserializeOwned>(files: &mut RunFiles) -> Result<T, BundleError> {
    if !files.has(MANIFEST) {
        return Err(BundleError::NoBundle(files.run().to_owned()));
    }
    let manifest = serde_json::from_slice(&files.read(MANIFEST)?);
    manifest.map_err(|error| BundleError::Manifest { path: files.path(MANIFEST), reason: error.to_string() })
}

/// A file's bytes, if they are those with this hash.
fn unchanged(files: &mut RunFiles, name: &str, expected: &str) -> Result<Vec<u8>, BundleError> {
    let bytes = files.read(name)?;
    match Fingerprint::sha256(&bytes).to_string() {
        found if found == expected => Ok(bytes),
        found => Err(BundleError::Changed { path: files.path(name), found, expected: expected.to_owned() }),
    }
}
