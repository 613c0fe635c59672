//! For whoever works on the pages, in builds with debug assertions alone: the styleguide, and, when
//! `DOCKYARD_DEV` is set as by `make dev`, pages that reload when the server or the assets changed.

use std::sync::LazyLock;

use dockyard_hub::Id;

use super::assets;

/// An id of this start of the server; `None` outside of `make dev`.
static START: LazyLock<Option<String>> = LazyLock::new(|| {
    let wanted = cfg!(debug_assertions) && std::env::var_os("DOCKYARD_DEV").is_some();
    wanted.then(|| Id::new().to_string())
});

/// Returns true when the server was started by `make dev`.
pub fn is_on() -> bool {
    START.is_some()
}

/// Names this start of the server together with the assets as they are now.
fn version() -> Option<String> {
    let start = START.as_deref()?;
    Some(format!("{start}-{:x}", assets::version()))
}

/// `GET /dev/version`: changes when pages should reload.
pub async fn current() -> String {
    version().unwrap_or_default()
}

/// Returns the script that asks for the version twice a second and reloads the page when it changed.
pub fn script() -> Option<String> {
    let version = version()?;
    Some(format!(
        "setInterval(async () => {{ try {{ const r = await fetch('/dev/version'); \
         if (r.ok && await r.text() !== '{version}') location.reload(); }} catch {{}} }}, 500)"
    ))
}

#[cfg(debug_assertions)]
pub use styleguide::{page as styleguide, style as styleguide_style};

#[cfg(debug_assertions)]
mod styleguide {
    use axum::extract::{Request, State};
    use axum::http::HeaderValue;
    use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE};
    use axum::response::{IntoResponse, Response};
    use leptos::prelude::provide_context;

    use crate::server::{AppState, failures};
    use crate::web::styleguide::document;

    /// `GET /-/styleguide`: every component in its states.
    pub async fn page(State(state): State<AppState>, request: Request) -> Response {
        let context = move || provide_context(state.clone());
        let handler = leptos_axum::render_app_async_with_context(context, document);
        let mut response = handler(request).await.into_response();
        let policy = HeaderValue::from_static(failures::POLICY);
        let headers = response.headers_mut();
        headers.insert(CONTENT_SECURITY_POLICY, policy);
        response
    }

    /// `GET /-/styleguide.css`.
    pub async fn style() -> impl IntoResponse {
        let style = include_str!("../../style/styleguide.css");
        ([(CONTENT_TYPE, "text/css; charset=utf-8")], style)
    }
}
