//! What training will cost, for people.

use defrost::learner::PhaseQuote;

use crate::progress::seconds;

/// A line a phase, before training; nothing where nothing was quoted.
pub fn quote_table(quotes: &[PhaseQuote]) -> String {
    let line = |quote: &PhaseQuote| {
        let mut line = format!("{} should take {}", quote.phase, seconds(quote.seconds));
        if quote.memory_bytes > 0 {
            line += &format!(
                " ({} without keeping {} in memory and {} in files)",
                seconds(quote.seconds_without_cache),
                size(quote.memory_bytes),
                size(quote.disk_bytes)
            );
        }
        line + "\n"
    };
    quotes.iter().map(line).collect()
}

/// A line a phase, after training.
pub fn quote_outcome(quotes: &[PhaseQuote]) -> String {
    let line = |quote: &PhaseQuote| {
        let (actual, error) = (quote.actual_seconds?, quote.error()?);
        Some(format!(
            "{} took {}; quoted were {}: {:+.0} %\n",
            quote.phase,
            seconds(actual),
            seconds(quote.seconds),
            100.0 * error
        ))
    };
    quotes.iter().filter_map(line).collect()
}

/// Bytes as people write them.
fn size(bytes: u64) -> String {
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
    fn a_quote_reads_well() {
        let quote = PhaseQuote {
            phase: "frozen".to_owned(),
            seconds: 20.0,
            seconds_without_cache: 80.0,
            memory_bytes: 125_000_000,
            disk_bytes: 0,
            actual_seconds: Some(25.0),
        };
        let thawed = PhaseQuote { memory_bytes: 0, actual_seconds: None, ..quote.clone() };
        let expected = "frozen should take 20.0 s (1 min 20 s without keeping 125 MB in memory and 0 kB in files)\n\
                        frozen should take 20.0 s\n";
        assert_eq!(quote_table(&[quote.clone(), thawed.clone()]), expected);
        assert_eq!(quote_outcome(&[quote, thawed]), "frozen took 25.0 s; quoted were 20.0 s: -20 %\n");
    }
}
