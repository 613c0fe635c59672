//! Tarballs in and out over HTTP: `PUT` and `GET` of `/api/v1/images/alice/app:v1`.

use std::io;
use std::net::IpAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccountError, Caller, Pull};
use dockyard_hub::images::archive::{ImportedImage, Reader, Wanted};
use dockyard_oci::{Digest, ImageName, Reference, RepositoryName, Tag};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Body as JsonBody;
use super::body;
use super::caller::ApiCaller;
use super::download::Download;
use super::error::ApiError;
use super::peer::Peer;
use super::range;

/// `PUT /api/v1/images/{name}`: stores the images of a tarball.
///
/// With a tag in the name the one image gets it; without, all get the tags that the tarball names.
pub async fn import(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    peer: Peer,
    Path(name): Path<String>,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let name = parse(&name)?;
    let tag = match name.reference {
        None => None,
        Some(Reference::Tag(tag)) => Some(tag),
        Some(Reference::Digest(_)) => return Err(digest_given()),
    };
    let stream = body::stream(body);
    let images = store(
        &hub,
        (&caller, peer.0),
        &name.repository,
        tag.as_ref(),
        stream,
    )
    .await?;
    Ok((
        StatusCode::CREATED,
        Json(describe(&name.repository, &images)),
    ))
}

/// Most layers that are asked for at once.
const LAYERS_MAX: usize = 1000;

/// What `POST /api/v1/layers` takes.
#[derive(Deserialize)]
pub struct Asked {
    layers: Vec<Digest>,
}

/// `POST /api/v1/layers`: which of some layers the caller's tarballs may leave out. A layer that is named by its digest
/// (`blobs/sha256/<hex>`), or that a link with its own name leads there, is then taken from what the caller can read.
///
/// Errors: `UNAUTHORIZED`; `TOO_MANY_LAYERS`.
pub async fn known_layers(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    JsonBody(asked): JsonBody<Asked>,
) -> Result<Json<Value>, ApiError> {
    let Some(user) = caller.writer() else {
        return Err(AccountError::Anonymous.into());
    };
    if asked.layers.len() > LAYERS_MAX {
        let message = format!("at most {LAYERS_MAX} layers are answered at once");
        return Err(ApiError::bad_request("TOO_MANY_LAYERS", message));
    }
    let known = hub.archives.known_layers(user, &asked.layers).await?;
    Ok(Json(json!({ "known": known })))
}

/// Is the error of naming a digest where a tarball goes.
pub fn digest_given() -> ApiError {
    let message = "a tarball is stored under a tag: its digest follows from its content";
    ApiError::bad_request("TAG_INVALID", message)
}

/// Imports a stream into a repository that the caller may push to.
pub async fn store(
    hub: &Hub,
    (caller, from): (&Caller, IpAddr),
    repository: &RepositoryName,
    tag: Option<&Tag>,
    bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
) -> Result<Vec<ImportedImage>, ApiError> {
    let grant = hub.access.authorize_push(caller, repository).await?;
    Ok(hub.archives.import(&grant, from, bytes, tag).await?)
}

/// Is the answer to an import.
pub fn describe(repository: &RepositoryName, images: &[ImportedImage]) -> Value {
    let one = |image: &ImportedImage, tag: Option<&Tag>| {
        json!({
            "repository": repository,
            "tag": tag,
            "digest": image.digest,
            "size_bytes": image.size_bytes,
            "layers": image.layers,
            "layers_reused": image.layers_reused,
        })
    };
    let images: Vec<Value> = images
        .iter()
        .flat_map(|image| image.tags.iter().map(move |tag| one(image, Some(tag))))
        .collect();
    json!({ "images": images })
}

#[derive(Deserialize)]
pub struct ExportQuery {
    /// `linux/arm64`, or `all` for an index with everything in it.
    platform: Option<String>,
    /// `docker20`: for engines that do not know zstd.
    compat: Option<String>,
}

impl ExportQuery {
    fn wanted(&self) -> Result<Wanted, ApiError> {
        match self.platform.as_deref() {
            None => Ok(Wanted::Image),
            Some("all") => Ok(Wanted::Everything),
            Some(platform) => {
                let platform = platform.parse();
                let platform =
                    platform.map_err(|error| ApiError::bad_request("PLATFORM_INVALID", error))?;
                Ok(Wanted::For(platform))
            }
        }
    }

    fn reader(&self) -> Result<Reader, ApiError> {
        match (self.compat.as_deref(), self.platform.as_deref()) {
            (None, _) => Ok(Reader::Any),
            (Some("docker20"), Some("all")) => {
                let message = "docker 20 loads one image: name a platform, as in linux/amd64";
                Err(ApiError::bad_request("PLATFORM_INVALID", message))
            }
            (Some("docker20"), _) => Ok(Reader::Docker20),
            (Some(other), _) => {
                let message = format!("there is no compat={other}, only compat=docker20");
                Err(ApiError::bad_request("COMPAT_INVALID", message))
            }
        }
    }
}

/// `GET /api/v1/images/{name}`: the image as one tarball for any engine's `load`.
///
/// `?platform=linux/arm64` takes the image for that machine, `?platform=all` the whole index as an OCI layout;
/// `?compat=docker20` unpacks zstd layers, which older engines do not know.
pub async fn export(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    Path(name): Path<String>,
    Query(query): Query<ExportQuery>,
    peer: Peer,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let name = parse(&name)?;
    let reference = name
        .reference
        .unwrap_or_else(|| Reference::Tag(Tag::latest()));
    let (wanted, reader) = (query.wanted()?, query.reader()?);
    let grant = hub
        .access
        .authorize::<Pull>(&caller, &name.repository)
        .await?;
    let exports = &hub.archives;
    let export = exports.export(&grant, peer.0, &reference, (&wanted, reader));
    let export = export.await?;
    // The same manifest may be written in several ways.
    let way = way_of(&wanted, reader);
    let etag = format!("\"{}-{reference}{way}\"", export.digest);
    let range = range::Wanted::of(&method, &headers, export.length, &etag);
    let body = match range.bytes(&method, export.length) {
        Some(range) => {
            let length = range.end - range.start;
            let download = Download::new(&headers, &name.repository, &export.digest);
            download.send(export.read(range), length)
        }
        None => Body::empty(),
    };
    let disposition = format!(
        "attachment; filename=\"{}\"",
        file_name(&name.repository, &reference, &way)
    );
    let response = range
        .respond(export.length, &etag)
        .header(CONTENT_TYPE, "application/x-tar")
        .header(CONTENT_DISPOSITION, disposition)
        .header(
            HeaderName::from_static("docker-content-digest"),
            export.digest.as_str(),
        );
    Ok(response.body(body).expect("headers are plain text"))
}

/// Tells tarballs of one reference apart.
fn way_of(wanted: &Wanted, reader: Reader) -> String {
    let platform = match wanted {
        Wanted::Image => String::new(),
        Wanted::For(platform) => format!("-{}", platform.to_string().replace('/', "-")),
        Wanted::Everything => "-all".to_owned(),
    };
    let way = match reader {
        Reader::Any => platform,
        Reader::Docker20 => platform + "-docker20",
    };
    // What a machine is called comes from whoever asks, and goes into headers.
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '-' };
    way.chars().map(plain).collect()
}

fn file_name(repository: &RepositoryName, reference: &Reference, way: &str) -> String {
    let end = match reference {
        Reference::Tag(tag) => tag.as_str(),
        Reference::Digest(digest) => digest.short(),
    };
    format!("{}-{end}{way}.tar", repository.as_str().replace('/', "-"))
}

/// Reads the name of an image.
pub fn parse(name: &str) -> Result<ImageName, ApiError> {
    name.parse()
        .map_err(|error| ApiError::bad_request("NAME_INVALID", error))
}
