//! Weights from the Hugging Face hub: what `--weights hub` stands for, and a bar while it is downloaded.

use std::io::IsTerminal;
use std::path::PathBuf;

use indicatif::{HumanBytes, ProgressBar};

use defrost::weights::hub::{Downloads, Hub, HubError};

use crate::failure::{Blame, Failure};
use crate::progress::bar;

/// The repository that `hub` or `hub:OWNER/NAME` names; `None` if the words name something else.
pub fn repository<'a>(words: &'a str, usual: Option<&'a str>, of: &str) -> Option<Result<&'a str, Failure>> {
    if let Some(repository) = words.strip_prefix("hub:") {
        return Some(Ok(repository));
    }
    let unknown = || {
        Failure::usage(format!(
            "--weights: no repository on the hub is known for {of}; give hub:OWNER/NAME, a .safetensors or .pth file, or \
             none to start from random ones"
        ))
    };
    (words == "hub").then(|| usual.ok_or_else(unknown))
}

/// The folder in which weights of a repository are, with these files and as many of the optional ones as it has.
pub fn folder(
    repository: &str,
    files: &[&str],
    optional: &[&str],
    offline: bool,
) -> Result<PathBuf, Failure> {
    const WEIGHTS: &[&str] = &["model.safetensors", "pytorch_model.bin"];
    let files: Vec<&[&str]> = files.iter().map(std::slice::from_ref).chain([WEIGHTS]).collect();
    let hub = Hub::from_env(offline).or_failure()?;
    hub.folder(repository, &files, optional, &mut Bars::default()).map_err(|error| match error {
        error @ (HubError::Failed { .. } | HubError::Silent { .. } | HubError::File(_)) => {
            Failure::Running(error.into())
        }
        error => Failure::usage(format!("--weights hub: {error}")),
    })
}

/// A bar on a terminal, a line a file elsewhere.
#[derive(Default)]
struct Bars {
    bar: Option<ProgressBar>,
    file: String,
}

const TEMPLATE: &str = "  {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";

impl Downloads for Bars {
    fn started(&mut self, file: &str, bytes: usize) {
        // It is told twice for a file that is gone on with.
        if self.file == file {
            return;
        }
        self.file = file.to_owned();
        if !std::io::stderr().is_terminal() {
            eprintln!("downloading {file}, {}", HumanBytes(bytes as u64));
            return;
        }
        self.bar = Some(bar(bytes as u64, TEMPLATE).with_message(file.to_owned()));
    }

    fn received(&mut self, bytes: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes as u64);
        }
    }

    fn retried(&mut self, file: &str, reason: &str) {
        self.ended();
        self.file.clear();
        eprintln!("note: {file} is downloaded again: {reason}");
    }

    fn ended(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid() {
        bar(1, TEMPLATE);
    }

    #[test]
    fn words_that_name_repositories() {
        let named = |words| repository(words, Some("timm/usual"), "x").map(|found| found.ok());
        assert_eq!(named("hub"), Some(Some("timm/usual")));
        assert_eq!(named("hub:me/mine"), Some(Some("me/mine")));
        assert_eq!(named("hubs.pth"), None);
        assert!(repository("hub", None, "x").is_some_and(|found| found.is_err()));
    }
}
