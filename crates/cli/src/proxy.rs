//! The proxy between this machine and the server, as the environment names it.
//!
//! Source: the variables as curl, docker and Go read them: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, in
//! capital letters or small ones; an entry of `NO_PROXY` may end in a port.

use std::{env, fmt};

use reqwest::Url;

use crate::address::Server;

/// A proxy, and the variable that names it.
#[derive(Debug, PartialEq, Eq)]
pub struct Proxy {
    pub url: String,
    variable: String,
}

impl Proxy {
    /// Finds the proxy for a server; `None` where it is reached directly, as on this machine.
    pub fn of(server: &Server) -> Option<Self> {
        if server.is_loopback() {
            return None;
        }
        let url = Url::parse(&server.url("")).ok()?;
        find(&url, |name| env::var(name).ok())
    }
}

impl fmt::Display for Proxy {
    /// Writes the address without what it may hold of a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Url::parse(&self.url) {
            Ok(mut url) => {
                let _ = (url.set_username(""), url.set_password(None));
                write!(
                    f,
                    "{} ({})",
                    url.as_str().trim_end_matches('/'),
                    self.variable
                )
            }
            Err(_) => write!(f, "that {} names", self.variable),
        }
    }
}

fn find(server: &Url, variable: impl Fn(&str) -> Option<String>) -> Option<Proxy> {
    let either = |name: &str| {
        let names = [name.to_lowercase(), name.to_owned()];
        names.into_iter().find_map(|name| {
            let value = variable(&name).filter(|value| !value.trim().is_empty())?;
            Some((name, value.trim().to_owned()))
        })
    };
    if let Some((_, list)) = either("NO_PROXY")
        && list.split(',').any(|entry| names_server(entry, server))
    {
        return None;
    }
    let own = if server.scheme() == "https" {
        "HTTPS_PROXY"
    } else {
        "HTTP_PROXY"
    };
    let (variable, value) = either(own).or_else(|| either("ALL_PROXY"))?;
    let url = if value.contains("://") {
        value
    } else {
        format!("http://{value}")
    };
    Some(Proxy { url, variable })
}

/// Tells whether an entry of `NO_PROXY` names a server: by its name or one above it, by its address or network, with or
/// without a port.
fn names_server(entry: &str, server: &Url) -> bool {
    let entry = entry.trim();
    if entry == "*" {
        return true;
    }
    let host = server.host_str().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let (Ok(network), Ok(address)) = (entry.parse::<Network>(), host.parse()) {
        return network.holds(address);
    }
    let (name, port) = match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => (name, Some(port)),
        _ => (entry, None),
    };
    let port_fits = port.is_none_or(|port| {
        let own = server.port_or_known_default();
        port.parse().ok() == own
    });
    let name = name.trim_start_matches('[').trim_end_matches(']');
    let name = name.trim_start_matches("*.").trim_start_matches('.');
    let is_below = || {
        let above = host.strip_suffix(name);
        above.is_some_and(|rest| rest.ends_with('.'))
    };
    !name.is_empty() && port_fits && (host.eq_ignore_ascii_case(name) || is_below())
}

/// A network as `10.0.0.0/8`.
struct Network(std::net::IpAddr, u32);

impl std::str::FromStr for Network {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (address, bits) = text.split_once('/').ok_or(())?;
        let address = address.parse().map_err(|_| ())?;
        Ok(Self(address, bits.parse().map_err(|_| ())?))
    }
}

impl Network {
    fn holds(&self, address: std::net::IpAddr) -> bool {
        use std::net::IpAddr::{V4, V6};
        let first_bits = |bits: u128, width: u32| bits.checked_shr(width.saturating_sub(self.1));
        match (self.0, address) {
            (V4(own), V4(other)) => {
                let start = |ip: std::net::Ipv4Addr| first_bits(u32::from(ip).into(), 32);
                start(own) == start(other)
            }
            (V6(own), V6(other)) => {
                let start = |ip: std::net::Ipv6Addr| first_bits(u128::from(ip), 128);
                start(own) == start(other)
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let read = |name: &str| {
            let mut found = variables.iter();
            let (_, value) = found.find(|(own, _)| *own == name)?;
            Some((*value).to_owned())
        };
        find(&Url::parse(server).unwrap(), read).map(|proxy| proxy.to_string())
    }

    #[test]
    fn finds_the_proxy_of_a_scheme() {
        let both = [("HTTPS_PROXY", "https://u:p@s:1"), ("http_proxy", "h:2")];
        let https = found("https://images.example", &both).unwrap();
        assert_eq!(https, "https://s:1 (HTTPS_PROXY)");
        let http = found("http://images.example", &both).unwrap();
        assert_eq!(http, "http://h:2 (http_proxy)");
        let all = found(
            "http://images.example",
            &[("ALL_PROXY", "a:3"), ("HTTP_PROXY", "")],
        );
        assert_eq!(all.unwrap(), "http://a:3 (ALL_PROXY)");
        assert_eq!(found("http://images.example", &[]), None);
    }

    #[test]
    fn leaves_out_the_servers_that_no_proxy_names() {
        for (server, entry, is_left_out) in [
            ("http://registry.example:5000", "registry.example", true),
            (
                "http://registry.example:5000",
                "registry.example:5000",
                true,
            ),
            ("http://registry.example:5000", "registry.example:80", false),
            ("http://registry.example", "registry.example:80", true),
            ("https://registry.example", "registry.example:443", true),
            (
                "http://a.registry.example:5000",
                ".registry.example:5000",
                true,
            ),
            ("http://a.registry.example", "registry.example", true),
            ("http://aregistry.example", "registry.example", false),
            ("http://a.registry.example", "*.registry.example", true),
            ("http://other.example", "a, *", true),
            ("http://10.1.2.3:5000", "10.0.0.0/8", true),
            ("http://10.1.2.3:5000", "10.1.2.3:5000", true),
            ("http://11.1.2.3", "10.0.0.0/8", false),
            ("http://[fd00::1]:5000", "fd00::/8", true),
            ("http://[fd00::1]:5000", "[fd00::1]:5000", true),
            ("http://registry.example", "", false),
        ] {
            let variables = [
                ("http_proxy", "p:1"),
                ("https_proxy", "p:1"),
                ("NO_PROXY", entry),
            ];
            let is_none = found(server, &variables).is_none();
            assert_eq!(is_none, is_left_out, "{server} {entry}");
        }
    }
}
