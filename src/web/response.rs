//! The HTTP answer that carries a page. In the browser there is none, and nothing happens.

/// Sets the status of the answer.
#[cfg(feature = "ssr")]
pub fn set_status(status: u16) {
    use axum::http::StatusCode;
    use leptos::prelude::use_context;
    if let (Some(response), Ok(status)) = (
        use_context::<leptos_axum::ResponseOptions>(),
        StatusCode::from_u16(status),
    ) {
        response.set_status(status);
    }
}

/// Sets the status of the answer.
#[cfg(not(feature = "ssr"))]
pub const fn set_status(_status: u16) {}

/// Tells search engines not to list the page.
#[cfg(feature = "ssr")]
pub fn hide_from_search() {
    use axum::http::HeaderValue;
    if let Some(response) = leptos::prelude::use_context::<leptos_axum::ResponseOptions>() {
        response.insert_header(crate::server::ROBOTS, HeaderValue::from_static("noindex"));
    }
}

/// Gives the answer of a server function the status that goes with its error.
///
/// Left alone are pages that are being rendered, and forms sent without JavaScript: those are led
/// back to their page.
#[cfg(feature = "ssr")]
pub fn failed(error: super::error::AppError) -> super::error::AppError {
    use axum::http::header::ACCEPT;
    use axum::http::request::Parts;
    let parts = leptos::prelude::use_context::<Parts>();
    let is_call = parts.is_some_and(|parts| {
        let accept = parts
            .headers
            .get(ACCEPT)
            .and_then(|accept| accept.to_str().ok());
        let is_form = accept.is_some_and(|accept| accept.contains("text/html"));
        parts.uri.path().starts_with(super::api::PREFIX) && !is_form
    });
    if is_call {
        set_status(error.status());
    }
    error
}

/// Leads a form that was sent without JavaScript to a page, and tells whether it was. With it the page stays, and
/// shows what changed.
#[cfg(feature = "ssr")]
pub fn lead_form(path: &str) -> bool {
    use axum::http::header::ACCEPT;
    use axum::http::request::Parts;
    let parts = leptos::prelude::use_context::<Parts>();
    let accept = parts
        .as_ref()
        .and_then(|parts| parts.headers.get(ACCEPT)?.to_str().ok());
    let is_form = accept.is_some_and(|accept| accept.contains("text/html"));
    if is_form {
        leptos_axum::redirect(path);
    }
    is_form
}
