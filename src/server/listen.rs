//! Taking connections, plain or encrypted, until the process is asked to stop.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};

use super::addresses::Addresses;
use super::connection::Connections;
use super::peer::Peer;
use super::tls::Tls;

/// How long requests may go on after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(10);
/// Pause after a connection that could not be accepted.
const BREATH: Duration = Duration::from_millis(100);
/// The port that `https://` means when none is named.
const HTTPS_PORT: u16 = 443;

/// Serves connections until the process is asked to stop, and lets requests under way end in time.
pub async fn listen(listener: TcpListener, connections: Connections, tls: Option<Arc<Tls>>) {
    let connections = Arc::new(connections);
    if let Some(tls) = &tls {
        tokio::spawn(Arc::clone(tls).follow());
    }
    let mut stop = std::pin::pin!(asked_to_stop());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match (accepted, &tls) {
            (Ok((stream, peer)), None) => connections.serve(stream, Peer(peer.ip())),
            (Ok((stream, peer)), Some(tls)) => {
                connections.serve_tls(stream, Peer(peer.ip()), tls.acceptor());
            }
            (Err(error), _) => {
                // Most often there are too many open files: others end meanwhile.
                warn!(%error, "could not accept a connection");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
    info!("stopping");
    drop(listener);
    if tokio::time::timeout(GRACE, connections.shut_down())
        .await
        .is_err()
    {
        warn!("some requests did not end in time and were cut off");
    }
}

/// Answers everything with where it is over HTTPS: at the public address, or on another port of the same host.
pub fn leads_on(addresses: Addresses, port: u16) -> Router {
    Router::new().fallback(async move |headers: HeaderMap, uri: Uri| {
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let name = host.and_then(name_of);
        let location = match (addresses.of_host(name), name) {
            (Some(url), _) => format!("{url}{path}"),
            (None, Some(name)) if port == HTTPS_PORT => format!("https://{name}{path}"),
            (None, Some(name)) => format!("https://{name}:{port}{path}"),
            (None, None) => return StatusCode::BAD_REQUEST.into_response(),
        };
        (StatusCode::PERMANENT_REDIRECT, [(LOCATION, location)]).into_response()
    })
}

/// Is a host without its port; `None` for what is no host.
fn name_of(host: &str) -> Option<&str> {
    let name = match host.strip_prefix('[') {
        Some(rest) => &host[..rest.find(']')? + 2],
        None => host.split(':').next()?,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(&byte);
    (!name.is_empty() && name.bytes().all(is_plain)).then_some(name)
}

async fn asked_to_stop() {
    let signals = signal(SignalKind::interrupt()).and_then(|interrupt| {
        let terminate = signal(SignalKind::terminate())?;
        Ok((interrupt, terminate))
    });
    match signals {
        Ok((mut interrupt, mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(error) => {
            warn!(%error, "signals can't be heard, so only SIGKILL stops this process");
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_without_its_port() {
        assert_eq!(name_of("hub.example.org:80"), Some("hub.example.org"));
        assert_eq!(name_of("[::1]:80"), Some("[::1]"));
        assert_eq!(name_of("[::1"), None);
        assert_eq!(name_of("a b"), None);
        assert_eq!(name_of(""), None);
    }
}
