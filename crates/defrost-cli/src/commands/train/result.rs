//! What a finished training says: for people, and as JSON.

use std::path::Path;

use serde_json::{Value, json};

use defrost::data::{Dataset, Skipped};
use defrost::learner::{Advice, Decision};
use defrost::metrics::is_error;
use defrost::platform::peak_resident_memory;
use defrost::report::ValidationReport;
use defrost::{EpochRecord, Learner, Method, Network, PhaseSummary, PlanSummary, Precision, Reading};

use crate::run::{Word, shell_command};
use crate::show::{metrics, seconds, trust_lines};

/// A run that is trained and saved, and what its learner does not know of it.
pub struct Trained<'a> {
    pub run: &'a Path,
    /// The file that it was packed into.
    pub file: Option<&'a Path>,
    pub classes: &'a [String],
    pub reading: Option<&'a Reading>,
    /// How many items there were, as JSON.
    pub items: Value,
    pub plan: &'a PlanSummary,
    pub validation: &'a ValidationReport,
    pub advice: Option<&'a Advice>,
    /// The report.
    pub page: &'a Path,
    pub seconds: f64,
    pub threads: usize,
    pub precision: Precision,
}

impl Trained<'_> {
    /// The object that `--json` prints.
    pub fn json<N: Network>(&self, learner: &Learner<N>) -> Value {
        let history = learner.history();
        json!({
            "run": self.run.display().to_string(),
            "file": self.file.map(|file| file.display().to_string()),
            "arch": self.plan.arch,
            "classes": self.classes,
            "reading": self.reading,
            "items": self.items,
            "phases": self.plan.phases,
            "epochs": history.records().iter().map(epoch_json).collect::<Vec<_>>(),
            "best": learner.best().map(epoch_json),
            "baseline": self.validation.baseline,
            "intervals": self.validation.intervals,
            "calibration": self.validation.calibration,
            "decision": learner.decision(),
            "advice": self.advice,
            "estimate": history.estimates(),
            // The name of the estimates in earlier versions.
            "quote": history.estimates(),
            "report": self.page.display().to_string(),
            "seconds": self.seconds,
            "peak_rss_bytes": peak_resident_memory(),
            "threads": self.threads,
            "precision": self.precision,
        })
    }

    /// Prints the result, and what to do next; `items` is what several are called.
    pub fn print<N: Network>(&self, learner: &Learner<N>, items: &str) {
        if let Some(best) = learner.best() {
            let (measured, loss) = (metrics(&best.metrics), best.valid_loss);
            println!("best: {}, loss {loss:.4}, {measured}", self.kept(best, learner));
            trust_lines(self.validation).iter().for_each(|line| println!("  {line}"));
        }
        if let Some(decision) = learner.decision() {
            println!("{}", decision.reason);
        }
        println!("saved: {} after {}", self.run.display(), seconds(self.seconds));
        if let Some(file) = self.file {
            println!("packed: {}", file.display());
        }
        println!("report: {}", self.page.display());
        println!("next: {} FILE…    answers for new {items}", self.command("predict"));
        println!("      {}    a page to try it on", self.command("serve"));
    }

    /// Which weights were kept: `thawed epoch 3`, `the head alone`, `between the head alone and thawed epoch 4`. Where a measure alone
    /// decided, it is named: `thawed epoch 3 (highest accuracy)`.
    fn kept<N: Network>(&self, best: &EpochRecord, learner: &Learner<N>) -> String {
        let EpochRecord { phase: name, epoch, .. } = best;
        let before = |phase: &PhaseSummary| match phase.method {
            Method::SolveHead => "the head alone".to_owned(),
            Method::Measure => "the earlier run".to_owned(),
            Method::Steps => phase.name.clone(),
        };
        let phases = &self.plan.phases;
        match (phases.iter().find(|phase| phase.name == *name), phases.as_slice()) {
            (Some(phase), _) if phase.method != Method::Steps => before(phase),
            // Weights between two phases are of neither.
            (None, [first, .., last]) => {
                format!("between {} and {} epoch {epoch}", before(first), last.name)
            }
            _ if learner.decision().is_some_and(Decision::is_weighed) => format!("{name} epoch {epoch}"),
            _ => {
                let criterion = match learner.monitored_metric() {
                    Some(metric) if is_error(metric) => format!("lowest {metric}"),
                    Some(metric) => format!("highest {metric}"),
                    None => "lowest validation loss".to_owned(),
                };
                format!("{name} epoch {epoch} ({criterion})")
            }
        }
    }

    /// A command for the run, as a shell reads it.
    fn command(&self, command: &str) -> String {
        shell_command(&[Word::Text(command.to_owned()), Word::from(self.run.as_os_str().to_owned())])
    }
}

/// How many items train and validate, and those that are left out.
pub fn items_json(train: &dyn Dataset, valid: &dyn Dataset, skipped: &[Skipped]) -> Value {
    let skipped_json =
        |skipped: &Skipped| json!({ "path": skipped.path.display().to_string(), "reason": skipped.reason });
    let skipped: Vec<Value> = skipped.iter().map(skipped_json).collect();
    json!({ "train": train.len(), "valid": valid.len(), "skipped": skipped })
}

fn epoch_json(record: &EpochRecord) -> Value {
    json!({
        "phase": record.phase,
        "epoch": record.epoch,
        "train_loss": record.train_loss,
        "valid_loss": record.valid_loss,
        "metrics": record.metrics,
        "seconds": record.seconds,
    })
}
