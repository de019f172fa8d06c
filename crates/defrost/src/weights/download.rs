//! Weights that are on the hub, brought here.

use std::path::PathBuf;

use thiserror::Error;

#[cfg(feature = "hub")]
use super::hub::{Hub, HubError};

/// Watches a download.
pub trait Downloads {
    /// The download of a file of this many bytes starts or continues.
    fn started(&mut self, file: &str, bytes: usize);
    /// This many more bytes have arrived.
    fn received(&mut self, bytes: usize);
    /// It failed and is tried again.
    fn retried(&mut self, file: &str, reason: &str);
    /// It is complete.
    fn ended(&mut self);
}

/// Nobody watches.
impl Downloads for () {
    fn started(&mut self, _: &str, _: usize) {}
    fn received(&mut self, _: usize) {}
    fn retried(&mut self, _: &str, _: &str) {}
    fn ended(&mut self) {}
}

/// Weights can't be downloaded from the hub.
#[derive(Debug, Error)]
pub enum DownloadError {
    /// It does not work.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] HubError),
    /// Nobody knows where they are.
    #[error(
        "no repository on the hub is known for {0}; name one, or a file, or none to start from random weights"
    )]
    Unknown(String),
    /// This program knows no hub.
    #[error("{0}: this program was built without the feature `hub`, which downloads weights")]
    NoHub(String),
}

/// The files that a network needs from a repository: its weights, and others beside them.
#[derive(Clone, Debug)]
pub struct HubFiles<'a> {
    /// The network they are for.
    pub network: &'a str,
    /// The repository with its usual weights.
    pub usual: Option<&'a str>,
    /// Files that must be there.
    pub files: &'a [&'a str],
    /// Files that may be.
    pub optional: &'a [&'a str],
}

impl HubFiles<'_> {
    /// The folder in which weights of `repository`, or the usual ones, are with these files; they are downloaded if they are
    /// not in the hub's cache.
    ///
    /// # Errors
    ///
    /// If no repository is known or a file can't be downloaded.
    #[cfg(feature = "hub")]
    pub fn folder(
        &self,
        repository: Option<&str>,
        offline: bool,
        downloads: &mut dyn Downloads,
    ) -> Result<PathBuf, DownloadError> {
        const WEIGHTS: &[&str] = &["model.safetensors", "pytorch_model.bin"];
        let unknown = || DownloadError::Unknown(self.network.to_owned());
        let repository = repository.or(self.usual).ok_or_else(unknown)?;
        let files: Vec<&[&str]> = self.files.iter().map(std::slice::from_ref).chain([WEIGHTS]).collect();
        Ok(Hub::from_env(offline)?.folder(repository, &files, self.optional, downloads)?)
    }

    /// Where nothing can be downloaded.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(feature = "hub"))]
    pub fn folder(
        &self,
        repository: Option<&str>,
        _offline: bool,
        _downloads: &mut dyn Downloads,
    ) -> Result<PathBuf, DownloadError> {
        let Self { network, usual, files: _, optional: _ } = self;
        Err(DownloadError::NoHub(repository.or(*usual).unwrap_or(network).to_owned()))
    }
}
