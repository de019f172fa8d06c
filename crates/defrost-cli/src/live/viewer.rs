//! The messages to a viewer of the page, and their timing.
//!
//! A new viewer gets everything once, and then the changes, a few times a second at most. Changes in between are sent
//! together.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::channel::Channel;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, sleep_until, timeout};

use defrost::report::{Report, State, batch_losses};

use super::recent::Recent;
use super::state::{RunState, Snapshot, Step};
use crate::http::{self, Refusal, Response};

/// The time between two looks at the state: at least this, and at least this multiple of the time that drawing has taken, but no
/// more than [`SELDOM`]; the last two for each of the pages that show the run.
const EVERY: Duration = Duration::from_millis(250);
const TIMES: u32 = 20;
const SELDOM: Duration = Duration::from_secs(1);

/// How many pages may show a run at once.
pub const WATCHERS: usize = 16;

/// How long a message may wait for a page that does not read.
const UNREAD: Duration = Duration::from_secs(30);

/// The pages that show the run. What they cost together is bounded: the more there are, the less often each is drawn.
#[derive(Clone)]
pub struct Watchers(Arc<Semaphore>);

impl Watchers {
    /// None yet.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(WATCHERS)))
    }

    /// How many there are, or 1.
    fn count(&self) -> u32 {
        (WATCHERS - self.0.available_permits()).max(1) as u32
    }
}

/// After this long without a change the time is sent again.
const TICK: Duration = Duration::from_secs(1);

/// After this long without news an empty message is sent, so that no proxy closes the connection.
const SILENCE: Duration = Duration::from_secs(15);

/// An event's name and content.
type Told = (&'static str, Value);

struct Viewer {
    state: watch::Receiver<Snapshot>,
    watchers: Watchers,
    waiting: VecDeque<Told>,
    /// The report as it was sent.
    report: Option<Arc<Report>>,
    /// Whether the items that are shown were sent.
    items: bool,
    /// The predictions as they were sent.
    recent: Option<Arc<Recent>>,
    /// How many losses were sent, and the position of the last.
    losses: Option<(usize, f64)>,
    next: Instant,
    over: bool,
}

/// The stream of messages to a viewer; it ends after the run.
///
/// # Errors
///
/// If too many pages show the run.
pub fn events(state: &RunState, watchers: &Watchers) -> Result<Response, Refusal> {
    let place = watchers.0.clone().try_acquire_owned().map_err(|_| {
        let message = format!("{WATCHERS} pages show this run already; close one of them");
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, message)
    })?;
    let (mut sender, content) = Channel::new(1);
    let mut viewer = Viewer::new(state, watchers.clone());
    tokio::spawn(async move {
        loop {
            let event = match timeout(SILENCE, viewer.next()).await {
                // JSON is one line.
                Ok(Some((name, content))) => format!("event: {name}\ndata: {content}\n\n"),
                Ok(None) => break,
                Err(_) => ":\n\n".to_owned(),
            };
            if !matches!(timeout(UNREAD, sender.send_data(event.into())).await, Ok(Ok(()))) {
                // Nobody looks any more.
                break;
            }
        }
        drop(place);
    });
    Ok(http::stream("text/event-stream", content))
}

impl Viewer {
    fn new(state: &RunState, watchers: Watchers) -> Self {
        let (state, next) = (state.watch(), Instant::now());
        Self {
            state,
            watchers,
            waiting: VecDeque::new(),
            report: None,
            items: false,
            recent: None,
            losses: None,
            next,
            over: false,
        }
    }

    async fn next(&mut self) -> Option<Told> {
        loop {
            if let Some(told) = self.waiting.pop_front() {
                return Some(told);
            }
            if self.over {
                return None;
            }
            sleep_until(self.next).await;
            // The clock goes on while nothing changes.
            if let Ok(changed) = timeout(TICK, self.state.changed()).await {
                changed.ok()?;
            }
            let (snapshot, looked) = (self.state.borrow_and_update().clone(), Instant::now());
            let news = self.news(&snapshot);
            self.waiting.extend(news);
            let watchers = self.watchers.count();
            self.next = looked + (looked.elapsed() * TIMES * watchers).clamp(EVERY, SELDOM * watchers);
        }
    }

    /// The changes since the last look.
    fn news(&mut self, snapshot: &Snapshot) -> Vec<Told> {
        let mut news = vec![];
        let is_told = self.report.as_ref().is_some_and(|told| Arc::ptr_eq(told, &snapshot.report));
        if !is_told {
            self.report = Some(snapshot.report.clone());
            news.push(("report", snapshot.report.sections().into()));
        }
        let points = snapshot.losses.points();
        let losses = points.last().map(|last| (points.len(), last.0));
        if losses != self.losses || (!is_told && losses.is_some()) {
            self.losses = losses;
            let chart = batch_losses(&snapshot.report, &snapshot.losses);
            news.push(("batches", json!({ "title": chart.title, "svg": chart.draw() })));
        }
        if let Some(items) = snapshot.items.as_ref().filter(|_| !self.items) {
            self.items = true;
            news.push(("items", Value::clone(items)));
        }
        let is_new =
            |recent: &&Arc<Recent>| self.recent.as_ref().is_none_or(|told| !Arc::ptr_eq(told, recent));
        if let Some(recent) = snapshot.recent.as_ref().filter(is_new) {
            news.push(("predictions", json!(**recent)));
            self.recent = Some(recent.clone());
        }
        news.push(("state", state(snapshot)));
        self.over = snapshot.step == Step::Over;
        if self.over {
            news.extend(snapshot.saved.as_ref().map(|saved| ("saved", json!(saved))));
            news.push(("over", snapshot.words.clone().into()));
        }
        news
    }
}

/// Where a run is, in numbers.
fn state(snapshot: &Snapshot) -> Value {
    let all = snapshot.report.epochs_in_all().max(1) as f64;
    let phase = match snapshot.report.state {
        State::Running { phase } => snapshot.report.plan.phases.get(phase).map(|phase| phase.name.as_str()),
        _ => None,
    };
    let mut state = json!({
        "name": snapshot.report.about.name,
        "step": snapshot.step,
        "phase": phase,
        "done": (snapshot.epochs() / all).min(1.0),
        "time": snapshot.clock.told(Instant::now().into_std()),
    });
    if let Some((place, loss)) = snapshot.batch {
        state["batch"] = json!({
            "epoch": place.epoch,
            "epochs": place.epochs,
            "batch": place.batch,
            "batches": place.batches,
            "loss": loss,
        });
    }
    state
}

#[cfg(test)]
mod tests {
    use std::thread;

    use defrost::learner::Position;
    use defrost::report::About;
    use defrost::{EpochRecord, PlanSummary};

    use super::*;

    /// Of a run of one phase.
    fn state() -> RunState {
        let phase =
            serde_json::from_value(json!({ "name": "thawed", "frozen_groups": [], "constant_stages": 0,
            "trainable_params": 1, "epochs": 4, "batches_per_epoch": 5, "lr_max": [] }));
        let plan = PlanSummary {
            arch: "network".to_owned(),
            phases: vec![phase.unwrap()],
            ..PlanSummary::default()
        };
        RunState::new(Snapshot::before(Report::planned(About::default(), plan, &[])))
    }

    fn train(snapshot: &mut Snapshot, batch: usize) {
        let position = Position { epoch: 1, epochs: 4, batch, batches: 5 };
        snapshot.batch = Some((position, 0.5));
        snapshot.losses.push(snapshot.epochs(), 0.5);
    }

    #[test]
    fn whoever_comes_is_told_everything_and_then_what_changes() {
        let state = state();
        let mut viewer = Viewer::new(&state, Watchers::new());
        let mut news = || viewer.news(&state.snapshot()).into_iter().map(|told| told.0).collect::<Vec<_>>();
        assert_eq!(news(), ["report", "state"]);
        state.change(|snapshot| train(snapshot, 1));
        assert_eq!(news(), ["batches", "state"]);
        assert_eq!(news(), ["state"]);
        let (phase, metrics) = ("thawed".to_owned(), [].into());
        let record = EpochRecord { phase, epoch: 1, train_loss: 1.0, valid_loss: 1.0, metrics, seconds: 1.0 };
        state.change(|snapshot| snapshot.report_mut().epochs.push(record));
        assert_eq!(news(), ["report", "batches", "state"]);
        state.change(Snapshot::close);
        assert_eq!(news(), ["state", "over"]);
        let late = Viewer::new(&state, Watchers::new()).news(&state.snapshot());
        assert_eq!(
            late.iter().map(|told| told.0).collect::<Vec<_>>(),
            ["report", "batches", "state", "over"]
        );
        assert_eq!(late[2].1["step"], "over");
        assert_eq!(late[2].1["done"], 0.3);
    }

    #[test]
    fn what_changes_often_is_told_a_few_times_a_second() {
        let state = state();
        let started = Instant::now();
        let mut viewer = Viewer::new(&state, Watchers::new());
        let training = thread::spawn(move || {
            for batch in 0..300 {
                state.change(|snapshot| train(snapshot, batch % 5));
                thread::sleep(Duration::from_millis(3));
            }
            state.change(Snapshot::close);
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let told = runtime.block_on(async {
            let mut told = vec![];
            while let Some((name, _)) = viewer.next().await {
                told.push(name);
            }
            told
        });
        training.join().unwrap();
        let states = told.iter().filter(|name| **name == "state").count() as u32;
        let most = (started.elapsed().as_millis() / EVERY.as_millis()) as u32 + 2;
        assert!((2..=most).contains(&states), "{states} of at most {most}");
        assert_eq!(told.last(), Some(&"over"));
    }
}
