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
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    const BOUNDS: Bounds = Bounds {
        head: Duration::from_millis(100),
        quiet: Duration::from_secs(2),
    };
    /// What an HTTP/2 client says first, and an empty SETTINGS frame.
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

    /// Connects to a server that answers after three seconds.
    async fn connect() -> TcpStream {
        let answer = async || {
            tokio::time::sleep(Duration::from_secs(3)).await;
            "done"
        };
        let app = Router::new().route("/", get(answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (stream, peer) = listener.accept().await.unwrap();
            let (places, proxies) = (Places::new(10, 10), Proxies::default());
            let connections = Connections::new(app, BOUNDS, places, proxies, Metrics::default());
            connections.serve(stream, Peer(peer.ip()));
            std::future::pending::<()>().await;
        });
        TcpStream::connect(address).await.unwrap()
    }

    /// Sends some bytes, and returns what came until the server ended the connection.
    async fn say(bytes: &[u8]) -> Vec<u8> {
        let mut stream = connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut said = Vec::new();
        let read = stream.read_to_end(&mut said);
        let ended = tokio::time::timeout(Duration::from_secs(30), read).await;
        ended.expect("the connection ends").unwrap();
        said
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_is_ended() {
        assert!(say(b"").await.is_empty());
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_after_its_handshake_is_ended() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let provider = || Arc::new(rustls::crypto::ring::default_provider());
        let key = made.signing_key.serialize_der().try_into().unwrap();
        let server = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut roots = rustls::RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let client = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let bounds = Bounds {
                quiet: Duration::from_mins(5),
                ..BOUNDS
            };
            let (places, proxies) = (Places::new(10, 10), Proxies::default());
            let metrics = Metrics::default();
            let connections = Connections::new(Router::new(), bounds, places, proxies, metrics);
            let (stream, peer) = listener.accept().await.unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(server));
            Arc::new(connections).serve_tls(stream, Peer(peer.ip()), acceptor);
            std::future::pending::<()>().await;
        });
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
        let name = "localhost".try_into().unwrap();
        let mut stream = connector.connect(name, stream).await.unwrap();
        let mut said = Vec::new();
        let read = stream.read_to_end(&mut said);
        // That it ends counts; it may do so without a word.
        let ended = tokio::time::timeout(Duration::from_secs(30), read).await;
        assert!(ended.is_ok() && said.is_empty());
    }

    #[tokio::test]
    async fn a_connection_that_says_half_a_preface_is_ended() {
        assert!(say(&PREFACE[..3]).await.is_empty());
    }

    #[tokio::test]
    async fn an_idle_http_2_connection_is_told_to_go_and_ended() {
        const GO_AWAY: u8 = 7;
        let said = say(PREFACE).await;
        let mut types = Vec::new();
        let mut rest = &said[..];
        while let [a, b, c, kind, tail @ ..] = rest {
            types.push(*kind);
            let length = u32::from_be_bytes([0, *a, *b, *c]) as usize;
            rest = &tail[5 + length..];
        }
        assert!(types.contains(&GO_AWAY), "{types:?}");
    }

    #[tokio::test]
    async fn a_request_that_takes_a_while_is_answered() {
        let said = say(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
        assert!(said.ends_with(b"done"), "{}", said.escape_ascii());
    }

    #[tokio::test]
    async fn the_system_looks_whether_the_other_end_is_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        prepare(&stream);
        assert!(SockRef::from(&stream).keepalive().unwrap());
        let after = SockRef::from(&stream).tcp_keepalive_time().unwrap();
        assert_eq!(after, PROBE_AFTER);
    }

    #[tokio::test]
    async fn beyond_the_places_of_a_network_a_connection_is_refused() {
        let app = Router::new().route("/", get(async || "done"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (places, proxies) = (Places::new(10, 2), Proxies::default());
            let connections = Connections::new(app, BOUNDS, places, proxies, Metrics::default());
            while let Ok((stream, peer)) = listener.accept().await {
                connections.serve(stream, Peer(peer.ip()));
            }
        });
        let ask = async |stream: &mut TcpStream| {
            let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(request).await;
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
            String::from_utf8_lossy(&said).into_owned()
        };
        let mut first = TcpStream::connect(address).await.unwrap();
        let _second = TcpStream::connect(address).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut said = Vec::new();
        let _ = third.read_to_end(&mut said).await;
        assert!(said.starts_with(b"HTTP/1.1 503"), "{}", said.escape_ascii());
        // The place of one that has ended is free again.
        assert!(ask(&mut first).await.ends_with("done"));
        drop(first);
        tokio::time::sleep(Duration::from_millis(20)).await;
        let mut fourth = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut fourth).await.ends_with("done"));
    }
}
