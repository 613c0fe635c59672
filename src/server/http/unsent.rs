//! A budget for answers that clients have not taken yet: by connection, by network and in all.
//!
//! Over HTTP/2 a client can send many requests and read none of the answers. The bytes of an answer count from its head to the
//! last byte of its body, or until the connection is closed.

use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use axum::response::{IntoResponse, Response};
use dockyard_hub::admission::{Busy, Place, Places, network};
use http_body::{Frame, SizeHint};

use crate::server::error::ApiError;
use crate::server::metrics::Metrics;
use crate::server::peer::Peer;

/// Bytes of all answers together, and of those to one network.
pub const UNSENT: (usize, usize) = (512 * MIB, 128 * MIB);
/// Bytes of the answers on one connection.
const OF_CONNECTION: usize = 32 * MIB;
const MIB: usize = 1024 * 1024;
/// Memory of an answer beside its body.
const ANSWER_BYTES: usize = 4 * 1024;
/// Memory of a body that is read while it is sent: one piece, and the buffer for sending.
const STREAM_BYTES: usize = 128 * 1024;
/// Longest answer that does not count over HTTP/1.1, where a connection has one answer at a time.
const SMALL_BYTES: usize = 16 * 1024;

/// The budget of all answers. Cheap to clone.
#[derive(Clone)]
pub struct Unsent {
    by_network: Places<u128>,
    metrics: Metrics,
}

/// The budget of the answers on one connection, in the extensions of its requests.
#[derive(Clone)]
pub struct OnConnection(Places<()>);

impl Default for OnConnection {
    fn default() -> Self {
        Self(Places::new(OF_CONNECTION, OF_CONNECTION))
    }
}

impl Unsent {
    /// Bounds the bytes of all answers, and of those to one network.
    pub fn new((total, of_network): (usize, usize), metrics: Metrics) -> Self {
        let by_network = Places::new(total, of_network);
        Self {
            by_network,
            metrics,
        }
    }

    fn take(&self, from: IpAddr, on: &OnConnection, bytes: usize) -> Result<Taken, Busy> {
        Ok(Taken {
            of_connection: on.0.take_several((), bytes)?,
            of_network: self.by_network.take_several(network(from), bytes)?,
        })
    }
}

/// Bytes that are held for a client.
struct Taken {
    of_connection: Place<()>,
    of_network: Place<u128>,
}

impl Taken {
    fn grow(&mut self, bytes: usize) -> Result<(), Busy> {
        self.of_connection.grow(bytes)?;
        self.of_network.grow(bytes)
    }
}

/// Answers 503 when there is no room for the answer.
pub async fn bound(
    unsent: &Unsent,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let from = Peer::of(request.extensions());
    let on = request.extensions().get::<OnConnection>().cloned();
    let version = request.version();
    let response = answer(request).await;
    let known = response.body().size_hint().exact();
    let bytes = known.map_or(STREAM_BYTES, |bytes| {
        usize::try_from(bytes).unwrap_or(usize::MAX)
    });
    if version < Version::HTTP_2 && bytes <= SMALL_BYTES {
        return response;
    }
    let bytes = bytes.saturating_add(ANSWER_BYTES);
    match unsent.take(from, &on.unwrap_or_default(), bytes) {
        Ok(taken) => response.map(|body| Body::new(Unread { body, taken })),
        Err(busy) => {
            unsent.metrics.refused("answers");
            ApiError::busy(busy).into_response()
        }
    }
}

/// A body, and its share of the budget.
struct Unread {
    body: Body,
    taken: Taken,
}

impl HttpBody for Unread {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        // Pages come as a stream of one piece.
        if let Some(Ok(frame)) = &frame
            && let Some(bytes) = frame.data_ref()
        {
            self.taken.grow(bytes.len())?;
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::extract::State;
    use axum::http::StatusCode;
    use axum::middleware::{Next, from_fn_with_state};
    use axum::routing::get;
    use futures::stream;
    use http_body_util::BodyExt;
    use tower_service::Service;

    use super::*;

    const KIB: usize = 1024;

    /// A server with so many KiB for each network.
    fn app(kib: usize) -> Router {
        let unsent = Unsent::new((10 * MIB, kib * KIB), Metrics::default());
        let bytes = |kib: usize| Bytes::from(vec![0; kib * KIB]);
        let page =
            move || async move { Body::from_stream(stream::iter([Ok::<_, BoxError>(bytes(300))])) };
        Router::new()
            .route("/small", get(move || async move { bytes(1) }))
            .route("/large", get(move || async move { bytes(40) }))
            .route("/page", get(page))
            .layer(from_fn_with_state(
                unsent,
                async |State(unsent): State<Unsent>, request, next: Next| {
                    bound(&unsent, request, async |request| next.run(request).await).await
                },
            ))
    }

    async fn ask(app: &mut Router, path: &str, version: Version, on: &OnConnection) -> Response {
        let request = Request::get(path).version(version).extension(on.clone());
        let answer = app.call(request.body(Body::empty()).unwrap()).await;
        answer.unwrap()
    }

    #[tokio::test]
    async fn answers_that_nobody_takes_are_bounded() {
        let (mut app, on) = (app(100), OnConnection::default());
        let first = ask(&mut app, "/large", Version::HTTP_11, &on).await;
        let second = ask(&mut app, "/large", Version::HTTP_11, &on).await;
        assert_eq!(
            (first.status(), second.status()),
            (StatusCode::OK, StatusCode::OK)
        );
        let third = ask(&mut app, "/large", Version::HTTP_11, &on).await;
        assert_eq!(third.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(third.headers().contains_key("retry-after"));
        assert_eq!(
            first.into_body().collect().await.unwrap().to_bytes().len(),
            40 * KIB
        );
        let fourth = ask(&mut app, "/large", Version::HTTP_11, &on).await;
        assert_eq!(fourth.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn small_answers_count_where_there_are_many_at_once() {
        let (mut app, on) = (app(100), OnConnection::default());
        let mut held = Vec::new();
        for _ in 0..100 {
            let answer = ask(&mut app, "/small", Version::HTTP_11, &on).await;
            assert_eq!(answer.status(), StatusCode::OK);
            held.push(answer);
        }
        for n in 0..30 {
            let answer = ask(&mut app, "/small", Version::HTTP_2, &on).await;
            // A kilobyte, and four for the answer.
            assert_eq!(answer.status().is_success(), n < 20, "{n}");
            held.push(answer);
        }
    }

    #[tokio::test]
    async fn one_connection_has_less_than_its_network() {
        let (mut app, other) = (app(1000), OnConnection::default());
        let on = OnConnection(Places::new(50 * KIB, 50 * KIB));
        let _held = ask(&mut app, "/large", Version::HTTP_2, &on).await;
        let refused = ask(&mut app, "/large", Version::HTTP_2, &on).await;
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let taken = ask(&mut app, "/large", Version::HTTP_2, &other).await;
        assert_eq!(taken.status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_stream_counts_what_it_turns_out_to_hold() {
        let (mut app, on) = (app(500), OnConnection::default());
        let page = ask(&mut app, "/page", Version::HTTP_2, &on).await;
        assert_eq!(
            page.into_body().collect().await.unwrap().to_bytes().len(),
            300 * KIB
        );
        let mut first = ask(&mut app, "/page", Version::HTTP_2, &on).await;
        let second = ask(&mut app, "/page", Version::HTTP_2, &on).await;
        let held = first.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(held.data_ref().unwrap().len(), 300 * KIB);
        assert!(
            second.into_body().collect().await.is_err(),
            "300 and 300 of 500"
        );
    }
}
