//! Who made a run: a signature over its manifest, which holds the hash of every other file.

use std::path::{Path, PathBuf};

use minisign_verify::{PublicKey, Signature};
use thiserror::Error;

use super::run_files::RunFiles;
use super::{BundleError, MANIFEST};
use crate::files::FileError;

/// The file that `minisign -S -m bundle.json` makes.
const SIGNATURE: &str = "bundle.json.minisig";

/// A run is not signed as it should be.
#[derive(Debug, Error)]
pub enum SignatureError {
    /// It can't be read.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A file of it can't be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key is none.
    #[error("this is no public key of minisign: {0}")]
    Key(String),
    /// There is no signature.
    #[error("{}: the run is not signed: there is no {SIGNATURE} in it", .0.display())]
    Missing(PathBuf),
    /// The signature is another key's, or the manifest has changed.
    #[error("{}: the run is not signed with this key, or has changed since: {reason}", run.display())]
    Wrong {
        /// The run.
        run: PathBuf,
        /// The reason.
        reason: String,
    },
}

/// Checks that this key has signed a run, a folder or a packed file: a public key of minisign, alone or with its comment.
///
/// # Errors
///
/// If it has not, or the run or the key can't be read.
pub fn verify_signature(run: &Path, key: &str) -> Result<(), SignatureError> {
    let key = key.trim();
    let key = PublicKey::decode(key).or_else(|_| PublicKey::from_base64(key));
    let key = key.map_err(|error| SignatureError::Key(error.to_string()))?;
    let mut files = RunFiles::open(run)?;
    if !files.has(SIGNATURE) {
        return Err(SignatureError::Missing(run.to_owned()));
    }
    let (manifest, signature) = (files.read(MANIFEST)?, files.read(SIGNATURE)?);
    let wrong = |reason: String| SignatureError::Wrong { run: run.to_owned(), reason };
    let signature = Signature::decode(&String::from_utf8_lossy(&signature));
    let signature = signature.map_err(|error| wrong(error.to_string()))?;
    key.verify(&manifest, &signature, false).map_err(|error| wrong(error.to_string()))
}
