//! What is counted and measured, for Prometheus.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};

use defrost::platform::resident_memory;

/// The kind of text that [`Metrics::text`] is.
pub const CONTENT_TYPE: &str = prometheus::TEXT_FORMAT;

/// From 1 ms to 30 s.
const SECONDS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counters of a server.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    batches: Histogram,
    batch_seconds: Histogram,
    queue: IntGauge,
    memory: IntGauge,
}

impl Metrics {
    /// All at zero.
    pub fn new() -> Self {
        // Names and buckets are constants: a test makes them.
        let valid = "names and buckets are valid";
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            HistogramOpts::new(name, help).buckets(buckets.to_vec())
        };
        let requests =
            IntCounterVec::new(Opts::new("defrost_requests_total", "Requests answered"), &["path", "status"])
                .expect(valid);
        let seconds = histogram("defrost_request_duration_seconds", "From request to answer", &SECONDS);
        let seconds = HistogramVec::new(seconds, &["path"]).expect(valid);
        let sizes = histogram("defrost_batch_size", "Inputs in a batch", &[1.0, 2.0, 4.0, 8.0, 16.0]);
        let batches = Histogram::with_opts(sizes).expect(valid);
        let batch_seconds = histogram("defrost_batch_duration_seconds", "What a batch takes", &SECONDS);
        let batch_seconds = Histogram::with_opts(batch_seconds).expect(valid);
        let queue = IntGauge::new("defrost_queue_length", "Inputs that wait for the network").expect(valid);
        let memory = IntGauge::new("process_resident_memory_bytes", "Memory of this process").expect(valid);
        let registry = Registry::new();
        let all: [Box<dyn Collector>; 6] = [
            Box::new(requests.clone()),
            Box::new(seconds.clone()),
            Box::new(batches.clone()),
            Box::new(batch_seconds.clone()),
            Box::new(queue.clone()),
            Box::new(memory.clone()),
        ];
        for collector in all {
            registry.register(collector).expect(valid);
        }
        Self { registry, requests, seconds, batches, batch_seconds, queue, memory }
    }

    /// A request has been answered.
    pub fn request(&self, path: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[path, &status.to_string()]).inc();
        self.seconds.with_label_values(&[path]).observe(took.as_secs_f64());
    }

    /// A batch has been predicted.
    pub fn batch(&self, size: usize, took: Duration) {
        self.batches.observe(size as f64);
        self.batch_seconds.observe(took.as_secs_f64());
    }

    /// As Prometheus reads it, with so many inputs waiting now.
    pub fn text(&self, waiting: usize) -> String {
        self.queue.set(waiting as i64);
        if let Some(bytes) = resident_memory() {
            self.memory.set(bytes as i64);
        }
        // Writing to a string does not fail, and what was never observed is not gathered.
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
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
            "defrost_queue_length 5",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
