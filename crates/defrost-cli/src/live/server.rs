//! The server of a live page: what is at which path, and how it ends.

use std::io;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use serde_json::json;

use defrost::report::PAGE_STYLE;

use super::address::Listening;
use super::state::{Command, RunState, Step};
use super::viewer::{Watchers, events};
use crate::http::{self, Connections, File, Refusal, Request, Response};
use crate::serve::{Access, guarded};

/// How long those who look at the page may take to read how the run ended.
const GRACE: Duration = Duration::from_secs(3);

/// How many connections there may be: files for the run's own remain.
const CONNECTIONS: usize = 64;

/// As of every page; the fractions of classes in a report are attributes of their cells.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's files.
const FILES: [File; 5] = [
    ("/", "text/html; charset=utf-8", include_bytes!("page/index.html")),
    ("/report.css", "text/css; charset=utf-8", PAGE_STYLE.as_bytes()),
    ("/live.css", "text/css; charset=utf-8", include_bytes!("page/live.css")),
    ("/live.js", "text/javascript; charset=utf-8", include_bytes!("page/live.js")),
    ("/recent.js", "text/javascript; charset=utf-8", include_bytes!("page/recent.js")),
];

/// Serves until the run is over and those who watch it know.
///
/// # Errors
///
/// If the system gives it no sockets.
pub fn run(place: Listening, state: &RunState) -> io::Result<()> {
    let access = Access::of(place.ip());
    let (shown, watchers) = (state.clone(), Watchers::new());
    let answer = move |request: Request| {
        let answer = access.check(request.headers()).and_then(|()| at_path(&shown, &watchers, &request));
        async { guarded(answer) }
    };
    // A client that has not read to the end by then has gone.
    let listener = (place.listener, Connections::at_most(CONNECTIONS));
    http::serve(listener, answer, over(state), GRACE).map(drop)
}

/// Comes back when the run is over.
async fn over(state: &RunState) {
    // It can't be closed: the state is here.
    let _ = state.watch().wait_for(|snapshot| snapshot.step == Step::Over).await;
}

/// The response for a request, by its path.
fn at_path(state: &RunState, watchers: &Watchers, request: &Request) -> Result<Response, Refusal> {
    match request.uri().path() {
        "/events" => Refusal::unless_get(request).and_then(|()| events(state, watchers)),
        "/pause" => ask(state, request, Command::Pause),
        "/resume" => ask(state, request, Command::Resume),
        "/stop" => ask(state, request, Command::Stop),
        _ => {
            let mut page = http::file(&FILES, request)?;
            page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
            Ok(page)
        }
    }
}

/// `POST /pause`, `/resume`, `/stop`. A page from elsewhere can't send JSON without asking first, and it
/// is not allowed to.
fn ask(state: &RunState, request: &Request, command: Command) -> Result<Response, Refusal> {
    Refusal::unless_post(request)?;
    if http::essence(http::content_type(request.headers())) != "application/json" {
        return Err(Refusal::unsupported("send it as application/json"));
    }
    match state.ask(command) {
        Ok(step) => Ok(http::json(&json!({ "step": step }))),
        Err(_) => Err(Refusal::new(
            StatusCode::CONFLICT,
            "it is too late for that: training has ended or is about to",
        )),
    }
}
