//! What every handler may reach.

use axum::extract::FromRef;
use axum::http::HeaderMap;
use dockyard_hub::admission::Places;
use dockyard_hub::{Hub, Id};
use dockyard_markdown::Markdown;
use leptos::config::LeptosOptions;

use super::addresses::Addresses;
use super::documents::{Cards, Maps};
use super::http::bodies::Times;
use super::http::unsent::{UNSENT, Unsent};
use super::imports::Imports;
use super::metrics::Metrics;
use super::session::Secure;

/// Previews of READMEs at once, and for one user.
const PREVIEWS: usize = 32;
const PREVIEWS_OF_ONE: usize = 2;

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    pub hub: Hub,
    pub leptos: LeptosOptions,
    pub markdown: Markdown,
    pub maps: Maps,
    pub cards: Cards,
    /// Previews of READMEs, by who asks for them.
    pub previews: Places<Id>,
    pub imports: Imports,
    pub metrics: Metrics,
    pub addresses: Addresses,
    /// Time limits of request bodies.
    pub times: Times,
    /// The budget of answers that clients have not taken.
    pub unsent: Unsent,
}

impl AppState {
    pub fn new(hub: Hub, public_urls: Vec<String>) -> Self {
        let metrics = Metrics::default();
        let leptos = LeptosOptions::builder().output_name("dockyard").build();
        Self {
            hub,
            leptos,
            markdown: Markdown::default(),
            maps: Maps::default(),
            cards: Cards::default(),
            previews: Places::new(PREVIEWS, PREVIEWS_OF_ONE),
            imports: Imports::default(),
            unsent: Unsent::new(UNSENT, metrics.clone()),
            metrics,
            addresses: Addresses::new(public_urls),
            times: Times::default(),
        }
    }

    /// Tells whether clients come over TLS, to this process or to the proxy before it.
    pub fn is_https(&self) -> bool {
        self.addresses.is_https()
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
        self.addresses.base_url(headers)
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
