//! What happens to every request: an id, a log line, errors in a form that can be read, and no posts
//! from other sites.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, HOST, HeaderName, HeaderValue, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use dockyard_hub::Id;
use tracing::{debug, error};

use super::error::{ApiError, Cause, error_body};
use super::failures::{self, Form};
use super::metrics::{Metrics, route_of};
use super::session::Secure;

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

/// Refuses what is not to be answered: requests that are malformed, and those that another site makes a browser send.
pub fn refused(request: &Request, secure: Secure) -> Option<ApiError> {
    malformed(request).or_else(|| cross_site(request, secure))
}

/// Refuses requests that say nothing that can be answered: no tunnels are made here, and a host is one name.
/// Source: RFC 9110, section 9.3.6; RFC 9112, section 3.2.
fn malformed(request: &Request) -> Option<ApiError> {
    if request.method() == Method::CONNECT {
        let message = "this server makes no tunnels";
        let status = StatusCode::METHOD_NOT_ALLOWED;
        return Some(ApiError::new(status, "METHOD_INVALID", message));
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_[]:".contains(byte);
    let is_host = |host: &HeaderValue| host.as_bytes().iter().all(is_plain);
    if hosts.next().is_none_or(is_host) && hosts.next().is_none() {
        return None;
    }
    let message = "the Host header is not one host";
    Some(ApiError::bad_request("HOST_INVALID", message))
}

/// Refuses what another site makes a browser send.
///
/// Browsers add cookies and the passwords of Basic by themselves, and a log-in needs neither: a page of another site could
/// log its visitor in as somebody else. Only `Bearer` is never sent unasked.
fn cross_site(request: &Request, secure: Secure) -> Option<ApiError> {
    let safe = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if safe || !foreign(request.headers(), secure) {
        return None;
    }
    let message = "this request came from another site, so it was refused";
    Some(ApiError::new(StatusCode::FORBIDDEN, "CROSS_SITE", message))
}

/// Tells whether a browser sends a request for another site. Other clients say nothing of it.
///
/// Sources: Fetch Metadata, "Sec-Fetch-Site", which browsers send over HTTPS; Fetch, "Origin", which all send with what
/// changes something.
fn foreign(headers: &HeaderMap, secure: Secure) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    let scheme = text(AUTHORIZATION).and_then(|text| text.split(' ').next());
    if scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer")) {
        return false;
    }
    if let Some(site) = text(HeaderName::from_static("sec-fetch-site")) {
        return !matches!(site, "same-origin" | "none");
    }
    // A value that is no text is none of ours.
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    let origin = origin.to_str().ok().and_then(|text| text.split_once("://"));
    let Some((scheme, from)) = origin else {
        return true;
    };
    // A page that came over HTTP may be anybody's, also under the name of this server.
    let is_weaker = secure == Secure::Yes && scheme != "https";
    is_weaker || text(HOST) != Some(from)
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
    fn tunnels_and_odd_hosts_are_refused() {
        let ask = |method: Method, hosts: &[&str]| {
            let mut request = Request::builder().method(method).uri("/");
            for host in hosts {
                request = request.header(HOST, *host);
            }
            let request = request.body(Body::empty()).unwrap();
            refused(&request, Secure::No).map(|error| error.status.as_u16())
        };
        for host in ["h", "h:80", "[::1]:3000", "a-b_c.example"] {
            assert_eq!(ask(Method::GET, &[host]), None, "{host}");
        }
        for host in ["a@b", "a\"b", "a b", "a/b", "<b>"] {
            assert_eq!(ask(Method::GET, &[host]), Some(400), "{host}");
        }
        assert_eq!(ask(Method::GET, &["a", "a"]), Some(400));
        assert_eq!(ask(Method::GET, &[]), None);
        assert_eq!(ask(Method::CONNECT, &["a"]), Some(405));
    }

    #[test]
    fn what_browsers_send_for_other_sites_is_foreign() {
        let is_foreign = |list: &[(&'static str, &'static str)]| {
            let mut list = list.to_vec();
            list.push(("host", "h:1"));
            foreign(&headers(&list), Secure::No)
        };
        for site in ["cross-site", "same-site", "nonsense"] {
            assert!(is_foreign(&[("sec-fetch-site", site)]), "{site}");
        }
        for site in ["same-origin", "none"] {
            assert!(!is_foreign(&[("sec-fetch-site", site)]), "{site}");
        }
        for origin in ["https://evil", "http://h:2", "null", "h:1"] {
            assert!(is_foreign(&[("origin", origin)]), "{origin}");
        }
        assert!(!is_foreign(&[("origin", "http://h:1")]));
        assert!(!is_foreign(&[("origin", "https://h:1")]));
        assert!(!is_foreign(&[("cookie", "a=b")]));
    }

    #[test]
    fn only_a_bearer_token_says_that_a_request_was_meant() {
        let site = ("sec-fetch-site", "cross-site");
        for scheme in ["Basic YTpi", "Negotiate x", "Bearertoken", ""] {
            let list = [("authorization", scheme), site];
            assert!(foreign(&headers(&list), Secure::No), "{scheme}");
        }
        let list = [("authorization", "bearer x"), site];
        assert!(!foreign(&headers(&list), Secure::No));
    }

    #[test]
    fn over_https_a_page_that_came_over_http_is_another_site() {
        let list = [("host", "h"), ("origin", "http://h")];
        assert!(foreign(&headers(&list), Secure::Yes));
        let list = [("host", "h"), ("origin", "https://h")];
        assert!(!foreign(&headers(&list), Secure::Yes));
    }
}
