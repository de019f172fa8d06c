//! `--cache` and `--cache-limit`: how much may be cached, and where.

use clap::{Args, ValueEnum};

use defrost::CacheLimits;
use defrost::platform::user_cache_folder;

use super::values::bytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cache {
    Auto,
    Off,
}

#[derive(Debug, Args)]
pub struct CacheOptions {
    /// Cache the features that frozen layers compute, for this run and the next
    ///
    /// They are kept in memory and in your cache folder.
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Machine")]
    pub cache: Cache,
    /// At most this much in memory, and again in the cache folder: 500MB, 2GB
    ///
    /// [default: a quarter of the free memory, a tenth of the free disk]
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Machine")]
    pub cache_limit: Option<u64>,
}

impl CacheOptions {
    /// Limits for the cached features: half the memory, and the files.
    pub fn rows(&self) -> CacheLimits {
        let limits = self.limits();
        CacheLimits { memory: limits.memory / 2, ..limits }
    }

    /// How much memory decoded images may take: the other half.
    pub fn images(&self) -> u64 {
        self.limits().memory / 2
    }

    fn limits(&self) -> CacheLimits {
        match (self.cache, self.cache_limit) {
            (Cache::Off, _) => CacheLimits::none(),
            (Cache::Auto, None) => CacheLimits::of_this_machine(user_cache_folder()),
            (Cache::Auto, Some(bytes)) => {
                CacheLimits { memory: bytes, disk: bytes, folder: user_cache_folder() }
            }
        }
    }
}
