//! What every answer tells browsers: what it may load and do, who may embed it, who may keep it.
//!
//! An answer that says something itself, as pages do, keeps it.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use axum::middleware::Next;
use axum::response::Response;

use super::session::Secure;

/// For what is no page: it loads nothing and runs nothing, whatever type a client gave it.
const CLOSED: &str = "default-src 'none'; form-action 'none'; base-uri 'none'; \
     frame-ancestors 'none'; sandbox";
/// Parts of a browser that no page here asks for.
const FEATURES: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), \
     gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";
/// A year, as is usual. Not for names below this one, which may be somebody else's.
const HTTPS_ONLY: &str = "max-age=31536000";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
/// Which sites may embed an answer.
pub const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Adds to each answer what it does not say itself.
pub async fn complete(State(secure): State<Secure>, request: Request, next: Next) -> Response {
    // Registry clients keep what they like by digest, and what stands in between may as well.
    let is_protocol = request.uri().path().starts_with("/v2/");
    let mut response = next.run(request).await;
    let is_unauthorized = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    let cache = if headers.contains_key(ETAG) {
        "private, no-cache"
    } else {
        "no-store"
    };
    let mut or_else = |name: HeaderName, value| {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    if is_unauthorized {
        // Source: RFC 9110, 15.5.2. With Basic, browsers would ask for a password in a window of their own.
        or_else(WWW_AUTHENTICATE, "Bearer realm=\"Dockyard\"");
    }
    or_else(X_CONTENT_TYPE_OPTIONS, "nosniff");
    or_else(REFERRER_POLICY, "same-origin");
    or_else(CONTENT_SECURITY_POLICY, CLOSED);
    or_else(RESOURCE_POLICY, "same-origin");
    // A blob may be opened in a browser, and is shut in by the above; clients that pull need no more than that.
    if !is_protocol {
        or_else(PERMISSIONS_POLICY, FEATURES);
        or_else(OPENER_POLICY, "same-origin");
        or_else(CACHE_CONTROL, cache);
    }
    if secure == Secure::Yes {
        or_else(STRICT_TRANSPORT_SECURITY, HTTPS_ONLY);
    }
    response
}
