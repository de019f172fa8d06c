//! The server of a live page: what is at which path, and how it ends.

use std::io;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use axum::response::sse::{KeepAlive, Sse};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::sleep;

use defrost::report::PAGE_STYLE;

use super::address::Listening;
use super::state::{Command, RunState, Step};
use super::viewer::events;
use crate::serve::{Access, File, Refusal, files, guard};

/// How long those who look at the page may take to read how the run ended.
const GRACE: Duration = Duration::from_secs(3);

/// As of every page; the fractions of classes in a report are attributes of their cells.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
                      connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The page's files.
const FILES: [File; 3] = [
    ("/report.css", "text/css; charset=utf-8", PAGE_STYLE),
    ("/live.css", "text/css; charset=utf-8", include_str!("page/live.css")),
    ("/live.js", "text/javascript; charset=utf-8", include_str!("page/live.js")),
];

/// Serves until the run is over and those who watch it know.
///
/// # Errors
///
/// If the system gives it no sockets.
pub fn run(place: Listening, state: &RunState) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let access = Access::of(place.ip());
    runtime.block_on(async {
        place.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(place.listener)?.tap_io(|stream| {
            // What is told goes at once; where that can't be had it goes a little later.
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, router(state.clone(), access))
            .with_graceful_shutdown(over(state.clone()))
            .into_future();
        tokio::select! {
            served = serving => served,
            () = async { over(state.clone()).await; sleep(GRACE).await } => Ok(()),
        }
    })
}

fn router(state: RunState, access: Access) -> Router {
    let asked = |command| {
        post(move |state: State<RunState>, headers: HeaderMap| async move { ask(&state, &headers, command) })
    };
    Router::new()
        .route("/", get(page))
        .route("/events", get(watch))
        .route("/pause", asked(Command::Pause))
        .route("/resume", asked(Command::Resume))
        .route("/stop", asked(Command::Stop))
        .merge(files(&FILES))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path is not asked like that")
        })
        .layer(from_fn_with_state(access, guard))
        .with_state(state)
}

/// Comes back when the run is over.
async fn over(state: RunState) {
    // It can't be closed: the state is here.
    let _ = state.watch().wait_for(|snapshot| snapshot.step == Step::Over).await;
}

/// `GET /`
async fn page() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("page/index.html"))
}

/// `GET /events`
async fn watch(State(state): State<RunState>) -> impl IntoResponse {
    Sse::new(events(&state)).keep_alive(KeepAlive::default())
}

/// `POST /pause`, `/resume`, `/stop`. What is called JSON no page from elsewhere can send without asking first, and it
/// is not allowed to.
fn ask(state: &RunState, headers: &HeaderMap, command: Command) -> Result<Json<Value>, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::unsupported("send it as application/json"));
    }
    match state.ask(command) {
        Ok(step) => Ok(Json(json!({ "step": step }))),
        Err(_) => Err(Refusal::new(
            StatusCode::CONFLICT,
            "it is too late for that: training has ended or is about to",
        )),
    }
}
