//! Sending a tarball in pieces: a connection that breaks costs no more than the piece that was on its way.

use std::time::Duration;
use std::{fmt, io};

use anyhow::{Result, anyhow, bail};
use bytes::Bytes;
use dockyard_oci::ImageName;
use futures::StreamExt;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Method, RequestBuilder, Response, StatusCode};
use serde_json::json;

use super::Client;
use crate::address::Server;
use crate::answers::{Import, ImportState};
use crate::failure::{self, Refusal};
use crate::progress::{ByteStream, Sending, Size};

/// Bytes that are sent at once, and kept until the server has them: proxies often refuse more than 16 MiB.
const PIECE_BYTES: usize = 8 * 1024 * 1024;
/// How often in a row a piece of which nothing arrives is sent again.
const TRIES: u32 = 6;
/// Pause before the first of these; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(500);
/// Pause between two questions for what became of a tarball that is being stored.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// Where an image goes, and which one of the tarball it is where that is said.
#[derive(Debug, Clone)]
pub struct Target {
    pub image: ImageName,
    pub chosen: Option<String>,
}

/// The server no longer knows of a tarball that was on its way.
#[derive(Debug)]
pub struct Lost {
    server: Server,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = &self.server;
        write!(
            f,
            "{server} was restarted or waited too long: push again, layers that are there are not sent twice"
        )
    }
}

impl std::error::Error for Lost {}

impl Client {
    /// Sends a tarball. The stream is read only as fast as the network takes it.
    ///
    /// Errors: `Lost` when it has to be sent from its beginning again.
    pub async fn upload(
        &self,
        target: &Target,
        mut stream: ByteStream,
        size: Size,
        sending: &Sending,
    ) -> Result<Import> {
        let size_bytes = match size {
            Size::Exactly(bytes) => Some(bytes),
            Size::About(_) | Size::Unknown => None,
        };
        let mut upload = self.begin_upload(target, size_bytes, sending).await?;
        let pushed = upload.send_all(&mut stream).await;
        if pushed.is_err() {
            upload.give_up().await;
        }
        pushed.map_err(|error| match error.downcast_ref::<Refusal>() {
            Some(refusal) if refusal.code == "IMPORT_UNKNOWN" => {
                let server = self.server.clone();
                Lost { server }.into()
            }
            _ => error,
        })
    }

    async fn begin_upload(
        &self,
        Target { image, chosen }: &Target,
        size_bytes: Option<u64>,
        sending: &Sending,
    ) -> Result<Upload> {
        let request = self.call(Method::POST, "/api/v1/imports");
        let body = json!({ "name": image.to_string(), "image": chosen, "size_bytes": size_bytes });
        let begun = self.answer::<ImportState>(request.json(&body)).await;
        let begun = begun.map_err(|error| self.explain_missing(error, &image.repository))?;
        Ok(Upload {
            client: self.clone(),
            path: format!("/api/v1/imports/{}", begun.id),
            offset: 0,
            sending: sending.clone(),
        })
    }
}

/// A tarball on its way.
struct Upload {
    client: Client,
    path: String,
    /// How much of it the server has.
    offset: u64,
    sending: Sending,
}

/// What the server said to a piece.
enum Said {
    /// It has everything up to an offset.
    Has(u64),
    Done(Import),
}

impl Upload {
    /// Sends one piece while the next is read.
    async fn send_all(&mut self, stream: &mut ByteStream) -> Result<Import> {
        let mut piece = fill(stream).await?;
        while !piece.is_empty() {
            let (sent, next) = tokio::join!(self.send(&piece, false), fill(stream));
            if let Some(import) = sent? {
                return Ok(import);
            }
            piece = next?;
        }
        self.sending.all_there();
        match self.send(&[], true).await? {
            Some(import) => Ok(import),
            None => self.wait().await,
        }
    }

    /// Sends a piece until all of it is there. Returns what became of the tarball when that is known already.
    async fn send(&mut self, piece: &[Bytes], is_last: bool) -> Result<Option<Import>> {
        let end = self.offset + length_of(piece);
        let mut failures = 0;
        loop {
            let before = self.offset;
            let rest = rest_of(piece, end, before);
            let broken = match self.try_to_send(rest, end, is_last).await? {
                Ok(Said::Done(import)) => {
                    self.sending.has(end);
                    return Ok(Some(import));
                }
                Ok(Said::Has(offset)) if offset == end => {
                    self.offset = end;
                    self.sending.has(end);
                    return Ok(None);
                }
                Ok(Said::Has(offset)) => {
                    anyhow!("{} has {offset} of {end} bytes", self.client.server)
                }
                Err(error) => error,
            };
            if failures == TRIES {
                return Err(broken);
            }
            tokio::time::sleep(PAUSE * 2u32.pow(failures)).await;
            if let Some(import) = self.catch_up(end).await? {
                return Ok(Some(import));
            }
            failures = if self.offset > before {
                0
            } else {
                failures + 1
            };
        }
    }

    /// Finds out how far the server is after a break; it may not have noticed it yet.
    async fn catch_up(&mut self, end: u64) -> Result<Option<Import>> {
        let Ok(state) = self.state().await else {
            return Ok(None);
        };
        self.offset = state.offset.clamp(self.offset, end);
        state.outcome().transpose()
    }

    /// Sends what is left of a piece. The inner error is one that may pass.
    async fn try_to_send(&self, rest: Vec<Bytes>, end: u64, is_last: bool) -> Result<Result<Said>> {
        let length: usize = rest.iter().map(Bytes::len).sum();
        let (sending, mut at) = (self.sending.clone(), self.offset);
        let handed_on = move |chunk: &Bytes| {
            at += chunk.len() as u64;
            sending.moved(at);
        };
        let chunks = rest.into_iter().inspect(handed_on);
        let chunks = futures::stream::iter(chunks.map(Ok::<_, io::Error>));
        let request = self.request(Method::PATCH);
        let request = request.header("upload-offset", self.offset);
        let request = request.header(CONTENT_LENGTH, length);
        let request = if is_last {
            request.header("upload-length", end)
        } else {
            request
        };
        let response = match request.body(Body::wrap_stream(chunks)).send().await {
            Ok(response) => response,
            Err(error) => return Ok(Err(failure::connection(&self.client.server, &error))),
        };
        self.understand(response).await
    }

    async fn understand(&self, response: Response) -> Result<Result<Said>> {
        let status = response.status();
        if may_pass(status) {
            let refusal = Refusal::read(&self.client.server, response).await;
            return Ok(Err(refusal.into()));
        }
        let offset = failure::header(&response, "upload-offset");
        let response = self.client.accept(response).await?;
        if status == StatusCode::CREATED {
            return self
                .client
                .read_json(response)
                .await
                .map(|import| Ok(Said::Done(import)));
        }
        match offset.and_then(|offset| offset.parse().ok()) {
            Some(offset) => Ok(Ok(Said::Has(offset))),
            None => bail!(
                "{} did not say how much it has: is a proxy in between that changes answers?",
                self.client.server
            ),
        }
    }

    /// Waits until a tarball that is there is stored.
    async fn wait(&self) -> Result<Import> {
        let mut failures = 0;
        loop {
            match self.state().await {
                Ok(state) => match state.outcome() {
                    Some(outcome) => return outcome,
                    None => failures = 0,
                },
                Err(error) if failures == TRIES => return Err(error),
                Err(_) => failures += 1,
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn state(&self) -> Result<ImportState> {
        let request = self.client.call(Method::GET, &self.path);
        self.client.answer(request).await
    }

    /// Lets the server forget what came; it would do so by itself in a while.
    async fn give_up(&self) {
        let request = self.client.call(Method::DELETE, &self.path);
        drop(request.send().await);
    }

    fn request(&self, method: Method) -> RequestBuilder {
        self.client.request(method, &self.path)
    }
}

/// Tells whether a refusal may be gone the next time: the server has another offset, or has not noticed yet that a
/// connection broke; a proxy lost the server for a moment.
const fn may_pass(status: StatusCode) -> bool {
    matches!(status.as_u16(), 409 | 502 | 503 | 504)
}

/// Reads about a piece; less at the end.
async fn fill(stream: &mut ByteStream) -> Result<Vec<Bytes>> {
    let (mut piece, mut length) = (Vec::new(), 0);
    while length < PIECE_BYTES {
        let Some(bytes) = stream.next().await else {
            break;
        };
        let bytes = bytes.map_err(|error| anyhow!("{error}; nothing was pushed"))?;
        length += bytes.len();
        piece.push(bytes);
    }
    Ok(piece)
}

fn length_of(piece: &[Bytes]) -> u64 {
    piece.iter().map(|bytes| bytes.len() as u64).sum()
}

/// Is what of a piece that goes up to `end` begins at an offset.
fn rest_of(piece: &[Bytes], end: u64, offset: u64) -> Vec<Bytes> {
    let skip = offset.saturating_sub(end - length_of(piece));
    let mut skip = usize::try_from(skip).unwrap_or(usize::MAX);
    let mut rest = Vec::with_capacity(piece.len());
    for bytes in piece {
        if skip < bytes.len() {
            rest.push(bytes.slice(skip..));
        }
        skip = skip.saturating_sub(bytes.len());
    }
    rest
}
