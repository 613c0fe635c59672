//! Which address leads where.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use leptos::prelude::provide_context;
use leptos_axum::{LeptosRoutes, generate_route_list};

use super::oci::{self, search_v1, token};
use super::session::{self, Secure};
use super::{AppState, api, assets, ops, requests, upload_form};
use crate::web::app::{App, shell};

/// Largest body in bytes of what is read whole: forms and JSON.
const BODY_MAX: usize = 1024 * 1024;

/// Builds the whole server.
pub fn router(state: AppState) -> Router {
    let https = state
        .public_url
        .as_ref()
        .is_some_and(|url| url.starts_with("https://"));
    let secure = if https { Secure::Yes } else { Secure::No };
    let sessions = session::layer(state.hub.accounts.sessions.clone(), secure);
    let context = {
        let state = state.clone();
        move || provide_context(state.clone())
    };
    let shell = {
        let options = state.leptos.clone();
        move || shell(options.clone())
    };
    let pages = Router::new()
        .leptos_routes_with_context(&state, generate_route_list(App), context, shell)
        .route("/upload", post(upload_form::upload))
        .merge(api::routes())
        .fallback(page)
        .layer(middleware::from_fn(requests::same_origin))
        .layer(sessions);
    let protocol = Router::new()
        .route("/v2", any(oci::handle))
        .route("/v2/", any(oci::handle))
        .route("/v2/{*path}", any(oci::handle))
        .route("/token", get(token::get).post(token::post))
        .route("/v1/_ping", get(search_v1::ping))
        .route("/v1/search", get(search_v1::search));
    let operations = Router::new()
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/assets/{name}", get(assets::serve));
    pages
        .merge(protocol)
        .merge(operations)
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .layer(middleware::from_fn(requests::observe))
        .with_state(state)
}

/// Renders the pages' own "not found" for every address that nothing else answers.
async fn page(State(state): State<AppState>, request: Request) -> Response {
    let options = state.leptos.clone();
    let handler = leptos_axum::render_app_async_with_context(
        move || provide_context(state.clone()),
        move || shell(options.clone()),
    );
    handler(request).await.into_response()
}
