//! Progress on stderr: bars with the time left on a terminal, a line an epoch elsewhere.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use defrost::learner::{AdviceProgress, BatchReport, Flow, Observer, Position, Resumed, RolledBack};
pub use defrost::report::seconds;
use defrost::{EpochRecord, Method, ResolvedPhase};

use super::{metrics, rate, thousands};

/// Shows training as it goes.
pub struct Progress {
    phase: String,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar if stderr is a terminal.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| bar(0, TEMPLATE));
        Self { phase: String::new(), bar }
    }

    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }
}

/// A bar of this length. The template is a constant that a test draws.
pub fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::new(length).with_style(style)
}

const TEMPLATE: &str = "  {prefix} {wide_bar} {pos}/{len} {msg} eta {eta}";

impl Observer for Progress {
    fn phase_started(&mut self, phase: &ResolvedPhase) {
        let ResolvedPhase { name, plan, rates, method, .. } = phase;
        self.phase = name.clone();
        let count = thousands(plan.trainable_count());
        if *method == Method::SolveHead {
            eprintln!("{name}: the head's {count} parameters are solved for on frozen features");
            return;
        }
        let rates: Vec<String> =
            (0..rates.len()).filter(|&g| plan.trains(g)).map(|g| rate(rates[g])).collect();
        eprintln!("{name}: {count} parameters train at {}", rates.join(", "));
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        let Position { epoch, epochs, batch, batches } = event.position;
        self.say(&match epoch > epochs {
            true => format!("  {} goes on after its last epoch", self.phase),
            false => format!("  {} goes on in epoch {epoch}, after batch {batch} of {batches}", self.phase),
        });
    }

    fn checkpoint_failed(&mut self, reason: &str) {
        self.say(&format!("warning: the checkpoint can't be written, and no further one is tried: {reason}"));
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        let Some(bar) = &self.bar else { return Flow::Continue };
        let Position { epoch, epochs, batch, batches } = report.position;
        if batch == 1 && epoch == 1 {
            bar.reset();
        }
        bar.set_length((epochs * batches) as u64);
        bar.set_position(((epoch - 1) * batches + batch) as u64);
        bar.set_prefix(format!("{} {epoch}/{epochs}", self.phase));
        bar.set_message(format!("loss {:.3}", report.loss));
        Flow::Continue
    }

    fn rolled_back(&mut self, event: &RolledBack) {
        let Position { epoch, batch, .. } = event.position;
        self.say(&format!(
            "  {} epoch {epoch}: the loss was NaN in batch {batch}; the epoch starts again at {} of the rates",
            self.phase, event.rate_factor
        ));
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        let line = format!(
            "  {} epoch {}: train loss {:.4}, valid loss {:.4}, {}, {}",
            record.phase,
            record.epoch,
            record.train_loss,
            record.valid_loss,
            metrics(&record.metrics),
            seconds(record.seconds)
        );
        self.say(&line);
        Flow::Continue
    }
}

/// Shows an advice as it comes: a bar of passes on a terminal, a line a step elsewhere.
#[derive(Clone)]
pub struct Advising(Option<ProgressBar>);

impl Advising {
    /// A bar if stderr is a terminal.
    pub fn new() -> Self {
        Self(std::io::stderr().is_terminal().then(|| bar(0, ADVISING)))
    }

    /// The advice is there, or it ended early.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Advising {
    fn advising(&mut self, AdviceProgress { doing, used, passes }: &AdviceProgress) {
        match &self.0 {
            Some(bar) => {
                bar.set_length(*passes);
                bar.set_position(*used);
                bar.set_message(doing.clone());
            }
            None => eprintln!("advice: {doing}"),
        }
    }
}

const ADVISING: &str = "  advice {bar:20} {msg}";

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_valid() {
        bar(1, TEMPLATE);
        bar(1, ADVISING);
    }
}
