//! For whoever operates the server: is it alive, can it serve.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use dockyard_hub::Hub;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tracing::warn;

/// Longest wait for a free thread of the blocking pool.
const PATIENCE: Duration = Duration::from_secs(4);

/// Answers as long as the process works: a timer runs, and the pool of threads that files, database and searches need has
/// one that is free.
pub async fn healthz() -> (StatusCode, &'static str) {
    let answered = timeout(PATIENCE, spawn_blocking(|| ())).await;
    if matches!(answered, Ok(Ok(()))) {
        return (StatusCode::OK, "ok\n");
    }
    warn!("no thread was free for {PATIENCE:?}: the process is stuck, or has far too much to do");
    (StatusCode::SERVICE_UNAVAILABLE, "stuck: see the log\n")
}

/// Answers 503 with what is missing while the database or the store can't be used; the log has the cause.
pub async fn readyz(State(hub): State<Hub>) -> (StatusCode, String) {
    match hub.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => {
            warn!(%error, "not ready");
            let what = error.what();
            let text = format!("not ready: the {what} can't be used; the log says why\n");
            (StatusCode::SERVICE_UNAVAILABLE, text)
        }
    }
}
