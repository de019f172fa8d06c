//! Reading the body of a request, within limits of length, time and memory.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::StatusCode;
use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, EXPECT};
use serde_json::{Map, Value};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

use crate::http::{Refusal, Request, content_type, essence, first_file};

/// How long a request may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// After this long, a request has to come at this many bytes a second at least: one that stalls is refused soon.
const START: Duration = Duration::from_secs(3);
const LEAST_RATE: u32 = 16 << 10;
/// How long a refused body is still read, so that the client receives the reason.
const COURTESY: Duration = Duration::from_secs(2);
/// The longest JSON that is read, in bytes.
const JSON_LIMIT: usize = 1 << 20;
const SMALLER_JSON: &str =
    "that is the most JSON that is read here; send a shorter text, or give it to `defrost predict` in a file";
const SMALLER_FILE: &str = "send a smaller file, or start the server with a larger --body-limit";
/// The memory for requests that are read and that wait: this, or twice the longest request.
const ROOM: usize = 192 << 20;
/// Room is counted in these many bytes.
const PIECE: usize = 1 << 10;

/// Room for bodies in memory, of all requests.
#[derive(Clone)]
pub struct Room {
    pieces: Arc<Semaphore>,
    /// The longest request, in bytes.
    limit: usize,
}

/// A request's part of the room, which is free again when this is dropped.
pub struct Held {
    room: Room,
    pieces: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// Room for requests of at most `limit` bytes each.
    pub fn new(limit: usize) -> Self {
        let pieces = ROOM.max(2 * limit) / PIECE;
        Self { pieces: Arc::new(Semaphore::new(pieces)), limit }
    }

    /// A part of it, which grows as a request is read.
    pub fn part(&self) -> Held {
        Held { room: self.clone(), pieces: None }
    }
}

impl Held {
    /// Takes room for this many bytes in all, and refuses them if there is none.
    fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        let held = self.pieces.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = bytes.div_ceil(PIECE).saturating_sub(held) as u32;
        let taken = self.room.pieces.clone().try_acquire_many_owned(more).map_err(|_| Refusal::no_room())?;
        match &mut self.pieces {
            Some(pieces) => pieces.merge(taken),
            none => *none = Some(taken),
        }
        Ok(())
    }
}

/// The bytes of an image, with the name of its file if it has one: the body itself, or a file in a form.
///
/// # Errors
///
/// If the request holds no image, too much, or comes too slowly.
pub async fn image(request: Request, held: &mut Held) -> Result<(Option<String>, Bytes), Refusal> {
    match essence(content_type(request.headers())).as_str() {
        "multipart/form-data" => file(request, held).await,
        "application/octet-stream" => Ok((None, body(request, held).await?)),
        image if image.starts_with("image/") => Ok((None, body(request, held).await?)),
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
pub async fn object(request: Request, held: &mut Held) -> Result<Map<String, Value>, Refusal> {
    match essence(content_type(request.headers())).as_str() {
        "application/json" => {}
        other => {
            let message = format!("{} is not read here: send JSON as application/json", named(other));
            drain(request).await;
            return Err(Refusal::unsupported(message));
        }
    }
    let bytes = read(request, held, JSON_LIMIT, SMALLER_JSON).await?;
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

/// The whole body of a request that holds a file.
async fn body(request: Request, held: &mut Held) -> Result<Bytes, Refusal> {
    let limit = held.room.limit;
    read(request, held, limit, SMALLER_FILE).await
}

/// The whole body. A body that is longer than `limit` bytes, comes too slowly or finds no room is refused.
async fn read(request: Request, held: &mut Held, limit: usize, remedy: &str) -> Result<Bytes, Refusal> {
    let too_long = || Refusal::too_long(limit, remedy);
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > limit) {
        drain(request).await;
        return Err(too_long());
    }
    let (mut body, mut bytes, started) = (request.into_body(), vec![], Instant::now());
    // In one piece: what grows leaves holes in the heap. Memory that nothing is written to takes no room.
    bytes.try_reserve_exact(length.unwrap_or(0)).map_err(|_| Refusal::no_room())?;
    loop {
        let until =
            started + (START + Duration::from_secs(1) * bytes.len() as u32 / LEAST_RATE).min(PATIENCE);
        let frame = match timeout_at(until, body.frame()).await {
            Ok(None) => return Ok(bytes.into()),
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(error))) => {
                return Err(Refusal::malformed(format!("the body can't be read: {error}")));
            }
            Err(_) => {
                let (seconds, rate) = (PATIENCE.as_secs(), LEAST_RATE >> 10);
                let message =
                    format!("the body has not come within {seconds} s, or at less than {rate} kB a second");
                return Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, message));
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(too_long());
        }
        held.grow(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
    }
}

/// The first file of a form.
async fn file(request: Request, held: &mut Held) -> Result<(Option<String>, Bytes), Refusal> {
    let kind = content_type(request.headers()).to_owned();
    let form = body(request, held).await?;
    match first_file(&kind, &form) {
        Ok(Some((name, content))) => Ok((Some(name), content)),
        Ok(None) => Err(Refusal::unusable("there is no file in the form; send the image as one")),
        Err(reason) => Err(Refusal::malformed(format!("the form can't be read: {reason}"))),
    }
}
