//! A refused request: its HTTP status, and a JSON object with the reason and a remedy.

use std::collections::BTreeMap;

use hyper::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, StatusCode};
use serde_json::json;

use super::{Response, json};

/// A request that is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The problem and what to do.
    pub message: String,
    /// The error of each wrong field of the request, by its name.
    fields: BTreeMap<String, String>,
    /// A header that belongs to the status.
    header: Option<(HeaderName, &'static str)>,
}

impl Refusal {
    /// With this status.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), fields: BTreeMap::new(), header: None }
    }

    /// The same, because of these fields.
    #[must_use]
    pub fn at(self, fields: BTreeMap<String, String>) -> Self {
        Self { fields, ..self }
    }

    /// There is nothing at this path.
    pub fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is nothing at this path")
    }

    /// The request can't be read.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The request can be read, and what it holds can't be predicted.
    pub fn unusable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// The request is of a kind that is not read.
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// Too many requests wait.
    pub fn busy(waiting: usize) -> Self {
        let message = format!("{waiting} requests are waiting already; ask again in a second");
        let header = Some((RETRY_AFTER, "1"));
        Self { header, ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    /// All memory for requests is taken.
    pub fn no_room() -> Self {
        let message = "other requests take all memory that there is for them; ask again in a second";
        let header = Some((RETRY_AFTER, "1"));
        Self { header, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }

    /// The request is too long; `remedy` says what to do.
    pub fn too_long(limit: usize, remedy: &str) -> Self {
        let message = format!("the request is longer than {} MB; {remedy}", limit >> 20);
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    /// Refuses what does not fetch.
    pub fn unless_get<B>(request: &Request<B>) -> Result<(), Self> {
        Self::unless(request, &[Method::GET, Method::HEAD], "GET,HEAD")
    }

    /// Refuses what does not send.
    pub fn unless_post<B>(request: &Request<B>) -> Result<(), Self> {
        Self::unless(request, &[Method::POST], "POST")
    }

    fn unless<B>(request: &Request<B>, methods: &[Method], names: &'static str) -> Result<(), Self> {
        match methods.contains(request.method()) {
            true => Ok(()),
            false => {
                let refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "this path is not asked like that");
                Err(Self { header: Some((ALLOW, names)), ..refusal })
            }
        }
    }
}

impl From<Refusal> for Response {
    fn from(refusal: Refusal) -> Self {
        let mut reason = json!({ "error": refusal.message });
        if !refusal.fields.is_empty() {
            reason["fields"] = json!(refusal.fields);
        }
        let mut response = json(&reason);
        *response.status_mut() = refusal.status;
        if let Some((name, value)) = refusal.header {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        response
    }
}
