//! Request bodies as streams the hub can take.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use bytes::Bytes;
use futures::{Stream, StreamExt};

/// How much of a refused body is read on, in time and bytes, so that the client gets to read why it
/// was refused: one that is cut off while it sends often shows a broken pipe instead.
const DRAIN_TIME: Duration = Duration::from_secs(10);
const DRAIN_BYTES: usize = 1024 * 1024 * 1024;

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

/// Lends a body out as a stream, which a connection that breaks ends with an error; what the borrower leaves unread can be
/// drained afterwards.
pub fn lend(body: Body, headers: &HeaderMap) -> (Lent, Rest) {
    let home = Arc::new(Mutex::new(None));
    (
        Lent {
            stream: Some(body.into_data_stream()),
            was_polled: false,
            home: Arc::clone(&home),
        },
        Rest {
            home,
            expects_continue: headers.contains_key(EXPECT),
        },
    )
}

/// A body on loan; it goes home when it is dropped.
pub struct Lent {
    stream: Option<BodyDataStream>,
    was_polled: bool,
    home: Arc<Mutex<Option<(BodyDataStream, bool)>>>,
}

impl Stream for Lent {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.was_polled = true;
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
        let left = self.stream.take().map(|stream| (stream, self.was_polled));
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = left;
    }
}

/// What is left of a body that was lent out.
pub struct Rest {
    home: Arc<Mutex<Option<(BodyDataStream, bool)>>>,
    /// True if the client sent `Expect: 100-continue`.
    expects_continue: bool,
}

impl Rest {
    /// Reads on and forgets, within bounds. A client that waits to be told to go on is not told: it has the answer.
    ///
    /// Source: RFC 9110, section 10.1.1.
    pub async fn drain(self) {
        let left = self
            .home
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some((mut stream, was_polled)) = left else {
            return;
        };
        if self.expects_continue && !was_polled {
            return;
        }
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
