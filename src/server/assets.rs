//! The pages' assets: embedded in the binary, under hashed names, compressed beforehand.
//!
//! Builds with debug assertions embed nothing: they read `target/site` of their checkout, which may change meanwhile.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, VARY,
};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use rust_embed::Embed;

#[derive(Embed)]
#[folder = "target/site/"]
struct Site;

/// Plain names of assets and their hashed names.
type Names = HashMap<String, String>;

fn read_names() -> Names {
    let manifest = Site::get("manifest.json").map(|file| file.data);
    manifest
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Returns the hashed name of an asset.
fn hashed_name(name: &str) -> Option<String> {
    static NAMES: LazyLock<Names> = LazyLock::new(read_names);
    if cfg!(debug_assertions) {
        return read_names().remove(name);
    }
    NAMES.get(name).cloned()
}

/// Returns the address of an asset, `/assets/<hashed name>`.
pub fn url(name: &str) -> String {
    match hashed_name(name) {
        Some(hashed) => format!("/assets/{hashed}"),
        None => format!("/assets/{name}"),
    }
}

/// Returns a number that changes with the assets, in builds with debug assertions.
pub fn version() -> u64 {
    let hash = Site::get("manifest.json").map(|file| file.metadata.sha256_hash());
    hash.map_or(0, |hash| {
        u64::from_be_bytes(std::array::from_fn(|i| hash[i]))
    })
}

/// Serves an asset; a hashed name never changes, so it may be kept for ever.
pub async fn serve(Path(name): Path<String>, headers: HeaderMap) -> impl IntoResponse {
    let hashed = hashed_name(&name);
    let cache = if hashed.is_none() {
        "public, max-age=31536000, immutable"
    } else {
        "public, max-age=300"
    };
    let file_name = hashed.as_deref().unwrap_or(&name);
    let Some((data, encoding)) = find(file_name, &headers) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = Response::builder()
        .header(CONTENT_TYPE, content_type(file_name))
        .header(CACHE_CONTROL, cache)
        .header(VARY, "accept-encoding");
    if let Some(encoding) = encoding {
        response = response.header(CONTENT_ENCODING, encoding);
    }
    response
        .body(Body::from(data))
        .unwrap_or_default()
        .into_response()
}

fn find(name: &str, headers: &HeaderMap) -> Option<(bytes::Bytes, Option<&'static str>)> {
    let accepted = headers
        .get(ACCEPT_ENCODING)
        .and_then(|text| text.to_str().ok())
        .unwrap_or("");
    for (encoding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
        if accepted
            .split(',')
            .any(|one| one.split(';').next().is_some_and(|e| e.trim() == encoding))
            && let Some(file) = Site::get(&format!("{name}{suffix}"))
        {
            return Some((to_bytes(file.data), Some(encoding)));
        }
    }
    Site::get(name).map(|file| (to_bytes(file.data), None))
}

fn to_bytes(data: std::borrow::Cow<'static, [u8]>) -> bytes::Bytes {
    match data {
        std::borrow::Cow::Borrowed(data) => bytes::Bytes::from_static(data),
        std::borrow::Cow::Owned(data) => data.into(),
    }
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "woff2" => "font/woff2",
        "png" => "image/png",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
