//! Which of the processor's instructions the kernels use: one choice per process, made at the first use.

use std::sync::LazyLock;

use defrost_kernels::IsaLevel;
use thiserror::Error;

/// The environment variable that names an instruction-set level.
const VARIABLE: &str = "DEFROST_KERNEL";

/// `DEFROST_KERNEL` asks for kernels that can't run.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum IsaError {
    /// No such kernels.
    #[error("{VARIABLE} is `{name}`, but kernels are called {}; unset it to use this processor's best", names(&IsaLevel::NAMES))]
    Unknown {
        /// The name given.
        name: String,
    },
    /// Kernels for another processor.
    #[error("{VARIABLE} is `{name}`, but this processor runs {} only; unset it to use the best of them", names(&available()))]
    Unavailable {
        /// The name given.
        name: String,
    },
}

static LEVEL: LazyLock<Result<IsaLevel, IsaError>> =
    LazyLock::new(|| choose(std::env::var_os(VARIABLE).map(|name| name.to_string_lossy().into_owned())));

/// The kernels in use: those `DEFROST_KERNEL` names, else the best this processor runs.
///
/// # Errors
///
/// If the variable names none, or one this processor can't run. A program should ask before it computes:
/// the operations can't return an error.
pub fn isa_level() -> Result<IsaLevel, IsaError> {
    LEVEL.clone()
}

/// The same for the operations.
///
/// # Panics
///
/// With [`isa_level`]'s error.
pub(super) fn isa() -> IsaLevel {
    match &*LEVEL {
        Ok(isa) => *isa,
        Err(error) => panic!("{error}"),
    }
}

fn choose(name: Option<String>) -> Result<IsaLevel, IsaError> {
    let Some(name) = name.filter(|name| !name.is_empty()) else { return Ok(IsaLevel::detect()) };
    match IsaLevel::named(&name) {
        Some(isa) => Ok(isa),
        None if IsaLevel::NAMES.contains(&name.as_str()) => Err(IsaError::Unavailable { name }),
        None => Err(IsaError::Unknown { name }),
    }
}

fn available() -> Vec<&'static str> {
    IsaLevel::NAMES.into_iter().filter(|name| IsaLevel::named(name).is_some()).collect()
}

fn names(names: &[&str]) -> String {
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_chooses_and_a_wrong_one_lists_the_names() {
        assert_eq!(choose(None), Ok(IsaLevel::detect()));
        assert_eq!(choose(Some("portable".to_owned())), Ok(IsaLevel::PORTABLE));
        assert_eq!(
            choose(Some("sse9".to_owned())).unwrap_err().to_string(),
            "DEFROST_KERNEL is `sse9`, but kernels are called portable, avx2, avx512, avx512bf16, amx; unset \
             it to use this processor's best"
        );
    }
}
