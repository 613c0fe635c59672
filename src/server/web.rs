//! What the pages' server functions ask of the request: who is it, log in, log out, cookies.

use axum::http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

use axum::http::header::{COOKIE, HeaderValue, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use dockyard_hub::Hub;
use dockyard_hub::accounts::{Caller, User};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use tower_sessions::Session;

use super::caller::{SESSION_CLIENT, SESSION_GENERATION, SESSION_USER, of_session};
use super::peer::Peer;
use super::{AppState, requests};
use crate::web::error::AppError;

/// How long the choice of a theme is kept, in seconds: a year.
const COOKIE_SECS: u32 = 365 * 24 * 3600;
/// How long a browser keeps what is shown once, in seconds: as long as a page takes to load on a bad line.
const ONCE_SECS: u32 = 60;
/// Characters that are kept of what a browser calls itself: enough to recognise it.
const CLIENT_MAX_CHARS: usize = 200;

/// Finds the hub and who makes the request, by the session's cookie.
pub async fn current() -> Result<(Hub, Caller), AppError> {
    let hub = expect_context::<AppState>().hub;
    let caller = match session() {
        Some(session) => of_session(&hub, &session)
            .await
            .map_err(AppError::internal)?,
        None => Caller::anonymous(),
    };
    Ok((hub, caller))
}

/// Makes the browser's session a user's. The session gets a new id, so that one known before is
/// worthless.
pub async fn log_in(user: &User) -> Result<(), AppError> {
    let session = session().ok_or_else(|| AppError::internal("no session layer"))?;
    session.cycle_id().await.map_err(AppError::internal)?;
    session
        .insert(SESSION_CLIENT, client())
        .await
        .map_err(AppError::internal)?;
    session
        .insert(SESSION_GENERATION, user.generation)
        .await
        .map_err(AppError::internal)?;
    session
        .insert(SESSION_USER, user.id.to_string())
        .await
        .map_err(AppError::internal)
}

/// Is what the browser calls itself, cut to a bound.
fn client() -> String {
    let parts = use_context::<Parts>();
    let agent = parts
        .as_ref()
        .and_then(|parts| parts.headers.get(USER_AGENT));
    let text = agent.and_then(|agent| agent.to_str().ok());
    text.unwrap_or_default()
        .chars()
        .take(CLIENT_MAX_CHARS)
        .collect()
}

/// Is the id of the browser's session.
pub fn session_id() -> Option<String> {
    session()?.id().map(|id| id.to_string())
}

/// Is the id under which the log has the request.
pub fn request_id() -> String {
    use_context::<Parts>().map_or_else(String::new, |parts| requests::id(&parts.headers).to_owned())
}

/// Is where the request comes from.
pub fn peer() -> IpAddr {
    use_context::<Parts>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |parts| {
        Peer::of(&parts.extensions)
    })
}

/// Ends the browser's session.
pub async fn log_out() -> Result<(), AppError> {
    let session = session().ok_or_else(|| AppError::internal("no session layer"))?;
    session.flush().await.map_err(AppError::internal)
}

/// Is the `host:port` that stands in image names on the pages.
pub fn host() -> String {
    let state = expect_context::<AppState>();
    use_context::<Parts>().map_or_else(String::new, |parts| state.host(&parts.headers))
}

/// Is the address of this server as the browser knows it, `http://host:port`.
pub fn base_url() -> String {
    let state = expect_context::<AppState>();
    use_context::<Parts>().map_or_else(String::new, |parts| state.base_url(&parts.headers))
}

/// Tells whether the browser has a session.
pub fn has_session() -> bool {
    let state = expect_context::<AppState>();
    cookie(state.secure().session_cookie()).is_some()
}

/// Reads a cookie of the request.
pub fn cookie(name: &str) -> Option<String> {
    cookie_of(&use_context::<Parts>()?.headers, name)
}

/// Reads a cookie from the headers of a request.
pub fn cookie_of(headers: &HeaderMap, name: &str) -> Option<String> {
    let all = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok());
    all.flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// Sets a cookie that the pages may read for a year.
pub fn set_cookie(name: &str, value: &str) {
    let text = format!("{name}={value}; Path=/; Max-Age={COOKIE_SECS}; SameSite=Lax; HttpOnly");
    append_cookie(&text);
}

/// Gives the browser something that one page shows, once: it is kept nowhere else.
pub fn show_once(name: &str, value: &str) {
    let text = format!(
        "{name}={value}; Path=/; Max-Age={ONCE_SECS}; SameSite=Strict; HttpOnly{}",
        secure()
    );
    append_cookie(&text);
}

/// Reads what was given to be shown once.
pub fn read_once(name: &str) -> Option<String> {
    cookie(name).filter(|value| !value.is_empty())
}

/// Makes the browser forget a cookie.
pub fn forget_cookie(name: &str) {
    append_cookie(&format!(
        "{name}=; Path=/; Max-Age=0; SameSite=Strict; HttpOnly{}",
        secure()
    ));
}

/// Is what keeps a cookie from connections that are not encrypted, where the server has others.
fn secure() -> &'static str {
    if base_url().starts_with("https://") {
        "; Secure"
    } else {
        ""
    }
}

fn append_cookie(text: &str) {
    if let (Some(response), Ok(header)) = (
        use_context::<ResponseOptions>(),
        HeaderValue::from_str(text),
    ) {
        response.append_header(SET_COOKIE, header);
    }
}

fn session() -> Option<Session> {
    use_context::<Parts>()?.extensions.get::<Session>().cloned()
}
