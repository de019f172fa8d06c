//! From options to the library's objects: the threads, the learner's options, the recipe.

mod advice;
mod learner;
mod recipe;

use burn::tensor::Device;

pub use advice::words as advised_words;

use crate::failure::{Blame, Failure};

/// Starts the threads everything runs on; returns how many.
pub fn start_threads(threads: Option<usize>) -> Result<usize, Failure> {
    // This thread is one of them: nothing is handed over and waited for where a step's parallel parts begin.
    let mut builder = rayon::ThreadPoolBuilder::new().use_current_thread();
    if let Some(threads) = threads {
        builder = builder.num_threads(threads);
    }
    builder.build_global().or_failure()?;
    let level = defrost::ops::isa_level().or_usage()?;
    let threads = rayon::current_num_threads();
    tracing::debug!(threads, kernels = ?level, "threads started");
    Ok(threads)
}

/// The plain device that everything starts on.
pub fn device() -> Device {
    Device::flex()
}
