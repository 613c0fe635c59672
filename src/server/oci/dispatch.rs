//! Calls the hub for an action and makes the answer.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_TYPE, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::{Caller, Delete, Pull};
use dockyard_oci::{Digest, Manifest, MediaType, Reference, RepositoryName, Tag};
use futures::StreamExt;

use super::action::{self, Action, RepositoryAction};
use super::error::{Challenge, OciError};
use super::{listing, uploads};
use crate::server::AppState;
use crate::server::body::{self, Lent};
use crate::server::caller::{Credentials, fingerprint};
use crate::server::download::{Download, of_manifest};
use crate::server::peer::Peer;
use crate::server::range::{self, Wanted};

pub(super) const DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");

/// Answers every request under `/v2/`.
pub async fn handle(State(state): State<AppState>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (body, rest) = body::lend(body, &parts.headers);
    let redirect = action::redirect(&parts.method, &parts.uri);
    let answered = match (redirect, Action::parse(&parts.method, &parts.uri)) {
        (Some(redirect), _) => {
            drop(body);
            Ok(redirect)
        }
        (None, Ok(action)) => answer(&state.hub, &parts, body, action).await,
        (None, Err(error)) => {
            drop(body);
            Err(error)
        }
    };
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => error.respond(&challenge(&state, &parts)),
    };
    let status = response.status();
    if status.is_client_error() || status.is_server_error() || status.is_redirection() {
        // The client is to read the answer: one that is cut off while it sends often can't.
        rest.drain().await;
    }
    response
        .headers_mut()
        .insert(API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

/// Is how a client that was refused may get a token that helps.
fn challenge(state: &AppState, parts: &Parts) -> Challenge {
    let action = Action::parse(&parts.method, &parts.uri);
    Challenge {
        base_url: state.base_url(&parts.headers),
        service: state.host(&parts.headers),
        scope: action.ok().and_then(|action| action.scope()),
        has_token: matches!(Credentials::of(&parts.headers), Credentials::Bearer(_)),
    }
}

async fn answer(
    hub: &Hub,
    parts: &Parts,
    body: Lent,
    action: Action,
) -> Result<Response, OciError> {
    let from = Peer::of(&parts.extensions);
    let credentials = Credentials::of(&parts.headers);
    match action {
        Action::Base if credentials.is_none() => Err(OciError::Unauthenticated),
        Action::Base => {
            credentials.confirmed_caller(hub, from).await?;
            Ok(axum::Json(serde_json::json!({})).into_response())
        }
        Action::Catalog(query) => {
            let caller = credentials.confirmed_caller(hub, from).await?;
            listing::catalog(hub, &caller, query).await
        }
        Action::Repository(name, action) => {
            let caller = credentials.caller(hub, from).await?;
            let request = RepositoryRequest {
                hub,
                caller: &caller,
                name: &name,
                parts,
            };
            request.answer(action, body).await
        }
    }
}

/// What an action on a repository works with.
#[derive(Clone, Copy)]
pub(super) struct RepositoryRequest<'a> {
    pub hub: &'a Hub,
    pub caller: &'a Caller,
    pub name: &'a RepositoryName,
    pub parts: &'a Parts,
}

impl RepositoryRequest<'_> {
    async fn answer(self, action: RepositoryAction, body: Lent) -> Result<Response, OciError> {
        match action {
            RepositoryAction::ListTags(query) => listing::tags(self, query).await,
            RepositoryAction::ReadManifest(reference) => self.read_manifest(&reference).await,
            RepositoryAction::PutManifest { reference, tags } => {
                self.put_manifest(reference, tags, body).await
            }
            RepositoryAction::DeleteManifest(reference) => self.delete_manifest(&reference).await,
            RepositoryAction::ReadBlob(digest) => self.read_blob(&digest).await,
            RepositoryAction::DeleteBlob(digest) => {
                let grant = self
                    .hub
                    .access
                    .authorize::<Delete>(self.caller, self.name)
                    .await?;
                self.hub.blobs.unlink(&grant, &digest).await?;
                Ok(StatusCode::ACCEPTED.into_response())
            }
            RepositoryAction::StartUpload(start) => uploads::start(self, start, body).await,
            RepositoryAction::UploadStatus(id) => uploads::status(self, &id).await,
            RepositoryAction::AppendUpload(id) => uploads::append(self, &id, body).await,
            RepositoryAction::FinishUpload { id, digest } => {
                uploads::finish(self, &id, &digest, body).await
            }
            RepositoryAction::CancelUpload(id) => uploads::cancel(self, &id).await,
            RepositoryAction::Referrers {
                subject,
                artifact_type,
                query,
            } => listing::referrers(self, &subject, artifact_type.as_ref(), query).await,
        }
    }

    /// Source: OCI distribution-spec, "Pulling manifests".
    async fn read_manifest(self, reference: &Reference) -> Result<Response, OciError> {
        let manifests = &self.hub.manifests;
        let client = (self.parts.method == Method::GET).then(|| {
            fingerprint(
                self.caller,
                Peer::of(&self.parts.extensions),
                &self.parts.headers,
            )
        });
        let (grant, manifest) = manifests
            .pull(self.caller, self.name, reference, client)
            .await?;
        let length = manifest.bytes.len() as u64;
        let etag = format!("\"{}\"", manifest.digest);
        let wanted = Wanted::of(&self.parts.method, &self.parts.headers, length, &etag).whole();
        let media_type = manifest.media_type.to_string();
        let ranged = wanted.respond(&self.parts.method, length, &etag, &media_type);
        let digest = manifest.digest.to_string();
        let body = if ranged.pieces.is_empty() {
            Body::empty()
        } else {
            of_manifest(manifests.bytes_of(&grant, manifest))
        };
        let response = ranged.response.header(DOCKER_CONTENT_DIGEST, digest);
        let mut response = response.body(body).expect("headers are plain text");
        let none = HeaderValue::from_static("none");
        response.headers_mut().insert(ACCEPT_RANGES, none);
        Ok(response)
    }

    /// Source: OCI distribution-spec, "Pushing Manifests".
    async fn put_manifest(
        self,
        reference: Reference,
        mut tags: Vec<Tag>,
        body: Lent,
    ) -> Result<Response, OciError> {
        let grant = self
            .hub
            .access
            .authorize_push(self.caller, self.name)
            .await?;
        let most = Manifest::MAX_BYTES as u64;
        if self.content_length().is_some_and(|length| length > most) {
            return Err(OciError::ManifestTooLarge);
        }
        let bytes = collect(body, Manifest::MAX_BYTES).await?;
        let content_type = self
            .parts
            .headers
            .get(CONTENT_TYPE)
            .and_then(|t| t.to_str().ok());
        let location = format!("/v2/{}/manifests/{reference}", self.name);
        let (digest, named) = match reference {
            Reference::Digest(digest) => (Some(digest), None),
            Reference::Tag(tag) => (None, Some(tag)),
        };
        let mut response = StatusCode::CREATED.into_response();
        for tag in &tags {
            add_header(&mut response, OCI_TAG, tag.as_str());
        }
        tags.extend(named);
        let manifests = &self.hub.manifests;
        let put = manifests
            .put(&grant, &bytes, content_type, digest.as_ref(), &tags)
            .await?;
        add_header(&mut response, LOCATION, &location);
        add_header(&mut response, DOCKER_CONTENT_DIGEST, put.digest.as_str());
        if let Some(subject) = put.subject {
            add_header(&mut response, OCI_SUBJECT, subject.as_str());
        }
        Ok(response)
    }

    /// Source: OCI distribution-spec, "Content Management".
    async fn delete_manifest(self, reference: &Reference) -> Result<Response, OciError> {
        let grant = self
            .hub
            .access
            .authorize::<Delete>(self.caller, self.name)
            .await?;
        match reference {
            Reference::Tag(tag) => self.hub.tags.delete(&grant, tag).await?,
            Reference::Digest(digest) => self.hub.manifests.delete(&grant, digest).await?,
        }
        Ok(StatusCode::ACCEPTED.into_response())
    }

    /// Source: OCI distribution-spec, "Pulling blobs".
    async fn read_blob(self, digest: &Digest) -> Result<Response, OciError> {
        let grant = self
            .hub
            .access
            .authorize::<Pull>(self.caller, self.name)
            .await?;
        let blob = self.hub.blobs.find(&grant, digest).await?;
        let headers = &self.parts.headers;
        let etag = format!("\"{digest}\"");
        let wanted = Wanted::of(&self.parts.method, headers, blob.size_bytes, &etag);
        // Stores do not know several parts at once.
        if self.parts.method == Method::GET
            && !matches!(wanted, Wanted::Parts(_))
            && let Some(link) = self.hub.blobs.link(&blob).await?
        {
            let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
            add_header(&mut response, LOCATION, &link);
            add_header(&mut response, DOCKER_CONTENT_DIGEST, digest.as_str());
            return Ok(response);
        }
        let content_type = MediaType::UNKNOWN;
        let ranged = wanted.respond(&self.parts.method, blob.size_bytes, &etag, content_type);
        let body = if ranged.pieces.is_empty() {
            Body::empty()
        } else {
            let blobs = self.hub.blobs.clone();
            let read = move |range| {
                let (blobs, blob) = (blobs.clone(), blob.clone());
                async move { blobs.read(&blob, range).await }
            };
            let bytes = range::stream(ranged.pieces, read).await?;
            Download::new(headers, self.name, digest).send(bytes, ranged.length)
        };
        let response = ranged
            .response
            .header(DOCKER_CONTENT_DIGEST, digest.as_str());
        Ok(response.body(body).expect("headers are plain text"))
    }

    pub(super) fn content_length(self) -> Option<u64> {
        let length = self.parts.headers.get(CONTENT_LENGTH)?;
        length.to_str().ok()?.parse().ok()
    }
}

/// Reads a body of at most `max_bytes` whole.
async fn collect(mut body: Lent, max_bytes: usize) -> Result<Vec<u8>, OciError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(OciError::ManifestCut)?;
        if bytes.len() + chunk.len() > max_bytes {
            return Err(OciError::ManifestTooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Adds a header whose value is known to be plain text.
pub(super) fn add_header(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().append(name, value);
    }
}
