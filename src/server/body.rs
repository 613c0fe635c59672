//! Request bodies as streams the hub can take.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use tokio::time::{Instant, Sleep};

/// How long a client may pause within a body before its request is given up: longer than any network
/// hiccup, and short enough that the one writer of an upload is free again when the client comes back.
pub const PATIENCE: Duration = Duration::from_mins(1);
/// How much of a refused body is read on, in time and bytes, so that the client gets to read why it
/// was refused: one that is cut off while it sends often shows a broken pipe instead.
const DRAIN_TIME: Duration = Duration::from_secs(10);
const DRAIN_BYTES: usize = 1024 * 1024 * 1024;

/// Ends every request whose body pauses for longer than `patience`, whoever reads it.
pub async fn bound(State(patience): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let bounded = request.map(|body| Body::from_stream(Patient::new(body, patience)));
    next.run(bounded).await
}

/// A body that ends with an error, `TimedOut`, when the client sends nothing for too long.
///
/// Only waiting counts: while whoever reads it is busy, the time stands still.
struct Patient {
    /// `None` once the patience is over.
    stream: Option<BodyDataStream>,
    patience: Duration,
    /// When to give up, while there is a wait.
    end: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl Patient {
    fn new(body: Body, patience: Duration) -> Self {
        Self {
            stream: Some(body.into_data_stream()),
            patience,
            end: Box::pin(tokio::time::sleep(patience)),
            is_waiting: false,
        }
    }
}

impl Stream for Patient {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(stream) = &mut this.stream else {
            return Poll::Ready(None);
        };
        if let Poll::Ready(next) = stream.poll_next_unpin(cx) {
            this.is_waiting = false;
            let broken = |error| io::Error::new(io::ErrorKind::ConnectionReset, error);
            return Poll::Ready(next.map(|chunk| chunk.map_err(broken)));
        }
        if !this.is_waiting {
            this.is_waiting = true;
            this.end.as_mut().reset(Instant::now() + this.patience);
        }
        std::task::ready!(this.end.as_mut().poll(cx));
        this.stream = None;
        let secs = this.patience.as_secs();
        let message = format!("no byte of the body came for {secs} seconds");
        Poll::Ready(Some(Err(io::Error::new(io::ErrorKind::TimedOut, message))))
    }
}

/// Says that a body paused for too long, however deep in an error that is.
pub fn paused_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|io| io.kind() == io::ErrorKind::TimedOut) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Streams a body; a connection that breaks ends it with an error.
pub fn stream(body: Body) -> impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static {
    lend(body).0
}

/// Lends a body out as a stream; what the borrower leaves unread can be drained afterwards.
pub fn lend(body: Body) -> (Lent, Rest) {
    let home = Arc::new(Mutex::new(None));
    (
        Lent {
            stream: Some(body.into_data_stream()),
            home: Arc::clone(&home),
        },
        Rest(home),
    )
}

/// A body on loan; it goes home when it is dropped.
pub struct Lent {
    stream: Option<BodyDataStream>,
    home: Arc<Mutex<Option<BodyDataStream>>>,
}

impl Stream for Lent {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = &mut self.stream else {
            return Poll::Ready(None);
        };
        stream.poll_next_unpin(cx).map_err(|error| {
            let kind = if paused_too_long(&error) {
                io::ErrorKind::TimedOut
            } else {
                io::ErrorKind::ConnectionReset
            };
            io::Error::new(kind, error)
        })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.stream.take();
    }
}

/// What is left of a body that was lent out.
pub struct Rest(Arc<Mutex<Option<BodyDataStream>>>);

impl Rest {
    /// Reads on and forgets, within bounds.
    pub async fn drain(self) {
        let left = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut stream) = left else { return };
        let read = async {
            let mut bytes = 0;
            while let Some(Ok(chunk)) = stream.next().await {
                bytes += chunk.len();
                if bytes > DRAIN_BYTES {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(DRAIN_TIME, read).await;
    }
}
