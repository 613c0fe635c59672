//! Tarballs in and out over HTTP: `PUT` and `GET` of `/api/v1/images/alice/app:v1`.

use std::io;
use std::net::IpAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccountError, Caller, Pull};
use dockyard_hub::images::archive::{ImportOptions, Imported, ImportedImage, Reader, Wanted};
use dockyard_oci::{Digest, ImageName, Reference, RepositoryName, Tag};
use futures::Stream;
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::Body as JsonBody;
use super::body;
use super::caller::{ApiCaller, fingerprint};
use super::download::Download;
use super::error::ApiError;
use super::peer::Peer;
use super::range;

/// Query parameters of `PUT /api/v1/images/{name}`.
#[derive(Deserialize)]
pub struct ImportQuery {
    /// The image that is meant, by a name or digest that the tarball has for it.
    image: Option<String>,
}

/// `PUT /api/v1/images/{name}`: stores the images of a tarball.
///
/// With a tag in the name the one image gets it; with a digest it must be that image; without, all get the tags that the
/// tarball names. `?image=NAME` chooses one of several.
pub async fn import(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    peer: Peer,
    Path(name): Path<String>,
    Query(query): Query<ImportQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<impl IntoResponse, ApiError> {
    let name = parse(&name)?;
    let options = options(name.reference, query.image)?;
    let (stream, rest) = body::lend(body, &headers);
    let sender = (&caller, peer.0);
    let imported = store(&hub, sender, &name.repository, &options, stream).await;
    if imported.is_err() {
        rest.drain().await;
    }
    let answer = describe(&name.repository, &imported?);
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Longest name of an image in bytes that is looked for in a tarball.
const IMAGE_MAX: usize = 1024;

/// Puts together what of a tarball is to be stored.
///
/// Errors: `IMAGE_INVALID`.
pub fn options(
    reference: Option<Reference>,
    image: Option<String>,
) -> Result<ImportOptions, ApiError> {
    let image = image.map(|image| image.trim().to_owned());
    let image = image.filter(|image| !image.is_empty());
    if image.as_ref().is_some_and(|image| image.len() > IMAGE_MAX) {
        let message = format!("the name of an image has at most {IMAGE_MAX} bytes");
        return Err(ApiError::bad_request("IMAGE_INVALID", message));
    }
    let (tag, digest) = match reference {
        None => (None, None),
        Some(Reference::Tag(tag)) => (Some(tag), None),
        Some(Reference::Digest(digest)) => (None, Some(digest)),
    };
    Ok(ImportOptions { tag, digest, image })
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

/// Imports a stream into a repository that the caller may push to.
pub async fn store(
    hub: &Hub,
    (caller, from): (&Caller, IpAddr),
    repository: &RepositoryName,
    options: &ImportOptions,
    bytes: impl Stream<Item = io::Result<Bytes>> + Send + Unpin + 'static,
) -> Result<Imported, ApiError> {
    let grant = hub.access.authorize_push(caller, repository).await?;
    Ok(hub.archives.import(&grant, from, bytes, options).await?)
}

/// Describes what was stored, for the sender: each image once for each of its tags.
pub fn describe(repository: &RepositoryName, imported: &Imported) -> Value {
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
    let mut images = Vec::with_capacity(imported.images.len());
    for image in &imported.images {
        if image.tags.is_empty() {
            images.push(one(image, None));
        }
        images.extend(image.tags.iter().map(|tag| one(image, Some(tag))));
    }
    json!({ "images": images, "attached": imported.attached, "left_out": imported.left_out })
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
    let mut export = export.await?;
    // The same manifest may be written in several ways.
    let way = way_of(&wanted, reader);
    let etag = format!("\"{}-{reference}{way}\"", export.digest);
    let digest = export.digest.to_string();
    let mut wanted = range::Wanted::of(&method, &headers, export.length, &etag);
    // For each part a layer would be unpacked from its start.
    if reader == Reader::Docker20 && matches!(wanted, range::Wanted::Parts(_)) {
        wanted = wanted.whole();
    }
    if method == Method::GET && wanted.is_whole(export.length) {
        export.count(fingerprint(&caller, peer.0, &headers));
    }
    let ranged = wanted.respond(&method, export.length, &etag, "application/x-tar");
    let body = if ranged.pieces.is_empty() {
        Body::empty()
    } else {
        let download = Download::new(&headers, &name.repository, &export.digest);
        let read = move |range| std::future::ready(Ok::<_, io::Error>(export.read(range)));
        let bytes = range::stream(ranged.pieces, read).await;
        let bytes = bytes.map_err(ApiError::internal)?;
        download.send(bytes, ranged.length)
    };
    let disposition = format!(
        "attachment; filename=\"{}\"",
        file_name(&name.repository, &reference, &way)
    );
    let response = ranged
        .response
        .header(CONTENT_DISPOSITION, disposition)
        .header(HeaderName::from_static("docker-content-digest"), digest);
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
