//! Uploads over the protocol.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Id;
use dockyard_hub::accounts::Pull;
use dockyard_hub::images::{ImageError, Upload};
use dockyard_oci::{Algorithm, Digest};

use super::action::StartUpload;
use super::dispatch::{DOCKER_CONTENT_DIGEST, RepositoryRequest, add_header};
use super::error::OciError;
use crate::server::body;

const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Source: OCI distribution-spec, "Pushing blobs" and "Mounting a blob from another repository".
pub(super) async fn start(
    request: RepositoryRequest<'_>,
    start: StartUpload,
    body: Body,
) -> Result<Response, OciError> {
    let grant = request.push_grant().await?;
    let uploads = &request.hub.uploads;
    match start {
        StartUpload::Session(algorithm) => {
            let upload = uploads.start(&grant, algorithm).await?;
            Ok(progress(request, StatusCode::ACCEPTED, upload))
        }
        StartUpload::Whole(digest) => {
            let upload = uploads.start(&grant, digest.algorithm()).await?;
            uploads
                .finish(&grant, upload.id, None, body::stream(body), &digest)
                .await?;
            Ok(created(request, &digest))
        }
        StartUpload::Mount { digest, from } => {
            // Without a source, only what the repository itself has can be mounted.
            let from = from.as_ref().unwrap_or(request.name);
            if let Ok(source) = request
                .hub
                .access
                .authorize::<Pull>(request.caller, from)
                .await
            {
                match uploads.mount(&grant, &source, &digest).await {
                    Ok(_) => return Ok(created(request, &digest)),
                    Err(ImageError::BlobUnknown { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let upload = uploads.start(&grant, Algorithm::Sha256).await?;
            Ok(progress(request, StatusCode::ACCEPTED, upload))
        }
    }
}

pub(super) async fn status(request: RepositoryRequest<'_>, id: &str) -> Result<Response, OciError> {
    let grant = request.push_grant().await?;
    let upload = request.hub.uploads.status(&grant, parse(id)?).await?;
    Ok(progress(request, StatusCode::NO_CONTENT, upload))
}

/// Source: OCI distribution-spec, "Pushing a blob in chunks"; docker sends one chunk without a range.
pub(super) async fn append(
    request: RepositoryRequest<'_>,
    id: &str,
    body: Body,
) -> Result<Response, OciError> {
    let grant = request.push_grant().await?;
    let (id, at) = (parse(id)?, offset(request)?);
    let appended = request
        .hub
        .uploads
        .append(&grant, id, at, body::stream(body))
        .await;
    match appended {
        Ok(upload) => Ok(progress(request, StatusCode::ACCEPTED, upload)),
        Err(error) => refuse(request, error),
    }
}

pub(super) async fn finish(
    request: RepositoryRequest<'_>,
    id: &str,
    digest: &Digest,
    body: Body,
) -> Result<Response, OciError> {
    let grant = request.push_grant().await?;
    let (id, at) = (parse(id)?, offset(request)?);
    let stream = body::stream(body);
    match request
        .hub
        .uploads
        .finish(&grant, id, at, stream, digest)
        .await
    {
        Ok(_) => Ok(created(request, digest)),
        Err(error) => refuse(request, error),
    }
}

pub(super) async fn cancel(request: RepositoryRequest<'_>, id: &str) -> Result<Response, OciError> {
    let grant = request.push_grant().await?;
    request.hub.uploads.cancel(&grant, parse(id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tells where to go on after a chunk at the wrong offset; other errors pass.
fn refuse(request: RepositoryRequest<'_>, error: ImageError) -> Result<Response, OciError> {
    let ImageError::OffsetMismatch { id, offset } = error else {
        return Err(error.into());
    };
    let mut response = crate::server::error::ApiError::from(error).into_response();
    describe(&mut response, request, Upload { id, offset });
    Ok(response)
}

fn progress(request: RepositoryRequest<'_>, status: StatusCode, upload: Upload) -> Response {
    let mut response = status.into_response();
    describe(&mut response, request, upload);
    response
}

fn describe(response: &mut Response, request: RepositoryRequest<'_>, upload: Upload) {
    let Upload { id, offset } = upload;
    add_header(
        response,
        LOCATION,
        &format!("/v2/{}/blobs/uploads/{id}", request.name),
    );
    add_header(response, RANGE, &format!("0-{}", offset.saturating_sub(1)));
    add_header(response, DOCKER_UPLOAD_UUID, &id.to_string());
}

fn created(request: RepositoryRequest<'_>, digest: &Digest) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    add_header(
        &mut response,
        LOCATION,
        &format!("/v2/{}/blobs/{digest}", request.name),
    );
    add_header(&mut response, DOCKER_CONTENT_DIGEST, digest.as_str());
    response
}

fn parse(id: &str) -> Result<Id, OciError> {
    // A text that is no id names no upload.
    id.parse()
        .map_err(|_| OciError::Image(ImageError::UploadUnknown(Id::default())))
}

/// Is where the client believes the chunk starts; `None` when it does not say.
fn offset(request: RepositoryRequest<'_>) -> Result<Option<u64>, OciError> {
    let Some(range) = request.parts.headers.get(CONTENT_RANGE) else {
        return Ok(None);
    };
    let parsed = range.to_str().ok().and_then(|text| {
        let (first, last) = text.trim_start_matches("bytes ").split_once('-')?;
        Some((
            first.parse::<u64>().ok()?,
            last.split('/').next()?.parse::<u64>().ok()?,
        ))
    });
    let (first, last) = parsed.ok_or(OciError::ContentRange)?;
    let length = last.checked_sub(first).and_then(|n| n.checked_add(1));
    match (length, request.content_length()) {
        (None, _) => Err(OciError::ContentRange),
        (Some(said), Some(sent)) if said != sent => Err(OciError::ChunkLength),
        _ => Ok(Some(first)),
    }
}
