//! How a command fails: what is printed, and the exit code.

use std::panic::{self, AssertUnwindSafe};

use anstyle::{AnsiColor, Style};
use defrost::Remedy;
use defrost::ops::OutOfMemory;

use crate::remedies::words;
use crate::terminal::{plain, tell_styled};

/// A command that failed.
#[derive(Debug)]
pub enum Failure {
    /// Wrong usage or wrong input: exit code 2.
    Usage(anyhow::Error),
    /// Something went wrong on the way: exit code 1.
    Running(anyhow::Error),
    /// The command has done its work and found errors in the data: exit code 1, without a message.
    Found,
    /// Somebody stopped it: exit code 130. The message.
    Interrupted(String),
}

impl Failure {
    /// A usage error with this text.
    pub fn usage(text: impl Into<String>) -> Self {
        Self::Usage(anyhow::Error::msg(text.into()))
    }

    /// The error in one line.
    pub fn reason(&self) -> String {
        match self {
            Self::Usage(error) | Self::Running(error) => in_one_line(error),
            Self::Interrupted(text) => text.clone(),
            Self::Found => String::new(),
        }
    }

    /// The exit code of wrong usage.
    pub const USAGE: u8 = 2;
    /// The exit code of an interrupted command, as after Ctrl-C.
    pub const INTERRUPTED: u8 = 130;

    /// Prints the error, red where there are colours.
    pub fn print(&self) {
        match self {
            Self::Usage(error) | Self::Running(error) => {
                let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
                tell_styled(&format!("{red}error{red:#}: {}\n", plain(&in_one_line(error))));
                if let Some(remedy) = Remedy::of(error.as_ref()) {
                    eprintln!("  help: {}", words(&remedy));
                }
            }
            Self::Interrupted(text) => eprintln!("{text}"),
            Self::Found => {}
        }
    }

    /// 1, 2 or 130.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => Self::USAGE,
            Self::Running(_) | Self::Found => 1,
            Self::Interrupted(_) => Self::INTERRUPTED,
        }
    }
}

/// Runs a command. Memory that the system does not have for one of the program's own buffers is a failure that says what to do.
pub fn or_out_of_memory(run: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        if !panic.payload().is::<OutOfMemory>() {
            usual(panic);
        }
    }));
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| match panic.downcast_ref() {
        Some(OutOfMemory { bytes }) => Err(Failure::Running(anyhow::anyhow!(
            "memory for {} MB more is missing. A smaller --batch, --size or --cache-limit needs less; so does a network that is \
             frozen further",
            bytes.div_ceil(1 << 20)
        ))),
        None => panic::resume_unwind(panic),
    })
}

/// An error and its causes, without those that it has named itself.
fn in_one_line(error: &anyhow::Error) -> String {
    error
        .chain()
        .map(ToString::to_string)
        .reduce(|text, cause| match text.ends_with(&cause) {
            true => text,
            false => format!("{text}: {cause}"),
        })
        .unwrap_or_default()
}

/// Sorts the library's errors into the two kinds.
pub trait Blame<T> {
    /// The user's input is to blame.
    fn or_usage(self) -> Result<T, Failure>;
    /// The run is to blame.
    fn or_failure(self) -> Result<T, Failure>;
}

impl<T, E: Into<anyhow::Error>> Blame<T> for Result<T, E> {
    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Usage(error.into()))
    }

    fn or_failure(self) -> Result<T, Failure> {
        self.map_err(|error| Failure::Running(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::path::Path;

    use defrost::files::FileError;

    use super::*;

    #[test]
    fn a_cause_is_named_once() {
        let full = || FileError::at(Path::new("run/model"))(io::Error::other("the disk is full"));
        let failure = Failure::Running(full().into());
        assert_eq!(failure.reason(), "run/model: the disk is full");
        let failure = Failure::Running(anyhow::Error::new(full()).context("not saved"));
        assert_eq!(failure.reason(), "not saved: run/model: the disk is full");
    }
}
