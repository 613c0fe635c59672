//! The JSON API of the command line and of scripts, under `/api/v1`.

mod accounts;
mod manifests;
mod repositories;

use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::AppState;
use super::archive;
use super::error::ApiError;
use super::imports;
use super::routes::Routes;

/// Entries of a page when `n` is not given, and the most there are.
const PAGE_DEFAULT: u32 = 100;
const PAGE_MAX: u32 = 1000;

/// Builds the routes of the API.
pub fn routes() -> Routes {
    Routes::default()
        .get("/api/v1", about)
        .post("/api/v1/users", accounts::sign_up)
        .get("/api/v1/user", accounts::who_am_i)
        .get("/api/v1/tokens", accounts::list_tokens)
        .post("/api/v1/tokens", accounts::create_token)
        .delete("/api/v1/tokens/{id}", accounts::revoke_token)
        .get("/api/v1/search", repositories::search)
        .get("/api/v1/repositories", repositories::list)
        .post("/api/v1/repositories", repositories::create)
        .get("/api/v1/repositories/{*path}", repositories::show)
        .post("/api/v1/repositories/{*path}", repositories::restore)
        .put("/api/v1/repositories/{*path}", repositories::put)
        .patch("/api/v1/repositories/{*path}", repositories::change)
        .delete("/api/v1/repositories/{*path}", repositories::delete)
        .get("/api/v1/images/{*name}", archive::export)
        .put("/api/v1/images/{*name}", archive::import)
        .post("/api/v1/layers", archive::known_layers)
        .post("/api/v1/imports", imports::begin)
        .get("/api/v1/imports/{id}", imports::show)
        .patch("/api/v1/imports/{id}", imports::send)
        .delete("/api/v1/imports/{id}", imports::cancel)
        .get("/api/{*rest}", unknown)
        .post("/api/{*rest}", unknown)
        .put("/api/{*rest}", unknown)
        .patch("/api/{*rest}", unknown)
        .delete("/api/{*rest}", unknown)
}

async fn unknown() -> ApiError {
    ApiError::not_found("there is nothing at this address of the API")
}

/// Tells a client that this is a Dockyard, and which.
async fn about() -> axum::Json<serde_json::Value> {
    axum::Json(json!({ "name": "dockyard", "version": env!("CARGO_PKG_VERSION") }))
}

/// A JSON body; what is wrong with it is told in the API's own form.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned> FromRequest<AppState> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, ApiError> {
        require_json(request.headers())?;
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                ApiError::new(rejection.status(), "BODY_INVALID", rejection.body_text())
            })?;
        json_of(&bytes).map(Self)
    }
}

/// Refuses a body that is not said to be JSON: what a form of another site can send unasked never is.
/// Source: Fetch, "CORS-safelisted request-header".
fn require_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next());
    if kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json")) {
        return Ok(());
    }
    let message = "send JSON, with Content-Type: application/json";
    let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    Err(ApiError::new(status, "CONTENT_TYPE_INVALID", message))
}

/// Parses a body.
fn json_of<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("the body is not the JSON that this call takes: {error}");
        ApiError::new(StatusCode::BAD_REQUEST, "BODY_INVALID", message)
    })
}
