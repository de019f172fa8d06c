//! Progress on stderr: a line for each epoch and, on a terminal, a bar with the time left.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

use defrost::learner::{AdviceProgress, BatchReport, Flow, Observer, Position, Resumed, RolledBack};
pub use defrost::report::seconds;
use defrost::{EpochRecord, Method, ResolvedPhase};

use super::{is_quiet, metrics_that_fit, rate, tell, thousands};
use crate::terminal::name;

/// Shows training as it goes.
pub struct Progress {
    phase: String,
    /// How many epochs the phase has; none where its weights are computed or only measured.
    epochs: Option<usize>,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A bar if stderr is a terminal.
    pub fn new() -> Self {
        Self { phase: String::new(), epochs: None, bar: on_a_terminal(TEMPLATE) }
    }

    /// Prints a line of progress above the bar.
    fn say(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| tell!("{line}")),
            None => tell!("{line}"),
        }
    }

    /// Prints a warning above the bar.
    fn warn(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("warning: {line}")),
            None => eprintln!("warning: {line}"),
        }
    }
}

/// A bar, if stderr is a terminal and progress is wanted.
pub fn on_a_terminal(template: &str) -> Option<ProgressBar> {
    (!is_quiet() && std::io::stderr().is_terminal()).then(|| bar(0, template))
}

/// A bar of this length. The template is a constant that a test draws.
pub fn bar(length: u64, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    ProgressBar::new(length).with_style(style)
}

const TEMPLATE: &str = "  {prefix} {wide_bar} {pos}/{len} {msg} eta {eta}";

impl Observer for Progress {
    fn phase_started(&mut self, phase: &ResolvedPhase) {
        let ResolvedPhase { name, plan, rates, method, epochs, .. } = phase;
        self.phase.clone_from(name);
        self.epochs = (*method == Method::Steps).then_some(*epochs);
        let count = thousands(plan.trainable_count());
        match method {
            Method::Steps => {}
            Method::SolveHead => {
                tell!("{name}: the head's {count} parameters are computed from frozen features");
                return;
            }
            Method::Measure => {
                tell!("{name}: the earlier run is measured on this data");
                return;
            }
        }
        let rates: Vec<String> =
            (0..rates.len()).filter(|&g| plan.trains(g)).map(|g| rate(rates[g])).collect();
        tell!("{name}: {count} parameters train at {}", rates.join(", "));
    }

    fn phase_ended(&mut self, _: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn resumed(&mut self, event: &Resumed<'_>) {
        let Position { epoch, epochs, batch, batches } = event.position;
        self.say(&match epoch > epochs {
            true => format!("  {} goes on after its last epoch", self.phase),
            false => format!("  {} goes on in epoch {epoch}, after batch {batch} of {batches}", self.phase),
        });
    }

    fn checkpoint_failed(&mut self, reason: &str) {
        self.warn(&format!("the checkpoint can't be written, and no further one is tried: {reason}"));
    }

    fn batch_ended(&mut self, report: &BatchReport) -> Flow {
        let Some(bar) = &self.bar else { return Flow::Continue };
        let Position { epoch, epochs, batch, batches } = report.position;
        if batch == 1 && epoch == 1 {
            bar.reset();
        }
        bar.set_length((epochs * batches) as u64);
        bar.set_position(((epoch - 1) * batches + batch) as u64);
        bar.set_prefix(format!("{} {epoch}/{epochs}", name(&self.phase)));
        bar.set_message(format!("loss {:.3}", report.loss));
        Flow::Continue
    }

    fn rolled_back(&mut self, event: &RolledBack) {
        let Position { epoch, batch, .. } = event.position;
        self.warn(&format!(
            "{} epoch {epoch}: the loss was NaN in batch {batch}; the epoch starts again at {} of the rates",
            self.phase, event.rate_factor
        ));
    }

    fn epoch_ended(&mut self, record: &EpochRecord) -> Flow {
        self.say(&epoch_line(record, self.epochs));
        Flow::Continue
    }
}

/// An epoch in a line of 80 columns, unless its phase has a long name.
fn epoch_line(record: &EpochRecord, epochs: Option<usize>) -> String {
    let EpochRecord { phase, epoch, train_loss, valid_loss, metrics, seconds: taken, .. } = record;
    let place = epochs.map_or_else(String::new, |epochs| {
        let digits = epochs.to_string().len();
        format!(" {epoch:digits$}/{epochs}")
    });
    let losses = format!("  {phase}{place}: train loss {train_loss:.4}, valid {valid_loss:.4}, ");
    let metrics = metrics_that_fit(metrics, WIDTH.saturating_sub(losses.chars().count() + SECONDS));
    format!("{losses}{metrics}, {}", seconds(*taken))
}

/// Columns of a line, and those that `, 12 min 34 s` takes of it.
const WIDTH: usize = 80;
const SECONDS: usize = 13;

/// Shows how far an advice is: a bar of passes on a terminal, a line for each step elsewhere.
#[derive(Clone)]
pub struct Advising(Option<ProgressBar>);

impl Advising {
    /// A bar if stderr is a terminal.
    pub fn new() -> Self {
        Self(on_a_terminal(ADVISING))
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
                bar.set_message(name(doing));
            }
            None => tell!("advice: {doing}"),
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

    #[test]
    fn an_epoch_fits_a_line_of_80_columns() {
        let metrics = [("accuracy", 0.91), ("f1", 0.9052)].map(|(name, value)| (name.to_owned(), value));
        let record = |phase: &str, seconds: f64| EpochRecord {
            phase: phase.to_owned(),
            epoch: 3,
            train_loss: 0.25,
            valid_loss: 0.5,
            metrics: metrics.clone().into_iter().collect(),
            seconds,
        };
        assert_eq!(
            epoch_line(&record("thawed", 12.3), Some(4)),
            "  thawed 3/4: train loss 0.2500, valid 0.5000, accuracy 0.9100, 12.3 s"
        );
        let longest = epoch_line(&record("from group 12", 754.0), Some(150));
        assert_eq!(
            longest,
            "  from group 12   3/150: train loss 0.2500, valid 0.5000, accuracy 0.9100, 12 min 34 s"
        );
        assert!(epoch_line(&record("frozen", 1.0), None).starts_with("  frozen: train loss 0.2500, "));
    }
}
