//! What every handler may reach.

use std::sync::Arc;

use axum::extract::FromRef;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use dockyard_hub::Hub;
use dockyard_markdown::Markdown;
use leptos::config::LeptosOptions;

use super::documents::{Cards, Maps};
use super::http::bodies::Times;
use super::imports::Imports;
use super::metrics::Metrics;
use super::session::Secure;

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub hub: Hub,
    pub leptos: LeptosOptions,
    pub markdown: Markdown,
    pub maps: Maps,
    pub cards: Cards,
    pub imports: Imports,
    pub metrics: Metrics,
    /// Whether clients speak TLS with this process itself.
    pub is_tls: bool,
    /// Address that clients use, when it is not simply the one they asked.
    pub public_url: Option<Arc<str>>,
    /// Time limits of request bodies.
    pub times: Times,
}

impl AppState {
    pub fn new(hub: Hub, public_url: Option<String>) -> Self {
        let leptos = LeptosOptions::builder().output_name("dockyard").build();
        Self {
            hub,
            leptos,
            markdown: Markdown::default(),
            maps: Maps::default(),
            cards: Cards::default(),
            imports: Imports::default(),
            metrics: Metrics::default(),
            is_tls: false,
            public_url: public_url.map(Into::into),
            times: Times::default(),
        }
    }

    /// Tells whether clients come over TLS, to this process or to the proxy before it.
    pub fn is_https(&self) -> bool {
        let url = self.public_url.as_ref();
        url.map_or(self.is_tls, |url| url.starts_with("https://"))
    }

    /// Tells which kind of cookies browsers get.
    pub fn secure(&self) -> Secure {
        if self.is_https() {
            Secure::Yes
        } else {
            Secure::No
        }
    }

    /// Is the address of this server as the client knows it, `http://host:port`.
    pub fn base_url(&self, headers: &HeaderMap) -> String {
        if let Some(url) = &self.public_url {
            return url.to_string();
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", host.unwrap_or("localhost"))
    }

    /// Is the `host:port` that stands in image names.
    pub fn host(&self, headers: &HeaderMap) -> String {
        let url = self.base_url(headers);
        url.split_once("://")
            .map_or(url.clone(), |(_, host)| host.to_owned())
    }
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

impl FromRef<AppState> for Hub {
    fn from_ref(state: &AppState) -> Self {
        state.hub.clone()
    }
}
