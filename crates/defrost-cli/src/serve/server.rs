//! The server: what is at which path, and how it ends.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use defrost::ops::release_memory;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::assets::PAGE;
use super::batcher::{Answer, Queue, Wanted};
use super::guard::{Access, guarded};
use super::inputs::Served;
use super::metrics::{self, Metrics};
use super::query;
use super::upload::{Room, drain};
use crate::http::{self, Connections, Refusal, Request, Response};

/// How long a server answers accepted requests after a signal to stop.
const GRACE: Duration = Duration::from_secs(30);
/// After this long without a request, memory is given back.
const QUIET: Duration = Duration::from_secs(10);
/// How often it looks for that signal.
const LOOK: Duration = Duration::from_millis(50);

/// How many connections there may be.
const CONNECTIONS: usize = 512;

/// What is at which path. Everything else is counted together.
const PATHS: [&str; 8] =
    ["/", "/report", "/model", "/health", "/metrics", "/openapi.json", "/predict", "/explain"];

/// A report runs no script and loads nothing.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                             form-action 'none'; frame-ancestors 'none'";

/// The server: it handles all connections.
pub struct Server<S: Served> {
    /// Where inputs wait.
    pub queue: Queue<S::Input>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Who is let in.
    pub access: Access,
    /// The memory for requests.
    pub room: Room,
    /// The description of the run for its page.
    pub about: Value,
    /// The description of the interface for programs.
    pub interface: Value,
    /// The page of its report, if it has one.
    pub report: Option<Bytes>,
    /// How many classes an answer lists unless the request says otherwise.
    pub top: usize,
}

impl<S: Served> Server<S> {
    /// Serves until a signal stops it, and then until the accepted requests are answered.
    ///
    /// # Errors
    ///
    /// If the system gives it no sockets.
    pub fn run(self, listener: TcpListener, stop: Arc<AtomicBool>) -> io::Result<()> {
        let server = Arc::new(self);
        let listener = (listener, Connections::at_most(CONNECTIONS));
        let answer = {
            let server = server.clone();
            move |request| server.clone().answer(request)
        };
        let stop = server_ends(server, stop);
        if !http::serve(listener, answer, stop, GRACE)? {
            eprintln!("warning: some requests were not over after {} s", GRACE.as_secs());
        }
        Ok(())
    }

    /// Answers a request, and counts it by its path and how it was answered.
    async fn answer(self: Arc<Self>, request: Request) -> Response {
        let started = Instant::now();
        let path = PATHS.iter().find(|path| **path == request.uri().path()).unwrap_or(&"other");
        let answer = match self.access.check(request.headers()) {
            Ok(()) => self.at_path(request).await,
            Err(refusal) => Err(refusal),
        };
        let response = guarded(answer);
        self.metrics.request(path, response.status().as_u16(), started.elapsed());
        response
    }

    /// The response for a request, by its path.
    async fn at_path(&self, request: Request) -> Result<Response, Refusal> {
        match request.uri().path() {
            "/predict" => self.network(request, Wanted::Prediction).await,
            "/explain" => self.network(request, Wanted::Explanation).await,
            "/model" => fetched(&request, || http::json(&self.about)),
            "/openapi.json" => fetched(&request, || http::json(&self.interface)),
            "/report" => self.report(&request),
            "/health" => fetched(&request, || http::json(&json!({ "status": "ok" }))),
            "/metrics" => fetched(&request, || {
                http::text(metrics::CONTENT_TYPE, self.metrics.text(self.queue.waiting()))
            }),
            _ => http::file(&PAGE, &request),
        }
    }

    /// The run's report, a page of its own.
    fn report(&self, request: &Request) -> Result<Response, Refusal> {
        Refusal::unless_get(request)?;
        let missing = || Refusal::new(StatusCode::NOT_FOUND, "this run has no report beside it");
        let mut page = http::text("text/html; charset=utf-8", self.report.clone().ok_or_else(missing)?);
        page.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
        Ok(page)
    }

    /// The network's prediction.
    async fn network(&self, request: Request, wanted: Wanted) -> Result<Response, Refusal> {
        Refusal::unless_post(&request)?;
        let top = match query::top(request.uri(), self.top) {
            Ok(top) => top,
            Err(refusal) => {
                drain(request).await;
                return Err(refusal);
            }
        };
        // The room is held until the answer is there. A client that is slow to send takes no slot.
        let mut held = self.room.part();
        let (name, input) = S::input(request, &mut held).await?;
        let Some(slot) = self.queue.slot(wanted) else {
            return Err(Refusal::busy(self.queue.length(wanted)));
        };
        match self.queue.ask(slot, input).await {
            Answer::Found(found) => Ok(http::json(&found.first(top).to_json(&name))),
            Answer::Explained(found, explanation) => {
                let mut answer = found.first(top).to_json(&name);
                answer["heat"] = explanation.to_json();
                Ok(http::json(&answer))
            }
            Answer::Unusable(unusable) => Err(Refusal::unusable(unusable.reason).at(unusable.fields)),
            Answer::Failed => {
                let message = "the network failed on this input; the server's own output says more";
                Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, message))
            }
        }
    }
}

fn fetched(request: &Request, answer: impl FnOnce() -> Response) -> Result<Response, Refusal> {
    Refusal::unless_get(request).map(|()| answer())
}

/// Comes back when the flag is raised. Until then, memory that a load has taken is given back after it.
async fn server_ends<S: Served>(server: Arc<Server<S>>, stop: Arc<AtomicBool>) {
    let mut answered = 0;
    let mut since = Instant::now();
    let mut is_given_back = true;
    while !stop.load(Ordering::Relaxed) {
        sleep(LOOK).await;
        let now = server.metrics.answered();
        if now != answered || server.queue.waiting() > 0 {
            (answered, since, is_given_back) = (now, Instant::now(), false);
        } else if !is_given_back && since.elapsed() >= QUIET {
            release_memory();
            is_given_back = true;
        }
    }
}
