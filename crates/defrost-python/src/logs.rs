//! The library's events go to Python's logger of the name `defrost`.

use std::fmt::{Debug, Write as _};
use std::sync::Once;

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Forwards events from now on, unless this program already does something else with them.
pub fn forward() {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let own = Targets::new().with_target("defrost", Level::DEBUG);
        let _ = tracing_subscriber::registry().with(ToPython.with_filter(own)).try_init();
    });
}

/// Hands events to `logging`.
struct ToPython;

impl<S: Subscriber> Layer<S> for ToPython {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut text = Text::default();
        event.record(&mut text);
        let level = match *event.metadata().level() {
            Level::ERROR => 40,
            Level::WARN => 30,
            Level::INFO => 20,
            _ => 10,
        };
        // An interpreter that is shutting down logs nothing; a handler that fails must not end a training.
        let _ = Python::try_attach(|py| {
            let logger = py.import("logging")?.call_method1("getLogger", ("defrost",))?;
            logger.call_method1("log", (level, "%s", text.0)).map(drop)
        });
    }
}

/// An event in one line: its message, then its values by name.
#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let written = match field.name() {
            "message" => {
                let rest = std::mem::take(&mut self.0);
                write!(self.0, "{value:?}{rest}")
            }
            name => write!(self.0, " {name}={value:?}"),
        };
        written.expect("a string can be written to");
    }
}
