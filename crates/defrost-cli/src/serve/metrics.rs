//! Counters and timings of the server in the text format of Prometheus, version 0.0.4.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use defrost::platform::resident_memory;

/// The kind of text that [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4";

/// From 1 ms to 30 s.
const SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];
/// Inputs in a batch.
const SIZES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0];

/// Counters of a server.
pub struct Metrics(Mutex<Counts>);

struct Counts {
    /// By path and status.
    requests: BTreeMap<(&'static str, u16), u64>,
    /// By path.
    seconds: BTreeMap<&'static str, Histogram>,
    batches: Histogram,
    batch_seconds: Histogram,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        Self(Mutex::new(Counts {
            requests: BTreeMap::new(),
            seconds: BTreeMap::new(),
            batches: Histogram::new(SIZES),
            batch_seconds: Histogram::new(SECONDS),
        }))
    }

    /// A request has been answered.
    pub fn request(&self, path: &'static str, status: u16, took: Duration) {
        let mut counts = self.counts();
        *counts.requests.entry((path, status)).or_default() += 1;
        counts.seconds.entry(path).or_insert_with(|| Histogram::new(SECONDS)).observe(took.as_secs_f64());
    }

    /// How many requests to the network have been answered or refused.
    pub fn answered(&self) -> u64 {
        let counts = self.counts();
        let network = counts.requests.iter().filter(|((path, _), _)| ["/predict", "/explain"].contains(path));
        network.map(|(_, count)| count).sum()
    }

    /// A batch has been predicted.
    pub fn batch(&self, size: usize, took: Duration) {
        let mut counts = self.counts();
        counts.batches.observe(size as f64);
        counts.batch_seconds.observe(took.as_secs_f64());
    }

    /// All metrics, and how many inputs are waiting now.
    pub fn text(&self, waiting: usize) -> String {
        let mut text = Text::default();
        let counts = self.counts();
        text.metric("defrost_requests_total", "counter", "Requests answered");
        for ((path, status), count) in &counts.requests {
            text.line("", &format!("path=\"{path}\",status=\"{status}\""), *count as f64);
        }
        text.metric("defrost_request_duration_seconds", "histogram", "From request to answer");
        for (path, histogram) in &counts.seconds {
            text.histogram(&format!("path=\"{path}\""), histogram);
        }
        text.metric("defrost_batch_size", "histogram", "Inputs in a batch");
        text.histogram("", &counts.batches);
        text.metric("defrost_batch_duration_seconds", "histogram", "What a batch takes");
        text.histogram("", &counts.batch_seconds);
        text.metric("defrost_queue_length", "gauge", "Inputs that wait for the network");
        text.line("", "", waiting as f64);
        if let Some(bytes) = resident_memory() {
            text.metric("process_resident_memory_bytes", "gauge", "Memory of this process");
            text.line("", "", bytes as f64);
        }
        text.text
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // A panic while counting leaves a count of one less.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often a value was at most each of some bounds.
struct Histogram {
    bounds: &'static [f64],
    counts: Vec<u64>,
    count: u64,
    sum: f64,
}

impl Histogram {
    fn new(bounds: &'static [f64]) -> Self {
        Self { bounds, counts: vec![0; bounds.len()], count: 0, sum: 0.0 }
    }

    fn observe(&mut self, value: f64) {
        for (count, bound) in self.counts.iter_mut().zip(self.bounds) {
            *count += u64::from(value <= *bound);
        }
        self.count += 1;
        self.sum += value;
    }
}

/// The text so far, and the metric it is at.
#[derive(Default)]
struct Text {
    text: String,
    name: &'static str,
}

impl Text {
    fn metric(&mut self, name: &'static str, kind: &str, help: &str) {
        self.name = name;
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn line(&mut self, suffix: &str, labels: &str, value: f64) {
        let name = self.name;
        let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
        let _ = writeln!(self.text, "{name}{suffix}{labels} {value}");
    }

    fn histogram(&mut self, labels: &str, histogram: &Histogram) {
        let comma = if labels.is_empty() { "" } else { "," };
        for (bound, count) in histogram.bounds.iter().zip(&histogram.counts) {
            self.line("_bucket", &format!("{labels}{comma}le=\"{bound}\""), *count as f64);
        }
        self.line("_bucket", &format!("{labels}{comma}le=\"+Inf\""), histogram.count as f64);
        self.line("_sum", labels, histogram.sum);
        self.line("_count", labels, histogram.count as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_told() {
        let metrics = Metrics::new();
        metrics.request("/predict", 200, Duration::from_millis(7));
        metrics.request("/predict", 422, Duration::from_millis(1));
        metrics.batch(3, Duration::from_millis(20));
        let text = metrics.text(5);
        for line in [
            "# TYPE defrost_requests_total counter",
            "defrost_requests_total{path=\"/predict\",status=\"200\"} 1",
            "defrost_request_duration_seconds_bucket{path=\"/predict\",le=\"0.01\"} 2",
            "defrost_batch_size_bucket{le=\"2\"} 0",
            "defrost_batch_size_bucket{le=\"4\"} 1",
            "defrost_batch_size_bucket{le=\"+Inf\"} 1",
            "defrost_batch_size_sum 3",
            "defrost_request_duration_seconds_count{path=\"/predict\"} 2",
            "defrost_queue_length 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
