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

use super::board::{Board, Step, Wish};
use super::place::Listening;
use super::viewer::events;
use crate::serve::{Access, File, Refusal, files, guard};

/// How long those who look at the page may take to read how the run ended.
const GRACE: Duration = Duration::from_secs(3);

/// As of every page; the shares of classes in a report are attributes of their cells.
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
pub fn run(place: Listening, board: &Board) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let access = Access::of(place.ip());
    runtime.block_on(async {
        place.listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(place.listener)?.tap_io(|stream| {
            // What is told goes at once; where that can't be had it goes a little later.
            let _ = stream.set_nodelay(true);
        });
        let serving = axum::serve(listener, router(board.clone(), access))
            .with_graceful_shutdown(over(board.clone()))
            .into_future();
        tokio::select! {
            served = serving => served,
            () = async { over(board.clone()).await; sleep(GRACE).await } => Ok(()),
        }
    })
}

fn router(board: Board, access: Access) -> Router {
    let asked = |wish| {
        post(move |board: State<Board>, headers: HeaderMap| async move { ask(&board, &headers, wish) })
    };
    Router::new()
        .route("/", get(page))
        .route("/events", get(watch))
        .route("/pause", asked(Wish::Pause))
        .route("/resume", asked(Wish::Resume))
        .route("/stop", asked(Wish::Stop))
        .merge(files(&FILES))
        .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path") })
        .method_not_allowed_fallback(|| async {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path is not asked like that")
        })
        .layer(from_fn_with_state(access, guard))
        .with_state(board)
}

/// Comes back when the run is over.
async fn over(board: Board) {
    // It can't be closed: the board is here.
    let _ = board.watch().wait_for(|now| now.step == Step::Over).await;
}

/// `GET /`
async fn page() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CONTENT_SECURITY_POLICY, POLICY)];
    (headers, include_str!("page/index.html"))
}

/// `GET /events`
async fn watch(State(board): State<Board>) -> impl IntoResponse {
    Sse::new(events(&board)).keep_alive(KeepAlive::default())
}

/// `POST /pause`, `/resume`, `/stop`. What is called JSON no page from elsewhere can send without asking first, and it
/// is not allowed to.
fn ask(board: &Board, headers: &HeaderMap, wish: Wish) -> Result<Json<Value>, Refusal> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::unsupported("send it as application/json"));
    }
    match board.ask(wish) {
        Ok(step) => Ok(Json(json!({ "step": step }))),
        Err(_) => Err(Refusal::new(
            StatusCode::CONFLICT,
            "it is too late for that: training has ended or is about to",
        )),
    }
}
