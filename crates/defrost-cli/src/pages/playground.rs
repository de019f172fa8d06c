//! Serving the page that trains: files that are in the program, and nothing else.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue, IF_NONE_MATCH};
use tokio::time::sleep;

use super::{Pages, content_type, policy};
use crate::Outcome;
use crate::failure::{Blame, Failure};
use crate::http::{self, Connections, Refusal, Request, Response};
use crate::serve::{Access, guarded};

/// How many connections there may be.
const CONNECTIONS: usize = 64;
/// How long files that are on their way may take after a signal.
const GRACE: Duration = Duration::from_secs(3);
/// How often it looks for that signal.
const LOOK: Duration = Duration::from_millis(50);

/// The files of the page, by their paths.
pub struct Playground {
    files: HashMap<String, Served>,
    policy: HeaderValue,
}

struct Served {
    kind: &'static str,
    content: &'static [u8],
    /// Another one where the content is another one.
    tag: HeaderValue,
}

impl Playground {
    /// Of these pages.
    ///
    /// # Errors
    ///
    /// If they are not whole.
    pub fn new(pages: &Pages) -> Result<Self, Failure> {
        let page = pages.text("index.html")?;
        // The page's own policy, and what can only be said in a header.
        let policy = format!("{}; frame-ancestors 'none'", policy(page)?);
        let policy = HeaderValue::from_str(&policy).or_failure()?;
        let path = |name: &str| match name {
            "index.html" => "/".to_owned(),
            other => format!("/{other}"),
        };
        let served = |&(name, content): &(&'static str, &'static [u8])| {
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            let tag = HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).or_failure()?;
            Ok((path(name), Served { kind: content_type(name), content, tag }))
        };
        Ok(Self { files: pages.0.iter().map(served).collect::<Result<_, Failure>>()?, policy })
    }

    /// Serves until a signal raises `stop`.
    pub fn serve(self, listener: TcpListener, access: Access, stop: Arc<AtomicBool>) -> Outcome {
        let page = Arc::new(self);
        let answer = move |request: Request| {
            let answer = access.check(request.headers()).and_then(|()| page.answer(&request));
            async { guarded(answer) }
        };
        let stopped = async {
            while !stop.load(Ordering::Relaxed) {
                sleep(LOOK).await;
            }
        };
        http::serve((listener, Connections::at_most(CONNECTIONS)), answer, stopped, GRACE).or_failure()?;
        Ok(())
    }

    /// A file, or that the browser has it already.
    fn answer<B>(&self, request: &hyper::Request<B>) -> Result<Response, Refusal> {
        let &Served { kind, content, ref tag } =
            self.files.get(request.uri().path()).ok_or_else(Refusal::missing)?;
        Refusal::unless_get(request)?;
        let mut response = match request.headers().get(IF_NONE_MATCH) == Some(tag) {
            true => {
                let mut response = http::text(kind, "");
                *response.status_mut() = StatusCode::NOT_MODIFIED;
                response
            }
            false => http::text(kind, content),
        };
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, self.policy.clone());
        // Browsers keep it and compare the tag next time: another version of the program may be at this address.
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(ETAG, tag.clone());
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use hyper::Method;
    use hyper::header::CONTENT_TYPE;

    use super::*;

    const PAGE: &[u8] =
        br#"<meta http-equiv="Content-Security-Policy" content="script-src 'self' 'wasm-unsafe-eval'">"#;

    fn playground() -> Playground {
        Playground::new(&Pages(vec![("index.html", PAGE), ("worker.js", &b"1"[..]), ("a.wasm", &b"2"[..])]))
            .unwrap()
    }

    fn asked(method: Method, path: &str, tag: Option<&HeaderValue>) -> hyper::Request<()> {
        let mut request = hyper::Request::builder().method(method).uri(path).body(()).unwrap();
        request.headers_mut().extend(tag.map(|tag| (IF_NONE_MATCH, tag.clone())));
        request
    }

    #[test]
    fn each_file_comes_as_what_it_is_under_the_pages_policy() {
        let playground = playground();
        for (path, kind) in
            [("/", "text/html"), ("/worker.js", "text/javascript"), ("/a.wasm", "application/wasm")]
        {
            let response = guarded(playground.answer(&asked(Method::GET, path, None)));
            let header = |name| response.headers()[name].to_str().unwrap().to_owned();
            assert!(header(CONTENT_TYPE).starts_with(kind), "{path}");
            let policy = "script-src 'self' 'wasm-unsafe-eval'; frame-ancestors 'none'";
            assert_eq!(header(CONTENT_SECURITY_POLICY), policy);
            assert_eq!(header(CACHE_CONTROL), "no-cache");
        }
        let refused =
            |method, path| playground.answer(&asked(method, path, None)).err().map(|error| error.status);
        assert_eq!(refused(Method::GET, "/index.html/.."), Some(StatusCode::NOT_FOUND));
        assert_eq!(refused(Method::POST, "/"), Some(StatusCode::METHOD_NOT_ALLOWED));
    }

    #[test]
    fn what_a_browser_has_is_not_sent_again() {
        let playground = playground();
        let status = |path, tag: &HeaderValue| {
            playground.answer(&asked(Method::GET, path, Some(tag))).unwrap().status()
        };
        let tag = playground.answer(&asked(Method::GET, "/a.wasm", None)).unwrap().headers()[ETAG].clone();
        assert_eq!(status("/a.wasm", &tag), StatusCode::NOT_MODIFIED);
        assert_eq!(status("/worker.js", &tag), StatusCode::OK);
    }
}
