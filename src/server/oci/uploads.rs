//! Uploads over the protocol.

use std::io;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::Id;
use dockyard_hub::accounts::{AccessError, Grant, Pull, Push};
use dockyard_hub::images::{ImageError, Upload};
use dockyard_oci::{ContentRange, Digest, RepositoryName};
use futures::{Stream, StreamExt};

use super::action::StartUpload;
use super::dispatch::{DOCKER_CONTENT_DIGEST, RepositoryRequest, add_header};
use super::error::OciError;
use crate::server::body::Lent;

const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// Source: OCI distribution-spec, "Pushing blobs" and "Mounting a blob from another repository".
pub(super) async fn start(
    request: RepositoryRequest<'_>,
    start: StartUpload,
    body: Lent,
) -> Result<Response, OciError> {
    let access = &request.hub.access;
    let grant = access.authorize_push(request.caller, request.name).await?;
    let uploads = &request.hub.uploads;
    match start {
        StartUpload::Session(algorithm) => {
            let upload = uploads.start(&grant, algorithm).await?;
            Ok(progress(request, StatusCode::ACCEPTED, upload))
        }
        StartUpload::Whole(digest) => {
            let upload = uploads.start(&grant, digest.algorithm()).await?;
            uploads
                .finish(&grant, upload.id, None, body, &digest)
                .await?;
            Ok(created(request, &digest))
        }
        StartUpload::Mount { digest, from } => {
            if let Some(source) = mount_source(request, from.as_ref(), &digest).await? {
                match request.hub.blobs.mount(&grant, &source, &digest).await {
                    Ok(_) => return Ok(created(request, &digest)),
                    Err(ImageError::BlobUnknown { .. }) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            let upload = uploads.start(&grant, digest.algorithm()).await?;
            Ok(progress(request, StatusCode::ACCEPTED, upload))
        }
    }
}

/// Finds where a blob may be mounted from: the repository named, or any that the caller may read.
async fn mount_source(
    request: RepositoryRequest<'_>,
    from: Option<&RepositoryName>,
    digest: &Digest,
) -> Result<Option<Grant<Pull>>, OciError> {
    let (access, caller) = (&request.hub.access, request.caller);
    match from {
        Some(from) => match access.authorize::<Pull>(caller, from).await {
            Ok(grant) => Ok(Some(grant)),
            Err(AccessError::NotFound(_) | AccessError::Denied(_) | AccessError::Anonymous(_)) => {
                Ok(None)
            }
            Err(AccessError::Renamed { .. }) => Ok(None),
            // The client is told to come back with a token that reaches the source too, if there can be one.
            Err(error @ AccessError::OutOfScope(_)) => {
                let could = access.could_pull(caller, from).await;
                if could.map_err(AccessError::Database)? {
                    return Err(error.into());
                }
                Ok(None)
            }
            Err(error @ AccessError::Database(_)) => Err(error.into()),
        },
        None => Ok(access
            .find_source(caller, digest)
            .await
            .map_err(AccessError::Database)?),
    }
}

pub(super) async fn status(request: RepositoryRequest<'_>, id: &str) -> Result<Response, OciError> {
    let grant = push_grant(request).await?;
    let upload = request.hub.uploads.status(&grant, parse(id)?).await?;
    Ok(progress(request, StatusCode::NO_CONTENT, upload))
}

/// Source: OCI distribution-spec, "Pushing a blob in chunks"; docker sends one chunk without a range.
pub(super) async fn append(
    request: RepositoryRequest<'_>,
    id: &str,
    body: Lent,
) -> Result<Response, OciError> {
    let grant = push_grant(request).await?;
    let (id, chunk) = (parse(id)?, Chunk::of(request)?);
    let uploads = &request.hub.uploads;
    match uploads
        .append(&grant, id, chunk.at, chunk.limit(body))
        .await
    {
        Ok(upload) => Ok(progress(request, StatusCode::ACCEPTED, upload)),
        Err(error) => refuse(request, error),
    }
}

pub(super) async fn finish(
    request: RepositoryRequest<'_>,
    id: &str,
    digest: &Digest,
    body: Lent,
) -> Result<Response, OciError> {
    let grant = push_grant(request).await?;
    let (id, chunk) = (parse(id)?, Chunk::of(request)?);
    let (uploads, body) = (&request.hub.uploads, chunk.limit(body));
    match uploads.finish(&grant, id, chunk.at, body, digest).await {
        Ok(_) => Ok(created(request, digest)),
        Err(error) => refuse(request, error),
    }
}

pub(super) async fn cancel(request: RepositoryRequest<'_>, id: &str) -> Result<Response, OciError> {
    let grant = push_grant(request).await?;
    request.hub.uploads.cancel(&grant, parse(id)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Tells where to go on after a chunk at the wrong offset; other errors pass.
fn refuse(request: RepositoryRequest<'_>, error: ImageError) -> Result<Response, OciError> {
    let (id, offset) = match &error {
        ImageError::OffsetMismatch { id, offset } => (*id, *offset),
        // What `Chunk::limit` put into the stream.
        ImageError::Interrupted(cause) if cause.kind() == io::ErrorKind::InvalidData => {
            return Err(OciError::ChunkTooLong);
        }
        _ => return Err(error.into()),
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

/// Is whoever may go on with an upload: a repository that is missing has none.
async fn push_grant(request: RepositoryRequest<'_>) -> Result<Grant<Push>, OciError> {
    let access = &request.hub.access;
    Ok(access.authorize(request.caller, request.name).await?)
}

/// What a request says about the bytes that it carries.
#[derive(Clone, Copy)]
struct Chunk {
    /// Where the client believes that the chunk starts.
    at: Option<u64>,
    length: Option<u64>,
}

impl Chunk {
    /// Source: OCI distribution-spec, "Pushing a blob in chunks": `Content-Range: <first>-<last>`.
    fn of(request: RepositoryRequest<'_>) -> Result<Self, OciError> {
        let Some(range) = request.parts.headers.get(CONTENT_RANGE) else {
            return Ok(Self {
                at: None,
                length: None,
            });
        };
        let range = range.to_str().ok().and_then(|text| text.parse().ok());
        let range: ContentRange = range.ok_or(OciError::ContentRange)?;
        let length = range.length();
        if request.content_length().is_some_and(|sent| sent != length) {
            return Err(OciError::ChunkLength);
        }
        Ok(Self {
            at: Some(range.first()),
            length: Some(length),
        })
    }

    /// Ends a body with an error where it gets longer than it says.
    fn limit(self, body: Lent) -> impl Stream<Item = io::Result<Bytes>> + Send {
        let mut left = self.length.unwrap_or(u64::MAX);
        body.map(move |chunk| {
            let chunk = chunk?;
            let length = chunk.len() as u64;
            if length > left {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    OciError::ChunkTooLong,
                ));
            }
            left -= length;
            Ok(chunk)
        })
    }
}
