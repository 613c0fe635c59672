//! The public addresses of this server. Links and tokens name the address that the client used, if it is configured, and
//! the first configured one otherwise.

use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::HOST;

use super::peer::FORWARDED_PROTO;

/// The addresses that clients use. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Addresses {
    /// `https://host:port`, without a slash at the end; none for whichever was asked.
    configured: Arc<[String]>,
    /// True if this process terminates TLS itself.
    pub is_tls: bool,
}

impl Addresses {
    pub fn new(configured: Vec<String>) -> Self {
        Self {
            configured: configured.into(),
            is_tls: false,
        }
    }

    /// Returns true if clients use TLS, to this process or to a proxy. All configured addresses have the same scheme.
    pub fn is_https(&self) -> bool {
        let first = self.configured.first();
        first.map_or(self.is_tls, |url| url.starts_with("https://"))
    }

    /// Returns the address of this server as the client knows it, `http://host:port`. If addresses are configured, a `Host`
    /// that is none of them is never repeated.
    pub fn base_url(&self, headers: &HeaderMap) -> String {
        let asked = self.asked(headers);
        let known = self.configured.iter().find(|url| **url == asked);
        match known.or(self.configured.first()) {
            Some(url) => url.clone(),
            None => asked,
        }
    }

    /// Finds the configured address of a host without its port, or else the first one.
    pub fn of_host(&self, name: Option<&str>) -> Option<&str> {
        let is_of = |url: &&String| {
            let rest = url.split_once("://").map(|(_, rest)| rest);
            let host = rest.map(|rest| rest.rsplit_once(':').map_or(rest, |(host, _)| host));
            name.is_some() && host == name
        };
        let found = self.configured.iter().find(is_of);
        found.or(self.configured.first()).map(String::as_str)
    }

    fn asked(&self, headers: &HeaderMap) -> String {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        // Left there by trusted proxies alone.
        let scheme = match text(FORWARDED_PROTO) {
            Some(scheme @ ("http" | "https")) => scheme,
            _ if self.is_tls => "https",
            _ => "http",
        };
        format!("{scheme}://{}", text(HOST).unwrap_or("localhost"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(host: &str, proto: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, host.parse().unwrap());
        if let Some(proto) = proto {
            headers.insert(FORWARDED_PROTO, proto.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_server_with_two_names_answers_with_the_one_that_was_asked() {
        let urls = ["https://hub.example.org", "https://hub.internal:8443"];
        let addresses = Addresses::new(urls.map(str::to_owned).to_vec());
        let https = Some("https");
        for (host, proto, expected) in [
            ("hub.example.org", https, urls[0]),
            ("hub.internal:8443", https, urls[1]),
            ("hub.internal", https, urls[0]),
            ("evil.example", https, urls[0]),
            ("hub.internal:8443", None, urls[0]),
            ("hub.internal:8443", Some("javascript"), urls[0]),
        ] {
            let given = addresses.base_url(&asked(host, proto));
            assert_eq!(given, expected, "{host} {proto:?}");
        }
        assert_eq!(addresses.of_host(Some("hub.internal")), Some(urls[1]));
        assert_eq!(addresses.of_host(Some("other")), Some(urls[0]));
        assert!(addresses.is_https());
    }

    #[test]
    fn a_server_without_a_name_has_the_one_that_was_asked() {
        let mut addresses = Addresses::default();
        let given = addresses.base_url(&asked("127.0.0.1:3000", None));
        assert_eq!(given, "http://127.0.0.1:3000");
        let given = addresses.base_url(&asked("hub.example.org", Some("https")));
        assert_eq!(given, "https://hub.example.org");
        addresses.is_tls = true;
        let given = addresses.base_url(&asked("hub.example.org", None));
        assert_eq!(given, "https://hub.example.org");
        assert_eq!(addresses.of_host(Some("x")), None);
    }
}
