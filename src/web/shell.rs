//! The document around the app: head, policy, and the script that starts the browser's half.

use axum::http::HeaderName;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderValue, REFERRER_POLICY};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::*;
use leptos_meta::MetaTags;

use super::api::theme::chosen;
use super::app::App;
use crate::server::assets::url;
use crate::server::dev;
use crate::server::web::has_session;

/// Renders the whole document.
pub fn shell(_options: LeptosOptions) -> impl IntoView {
    let nonce = use_nonce();
    set_headers(
        nonce
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default()
            .as_str(),
    );
    let (script, wasm) = (url("dockyard.js"), url("dockyard.wasm"));
    let start = format!(
        "import({script:?}).then(m => m.default({{module_or_path: {wasm:?}}}).then(() => m.hydrate()))"
    );
    view! {
        <!DOCTYPE html>
        <html lang="en" class=chosen().class()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <link rel="icon" href=url("favicon.svg") type="image/svg+xml" />
                {["inter.woff2", "jetbrains-mono.woff2"]
                    .map(|font| {
                        view! {
                            <link
                                rel="preload"
                                href=url(font)
                                r#as="font"
                                r#type="font/woff2"
                                crossorigin="anonymous"
                            />
                        }
                    })}
                <link rel="stylesheet" href=url("main.css") />
                <link
                    rel="preload"
                    href=wasm
                    r#as="fetch"
                    r#type="application/wasm"
                    crossorigin="anonymous"
                />
                <MetaTags />
            </head>
            <body>
                <App />
                <script type="module" nonce=nonce.clone()>
                    {start}
                </script>
                {dev::script().map(|reload| view! { <script nonce=nonce>{reload}</script> })}
            </body>
        </html>
    }
}

/// Says what a page may load and do: what comes from here, and images of READMEs.
fn set_headers(nonce: &str) {
    let Some(response) = use_context::<leptos_axum::ResponseOptions>() else {
        return;
    };
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; \
         style-src 'self'; img-src 'self' https:; font-src 'self'; connect-src 'self'; \
         object-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    // What a person who is logged in saw is not shown by the "back" of whoever comes after.
    let cache = if has_session() {
        "private, no-store"
    } else {
        "private, no-cache"
    };
    let headers: [(HeaderName, &str); 3] = [
        (CONTENT_SECURITY_POLICY, &policy),
        (CACHE_CONTROL, cache),
        (REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.insert_header(name, value);
        }
    }
}
