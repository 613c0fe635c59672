//! Dockyard: a Docker Hub of your own in one binary.
//!
//! `server` is what answers HTTP, `web` what people see; the browser gets `web` alone, as wasm.

// The types of a whole page are deep: every element is part of its parent's type.
#![recursion_limit = "512"]

#[cfg(feature = "ssr")]
pub mod server;
pub mod web;

/// Takes over the page that the server rendered.
#[cfg(feature = "hydrate")]
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(web::app::App);
}
