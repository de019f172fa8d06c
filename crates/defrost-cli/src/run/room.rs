//! Room on the disk for a run, seen to before it is trained.

use std::path::Path;

use defrost::platform::{ReservedRoom, free_disk};
use defrost::weights::Tensors;

use crate::failure::Failure;
use crate::show::size;

/// What a run's folder holds besides its weights, at most: the report, the reference for familiarity, the self-test.
const BESIDES: u64 = 8 << 20;

/// Reserves room for the result of a run with these tensors, so that no checkpoint takes it, and warns if there is none for
/// checkpoints of this many bytes.
///
/// # Errors
///
/// If there is no room for the result.
pub fn reserve_room(run: &Path, tensors: &Tensors, checkpoints: u64) -> Result<ReservedRoom, Failure> {
    let result = tensors.values().map(|data| data.as_bytes().len() as u64).sum::<u64>() + BESIDES;
    let room = ReservedRoom::reserve(run, result).map_err(|error| {
        Failure::usage(format!(
            "--out {}: the run's result takes up to {}, and there is no room for it: {error}; make room, or choose another \
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
