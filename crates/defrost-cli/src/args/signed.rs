//! `--signed-by`

use std::path::Path;

use clap::Args;

use defrost::bundle::verify_signature;

use crate::failure::{Blame, Failure};

/// Who must have signed a run.
#[derive(Debug, Args)]
pub struct SignedOptions {
    /// Use the run only if this minisign key has signed it: the key or its file
    ///
    /// `minisign -S -m RUN/bundle.json` signs a run: the file holds the hashes of all others. A signature in the folder is packed with
    /// it.
    #[arg(long, value_name = "KEY")]
    pub signed_by: Option<String>,
}

impl SignedOptions {
    /// Refuses a run that the key has not signed.
    pub fn check(&self, run: &Path) -> Result<(), Failure> {
        let Some(given) = &self.signed_by else { return Ok(()) };
        let key = match Path::new(given).is_file() {
            true => defrost::files::read(Path::new(given)).or_usage()?,
            false => given.clone().into_bytes(),
        };
        let checked = verify_signature(run, &String::from_utf8_lossy(&key));
        checked.map_err(|error| Failure::Usage(anyhow::Error::new(error).context("--signed-by")))
    }
}
