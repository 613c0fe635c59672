//! Tarballs that come in pieces: `/api/v1/imports`. A browser, or anyone behind a proxy that bounds bodies, sends one
//! piece after the other, and goes on where it was when the connection breaks.
//!
//! The tarball is imported while it comes, so what is there of it lives in the process that takes it: after a restart
//! a client begins anew, and layers that were finished are found again.

mod running;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRef, Path, State};
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use dockyard_hub::Hub;
use dockyard_hub::accounts::{AccountError, Caller};
use futures::StreamExt;
use serde::Deserialize;
use serde_json::{Value, json};

use super::AppState;
use super::api::Body as JsonBody;
use super::archive;
use super::body::{self, Lent};
use super::caller::ApiCaller;
use super::error::ApiError;
use super::peer::Peer;
pub use running::Imports;
use running::{Import, Receiving};

/// How many bytes of the tarball are here, in requests and answers. Named as in the tus protocol.
const OFFSET: HeaderName = HeaderName::from_static("upload-offset");
/// Length of the whole tarball, said with the last piece where it was not said before. Named as in the tus protocol.
const LENGTH: HeaderName = HeaderName::from_static("upload-length");

impl FromRef<AppState> for Imports {
    fn from_ref(state: &AppState) -> Self {
        state.imports.clone()
    }
}

/// What `POST /api/v1/imports` takes.
#[derive(Deserialize)]
pub struct Announced {
    /// `alice/app:v1`, or `alice/app` for the tags that the tarball names.
    name: String,
    /// The image that is meant, where the tarball holds several.
    image: Option<String>,
    /// Length of the whole tarball; may be left out and said with the last piece.
    size_bytes: Option<u64>,
}

/// `POST /api/v1/imports`: begins a tarball.
///
/// Errors: those of a push; `TOO_MANY_IMPORTS` when the user has many that are not finished.
pub async fn begin(
    State(hub): State<Hub>,
    State(imports): State<Imports>,
    ApiCaller(caller): ApiCaller,
    peer: Peer,
    JsonBody(announced): JsonBody<Announced>,
) -> Result<Response, ApiError> {
    let name = archive::parse(&announced.name)?;
    let options = archive::options(name.reference, announced.image)?;
    // Asked first: authorizing a push may create the repository.
    let user = caller.writer().ok_or(AccountError::Anonymous)?;
    let grant = hub.access.authorize_push(&caller, &name.repository).await?;
    let size_bytes = announced.size_bytes;
    let import = imports.begin(&hub, grant, (user.id, peer.0), options, size_bytes)?;
    let location = format!("/api/v1/imports/{}", import.id);
    let answer = (
        StatusCode::CREATED,
        [(LOCATION, location)],
        state_of(&import),
    );
    Ok(answer.into_response())
}

/// `GET /api/v1/imports/{id}`: how far a tarball is, and what became of it.
pub async fn show(
    State(imports): State<Imports>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    Ok(state_of(&*imports.find(&caller, &id)?).into_response())
}

/// `DELETE /api/v1/imports/{id}`: gives a tarball up; nothing of it is kept under a tag.
pub async fn cancel(
    State(imports): State<Imports>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    imports.forget(imports.find(&caller, &id)?.id);
    Ok(StatusCode::NO_CONTENT)
}

/// `PATCH /api/v1/imports/{id}`: takes the next piece, which begins at `Upload-Offset`.
///
/// The last one, which reaches the length that was announced or says it in `Upload-Length`, is answered when the images
/// are stored, as a whole tarball is.
/// Errors: `OFFSET_INVALID` with the right offset; `IMPORT_BUSY` while another request sends; whatever is wrong with
/// the tarball, as soon as that is seen.
pub async fn send(
    State(imports): State<Imports>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (stream, rest) = body::lend(body, &headers);
    let taken = take(&imports, &caller, &id, &headers, stream).await;
    if taken.is_err() {
        rest.drain().await;
    }
    taken
}

async fn take(
    imports: &Imports,
    caller: &Caller,
    id: &str,
    headers: &HeaderMap,
    stream: Lent,
) -> Result<Response, ApiError> {
    let import = imports.find(caller, id)?;
    let mut receiving = import.receive()?;
    let number = |name| -> Option<u64> { headers.get(name)?.to_str().ok()?.parse().ok() };
    if number(OFFSET) != Some(import.offset()) {
        return Ok(wrong_offset(&import));
    }
    let length = import.size_bytes.or_else(|| number(LENGTH));
    pass_on(&import, &mut receiving, length, stream).await?;
    if length == Some(import.offset()) {
        receiving.end(&import);
    }
    if let Some(outcome) = receiving.outcome(&import).await {
        return Ok((StatusCode::CREATED, Json(outcome?)).into_response());
    }
    Ok(state_of(&import).into_response())
}

/// Hands the bytes of a piece to the import, until it wants no more.
async fn pass_on(
    import: &Import,
    receiving: &mut Receiving<'_>,
    length: Option<u64>,
    mut stream: Lent,
) -> Result<(), ApiError> {
    while let Some(bytes) = stream.next().await {
        let bytes = bytes.map_err(|error| {
            let message = format!("the piece did not come to its end: {error}");
            ApiError::bad_request("BODY_INCOMPLETE", message)
        })?;
        let after = import.offset() + bytes.len() as u64;
        if let Some(length) = length.filter(|length| after > *length) {
            let message =
                format!("the tarball is longer than the {length} bytes that were announced");
            return Err(ApiError::bad_request("SIZE_INVALID", message));
        }
        if !receiving.pass(import, bytes).await {
            break;
        }
    }
    Ok(())
}

fn wrong_offset(import: &Import) -> Response {
    let offset = import.offset();
    let message = format!("the next piece begins at {offset}: say so in Upload-Offset");
    let error = ApiError::new(StatusCode::CONFLICT, "OFFSET_INVALID", message);
    ([(OFFSET, offset.to_string())], error).into_response()
}

/// Is how far an import is: a header for those who send on, a body for those who ask.
fn state_of(import: &Import) -> impl IntoResponse + use<> {
    let offset = import.offset();
    let mut state = json!({
        "id": import.id.to_string(),
        "repository": import.repository,
        "tag": import.options.tag,
        "offset": offset,
        "size_bytes": import.size_bytes,
        "state": "receiving",
    });
    match import.outcome() {
        None if import.is_whole() => state["state"] = "storing".into(),
        None => {}
        Some(Ok(stored)) => {
            state["state"] = "done".into();
            for part in ["images", "attached", "left_out"] {
                state[part] = stored[part].clone();
            }
        }
        Some(Err(error)) => {
            state["state"] = "failed".into();
            state["errors"] = error.body()["errors"].take();
        }
    }
    ([(OFFSET, offset.to_string())], Json::<Value>(state))
}
