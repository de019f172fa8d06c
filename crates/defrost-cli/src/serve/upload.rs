//! Reading what somebody sends: no more than allowed, no longer than patience lasts.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use axum::http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};
use tokio::time::timeout;

use super::refusal::Refusal;

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long what is refused is read on, so that whoever sends it gets to hear why.
const COURTESY: Duration = Duration::from_secs(2);
/// The longest JSON that is read, in bytes: a text of this length takes seconds to encode.
const JSON_LIMIT: usize = 1 << 20;

/// The bytes of an image, with the name of its file if it has one: the body itself, or a file in a form.
///
/// # Errors
///
/// If the request holds no image, too much, or comes too slowly.
pub async fn image(request: Request, limit: usize) -> Result<(Option<String>, Bytes), Refusal> {
    match content_type(request.headers()).as_str() {
        "multipart/form-data" => file(request, limit).await,
        "application/octet-stream" => Ok((None, body(request, limit).await?.1)),
        image if image.starts_with("image/") => Ok((None, body(request, limit).await?.1)),
        other => {
            let message = format!(
                "{} is not read here: send an image as the body with its content type, such as image/jpeg, or as a file \
                 in multipart/form-data",
                named(other)
            );
            drain(request).await;
            Err(Refusal::unsupported(message))
        }
    }
}

/// A JSON object.
///
/// # Errors
///
/// If the request holds none, too much, or comes too slowly.
pub async fn object(request: Request, limit: usize) -> Result<Map<String, Value>, Refusal> {
    match content_type(request.headers()).as_str() {
        "application/json" => {}
        other => {
            let message = format!("{} is not read here: send JSON as application/json", named(other));
            drain(request).await;
            return Err(Refusal::unsupported(message));
        }
    }
    let (_, bytes) = body(request, limit.min(JSON_LIMIT)).await?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::unusable("the JSON is no object; send one, in braces")),
        Err(error) => Err(Refusal::malformed(format!("the body is not valid JSON: {error}"))),
    }
}

/// Reads what is refused and forgets it. Whoever asks before sending has not sent it.
pub async fn drain(request: Request) {
    if request.headers().contains_key(EXPECT) {
        return;
    }
    let mut body = request.into_body();
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // What is not here by then does not hear why.
    let _ = timeout(COURTESY, read).await;
}

/// The content type without its parameters, in lower case; empty if there is none.
fn content_type(headers: &HeaderMap) -> String {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().unwrap_or_default().trim().to_lowercase()
}

fn named(content_type: &str) -> &str {
    if content_type.is_empty() { "a body without a content type" } else { content_type }
}

/// All of the body, and the request without it.
async fn body(request: Request, limit: usize) -> Result<(Request, Bytes), Refusal> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > limit) {
        drain(request).await;
        return Err(Refusal::too_long(limit));
    }
    let (parts, body) = request.into_parts();
    match timeout(PATIENCE, Limited::new(body, limit).collect()).await {
        Ok(Ok(body)) => Ok((Request::from_parts(parts, Body::empty()), body.to_bytes())),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Refusal::too_long(limit)),
        Ok(Err(error)) => Err(Refusal::malformed(format!("the body can't be read: {error}"))),
        Err(_) => {
            let message = format!("the body has not come within {} s", PATIENCE.as_secs());
            Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message))
        }
    }
}

/// The first file of a form.
async fn file(request: Request, limit: usize) -> Result<(Option<String>, Bytes), Refusal> {
    let (request, bytes) = body(request, limit).await?;
    let malformed = |reason: String| Refusal::malformed(format!("the form can't be read: {reason}"));
    let request = request.map(|_| Body::from(bytes));
    let mut form =
        Multipart::from_request(request, &()).await.map_err(|error| malformed(error.body_text()))?;
    while let Some(field) = form.next_field().await.map_err(|error| malformed(error.body_text()))? {
        if let Some(name) = field.file_name().map(str::to_owned) {
            let bytes = field.bytes().await.map_err(|error| malformed(error.body_text()))?;
            return Ok((Some(name), bytes));
        }
    }
    Err(Refusal::unusable("there is no file in the form; send the image as one"))
}
