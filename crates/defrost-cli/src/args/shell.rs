//! `defrost completions SHELL` and `defrost man DIR`

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// Shell to complete in
    pub shell: Shell,
}

#[derive(Debug, Args)]
pub struct ManArguments {
    /// Folder to write the pages into
    pub folder: PathBuf,
}
