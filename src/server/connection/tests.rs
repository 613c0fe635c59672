//! Connections that say nothing, too little, or are too many.

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
