//! What search engines are told: where not to go (`/robots.txt`), and what there is (`/sitemap.xml`).

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::images::Page;
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::xml::Xml;
use super::{Document, Seen};
use crate::server::AppState;
use crate::server::error::ApiError;
use crate::web::addresses;
use crate::web::dto::Moment;

/// Repositories in one map. The protocol allows 50,000 addresses and 50 MB; this is about a megabyte.
pub const MAP_LEN: u32 = 10_000;
/// Maps that a list of them may name. Source: sitemaps.org, "Using Sitemap index files".
const MAPS_MAX: u32 = 50_000;
const NAMESPACE: &str = "http://www.sitemaps.org/schemas/sitemap/0.9";

/// Addresses where there is nothing to find: doors for programs, forms, and results without end.
const CLOSED: [&str; 11] = [
    "/api/",
    "/v1/",
    "/v2/",
    "/token",
    "/settings",
    "/admin",
    "/setup",
    "/new",
    "/upload",
    "/search",
    "/login",
];

/// Lets one map be written at a time: each reads ten thousand rows.
#[derive(Clone)]
pub struct Maps {
    turn: Arc<Semaphore>,
    /// Repositories in one map.
    pub len: u32,
}

impl Default for Maps {
    fn default() -> Self {
        Self {
            turn: Arc::new(Semaphore::new(1)),
            len: MAP_LEN,
        }
    }
}

/// `GET /robots.txt`.
pub async fn robots(State(state): State<AppState>, method: Method, headers: HeaderMap) -> Response {
    let mut text = String::from("User-agent: *\n");
    for path in CLOSED {
        text.push_str("Disallow: ");
        text.push_str(path);
        text.push('\n');
    }
    let base_url = state.base_url(&headers);
    let _ = writeln!(text, "\nSitemap: {base_url}/sitemap.xml");
    Document::new("text/plain; charset=utf-8", Seen::ByAll, text).answer(&method, &headers)
}

#[derive(Deserialize)]
pub struct MapQuery {
    /// The name after which a map starts, which may be empty; without it, all repositories are meant.
    after: Option<String>,
}

/// `GET /sitemap.xml`: all public repositories, or where the parts of their list are.
pub async fn sitemap(
    State(state): State<AppState>,
    Query(query): Query<MapQuery>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    match write(&state, query.after, &state.base_url(&headers)).await {
        Ok(text) => {
            let content_type = "application/xml; charset=utf-8";
            Document::new(content_type, Seen::ByAll, text).answer(&method, &headers)
        }
        Err(error) => error.into_response(),
    }
}

async fn write(
    state: &AppState,
    after: Option<String>,
    base_url: &str,
) -> Result<String, ApiError> {
    let maps = &state.maps;
    let _turn = maps.turn.acquire().await.map_err(ApiError::internal)?;
    if after.is_none() {
        let starts = state.hub.repositories.public_starts(maps.len, MAPS_MAX);
        let starts = starts.await?;
        if !starts.is_empty() {
            return Ok(write_index(&starts, base_url));
        }
    }
    write_map(&state.hub, after, maps.len, base_url).await
}

/// Lists the maps: the first one, and one after each of the names.
fn write_index(starts: &[String], base_url: &str) -> String {
    let mut xml = Xml::document();
    xml.open("sitemapindex", &[("xmlns", NAMESPACE)]);
    for start in std::iter::once("").chain(starts.iter().map(String::as_str)) {
        xml.open("sitemap", &[]);
        // Names of repositories have no character in them that an address would have to escape.
        xml.text("loc", &format!("{base_url}/sitemap.xml?after={start}"));
        xml.close("sitemap");
    }
    xml.close("sitemapindex");
    xml.finish()
}

async fn write_map(
    hub: &Hub,
    after: Option<String>,
    limit: u32,
    base_url: &str,
) -> Result<String, ApiError> {
    let page = Page { after, limit };
    let mut xml = Xml::document();
    xml.open("urlset", &[("xmlns", NAMESPACE)]);
    for (name, changed_ms) in hub.repositories.public(page).await? {
        let page = addresses::repository(name.as_str());
        xml.open("url", &[]);
        xml.text("loc", &format!("{base_url}{page}"));
        xml.text("lastmod", &Moment::of_ms(changed_ms).iso);
        xml.close("url");
    }
    xml.close("urlset");
    Ok(xml.finish())
}
