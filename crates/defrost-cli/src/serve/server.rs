//! The server: what is at which path, and how it ends.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::assets::{PAGE, files};
use super::batcher::{Answer, Queue, Wanted};
use super::guard::{Access, guard};
use super::inputs::Served;
use super::metrics::{self, Metrics};
use super::refusal::Refusal;
use super::upload;

/// How long a server that is told to stop goes on to answer what it has accepted.
const GRACE: Duration = Duration::from_secs(30);
/// How often it looks whether it has been told.
const LOOK: Duration = Duration::from_millis(50);

/// What is at which path. Everything else is counted together.
const PATHS: [&str; 8] =
    ["/", "/app.js", "/style.css", "/model", "/health", "/metrics", "/predict", "/explain"];

/// What talks to everybody.
pub struct Server<S: Served> {
    /// Where inputs wait.
    pub queue: Queue<S::Input>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Who is let in.
    pub access: Access,
    /// The longest request, in bytes.
    pub limit: usize,
    /// What pages and programs are told of the run.
    pub about: Value,
}

impl<S: Served> Server<S> {
    /// Serves until it is told to stop, and then until what it has accepted is answered.
    ///
    /// # Errors
    ///
    /// If the system gives it no sockets.
    pub fn run(self, listener: TcpListener, stop: Arc<AtomicBool>) -> io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            listener.set_nonblocking(true)?;
            let listener = tokio::net::TcpListener::from_std(listener)?.tap_io(|stream| {
                // Small answers go at once; where that can't be had they go a little later.
                let _ = stream.set_nodelay(true);
            });
            let serving = axum::serve(listener, Arc::new(self).router())
                .with_graceful_shutdown(told(stop.clone()))
                .into_future();
            tokio::select! {
                served = serving => served,
                () = async { told(stop).await; sleep(GRACE).await } => {
                    eprintln!("warning: some requests were not over after {} s", GRACE.as_secs());
                    Ok(())
                }
            }
        })
    }

    fn router(self: Arc<Self>) -> Router {
        let (access, metrics) = (self.access, self.metrics.clone());
        Router::new()
            .route("/predict", post(|server, request| answer::<S>(server, request, Wanted::Prediction)))
            .route("/explain", post(|server, request| answer::<S>(server, request, Wanted::Explanation)))
            .route("/model", get(about::<S>))
            .route("/health", get(|| async { Json(json!({ "status": "ok" })) }))
            .route("/metrics", get(measured::<S>))
            .merge(files(&PAGE))
            .fallback(|| async { Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this path") })
            .method_not_allowed_fallback(|| async {
                Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path is not asked like that")
            })
            .layer(DefaultBodyLimit::disable())
            .layer(from_fn_with_state(access, guard))
            .layer(from_fn_with_state(metrics, counted))
            .with_state(self)
    }
}

/// Comes back when the flag is raised.
async fn told(stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        sleep(LOOK).await;
    }
}

/// `POST /predict` and `POST /explain`
async fn answer<S: Served>(
    State(server): State<Arc<Server<S>>>,
    request: Request,
    wanted: Wanted,
) -> Result<Json<Value>, Refusal> {
    let Some(slot) = server.queue.slot(wanted) else {
        upload::drain(request).await;
        return Err(Refusal::busy(server.queue.length(wanted)));
    };
    let (name, input) = S::input(request, server.limit).await?;
    match server.queue.ask(slot, input).await {
        Answer::Found(found) => Ok(Json(found.to_json(&name))),
        Answer::Explained(found, explanation) => {
            let mut answer = found.to_json(&name);
            answer["heat"] = explanation.to_json();
            Ok(Json(answer))
        }
        Answer::Unusable(reason) => Err(Refusal::unusable(reason)),
        Answer::Failed => {
            let message = "the network failed on this input; the server's own output says more";
            Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
        }
    }
}

/// `GET /model`
async fn about<S: Served>(State(server): State<Arc<Server<S>>>) -> Json<Value> {
    Json(server.about.clone())
}

/// `GET /metrics`
async fn measured<S: Served>(State(server): State<Arc<Server<S>>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], server.metrics.text(server.queue.waiting()))
}

/// Counts a request by its path and how it was answered.
async fn counted(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let path = PATHS.iter().find(|path| **path == request.uri().path()).unwrap_or(&"other");
    let response = next.run(request).await;
    metrics.request(path, response.status().as_u16(), started.elapsed());
    response
}
