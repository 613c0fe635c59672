//! Bounds on request bodies: bytes, pauses, and the time of the whole.
//!
//! Every body is small unless its route is listed in [`STREAMS`] or [`USERS`]. What a small body holds is read before anybody is
//! asked who they are, so an anonymous client costs a few KiB.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::RequestExt;
use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_LENGTH;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::accounts::AccountError;
use dockyard_hub::images::README_MAX_BYTES;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, Sleep};

use crate::server::AppState;
use crate::server::body;
use crate::server::caller::ApiCaller;
use crate::server::error::ApiError;

/// Most bytes of a form or a JSON document whose address is not listed.
const SMALL_BYTES: u64 = 16 * 1024;
/// Most bytes of a form or a document that holds a README: each byte of it may be escaped.
const README_BYTES: u64 = 4 * README_MAX_BYTES as u64;
/// Most bytes of a list of names or digests.
const LIST_BYTES: u64 = 128 * 1024;

/// Routes whose bodies are streams.
const STREAMS: [&str; 6] = [
    "/v2",
    "/v2/",
    "/v2/{*path}",
    "/upload",
    "/api/v1/images/{*name}",
    "/api/v1/imports/{id}",
];
/// Routes on which users may send more than a small body, in bytes.
const USERS: [(&str, u64); 7] = [
    ("/preview", README_BYTES),
    ("/api/web/preview-readme", README_BYTES),
    ("/api/web/describe-repository", README_BYTES),
    ("/api/v1/repositories/{*path}", README_BYTES),
    ("/api/v1/layers", LIST_BYTES),
    ("/api/web/delete-tags", LIST_BYTES),
    ("/api/web/ask-deletion", LIST_BYTES),
];

/// Time limits of request bodies.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// A pause within any body: longer than any network hiccup, and short enough that the one writer of an upload
    /// is free again when the client comes back.
    pub pause: Duration,
    /// A whole body that is no stream.
    pub whole: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            pause: Duration::from_mins(1),
            whole: Duration::from_secs(30),
        }
    }
}

/// Size limit of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// Without bound: the handler asks for rights first, and passes the bytes on as they come.
    Stream,
    /// So many bytes for whoever is logged in, [`SMALL_BYTES`] for everybody else.
    Users(u64),
    Small,
}

impl Room {
    /// Looks the route of a request up.
    fn of(request: &Request) -> Self {
        let path = request.extensions().get::<MatchedPath>();
        let path = path.map_or("", MatchedPath::as_str);
        if STREAMS.contains(&path) {
            return Self::Stream;
        }
        let listed = USERS.iter().find(|(listed, _)| *listed == path);
        listed.map_or(Self::Small, |(_, bytes)| Self::Users(*bytes))
    }

    const fn most_bytes(self) -> u64 {
        match self {
            Self::Stream => u64::MAX,
            Self::Users(bytes) => bytes,
            Self::Small => SMALL_BYTES,
        }
    }
}

/// The state of a body while it is read.
#[derive(Debug)]
struct Gauge {
    most_bytes: AtomicU64,
    /// Which bound was hit.
    broken: AtomicU8,
}

const TOO_LARGE: u8 = 1;
const TOO_SLOW: u8 = 2;

/// Bounds the body of every request, and answers 413 and 408 in place of whatever becomes of a body that is cut off.
pub async fn bound(
    times: Times,
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    if request.body().is_end_stream() {
        return answer(request).await;
    }
    let room = Room::of(&request);
    if room == Room::Stream {
        let body = |body| Body::from_stream(Bounded::new(body, times, None));
        return answer(request.map(body)).await;
    }
    if announced(&request).is_some_and(|bytes| bytes > room.most_bytes()) {
        let (parts, body) = request.into_parts();
        let (_, rest) = body::lend(body, &parts.headers);
        rest.drain().await;
        return too_large(room.most_bytes());
    }
    let gauge = Arc::new(Gauge {
        most_bytes: AtomicU64::new(SMALL_BYTES),
        broken: AtomicU8::new(0),
    });
    request.extensions_mut().insert(Arc::clone(&gauge));
    let bounded = {
        let gauge = Arc::clone(&gauge);
        request.map(|body| Body::from_stream(Bounded::new(body, times, Some(gauge))))
    };
    let response = answer(bounded).await;
    match gauge.broken.load(Ordering::Acquire) {
        TOO_LARGE if matches!(room, Room::Users(_)) && gauge.is_small() => {
            ApiError::from(AccountError::Anonymous).into_response()
        }
        TOO_LARGE => too_large(room.most_bytes()),
        TOO_SLOW => too_slow(times.whole),
        _ => response,
    }
}

/// Gives the bodies of those who are logged in the room that their address has. Runs where sessions are known.
pub async fn extend(
    state: &AppState,
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let gauge = request.extensions().get::<Arc<Gauge>>().cloned();
    let (Room::Users(bytes), Some(gauge)) = (Room::of(&request), gauge) else {
        return answer(request).await;
    };
    if announced(&request).is_some_and(|bytes| bytes <= SMALL_BYTES) {
        return answer(request).await;
    }
    match request
        .extract_parts_with_state::<ApiCaller, _>(state)
        .await
    {
        Ok(ApiCaller(caller)) if caller.user().is_some() => {
            gauge.most_bytes.store(bytes, Ordering::Release);
            request.extensions_mut().insert(ApiCaller(caller));
            answer(request).await
        }
        Ok(_) => answer(request).await,
        Err(error) => error.into_response(),
    }
}

/// Reads how long the client says that a body is.
fn announced(request: &Request) -> Option<u64> {
    let length = request.headers().get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

fn too_large(most_bytes: u64) -> Response {
    let message = format!("the body of this request may have at most {most_bytes} bytes");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message).into_response()
}

fn too_slow(whole: Duration) -> Response {
    let secs = whole.as_secs();
    let message = format!("the body of this request did not come within {secs} seconds");
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "BODY_TOO_SLOW", message).into_response()
}

impl Gauge {
    fn is_small(&self) -> bool {
        self.most_bytes.load(Ordering::Acquire) == SMALL_BYTES
    }
}

/// A body that ends with an error when the client sends nothing for too long (`TimedOut`), and, where it has a gauge,
/// when it is too large (`FileTooLarge`) or takes too long as a whole (`TimedOut`).
///
/// Only waiting counts as a pause: while whoever reads it is busy, the time stands still.
struct Bounded {
    /// `None` once a bound is hit.
    stream: Option<BodyDataStream>,
    times: Times,
    gauge: Option<Arc<Gauge>>,
    bytes: u64,
    /// When the whole body has to be there.
    whole: Instant,
    /// When to give up, while there is a wait.
    end: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl Bounded {
    fn new(body: Body, times: Times, gauge: Option<Arc<Gauge>>) -> Self {
        Self {
            stream: Some(body.into_data_stream()),
            times,
            gauge,
            bytes: 0,
            whole: Instant::now() + times.whole,
            end: Box::pin(tokio::time::sleep(times.pause)),
            is_waiting: false,
        }
    }

    /// Ends the body with an error.
    fn give_up(&mut self, why: u8, kind: io::ErrorKind, message: String) -> io::Error {
        self.stream = None;
        if let Some(gauge) = &self.gauge {
            gauge.broken.store(why, Ordering::Release);
        }
        io::Error::new(kind, message)
    }

    fn check(&mut self, chunk: &Bytes) -> io::Result<()> {
        self.bytes += chunk.len() as u64;
        let most = match &self.gauge {
            Some(gauge) => gauge.most_bytes.load(Ordering::Acquire),
            None => return Ok(()),
        };
        if self.bytes <= most {
            return Ok(());
        }
        let message = format!("the body has more than {most} bytes");
        Err(self.give_up(TOO_LARGE, io::ErrorKind::FileTooLarge, message))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        if !self.is_waiting {
            self.is_waiting = true;
            let pause = now + self.times.pause;
            let is_stream = self.gauge.is_none();
            let end = if is_stream {
                pause
            } else {
                pause.min(self.whole)
            };
            self.end.as_mut().reset(end);
        }
        std::task::ready!(self.end.as_mut().poll(cx));
        let secs = self.times.pause.as_secs();
        let message = format!("no byte of the body came for {secs} seconds");
        Poll::Ready(self.give_up(TOO_SLOW, io::ErrorKind::TimedOut, message))
    }
}

impl Stream for Bounded {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        let Poll::Ready(next) = stream.poll_next_unpin(cx) else {
            return self.wait(cx).map(|error| Some(Err(error)));
        };
        self.is_waiting = false;
        Poll::Ready(next.map(|chunk| {
            let broken = |error| io::Error::new(io::ErrorKind::ConnectionReset, error);
            let chunk = chunk.map_err(broken)?;
            self.check(&chunk)?;
            Ok(chunk)
        }))
    }
}
