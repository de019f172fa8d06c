//! How much memory this process takes, where the system tells.

/// The most it has held so far, in bytes.
pub fn peak_rss_bytes() -> Option<u64> {
    status("VmHWM:")
}

/// What it holds now, in bytes.
pub fn rss_bytes() -> Option<u64> {
    status("VmRSS:")
}

fn status(name: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}
