//! Weights from the Hugging Face hub: a progress bar, and whether a failed download is wrong usage or a failed run.

use indicatif::{HumanBytes, ProgressBar};

use defrost::weights::hub::HubError;
use defrost::weights::{DownloadError, Downloads};

use crate::failure::Failure;
use crate::show::{on_a_terminal, tell};
use crate::terminal::name;

/// A connection that fails is the run's trouble, anything else the option's.
pub fn blame(error: DownloadError) -> Failure {
    match error {
        DownloadError::Hub(
            error @ (HubError::Failed { .. } | HubError::Silent { .. } | HubError::File(_)),
        ) => Failure::Running(error.into()),
        DownloadError::Unknown(network) => Failure::usage(format!(
            "--weights: no repository on the hub is known for {network}; give hub:OWNER/NAME, a .safetensors or .pth file, or \
             none to start from random ones"
        )),
        error => Failure::usage(format!("--weights hub: {error}")),
    }
}

/// A bar on a terminal, a line for each file elsewhere.
#[derive(Default)]
pub struct Bars {
    bar: Option<ProgressBar>,
    file: String,
}

const TEMPLATE: &str = "  {msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} eta {eta}";

impl Downloads for Bars {
    fn started(&mut self, file: &str, bytes: usize) {
        // A file whose download continues is announced twice.
        if self.file == file {
            return;
        }
        self.file = file.to_owned();
        self.bar = on_a_terminal(TEMPLATE).map(|bar| bar.with_message(name(file)));
        match &self.bar {
            Some(bar) => bar.set_length(bytes as u64),
            None => tell!("downloading {file}, {}", HumanBytes(bytes as u64)),
        }
    }

    fn received(&mut self, bytes: usize) {
        if let Some(bar) = &self.bar {
            bar.inc(bytes as u64);
        }
    }

    fn retried(&mut self, file: &str, reason: &str) {
        self.ended();
        self.file.clear();
        eprintln!("warning: {file} is downloaded again: {reason}");
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
    use crate::show::bar;

    #[test]
    fn the_template_is_valid() {
        bar(1, TEMPLATE);
    }
}
