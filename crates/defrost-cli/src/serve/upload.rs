//! Reading the body of a request, within limits of length and time.

use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, EXPECT};
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::http::{Refusal, Request, content_type, essence, first_file};

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a refused body is still read, so that the client receives the reason.
const COURTESY: Duration = Duration::from_secs(2);
/// The longest JSON that is read, in bytes: a text of this length takes seconds to encode.
const JSON_LIMIT: usize = 1 << 20;

/// The bytes of an image, with the name of its file if it has one: the body itself, or a file in a form.
///
/// # Errors
///
/// If the request holds no image, too much, or comes too slowly.
pub async fn image(request: Request, limit: usize) -> Result<(Option<String>, Bytes), Refusal> {
    match essence(content_type(request.headers())).as_str() {
        "multipart/form-data" => file(request, limit).await,
        "application/octet-stream" => Ok((None, body(request, limit).await?)),
        image if image.starts_with("image/") => Ok((None, body(request, limit).await?)),
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
    match essence(content_type(request.headers())).as_str() {
        "application/json" => {}
        other => {
            let message = format!("{} is not read here: send JSON as application/json", named(other));
            drain(request).await;
            return Err(Refusal::unsupported(message));
        }
    }
    let bytes = body(request, limit.min(JSON_LIMIT)).await?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::unusable("the JSON is no object; send one, in braces")),
        Err(error) => Err(Refusal::malformed(format!("the body is not valid JSON: {error}"))),
    }
}

/// Reads a refused body and forgets it. A client that waits for permission has not sent it.
pub async fn drain(request: Request) {
    if request.headers().contains_key(EXPECT) {
        return;
    }
    let mut body = request.into_body();
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    // What is not here by then does not hear why.
    let _ = timeout(COURTESY, read).await;
}

fn named(content_type: &str) -> &str {
    if content_type.is_empty() { "a body without a content type" } else { content_type }
}

/// All of the body.
async fn body(request: Request, limit: usize) -> Result<Bytes, Refusal> {
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > limit) {
        drain(request).await;
        return Err(Refusal::too_long(limit));
    }
    match timeout(PATIENCE, Limited::new(request.into_body(), limit).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
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
    let kind = content_type(request.headers()).to_owned();
    let form = body(request, limit).await?;
    match first_file(&kind, &form) {
        Ok(Some((name, content))) => Ok((Some(name), content)),
        Ok(None) => Err(Refusal::unusable("there is no file in the form; send the image as one")),
        Err(reason) => Err(Refusal::malformed(format!("the form can't be read: {reason}"))),
    }
}
