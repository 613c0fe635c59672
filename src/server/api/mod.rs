//! The JSON API of the command line and of scripts, under `/api/v1`.

mod accounts;
mod repositories;

use axum::Router;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use serde::de::DeserializeOwned;
use serde_json::json;

use super::AppState;
use super::archive;
use super::error::ApiError;

/// Entries of a page when `n` is not given, and the most there are.
const PAGE_DEFAULT: u32 = 100;
const PAGE_MAX: u32 = 1000;

/// Builds the routes of the API.
pub fn routes() -> Router<AppState> {
    Router::new()
        .route("/api/v1", get(about))
        .route("/api/v1/users", post(accounts::sign_up))
        .route("/api/v1/user", get(accounts::who_am_i))
        .route("/api/v1/tokens", post(accounts::create_token))
        .route("/api/v1/tokens/{id}", delete(accounts::revoke_token))
        .route("/api/v1/search", get(repositories::search))
        .route(
            "/api/v1/repositories",
            get(repositories::list).post(repositories::create),
        )
        .route(
            "/api/v1/repositories/{*path}",
            get(repositories::show)
                .patch(repositories::change)
                .delete(repositories::delete),
        )
        .route(
            "/api/v1/images/{*name}",
            get(archive::export).put(archive::import),
        )
        .route(
            "/api/{*rest}",
            get(unknown).post(unknown).put(unknown).delete(unknown),
        )
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
        let bytes = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| {
                ApiError::new(rejection.status(), "BODY_INVALID", rejection.body_text())
            })?;
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let message = format!("the body is not the JSON that this call takes: {error}");
            ApiError::new(StatusCode::BAD_REQUEST, "BODY_INVALID", message)
        })
    }
}
