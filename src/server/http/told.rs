//! Protects error messages in URLs against spoofing.
//!
//! Without JavaScript, a refused form is redirected to its page with the message in the query. Anybody could write such a
//! link, so the redirect also sets a cookie with the hash of the message. A request whose cookie does not match is redirected
//! to the same page without the message.

use axum::extract::Request;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::server::session::Secure;
use crate::server::web::cookie_of;

/// Query parameters that carry a message: those of Leptos, and that of the upload form.
const TOLD: [&str; 3] = ["__err", "__path", "error"];
pub const COOKIE: &str = "dockyard_told";
/// Lifetime of the cookie in seconds: long enough to read the message and reload the page.
const KEPT_SECS: u32 = 600;

/// Removes messages from the query of a page unless the server sent them to this browser.
pub async fn own_only(
    secure: Secure,
    request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    let query = request.uri().query().unwrap_or_default();
    if is_page && let Some(told) = told(query) {
        let cookie = cookie_of(request.headers(), COOKIE);
        if cookie.is_none_or(|cookie| cookie != told) {
            return without(request.uri());
        }
    }
    let mut response = answer(request).await;
    if response.status().is_redirection()
        && let Some(told) = leads_to(&response).as_deref().and_then(told_in)
    {
        let secure = match secure {
            Secure::Yes => "; Secure",
            Secure::No => "",
        };
        let cookie =
            format!("{COOKIE}={told}; Path=/; Max-Age={KEPT_SECS}; SameSite=Lax; HttpOnly{secure}");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
    response
}

fn leads_to(response: &Response) -> Option<String> {
    let location = response.headers().get(LOCATION)?;
    location.to_str().ok().map(str::to_owned)
}

fn told_in(location: &str) -> Option<String> {
    told(location.split_once('?')?.1)
}

/// Returns the hash of the message in a query, which is the value of the cookie; `None` if there is no message.
pub fn told(query: &str) -> Option<String> {
    let pairs = form_urlencoded::parse(query.as_bytes());
    let mut told: Vec<_> = pairs
        .filter(|(name, _)| TOLD.contains(&name.as_ref()))
        .collect();
    if told.is_empty() {
        return None;
    }
    told.sort_unstable();
    let mut hasher = Sha256::new();
    for (name, value) in told {
        for text in [name, value] {
            hasher.update(text.len().to_be_bytes());
            hasher.update(text.as_bytes());
        }
    }
    Some(URL_SAFE_NO_PAD.encode(hasher.finalize()))
}

/// Redirects to the same page without the message.
fn without(uri: &Uri) -> Response {
    let query = uri.query().unwrap_or_default();
    let mut rest = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !TOLD.contains(&name.as_ref()) {
            rest.append_pair(&name, &value);
        }
    }
    let rest = rest.finish();
    let path = uri.path();
    let to = if rest.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{rest}")
    };
    // A path that begins with two slashes would lead to another host.
    let to = if to.starts_with("//") {
        "/".to_owned()
    } else {
        to
    };
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}
