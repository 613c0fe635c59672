//! What happens to every request: an id, a log line, errors in a form that can be read, and no posts
//! from other sites.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CONTENT_LENGTH, COOKIE, HOST, HeaderName, HeaderValue, ORIGIN,
};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dockyard_hub::Id;
use tracing::{debug, error};

use super::error::{ApiError, Cause, error_body};
use super::failures::{self, Form};
use super::metrics::{Metrics, route_of};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id of a client or proxy that is kept.
const REQUEST_ID_MAX: usize = 64;
/// Longest time that a page may take: by then something it waits for has failed without a word.
const PAGE_TIME: Duration = Duration::from_secs(30);

/// Gives the request an id, and logs what became of it.
///
/// The request carries the id from then on, so that whatever is logged later can name it too.
pub async fn observe(State(metrics): State<Metrics>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = id_of(request.headers());
    if let Ok(id) = HeaderValue::from_str(&id) {
        request.headers_mut().insert(REQUEST_ID, id);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let matched = request.extensions().get::<MatchedPath>();
    let route = route_of(&path, matched.map(MatchedPath::as_str));
    let form = Form::wanted(&request);
    let mut response = failures::caught(request, next).await;
    if let Some(Cause(cause)) = response.extensions_mut().remove::<Cause>() {
        error!(request_id = id, %method, path, cause, "a request failed");
        let message = failures::went_wrong(&id);
        response.headers_mut().remove(CONTENT_LENGTH);
        *response.body_mut() = Body::from(error_body("UNKNOWN", &message).to_string());
    }
    let status = response.status().as_u16();
    let took = started.elapsed();
    metrics.answered(&method, route, status, took);
    let millis = took.as_millis();
    debug!(request_id = id, %method, path, status, millis, "answered");
    let mut response = failures::dress(form, &id, response);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// Gives up a page that is not there in time: what it waits for may have ended in a panic of its own.
pub async fn in_time(request: Request, next: Next) -> Response {
    match tokio::time::timeout(PAGE_TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::internal("the page was not ready in time").into_response(),
    }
}

/// Refuses what another site makes a browser send with its user's cookie.
pub async fn same_origin(request: Request, next: Next) -> Response {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if safe || !foreign(request.headers()) {
        return next.run(request).await;
    }
    let message = "this request came from another site, so it was refused";
    ApiError::new(StatusCode::FORBIDDEN, "CROSS_SITE", message).into_response()
}

fn foreign(headers: &HeaderMap) -> bool {
    if headers.contains_key(AUTHORIZATION) || !headers.contains_key(COOKIE) {
        return false;
    }
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    match (
        text(HeaderName::from_static("sec-fetch-site")),
        text(ORIGIN),
        text(HOST),
    ) {
        (Some(site), _, _) => !matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => origin
            .split_once("://")
            .is_none_or(|(_, from)| from != host),
        (None, _, _) => false,
    }
}

/// Is the id that `observe` gave a request.
pub fn id(headers: &HeaderMap) -> &str {
    let id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    id.unwrap_or_default()
}

fn id_of(headers: &HeaderMap) -> String {
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        !id.is_empty()
            && id.len() <= REQUEST_ID_MAX
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    given
        .filter(plain)
        .map_or_else(|| Id::new().to_string(), ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn only_posts_of_other_sites_with_a_cookie_are_foreign() {
        let cookie = ("cookie", "a=b");
        let host = ("host", "h:1");
        assert!(foreign(&headers(&[
            cookie,
            ("sec-fetch-site", "cross-site")
        ])));
        assert!(foreign(&headers(&[
            cookie,
            host,
            ("origin", "https://evil")
        ])));
        assert!(foreign(&headers(&[cookie, host, ("origin", "null")])));
        assert!(!foreign(&headers(&[
            cookie,
            host,
            ("origin", "http://h:1")
        ])));
        assert!(!foreign(&headers(&[
            cookie,
            ("sec-fetch-site", "same-origin")
        ])));
        assert!(!foreign(&headers(&[("sec-fetch-site", "cross-site")])));
        let token = ("authorization", "Bearer x");
        assert!(!foreign(&headers(&[
            cookie,
            token,
            ("sec-fetch-site", "cross-site")
        ])));
    }
}
