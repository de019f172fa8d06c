//! The part that depends on the operating system: clocks, files, threads, free memory and disk. The rest of the library
//! uses it and compiles for all systems alike.
//!
//! In a browser (`wasm32-unknown-unknown`) clocks are JavaScript's, [files are in memory](fs), free memory and disk are unknown, and
//! threads can't be started: parallel work runs on the calling thread.

mod disk;
mod files;
pub mod fs;
mod memory;

pub use web_time::{Instant, SystemTime};

pub use disk::{ReservedRoom, free_disk};
pub(crate) use files::{TEMPORARY, TemporaryFile, create_own_folder, read_exact_at, sync_folder, touch};
pub use files::{most_open_files, user_cache_folder};
pub use memory::{free_memory, peak_resident_memory, resident_memory};

/// How many threads compute: one where the system has none to give.
pub fn threads() -> usize {
    rayon::current_num_threads()
}
