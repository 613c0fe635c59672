//! Where this server is, for addresses that others follow.

/// Is the address of this server as the browser knows it, `https://host`.
#[cfg(feature = "ssr")]
pub fn base_url() -> String {
    crate::server::web::base_url()
}

/// Is the address of this server as the browser knows it, `https://host`.
#[cfg(not(feature = "ssr"))]
pub fn base_url() -> String {
    leptos::prelude::window()
        .location()
        .origin()
        .unwrap_or_default()
}
