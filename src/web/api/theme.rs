//! The colours that a person wants, kept in a cookie.

use leptos::prelude::*;

use crate::web::dto::Theme;
use crate::web::error::AppError;

/// Name of the cookie.
#[cfg(feature = "ssr")]
const COOKIE: &str = "theme";

/// Keeps a theme for this browser.
#[server(name = SetTheme, prefix = "/api/web", endpoint = "theme")]
pub async fn set_theme(theme: Theme) -> Result<Theme, AppError> {
    crate::server::web::set_cookie(COOKIE, theme.as_str());
    Ok(theme)
}

/// Is the theme that the request's cookie asks for.
#[cfg(feature = "ssr")]
pub(in crate::web) fn chosen() -> Theme {
    let cookie = crate::server::web::cookie(COOKIE);
    Theme::of_cookie(cookie.as_deref().unwrap_or_default())
}

/// Is the theme that the cookie among the headers of a request asks for.
#[cfg(feature = "ssr")]
pub(crate) fn of_cookies(headers: &axum::http::HeaderMap) -> Theme {
    let cookie = crate::server::web::cookie_of(headers, COOKIE);
    Theme::of_cookie(cookie.as_deref().unwrap_or_default())
}
