//! The overview of a run: its network, its plan and its result.

use std::path::Path;

use serde_json::{Value, json};

use defrost::metrics::Interval;
use defrost::report::{RecordError, Report, read};

/// A finished run, as its report tells.
pub struct Overview {
    pub run: String,
    pub report: Report,
}

impl Overview {
    /// That of a run.
    pub fn of(run: &Path) -> Result<Self, RecordError> {
        Ok(Self { run: run.display().to_string(), report: read(run)? })
    }

    /// Whether it predicts numbers.
    pub fn is_of_numbers(&self) -> bool {
        self.report.about.classes.is_empty()
    }

    /// Its result with the interval, as `accuracy 0.8450  0.7882 to 0.8886`.
    pub fn result(&self) -> Option<String> {
        let (name, value) = self.report.result()?;
        let interval =
            self.report.interval().map(|Interval { low, high }| format!("  {low:.4} to {high:.4}"));
        Some(format!("{name} {value:.4}{}", interval.unwrap_or_default()))
    }

    /// All of it, as JSON.
    pub fn json(&self) -> Value {
        let Report { about, plan, validation, decision, .. } = &self.report;
        let result = self.report.result();
        json!({
            "run": self.run,
            "data": about.name,
            "task": about.task,
            "arch": plan.arch,
            "plan": self.report.trained(),
            "items": { "train": about.train, "valid": about.valid },
            "metric_name": result.map(|(name, _)| name),
            "metric": result.map(|(_, value)| value),
            "interval": self.report.interval(),
            "metrics": validation.as_ref().map(|validation| &validation.metrics),
            "intervals": validation.as_ref().map(|validation| &validation.intervals),
            "decision": decision,
            "seconds": self.report.seconds(),
        })
    }
}
