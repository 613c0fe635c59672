//! The address of a Dockyard, as people type it.

use std::fmt;
use std::str::FromStr;

use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Where `dockyard serve` listens unless told otherwise.
const DEFAULT_SERVER: &str = "http://127.0.0.1:3000";

/// The address of a Dockyard: `http` or `https`, without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Server {
    base: String,
    authority: String,
    is_loopback: bool,
}

impl Server {
    /// Is the address of a path below the server: `/api/v1/user`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Is the host, with its port when that is not the usual one, as image names carry it.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Tells whether a host, as image names carry it, is this server's: by its name, or by another one of this machine.
    pub fn is_called(&self, host: &str) -> bool {
        let port = |authority: &str| authority.rsplit_once(':').map(|(_, port)| port.to_owned());
        let is_same_port = port(host) == port(&self.authority);
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        host.eq_ignore_ascii_case(&self.authority)
            || (self.is_loopback && is_loopback(name) && is_same_port)
    }

    /// Tells whether the server is spoken to without TLS.
    pub fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// Tells whether the server runs on this machine, so that no proxy must be asked.
    pub fn is_loopback(&self) -> bool {
        self.is_loopback
    }
}

impl Default for Server {
    fn default() -> Self {
        DEFAULT_SERVER.parse().expect("the default is an address")
    }
}

impl FromStr for Server {
    type Err = String;

    /// Parses an address; without a scheme, this machine means `http` and any other `https`.
    fn from_str(text: &str) -> Result<Self, String> {
        let url = parse_url(text.trim())?;
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() || !matches!(url.scheme(), "http" | "https") {
            return Err("an address looks like https://images.example.com".into());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("an address holds no user and no password: use `mydocker login`".into());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("an address ends before any ? or #".into());
        }
        let authority = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            authority,
            is_loopback: is_loopback(host),
        })
    }
}

impl TryFrom<String> for Server {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.base
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

fn parse_url(text: &str) -> Result<Url, String> {
    let full = if text.contains("://") {
        text.to_owned()
    } else if Url::parse(&format!("http://{text}"))
        .ok()
        .and_then(|url| url.host_str().map(is_loopback))
        .unwrap_or(false)
    {
        format!("http://{text}")
    } else {
        format!("https://{text}")
    };
    Url::parse(&full).map_err(|error| format!("not an address: {error}"))
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<Server>().unwrap().to_string()
    }

    #[test]
    fn guesses_the_scheme_and_drops_the_last_slash() {
        assert_eq!(
            shown("https://images.example.com/"),
            "https://images.example.com"
        );
        assert_eq!(shown("images.example.com"), "https://images.example.com");
        assert_eq!(shown("localhost:3000"), "http://localhost:3000");
        assert_eq!(shown("[::1]:3000"), "http://[::1]:3000");
        assert_eq!(shown("https://example.com/hub/"), "https://example.com/hub");
    }

    #[test]
    fn refuses_what_is_no_address() {
        for bad in [
            "",
            "ftp://a",
            "http://",
            "https://me:secret@host",
            "https://a/?q",
            "http://a b",
        ] {
            assert!(bad.parse::<Server>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_authority_is_what_an_image_name_starts_with() {
        let server: Server = "http://127.0.0.1:3000".parse().unwrap();
        assert_eq!(server.authority(), "127.0.0.1:3000");
        assert!(server.is_loopback());
        let server: Server = "https://images.example.com:443".parse().unwrap();
        assert_eq!(server.authority(), "images.example.com");
        assert!(!server.is_loopback());
    }

    #[test]
    fn a_host_of_this_machine_is_the_same_by_its_other_names() {
        let server: Server = "http://127.0.0.1:3000".parse().unwrap();
        for same in ["127.0.0.1:3000", "localhost:3000", "[::1]:3000"] {
            assert!(server.is_called(same), "{same}");
        }
        for other in ["127.0.0.1:5000", "localhost", "images.example.com:3000"] {
            assert!(!server.is_called(other), "{other}");
        }
        let server: Server = "https://images.example.com".parse().unwrap();
        assert!(server.is_called("Images.example.com"));
        assert!(!server.is_called("images.example.com:5000"));
    }
}
