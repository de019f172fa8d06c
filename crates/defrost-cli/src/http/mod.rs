//! HTTP for all pages: one thread handles all connections, and an answer is a text or a stream.

mod connections;
mod form;
mod reach;
mod refusal;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use http_body_util::channel::Channel;
use http_body_util::{Either, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use connections::Connections;
pub use form::first_file;
pub use reach::from_elsewhere;
pub use refusal::Refusal;

use crate::failure::{Blame, Failure};

/// A request.
pub type Request = hyper::Request<Incoming>;
/// A response.
pub type Response = hyper::Response<Either<Full<Bytes>, Channel<Bytes>>>;

/// A path, its content type and its content.
pub type File = (&'static str, &'static str, &'static [u8]);

/// How long a connection may send nothing while a request is expected of it.
const SILENCE: Duration = Duration::from_secs(15);
/// The answer to a connection beyond those that are accepted.
const TOO_MANY: &str = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
    Content-Type: application/json\r\nContent-Length: 65\r\n\r\n\
    {\"error\":\"there are too many connections; ask again in a second\"}";

/// How long no connection is accepted after one could not be.
const PAUSE: Duration = Duration::from_millis(100);

/// An answer of this content type.
pub fn text(kind: &'static str, content: impl Into<Bytes>) -> Response {
    of_kind(kind, Either::Left(Full::new(content.into())))
}

/// An answer in JSON.
pub fn json(value: &Value) -> Response {
    text("application/json", value.to_string())
}

/// An answer of this content type that comes bit by bit.
pub fn stream(kind: &'static str, content: Channel<Bytes>) -> Response {
    of_kind(kind, Either::Right(content))
}

fn of_kind(kind: &'static str, body: Either<Full<Bytes>, Channel<Bytes>>) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// The file at a path, if it is one of these.
///
/// # Errors
///
/// If there is nothing at the path, or it is not fetched.
pub fn file(files: &[File], request: &Request) -> Result<Response, Refusal> {
    let mut files = files.iter().filter(|(path, ..)| *path == request.uri().path());
    let &(_, kind, content) = files.next().ok_or_else(Refusal::missing)?;
    Refusal::unless_get(request)?;
    Ok(text(kind, content))
}

/// The content type of a request; empty if there is none.
pub fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// A content type without its parameters, in lower case.
pub fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_lowercase()
}

/// A socket at the address that `--host` and `--port` ask for, and that address.
///
/// # Errors
///
/// If nothing can listen there.
pub fn listen(host: IpAddr, port: u16) -> Result<(std::net::TcpListener, SocketAddr), Failure> {
    let listener = std::net::TcpListener::bind((host, port)).map_err(|error| {
        Failure::usage(format!(
            "--host {host} --port {port}: nothing can listen there: {error}; --port 0 takes a free one"
        ))
    })?;
    let address = listener.local_addr().or_failure()?;
    Ok((listener, address))
}

/// Answers requests over as many connections as are admitted until `stop` ends. Connections accepted by then are still answered, for `grace` at most. Returns whether
/// all of them were.
///
/// # Errors
///
/// If the system gives it no sockets.
pub fn serve<A: Future<Output = Response> + Send + 'static>(
    (listener, admitted): (std::net::TcpListener, Connections),
    answer: impl Fn(Request) -> A + Clone + Send + Sync + 'static,
    stop: impl Future<Output = ()>,
    grace: Duration,
) -> io::Result<bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let (ending, _) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = pin!(stop);
        let mut is_said = false;
        loop {
            tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, peer)) => match admitted.admit(peer.ip()) {
                        Some(place) => {
                            let answered = connection(stream, answer.clone(), ending.subscribe());
                            connections.spawn(async move {
                                answered.await;
                                drop(place);
                            });
                        }
                        None => {
                            // The client may be reading, or not.
                            let _ = stream.try_write(TOO_MANY.as_bytes());
                            if !std::mem::replace(&mut is_said, true) {
                                let most = admitted.most();
                                eprintln!("warning: there are {most} connections, or a quarter of that from one address; more are refused");
                            }
                        }
                    },
                    // The client has gone, or too many files are open.
                    Err(_) => sleep(PAUSE).await,
                },
                Some(_) = connections.join_next() => {}
            }
        }
        drop(listener);
        ending.send_replace(true);
        let answered = async { while connections.join_next().await.is_some() {} };
        Ok(timeout(grace, answered).await.is_ok())
    })
}

/// Answers what comes over one connection; at the end, what has been asked by then.
async fn connection<A: Future<Output = Response> + Send>(
    stream: TcpStream,
    answer: impl Fn(Request) -> A,
    mut ending: watch::Receiver<bool>,
) {
    // Small answers are sent at once; if the system can't do that, a little later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(SILENCE);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    tokio::select! {
        // An error: the client has gone or speaks no HTTP.
        _ = &mut connection => return,
        _ = ending.wait_for(|ending| *ending) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_is_told_so_in_json() {
        let (headers, body) = TOO_MANY.split_once("\r\n\r\n").unwrap();
        assert!(headers.ends_with(&format!("\r\nContent-Length: {}", body.len())), "{headers}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"], "there are too many connections; ask again in a second");
    }
}
