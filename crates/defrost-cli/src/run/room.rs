//! Room for a run on the disk and in memory, seen to before it is trained.

use std::path::Path;

use defrost::platform::{ReservedRoom, free_disk, free_memory};
use defrost::weights::Tensors;

use crate::failure::Failure;
use crate::show::size;

/// What a run's folder holds besides its weights, at most: the report, the reference for familiarity, the self-test.
const BESIDES: u64 = 8 << 20;

/// Refuses a run that needs at least this many bytes of memory, and more than there are.
///
/// # Errors
///
/// If there are fewer.
pub fn check_memory(least: u64) -> Result<(), Failure> {
    match free_memory().filter(|&free| free < least) {
        None => Ok(()),
        Some(free) => Err(Failure::usage(format!(
            "training these layers takes at least {} of memory, and {} are free; freeze more of the network (--freeze-to), or \
             choose a smaller one (--arch)",
            size(least),
            size(free)
        ))),
    }
}

/// Reserves room for the result of a run with these tensors, so that no checkpoint takes it, and warns if there is none for
/// checkpoints of this many bytes.
///
/// # Errors
///
/// If the disk has no room for the result.
pub fn reserve_room(run: &Path, tensors: &Tensors, checkpoints: u64) -> Result<ReservedRoom, Failure> {
    let result = tensors.values().map(|data| data.as_bytes().len() as u64).sum::<u64>() + BESIDES;
    let room = ReservedRoom::reserve(run, result).map_err(|error| {
        Failure::usage(format!(
            "--out {}: the run's result takes up to {}, and the disk has no room for it: {error}; make room, or choose another \
             folder",
            run.display(),
            size(result)
        ))
    })?;
    if let Some(free) = free_disk(run).filter(|&free| free < checkpoints) {
        eprintln!(
            "warning: {}: checkpoints take up to {}, and {} are free; without room the run goes on, but can't be resumed",
            run.display(),
            size(checkpoints),
            size(free)
        );
    }
    Ok(room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_more_memory_than_there_is_is_refused() {
        assert!(check_memory(1).is_ok());
        if free_memory().is_some() {
            let refusal = check_memory(u64::MAX).unwrap_err().reason();
            assert!(refusal.contains("of memory, and ") && refusal.contains("(--freeze-to)"), "{refusal}");
        }
    }
}
