//! Manifests as they were pushed, for people who look at them in a browser.

use axum::http::HeaderName;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::{Caller, Pull};
use dockyard_oci::{Digest, Reference, RepositoryName};

use crate::server::download::of_manifest;
use crate::server::error::ApiError;

/// What stands before the digest.
pub(super) const FOLDER: &str = "manifests/";

/// `GET …/-/manifests/{digest}`: the bytes that were pushed. Looking counts as no pull.
///
/// Whatever it says it is, a browser shows it as JSON, so that nothing in it runs.
pub(super) async fn show(
    hub: &Hub,
    caller: &Caller,
    name: &RepositoryName,
    path: &str,
) -> Result<Response, ApiError> {
    let digest = path.strip_prefix(FOLDER).unwrap_or_default();
    let digest: Digest = digest
        .parse()
        .map_err(|error| ApiError::bad_request("DIGEST_INVALID", error))?;
    let grant = hub.access.authorize::<Pull>(caller, name).await?;
    let stored = hub
        .manifests
        .find(&grant, &Reference::Digest(digest.clone()))
        .await?;
    let length = stored.bytes.len();
    let body = of_manifest(hub.manifests.bytes_of(&grant, stored));
    let headers = [
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_TYPE, "application/json".to_owned()),
        (ETAG, format!("\"{digest}\"")),
        (
            HeaderName::from_static("docker-content-digest"),
            digest.to_string(),
        ),
        (
            HeaderName::from_static("x-content-type-options"),
            "nosniff".to_owned(),
        ),
    ];
    Ok((headers, body).into_response())
}
