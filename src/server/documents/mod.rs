//! What programs read beside the pages: feeds, pictures for links, the map of the site.
//!
//! Each is a whole document in memory, small and bounded, with an `ETag` over its content.

mod card;
mod feed;
mod sitemap;
mod xml;

use std::fmt::Write as _;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::accounts::AccessError;
use dockyard_oci::RepositoryName;
use sha2::{Digest, Sha256};

use super::AppState;
use super::caller::ApiCaller;
use super::error::ApiError;
use super::range::Wanted;

pub use card::{Cards, of_the_site as card};
pub use sitemap::{Maps, robots, sitemap};

/// Tells search engines not to list an answer.
pub const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// A document, and who may keep it.
struct Document {
    content_type: &'static str,
    /// What caches may do with it. All of them ask again each time, which costs a 304: what is made
    /// private must be gone from everywhere at once.
    cache: &'static str,
    etag: String,
    bytes: Bytes,
}

/// Who may see a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    ByAll,
    ByFew,
}

impl Document {
    fn new(content_type: &'static str, seen: Seen, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let etag = etag(&[&bytes]);
        let cache = match seen {
            Seen::ByAll => "public, no-cache",
            Seen::ByFew => "private, no-cache",
        };
        Self {
            content_type,
            cache,
            etag,
            bytes,
        }
    }

    /// Tells whether the client has it already.
    fn is_known(&self, method: &Method, headers: &HeaderMap) -> bool {
        Wanted::of(method, headers, 0, &self.etag) == Wanted::NotModified
    }

    /// Answers a GET or HEAD, with 304 when the client has it already.
    fn answer(self, method: &Method, headers: &HeaderMap) -> Response {
        let length = self.bytes.len() as u64;
        let wanted = Wanted::of(method, headers, length, &self.etag).whole();
        let ranged = wanted.respond(method, length, &self.etag, self.content_type);
        let body = if ranged.pieces.is_empty() {
            Body::empty()
        } else {
            Body::from(self.bytes)
        };
        let response = ranged.response.header(CACHE_CONTROL, self.cache);
        let mut response = response.body(body).expect("headers are plain text");
        let none = HeaderValue::from_static("none");
        response.headers_mut().insert(ACCEPT_RANGES, none);
        if self.cache.starts_with("private") {
            let headers = response.headers_mut();
            headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
        }
        response
    }
}

/// A document of a repository, by the end of its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Feed,
    Card,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Feed, Self::Card];

    const fn end(self) -> &'static str {
        match self {
            Self::Feed => "/-/feed.atom",
            Self::Card => "/-/card.png",
        }
    }
}

/// Answers what under a repository's address is a document, and leaves the rest to the pages: the
/// name before has slashes in it, so that the router can't tell them apart.
pub async fn of_repository(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let Some((name, kind)) = parse(request.uri().path()).filter(|_| is_read) else {
        return next.run(request).await;
    };
    let (mut parts, _) = request.into_parts();
    let answer = match kind {
        Kind::Feed => feed(&state, &mut parts, &name).await,
        Kind::Card => card::of_repository(&state, &parts.method, &parts.headers, &name).await,
    };
    answer.unwrap_or_else(IntoResponse::into_response)
}

async fn feed(
    state: &AppState,
    parts: &mut Parts,
    name: &RepositoryName,
) -> Result<Response, ApiError> {
    let ApiCaller(caller) = ApiCaller::from_request_parts(parts, state).await?;
    let grant = state.hub.access.authorize(&caller, name).await;
    let grant = grant.map_err(hidden)?;
    if grant.repository() != name {
        return Ok(lead_on(grant.repository(), Kind::Feed));
    }
    let document = feed::of(&state.hub, &grant, &state.base_url(&parts.headers)).await?;
    Ok(document.answer(&parts.method, &parts.headers))
}

fn parse(path: &str) -> Option<(RepositoryName, Kind)> {
    let path = path.strip_prefix("/r/")?;
    Kind::ALL.into_iter().find_map(|kind| {
        let name = path.strip_suffix(kind.end())?;
        Some((name.parse().ok()?, kind))
    })
}

/// Leads from a former name to the present one. For now only: another may take the former one.
fn lead_on(to: &RepositoryName, kind: Kind) -> Response {
    let location = format!("/r/{to}{}", kind.end());
    (StatusCode::FOUND, [(LOCATION, location)]).into_response()
}

/// Makes one answer of all refusals to read, so that nobody learns what exists.
fn hidden(error: AccessError) -> ApiError {
    match error {
        AccessError::NotFound(_)
        | AccessError::Denied(_)
        | AccessError::Anonymous(_)
        | AccessError::OutOfScope(_)
        | AccessError::Renamed { .. } => ApiError::not_found("there is nothing at this address"),
        AccessError::Database(cause) => ApiError::internal(cause),
    }
}

/// Is an entity tag of content that comes in parts, quotes and all.
fn etag(parts: &[&[u8]]) -> String {
    let mut text = String::from("\"");
    for byte in &hash(parts)[..16] {
        let _ = write!(text, "{byte:02x}");
    }
    text.push('"');
    text
}

/// Is a UUID that always is the same for the same parts.
///
/// Source: RFC 9562, "UUID Version 8".
fn uuid(parts: &[&[u8]]) -> String {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash(parts)[..16]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let ends = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
    ends.map(|(from, to)| &hex[from..to]).join("-")
}

fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_documents_behind_names_with_slashes() {
        let found = |path: &str| parse(path).map(|(name, kind)| (name.to_string(), kind));
        let feed = Some(("alice/tools/app".to_owned(), Kind::Feed));
        assert_eq!(found("/r/alice/tools/app/-/feed.atom"), feed);
        for path in [
            "/r/alice/app",
            "/r/alice/-/feed.atom",
            "/r/Alice/app/-/feed.atom",
            "/u/alice/app/-/feed.atom",
            "/r/alice/app/-/feed.atom/",
        ] {
            assert_eq!(found(path), None, "{path}");
        }
    }

    #[test]
    fn makes_ids_of_what_they_are_for() {
        let id = uuid(&[b"a", b"bc"]);
        assert_eq!(id, uuid(&[b"a", b"bc"]));
        assert_ne!(id, uuid(&[b"ab", b"c"]));
        assert_eq!((id.len(), &id[14..15]), (36, "8"));
    }
}
