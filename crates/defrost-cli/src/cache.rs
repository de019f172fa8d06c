//! `--cache` and `--cache-limit`: what may be kept, and where.

use clap::{Args, ValueEnum};

use defrost::CacheLimits;
use defrost::platform::user_cache_folder;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Cache {
    Auto,
    Off,
}

#[derive(Debug, Args)]
pub struct CacheOptions {
    /// Keep what freezing leaves constant, for this run and the next: in memory and in the user's cache
    /// folder
    #[arg(long, value_name = "HOW", default_value = "auto", help_heading = "Machine")]
    pub cache: Cache,
    /// Keep at most this much in memory, and this much in the cache folder, as 500MB or 2GB [default: a
    /// quarter of the free memory, a tenth of the free disk]
    #[arg(long, value_name = "SIZE", value_parser = bytes, help_heading = "Machine")]
    pub cache_limit: Option<u64>,
}

impl CacheOptions {
    /// Limits for what the frozen prefix gives: half the memory, and the files.
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

/// A size as people write it: `800`, `64kB`, `500MB`, `1.5 GB`, `2GiB`.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => f64::from(1 << 20),
        "gib" => f64::from(1 << 30),
        _ => return Err(format!("`{text}` is not a size; write it as 500MB or 2GB")),
    };
    match number.parse::<f64>() {
        Ok(number) if number * factor <= 1e15 => Ok((number * factor) as u64),
        _ => Err(format!("`{text}` is not a size; write it as 500MB or 2GB")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let sizes = ["0", "800", "64kB", "500MB", "1.5 GB", "2GiB", "3g"];
        let expected = [0, 800, 64_000, 500_000_000, 1_500_000_000, 2 << 30, 3_000_000_000];
        assert_eq!(sizes.map(|size| bytes(size).unwrap()), expected);
        for wrong in ["", "GB", "-1", "1.2.3MB", "5 parsecs", "1e3", "9999999TB"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }
}
