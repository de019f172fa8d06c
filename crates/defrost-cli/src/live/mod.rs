//! `defrost train --live`: the run's report on a page of this machine, while training goes on.
//!
//! One value, the state, holds everything about the run. An observer writes to it, a server shows it to all viewers
//! and notes their commands in it, and the observer carries them out between two batches. Training never waits for a page:
//! a run that nobody stops ends with the same bytes as a run without a page.

mod address;
mod clock;
mod recent;
mod server;
mod state;
mod viewer;
mod watcher;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};

use defrost::learner::{Observer, PhaseEstimate};
use defrost::report::Report;
use defrost::{Learner, Network};

use crate::failure::{Blame, Failure};
use crate::run::{Word, shell_command};
pub use address::Listening;
use recent::Watched;
use state::{RunState, Saved, Snapshot};
pub use watcher::HeldGuard;

/// Why a run that was stopped on its page ended before its last phase did.
pub const STOPPED: &str = "it was stopped on its live page";

/// A run that can be watched. The page is served until this is dropped, and a little longer to those who have not
/// read to the end.
pub struct Live {
    state: RunState,
    serving: Option<JoinHandle<()>>,
}

impl Live {
    /// Shows what is known before training at this place, and says where that is.
    pub fn start(place: Listening, report: Report) -> Result<Self, Failure> {
        let state = RunState::new(Snapshot::before(report));
        let (shown, said) = (state.clone(), place.to_string());
        let serve = move || {
            if let Err(error) = server::run(place, &shown) {
                eprintln!("warning: the live page is gone: {error}");
            }
        };
        let serving = thread::Builder::new().name("live".to_owned()).spawn(serve).or_failure()?;
        eprintln!("{said}");
        Ok(Self { state, serving: Some(serving) })
    }

    /// Shows what the phases should take, where frozen epochs take turns with this many variants of each item.
    pub fn estimated(&self, estimates: &[PhaseEstimate], variants: u64) {
        self.state.change(|snapshot| {
            snapshot.report_mut().estimates = estimates.to_vec();
            snapshot.clock.estimated(estimates, variants);
        });
    }

    /// Notes what happens to this learner, and pauses or stops on command. While training is paused its threads sleep,
    /// and a signal, which raises `stop`, ends the pause.
    pub fn observer<N: Network>(
        &self,
        learner: &Learner<N>,
        stop: Arc<AtomicBool>,
        spin_guard: HeldGuard,
    ) -> Box<dyn Observer> {
        let watched = Watched::of(learner);
        self.state.change(|snapshot| snapshot.items = Some(Arc::new(watched.items.clone())));
        Box::new(watcher::Watcher::new(self.state.clone(), watched, stop, spin_guard))
    }

    /// Whether training ended because somebody pressed the button.
    pub fn was_stopped(&self) -> bool {
        self.state.snapshot().stopped
    }

    /// Says why the run has nothing to show in the end.
    pub fn fail(&self, reason: &str) {
        self.state.change(|snapshot| snapshot.words = format!("The run has ended: {reason}."));
    }

    /// Shows the result of the run, why it ended early if it did, and where it is saved.
    pub fn end(&self, report: Report, early: Option<&str>, run: &Path) {
        let words = match early {
            Some(reason) => format!("Ended early: {reason}. The best epoch is saved in {}.", run.display()),
            None => format!("Finished, and saved in {}.", run.display()),
        };
        let saved = Saved {
            report: run.join("report.html").display().to_string(),
            serve: shell_command(&["serve".into(), run.as_os_str().to_owned()].map(Word::from)),
        };
        self.state.change(|snapshot| snapshot.end(report, words, saved));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.state.change(Snapshot::close);
        if let Some(serving) = self.serving.take() {
            // What a panic had to say it has printed.
            let _ = serving.join();
        }
    }
}
