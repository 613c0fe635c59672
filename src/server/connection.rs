//! Connections: served until they end, are asked to stop, or say nothing for too long.

mod counted;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::{Builder, Connection};
use hyper_util::service::TowerToHyperService;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use dockyard_hub::admission::{Places, network};

use counted::{Counted, Seat};

use super::http::unsent::OnConnection;
use super::metrics::Metrics;
use super::peer::{FromPeer, Peer, Proxies};

/// Most bytes read from a connection at once: what waits between the network and the disk is some of
/// these for each upload.
const READ_BYTES: usize = 128 * 1024;
/// HTTP/2 requests of one connection at once: browsers and registry clients send fewer.
const STREAMS_MAX: u32 = 64;
/// Bytes of an answer that wait in an HTTP/2 stream.
const SEND_BYTES: usize = 64 * 1024;
/// After which silence the system asks whether the other end still exists, and how often: one that lost
/// its power or its network never says so.
const PROBE_AFTER: Duration = Duration::from_mins(1);
const PROBE_EVERY: Duration = Duration::from_secs(10);

/// Answer to a client when there are too many connections.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 5\r\n\
     Connection: close\r\n\r\nToo many connections are open: try again in a few seconds.\n";

/// How long connections may be silent.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// For the first byte; with HTTP/1, also for the head of each request, the wait before it included.
    pub head: Duration,
    /// Without a byte in either direction. Then the connection takes no more requests, and after as
    /// long again it is cut off, whatever it was about.
    pub quiet: Duration,
}

impl Default for Bounds {
    /// Idle clients keep their connections for a minute or so. Five minutes are longer than anything
    /// takes that the server does without sending a byte.
    fn default() -> Self {
        Self {
            head: Duration::from_secs(75),
            quiet: Duration::from_mins(5),
        }
    }
}

/// All connections of a server.
pub struct Connections {
    app: Router,
    builder: Builder<TokioExecutor>,
    bounds: Bounds,
    places: Places<u128>,
    proxies: Proxies,
    metrics: Metrics,
    /// Says when to stop; each connection has a receiver for as long as it lives.
    stop: watch::Sender<bool>,
}

type Served<S> = Connection<'static, TokioIo<S>, TowerToHyperService<FromPeer>, TokioExecutor>;

impl Connections {
    /// Prepares to serve; `places` are the connections at once, in all and of one network.
    pub fn new(
        app: Router,
        bounds: Bounds,
        places: Places<u128>,
        proxies: Proxies,
        metrics: Metrics,
    ) -> Self {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(bounds.head)
            .max_buf_size(READ_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_MAX)
            .max_send_buf_size(SEND_BYTES);
        Self {
            app,
            builder,
            bounds,
            places,
            proxies,
            metrics,
            stop: watch::Sender::new(false),
        }
    }

    /// Serves a connection on a task of its own.
    pub fn serve(&self, stream: TcpStream, peer: Peer) {
        let Some(seat) = self.seat(peer) else {
            // Whoever does not take it at once hears nothing.
            let _ = stream.try_write(FULL);
            return;
        };
        let (counted, traffic) = self.counted(stream, seat);
        self.attend(counted, traffic, peer);
    }

    /// Serves an encrypted connection on a task of its own.
    pub fn serve_tls(self: &Arc<Self>, stream: TcpStream, peer: Peer, acceptor: TlsAcceptor) {
        let Some(seat) = self.seat(peer) else {
            return;
        };
        let (counted, traffic) = self.counted(stream, seat);
        let connections = Arc::clone(self);
        let mut stop = self.stop.subscribe();
        tokio::spawn(async move {
            let shaken = async {
                if counted.speaks_plainly().await {
                    return counted.refuse().await.map(|()| None);
                }
                acceptor.accept(counted).await.map(Some)
            };
            let shaken = tokio::time::timeout(connections.bounds.head, shaken);
            let shaken = tokio::select! {
                shaken = shaken => shaken,
                _ = stop.changed() => return,
            };
            // A client that does not trust the certificate, or breaks off, is its own concern.
            if let Ok(Ok(Some(stream))) = shaken {
                // What the handshake took is no request: without one, the connection ends as soon as a plain one.
                traffic.store(0, Ordering::Relaxed);
                connections.attend(stream, traffic, peer);
            }
        });
    }

    /// Finds a place for a connection. Those of a proxy are of many clients, and count in all alone.
    fn seat(&self, peer: Peer) -> Option<Seat> {
        let taken = if self.proxies.trust(peer.0.to_canonical()) {
            self.places.take_of_all()
        } else {
            self.places.take(network(peer.0))
        };
        if taken.is_err() {
            self.metrics.refused("connections");
        }
        taken.ok().map(Arc::new)
    }

    fn counted(&self, stream: TcpStream, seat: Seat) -> (Counted, Arc<AtomicU64>) {
        prepare(&stream);
        let traffic: Arc<AtomicU64> = Arc::default();
        let counted = Counted {
            stream,
            traffic: Arc::clone(&traffic),
            metrics: self.metrics.clone(),
            _seat: seat,
        };
        (counted, traffic)
    }

    fn attend<S>(&self, stream: S, traffic: Arc<AtomicU64>, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (app, proxies) = (self.app.clone(), self.proxies.clone());
        let service = TowerToHyperService::new(FromPeer {
            app,
            peer,
            proxies,
            unsent: OnConnection::default(),
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let stop = self.stop.subscribe();
        tokio::spawn(attend(connection.into_owned(), traffic, self.bounds, stop));
    }

    /// Lets requests under way end, and no new ones begin; returns when all connections are gone.
    pub async fn shut_down(&self) {
        self.stop.send_replace(true);
        self.stop.closed().await;
    }
}

/// Sets what can be set on a socket; one without it works as well.
fn prepare(stream: &TcpStream) {
    let _ = stream.set_nodelay(true);
    let probes = TcpKeepalive::new()
        .with_time(PROBE_AFTER)
        .with_interval(PROBE_EVERY);
    let _ = SockRef::from(stream).set_tcp_keepalive(&probes);
}

async fn attend<S>(
    connection: Served<S>,
    traffic: Arc<AtomicU64>,
    bounds: Bounds,
    mut stop: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let mut connection = std::pin::pin!(connection);
    let (mut seen, mut was_quiet, mut stopping) = (0, false, false);
    loop {
        let wait = if seen == 0 { bounds.head } else { bounds.quiet };
        tokio::select! {
            // A connection that breaks is the client's concern.
            _ = connection.as_mut() => return,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = tokio::time::sleep(wait) => {
                let bytes = traffic.load(Ordering::Relaxed);
                if bytes != seen {
                    (seen, was_quiet) = (bytes, false);
                } else if seen == 0 || was_quiet {
                    return;
                } else {
                    was_quiet = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
