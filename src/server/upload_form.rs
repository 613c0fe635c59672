//! The upload form without JavaScript: `POST /upload` with `repository`, `tag` and `file`.

use std::io;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::Caller;
use dockyard_oci::{RepositoryName, Tag};
use futures::{StreamExt, channel::mpsc};
use multer::Multipart;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::archive;
use super::body::{self, Lent};
use super::caller::ApiCaller;
use super::error::ApiError;

/// Chunks that may wait between the form and the import.
const QUEUE: usize = 4;

/// What the form said before the file.
#[derive(Default)]
struct Fields {
    repository: String,
    tag: String,
}

/// `POST /upload`: stores the tarball and leads to its tags, or back to the form with what was
/// wrong.
pub async fn upload(
    State(hub): State<Hub>,
    ApiCaller(caller): ApiCaller,
    request: Request,
) -> Response {
    let mut fields = Fields::default();
    let (parts, body) = request.into_parts();
    let (stream, rest) = body::lend(body);
    let taken = take(&hub, &caller, &parts.headers, stream, &mut fields).await;
    if taken.is_err() {
        rest.drain().await;
    }
    match taken {
        Ok(repository) => see_other(&format!("/r/{repository}/-/tags")),
        Err(error) if error.status.is_server_error() => error.into_response(),
        Err(error) => see_other(&format!(
            "/upload?repository={}&tag={}&error={}",
            escape(&fields.repository),
            escape(&fields.tag),
            escape(&error.message),
        )),
    }
}

async fn take(
    hub: &Hub,
    caller: &Caller,
    headers: &HeaderMap,
    body: Lent,
    fields: &mut Fields,
) -> Result<RepositoryName, ApiError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let boundary = multer::parse_boundary(content_type.unwrap_or_default()).map_err(broken)?;
    let mut form = Multipart::new(body, boundary);
    let mut stored = None;
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("repository") => fields.repository = text(field).await?,
            Some("tag") => fields.tag = text(field).await?,
            Some("file") if stored.is_some() && !fields.tag.trim().is_empty() => {
                let message = "several files can't all get one tag: leave it empty";
                return Err(ApiError::bad_request("TAG_UNCLEAR", message));
            }
            Some("file") => stored = Some(store(hub, caller, fields, field).await?),
            _ => {}
        }
    }
    stored.ok_or_else(file_missing)
}

fn file_missing() -> ApiError {
    ApiError::bad_request("FILE_MISSING", "choose a tarball to upload")
}

async fn store(
    hub: &Hub,
    caller: &Caller,
    fields: &Fields,
    mut field: multer::Field<'static>,
) -> Result<RepositoryName, ApiError> {
    if field.file_name().is_none_or(str::is_empty) {
        return Err(file_missing());
    }
    let name = fields.repository.trim();
    let named = match caller.user() {
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
    let (mut sender, receiver) = mpsc::channel(QUEUE);
    let feed = async move {
        while let Some(chunk) = field.chunk().await.transpose() {
            let chunk = chunk.map_err(|error| io::Error::new(kind_of(&error), error.to_string()));
            let broken = chunk.is_err();
            if futures::SinkExt::send(&mut sender, chunk).await.is_err() || broken {
                break;
            }
        }
    };
    let import = archive::store(hub, caller, &repository, tag.as_ref(), receiver.boxed());
    let ((), imported) = futures::join!(feed, import);
    imported.map(|_| repository)
}

async fn text(field: multer::Field<'static>) -> Result<String, ApiError> {
    const TEXT_MAX: usize = 1024;
    let text = field.text().await.map_err(broken)?;
    if text.len() > TEXT_MAX {
        return Err(ApiError::bad_request(
            "FORM_INVALID",
            "a field of the form is too long",
        ));
    }
    Ok(text)
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
