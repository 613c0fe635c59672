//! Which address leads where.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use leptos::prelude::provide_context;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};

use super::http::gates;
use super::oci::{self, search_v1, token};
use super::routes::{Route, Routes};
use super::session;
use super::{
    AppState, api, assets, dev, documents, headers, metrics, ops, preview, requests, upload_form,
};
use crate::web::app::{App, shell};

/// The pages' addresses: making the list renders the whole of them once.
static PAGES: LazyLock<Vec<AxumRouteListing>> = LazyLock::new(|| generate_route_list(App));

/// Makes ready what the router needs beside a state.
pub fn prepare() {
    LazyLock::force(&PAGES);
}

/// Builds the whole server.
pub fn router(state: AppState) -> Router {
    let secure = state.secure();
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
        .leptos_routes_with_context(&state, PAGES.clone(), context, shell)
        .fallback(page)
        .layer(middleware::from_fn(requests::in_time))
        .layer(middleware::from_fn_with_state(
            state.clone(),
            documents::of_repository,
        ))
        .merge(browser_routes().router)
        .layer(middleware::from_fn_with_state(
            state.clone(),
            gates::of_browsers,
        ))
        .layer(sessions);
    let protocol = Router::new()
        .route("/v2", any(oci::handle))
        .route("/v2/", any(oci::handle))
        .route("/v2/{*path}", any(oci::handle));
    pages
        .merge(protocol)
        .merge(client_routes().router)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(
            gates::Bounds::from(&state),
            gates::of_all,
        ))
        .layer(middleware::from_fn_with_state(
            state.metrics.clone(),
            requests::observe,
        ))
        .layer(middleware::from_fn_with_state(secure, headers::complete))
        .with_state(state)
}

/// Routes that a session's cookie opens, beside the pages.
fn browser_routes() -> Routes {
    Routes::default()
        .post("/upload", upload_form::upload)
        .post("/preview", preview::show)
        .merge(api::routes())
}

/// Routes that look at no cookie.
fn client_routes() -> Routes {
    let routes = Routes::default()
        .get("/token", token::get)
        .post("/token", token::post)
        .get("/v1/_ping", search_v1::ping)
        .get("/v1/search", search_v1::search)
        .get("/healthz", ops::healthz)
        .get("/readyz", ops::readyz)
        .get("/metrics", metrics::serve)
        .get("/card.png", documents::card)
        .get("/robots.txt", documents::robots)
        .get("/sitemap.xml", documents::sitemap)
        .get("/assets/{name}", assets::serve);
    #[cfg(debug_assertions)]
    let routes = routes
        .get("/-/styleguide", dev::styleguide)
        .get(crate::web::styleguide::STYLE_PATH, dev::styleguide_style);
    if dev::is_on() {
        routes.get("/dev/version", dev::current)
    } else {
        routes
    }
}

/// Lists every route there is: the registry protocol, the API, the pages and what they call.
pub fn routes() -> Vec<Route> {
    let pages = PAGES.iter().map(|page| Route::new("GET", page.path()));
    let calls = leptos::server_fn::axum::server_fn_paths();
    let calls = calls.map(|(path, method)| Route::new(method, path));
    let mut list = oci::routes();
    list.extend(browser_routes().list);
    list.extend(client_routes().list);
    list.extend(pages.chain(calls));
    list
}

/// Renders the pages' own "not found" for every address that nothing else answers.
async fn page(State(state): State<AppState>, request: Request) -> Response {
    if let Some(response) = oci::redirect(request.method(), request.uri()) {
        return response;
    }
    let options = state.leptos.clone();
    let handler = leptos_axum::render_app_async_with_context(
        move || provide_context(state.clone()),
        move || shell(options.clone()),
    );
    handler(request).await.into_response()
}
