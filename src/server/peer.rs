//! Where a request comes from: the other end of its connection, or where a trusted proxy says.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::HttpBody;
use axum::extract::{FromRequestParts, Request};
use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use ipnet::IpNet;
use tower_service::Service;

use super::http::unsent::OnConnection;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// The scheme that a trusted proxy was asked with; from anybody else it is removed.
pub const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The address that a request comes from, in its extensions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer(pub IpAddr);

impl Peer {
    /// Finds the address among what goes with a request; the unspecified one when the request did not come over a
    /// connection.
    pub fn of(extensions: &Extensions) -> IpAddr {
        let peer = extensions.get::<Self>();
        peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Self::of(&parts.extensions)))
    }
}

/// The routes, for the requests of one connection.
#[derive(Clone)]
pub struct FromPeer {
    pub app: Router,
    pub peer: Peer,
    pub proxies: Proxies,
    pub unsent: OnConnection,
}

/// Networks of the proxies whose word is taken. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Arc<[IpNet]>);

impl Proxies {
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks.into())
    }

    /// Tells whether an address is that of a proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Is where a request comes from that came over a connection from `peer`: each trusted proxy has added whom it
    /// heard it from at the end, and what stands before the first that is not trusted may be made up.
    fn origin(&self, peer: Peer, headers: &HeaderMap) -> Peer {
        let mut origin = peer.0.to_canonical();
        let values = headers.get_all(FORWARDED_FOR).iter();
        let text: Vec<&str> = values.filter_map(|value| value.to_str().ok()).collect();
        let mut heard = text.iter().flat_map(|value| value.split(',')).rev();
        while self.trust(origin) {
            match heard.next().and_then(address) {
                Some(before) => origin = before,
                None => break,
            }
        }
        Peer(origin)
    }
}

/// Puts the host of an HTTP/2 request where HTTP/1 has it. Source: RFC 9113, section 8.3.1.
fn name_host<B>(request: &mut Request<B>) {
    let host = request.uri().authority().map(Authority::as_str);
    let host = host.and_then(|host| HeaderValue::from_str(host).ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

/// Puts the host that a trusted proxy was asked for in the place of the one that it asked for itself; from anybody else,
/// what says so is removed.
fn name_asked<B>(request: &mut Request<B>, is_trusted: bool) {
    let headers = request.headers_mut();
    let host = headers.remove(FORWARDED_HOST);
    if !is_trusted {
        headers.remove(FORWARDED_PROTO);
        return;
    }
    // Several proxies add theirs: the first was asked by the client.
    let first = host
        .as_ref()
        .and_then(|host| host.to_str().ok()?.split(',').next());
    if let Some(host) = first.and_then(|host| HeaderValue::from_str(host.trim()).ok()) {
        headers.insert(HOST, host);
    }
}

/// Reads an address as proxies write it, some with a port behind it.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let ip = text.parse::<IpAddr>().or_else(|_| {
        let with_port = text.parse::<std::net::SocketAddr>();
        with_port.map(|address| address.ip())
    });
    ip.ok().map(|ip| ip.to_canonical())
}

impl<B> Service<Request<B>> for FromPeer
where
    B: HttpBody<Data = bytes::Bytes> + Send + 'static,
    B::Error: Into<axum::BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request<B>>::poll_ready(&mut self.app, context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Without proxies, no header is looked at.
        let peer = if self.proxies.0.is_empty() {
            self.peer
        } else {
            self.proxies.origin(self.peer, request.headers())
        };
        request.extensions_mut().insert(peer);
        request.extensions_mut().insert(self.unsent.clone());
        name_host(&mut request);
        let is_trusted = self.proxies.trust(self.peer.0.to_canonical());
        name_asked(&mut request, is_trusted);
        self.app.call(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(peer: &str, forwarded: &[&str]) -> String {
        let networks = ["127.0.0.0/8", "10.0.0.0/8", "fd00::/8"];
        let networks = networks.map(|network| network.parse().unwrap());
        let proxies = Proxies::new(networks.to_vec());
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(FORWARDED_FOR, value.parse().unwrap());
        }
        let peer = Peer(peer.parse().unwrap());
        proxies.origin(peer, &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_says_what_was_asked() {
        for (is_trusted, host, proto) in [(true, "hub.example", true), (false, "inner:3000", false)]
        {
            let request = Request::builder()
                .header(HOST, "inner:3000")
                .header(FORWARDED_HOST, "hub.example, other.example")
                .header(FORWARDED_PROTO, "https");
            let mut request = request.body(()).unwrap();
            name_asked(&mut request, is_trusted);
            assert_eq!(request.headers()[HOST], host);
            assert_eq!(request.headers().contains_key(FORWARDED_PROTO), proto);
            assert!(!request.headers().contains_key(FORWARDED_HOST));
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_where_a_request_comes_from() {
        assert_eq!(origin("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(origin("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(origin("::ffff:127.0.0.1", &["2001:db8::7"]), "2001:db8::7");
        assert_eq!(origin("fd00::1", &["198.51.100.1:4711"]), "198.51.100.1");
    }

    #[test]
    fn what_a_client_wrote_itself_is_not_believed() {
        // The client made up the first; the proxy added the second.
        assert_eq!(
            origin("127.0.0.1", &["1.2.3.4, 198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            origin("127.0.0.1", &["1.2.3.4", "198.51.100.1, 10.0.0.3"]),
            "198.51.100.1"
        );
        assert_eq!(
            origin("127.0.0.1", &["198.51.100.1, nonsense"]),
            "127.0.0.1"
        );
        assert_eq!(origin("127.0.0.1", &[]), "127.0.0.1");
        assert_eq!(origin("127.0.0.1", &["10.0.0.2"]), "10.0.0.2");
    }
}
