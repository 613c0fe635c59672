//! The upload form without JavaScript: `POST /upload` with `repository`, `tag` and `file`.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccountError, Caller};
use dockyard_oci::{Reference, RepositoryName, Tag};
use futures::{Stream, StreamExt, channel::mpsc};
use multer::Multipart;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::archive;
use super::body::{self, Lent};
use super::caller::ApiCaller;
use super::error::ApiError;
use super::peer::Peer;

/// Chunks that may wait between the form and the import.
const QUEUE: usize = 4;
/// Most bytes of a field that is no file.
const TEXT_MAX: usize = 1024;
/// Most parts of a form: the fields, and several files.
const PARTS_MAX: usize = 100;
/// Most bytes of a form that are read and not yet passed on: one chunk of the connection, and heads of parts.
const HELD_MAX: usize = 512 * 1024;

/// What the form said before the file.
#[derive(Default)]
struct Fields {
    repository: String,
    tag: String,
    image: String,
}

/// `POST /upload`: stores the tarball and leads to its tags, or back to the form with what was
/// wrong.
pub async fn upload(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    peer: Peer,
    request: Request,
) -> Response {
    let mut fields = Fields::default();
    let (parts, body) = request.into_parts();
    let (stream, rest) = body::lend(body, &parts.headers);
    let taken = take(&hub, (&caller, peer.0), &parts.headers, stream, &mut fields).await;
    if taken.is_err() {
        rest.drain().await;
    }
    match taken {
        Ok(repository) => see_other(&format!("/r/{repository}/-/tags")),
        Err(error) if error.status.is_server_error() => error.into_response(),
        Err(error) => {
            let image = Some(&fields.image).filter(|image| !image.is_empty());
            let image = image.map_or(String::new(), |image| format!("&image={}", escape(image)));
            see_other(&format!(
                "/upload?repository={}&tag={}{image}&error={}",
                escape(&fields.repository),
                escape(&fields.tag),
                escape(&error.message),
            ))
        }
    }
}

async fn take(
    hub: &Hub,
    sender: (&Caller, IpAddr),
    headers: &HeaderMap,
    body: Lent,
    fields: &mut Fields,
) -> Result<RepositoryName, ApiError> {
    sender.0.writer().ok_or(AccountError::Anonymous)?;
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(broken)?;
    let held = Arc::default();
    let paced = Paced {
        body,
        is_resting: false,
        held: Arc::clone(&held),
    };
    let mut form = Multipart::new(paced, boundary);
    let mut stored = None;
    for _ in 0..PARTS_MAX {
        let Some(field) = form.next_field().await.map_err(broken)? else {
            return stored.ok_or_else(file_missing);
        };
        let name = field.name().unwrap_or_default().to_owned();
        let mut part = Part(field, Arc::clone(&held));
        match name.as_str() {
            "repository" => fields.repository = part.text().await?,
            "tag" => fields.tag = part.text().await?,
            "image" => fields.image = part.text().await?,
            "file" if stored.is_some() && !fields.tag.trim().is_empty() => {
                let message = "several files can't all get one tag: leave it empty";
                return Err(ApiError::bad_request("TAG_UNCLEAR", message));
            }
            "file" => stored = Some(store(hub, sender, fields, part).await?),
            _ => drop(part.text().await?),
        }
    }
    let message = format!("the form has more than {PARTS_MAX} parts");
    Err(ApiError::bad_request("FORM_INVALID", message))
}

/// The body of a form, one chunk at a time: multer takes whatever there is at once, and keeps it.
struct Paced {
    body: Lent,
    is_resting: bool,
    /// Bytes that were read, and not yet passed on by [`Part`].
    held: Arc<AtomicUsize>,
}

impl Stream for Paced {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if std::mem::take(&mut self.is_resting) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let next = ready!(self.body.poll_next_unpin(cx));
        let Some(Ok(chunk)) = &next else {
            return Poll::Ready(next);
        };
        self.is_resting = true;
        let before = self.held.fetch_add(chunk.len(), Ordering::Relaxed);
        if before + chunk.len() > HELD_MAX {
            let message = "the head of a part is too long";
            return Poll::Ready(Some(Err(io::Error::other(message))));
        }
        Poll::Ready(next)
    }
}

/// A part of the form whose bytes are counted as passed on.
struct Part(multer::Field<'static>, Arc<AtomicUsize>);

impl Part {
    async fn chunk(&mut self) -> multer::Result<Option<Bytes>> {
        let chunk = self.0.chunk().await?;
        let length = chunk.as_ref().map_or(0, Bytes::len);
        self.1.fetch_sub(length, Ordering::Relaxed);
        Ok(chunk)
    }

    /// Reads a short text. Errors: `FORM_INVALID` as soon as it is too long.
    async fn text(&mut self) -> Result<String, ApiError> {
        let wrong = |message: &str| ApiError::bad_request("FORM_INVALID", message);
        let mut text = Vec::new();
        while let Some(chunk) = self.chunk().await.map_err(broken)? {
            if text.len() + chunk.len() > TEXT_MAX {
                return Err(wrong("a field of the form is too long"));
            }
            text.extend_from_slice(&chunk);
        }
        String::from_utf8(text).map_err(|_| wrong("a field of the form is not UTF-8"))
    }
}

fn file_missing() -> ApiError {
    ApiError::bad_request("FILE_MISSING", "choose a tarball to upload")
}

async fn store(
    hub: &Hub,
    sender: (&Caller, IpAddr),
    fields: &Fields,
    mut part: Part,
) -> Result<RepositoryName, ApiError> {
    if part.0.file_name().is_none_or(str::is_empty) {
        return Err(file_missing());
    }
    let name = fields.repository.trim();
    let named = match sender.0.user() {
        Some(user) if !name.contains('/') => format!("{}/{name}", user.name),
        _ => name.to_owned(),
    };
    let repository: RepositoryName = named
        .parse()
        .map_err(|error| ApiError::bad_request("NAME_INVALID", error))?;
    let tag = Some(fields.tag.trim()).filter(|tag| !tag.is_empty());
    let tag: Option<Tag> = tag
        .map(str::parse)
        .transpose()
        .map_err(|error| ApiError::bad_request("TAG_INVALID", error))?;
    // A field borrows the form, an import wants a stream of its own: a short queue joins them.
    let (mut chunks, receiver) = mpsc::channel(QUEUE);
    let feed = async move {
        while let Some(chunk) = part.chunk().await.transpose() {
            let chunk = chunk.map_err(|error| io::Error::new(kind_of(&error), error.to_string()));
            let broken = chunk.is_err();
            if futures::SinkExt::send(&mut chunks, chunk).await.is_err() || broken {
                break;
            }
        }
    };
    let options = archive::options(tag.map(Reference::Tag), Some(fields.image.clone()))?;
    let import = archive::store(hub, sender, &repository, &options, receiver.boxed());
    let ((), imported) = futures::join!(feed, import);
    imported.map(|_| repository)
}

fn kind_of(error: &multer::Error) -> io::ErrorKind {
    if body::paused_too_long(error) {
        io::ErrorKind::TimedOut
    } else {
        io::ErrorKind::UnexpectedEof
    }
}

fn broken(error: multer::Error) -> ApiError {
    ApiError::bad_request(
        "FORM_INVALID",
        format!("the form could not be read: {error}"),
    )
}

fn see_other(location: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response()
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
