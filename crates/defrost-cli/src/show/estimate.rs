//! The estimated and actual time of training, as text.

use defrost::learner::PhaseEstimate;

use super::seconds;

/// The estimated cost of each phase; empty without estimates.
pub fn estimate_lines(estimates: &[PhaseEstimate]) -> Vec<String> {
    let line = |estimate: &PhaseEstimate| {
        let most = if estimate.at_most { "at most " } else { "" };
        let mut line = format!("{} should take {most}{}", estimate.phase, seconds(estimate.seconds));
        if estimate.memory_bytes > 0 {
            line += &format!(
                "\n  {} without the cache of {} in memory and {} in files",
                seconds(estimate.seconds_without_cache),
                size(estimate.memory_bytes),
                size(estimate.disk_bytes)
            );
        }
        line
    };
    estimates.iter().map(line).collect()
}

/// A line for each phase, after training.
pub fn estimate_outcome(estimates: &[PhaseEstimate]) -> Vec<String> {
    let line = |estimate: &PhaseEstimate| {
        let actual = estimate.actual_seconds?;
        let more = estimate.difference()?;
        Some(format!(
            "{}: estimated {}, took {} ({:.0} % {})",
            estimate.phase,
            seconds(estimate.seconds),
            seconds(actual),
            100.0 * more.abs(),
            if more < 0.0 { "shorter" } else { "longer" }
        ))
    };
    estimates.iter().filter_map(line).collect()
}

/// Bytes as people write them.
pub fn size(bytes: u64) -> String {
    match bytes as f64 {
        bytes if bytes >= 1e9 => format!("{:.1} GB", bytes / 1e9),
        bytes if bytes >= 1e6 => format!("{:.0} MB", bytes / 1e6),
        bytes => format!("{:.0} kB", (bytes / 1e3).ceil()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_estimate_reads_well() {
        let estimate = PhaseEstimate {
            phase: "frozen".to_owned(),
            seconds: 20.0,
            seconds_without_cache: 80.0,
            memory_bytes: 125_000_000,
            disk_bytes: 0,
            at_most: false,
            actual_seconds: Some(25.0),
        };
        let thawed = PhaseEstimate { memory_bytes: 0, actual_seconds: None, ..estimate.clone() };
        let expected = [
            "frozen should take 20.0 s\n  1 min 20 s without the cache of 125 MB in memory and 0 kB in files",
            "frozen should take 20.0 s",
        ];
        assert_eq!(estimate_lines(&[estimate.clone(), thawed.clone()]), expected);
        assert_eq!(
            estimate_outcome(&[estimate, thawed]),
            ["frozen: estimated 20.0 s, took 25.0 s (25 % longer)"]
        );
    }
}
