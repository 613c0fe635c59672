//! What search engines may look at, and where they find it.

use std::fmt::Write as _;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::Caller;
use dockyard_hub::images::Page;
use serde::Deserialize;

use super::AppState;
use super::error::ApiError;
use super::xml::escaped;
use crate::web::addresses;

/// Repositories in one part of the site map.
const PART: u32 = 5000;

/// `GET /robots.txt`.
pub async fn rules(State(state): State<AppState>, headers: HeaderMap) -> Response {
    let base_url = state.base_url(&headers);
    let text = format!(
        "User-agent: *\nDisallow: /api/\nDisallow: /v1/\nDisallow: /v2/\nDisallow: /token\n\
         Disallow: /settings\nDisallow: /login\nDisallow: /signup\nDisallow: /new\n\
         Disallow: /upload\nDisallow: /search\n\nSitemap: {base_url}/sitemap.xml\n"
    );
    ([(CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// The name after which a part of the site map begins.
#[derive(Deserialize)]
pub struct Part {
    after: Option<String>,
}

/// `GET /sitemap.xml`: the public repositories, some thousands at a time; the last address of a full part leads to the
/// next one. Source: sitemaps.org, protocol 0.9.
pub async fn map(
    State(state): State<AppState>,
    Query(part): Query<Part>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let page = Page {
        after: part.after,
        limit: PART,
    };
    let anyone = Caller::anonymous();
    let names = state.hub.repositories.catalog(&anyone, page).await?;
    let base_url = escaped(&state.base_url(&headers));
    let is_full = names.len() == PART as usize;
    let next = names.last().filter(|_| is_full).map(ToString::to_string);
    let mut map = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for name in names {
        let path = addresses::repository(name.as_str());
        let _ = writeln!(map, "<url><loc>{base_url}{path}</loc></url>");
    }
    if let Some(name) = next {
        let _ = writeln!(
            map,
            "<url><loc>{base_url}/sitemap.xml?after={name}</loc></url>"
        );
    }
    map.push_str("</urlset>\n");
    Ok(([(CONTENT_TYPE, "application/xml; charset=utf-8")], map).into_response())
}
