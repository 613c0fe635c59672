//! For whoever operates the server: is it alive, can it serve.

use axum::extract::State;
use axum::http::StatusCode;
use dockyard_hub::Hub;

/// Answers as long as the process runs.
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Answers 503 with the reason while the database or the store can't be used.
pub async fn readyz(State(hub): State<Hub>) -> (StatusCode, String) {
    match hub.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {error}\n"),
        ),
    }
}
