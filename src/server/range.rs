//! Conditional and ranged reads of things whose bytes never change.

use std::io;
use std::ops::Range;

use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE,
    RANGE,
};
use axum::http::{HeaderMap, Method, StatusCode, response};
use bytes::Bytes;
use dockyard_hub::Id;
use dockyard_hub::store::ByteStream;
use dockyard_oci::Requested;
use futures::{StreamExt, TryStreamExt, stream};

/// What of the content is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    Parts(Vec<Range<u64>>),
    /// The client has it already.
    NotModified,
    /// The range lies outside.
    Unsatisfiable,
}

/// A piece of a body: text between parts, or a range of the content.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece {
    Text(Bytes),
    Content(Range<u64>),
}

/// A response without its body, and the pieces that make the body.
pub struct Ranged {
    pub response: response::Builder,
    /// None for a response without a body.
    pub pieces: Vec<Piece>,
    /// Length of all pieces in bytes.
    pub length: u64,
}

impl Wanted {
    /// Reads the request's headers for content of `length` bytes with an entity tag (quotes and all).
    ///
    /// Source: RFC 9110, sections 13.1 and 14.
    pub fn of(method: &Method, headers: &HeaderMap, length: u64, etag: &str) -> Self {
        let text = |name| {
            headers
                .get(name)
                .and_then(|v: &axum::http::HeaderValue| v.to_str().ok())
        };
        let matches = |list: &str| {
            list.split(',')
                .any(|one| matches!(one.trim(), "*") || one.trim().trim_start_matches("W/") == etag)
        };
        if text(IF_NONE_MATCH).is_some_and(matches) {
            return Self::NotModified;
        }
        // Ranges exist for GET alone.
        if *method != Method::GET || text(IF_RANGE).is_some_and(|tag| tag != etag) {
            return Self::Whole;
        }
        match text(RANGE).map_or(Requested::Whole, |range| Requested::parse(range, length)) {
            Requested::Whole => Self::Whole,
            Requested::Part(range) => Self::Part(range),
            Requested::Parts(parts) => Self::Parts(parts),
            Requested::Unsatisfiable => Self::Unsatisfiable,
        }
    }

    /// Tells whether everything is wanted, also in the form of a range.
    pub fn is_whole(&self, length: u64) -> bool {
        match self {
            Self::Whole => true,
            Self::Part(range) => *range == (0..length),
            Self::Parts(_) | Self::NotModified | Self::Unsatisfiable => false,
        }
    }

    /// Leaves parts out: of what is small, a part is of no use to anybody.
    #[must_use]
    pub fn whole(self) -> Self {
        match self {
            Self::Part(_) | Self::Parts(_) | Self::Unsatisfiable => Self::Whole,
            other => other,
        }
    }

    /// Starts the response: status, `ETag`, type, length and range; and lists what the body is made of.
    ///
    /// Several parts are `multipart/byteranges`. Source: RFC 9110, section 14.6.
    pub fn respond(self, method: &Method, length: u64, etag: &str, content_type: &str) -> Ranged {
        let mut response = response::Builder::new()
            .header(ETAG, etag)
            .header(ACCEPT_RANGES, "bytes");
        let mut own_type = content_type.to_owned();
        let mut pieces = Vec::new();
        match self {
            Self::Whole => {
                pieces.push(Piece::Content(0..length));
                response = response.status(StatusCode::OK);
            }
            Self::Part(range) => {
                response = response
                    .status(StatusCode::PARTIAL_CONTENT)
                    .header(CONTENT_RANGE, content_range(&range, length));
                pieces.push(Piece::Content(range));
            }
            Self::Parts(parts) => {
                let boundary = Id::new().to_string();
                own_type = format!("multipart/byteranges; boundary={boundary}");
                response = response.status(StatusCode::PARTIAL_CONTENT);
                pieces = multipart(parts, &boundary, length, content_type);
            }
            Self::NotModified => response = response.status(StatusCode::NOT_MODIFIED),
            Self::Unsatisfiable => {
                response = response
                    .status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .header(CONTENT_RANGE, format!("bytes */{length}"))
                    .header(CONTENT_LENGTH, 0);
            }
        }
        let sent = pieces.iter().map(Piece::length).sum();
        if !pieces.is_empty() {
            response = response.header(CONTENT_LENGTH, sent);
        }
        if method == Method::HEAD {
            pieces.clear();
        }
        Ranged {
            response: response.header(CONTENT_TYPE, own_type),
            pieces,
            length: sent,
        }
    }
}

impl Piece {
    fn length(&self) -> u64 {
        match self {
            Self::Text(text) => text.len() as u64,
            Self::Content(range) => range.end - range.start,
        }
    }
}

fn content_range(range: &Range<u64>, length: u64) -> String {
    format!("bytes {}-{}/{length}", range.start, range.end - 1)
}

fn multipart(
    parts: Vec<Range<u64>>,
    boundary: &str,
    length: u64,
    content_type: &str,
) -> Vec<Piece> {
    let mut pieces = Vec::with_capacity(2 * parts.len() + 1);
    for range in parts {
        let range_line = content_range(&range, length);
        let head = format!(
            "\r\n--{boundary}\r\nContent-Type: {content_type}\r\nContent-Range: {range_line}\r\n\r\n"
        );
        pieces.push(Piece::Text(head.into()));
        pieces.push(Piece::Content(range));
    }
    pieces.push(Piece::Text(format!("\r\n--{boundary}--\r\n").into()));
    pieces
}

/// Streams the pieces of a body. The first one is opened before, so that a failure is still an answer; each further one
/// when its turn comes.
pub async fn stream<F, E>(
    pieces: Vec<Piece>,
    read: impl Fn(Range<u64>) -> F + Send + 'static,
) -> Result<ByteStream, E>
where
    F: Future<Output = Result<ByteStream, E>> + Send + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let mut pieces = pieces.into_iter();
    // Text stands before the first content, if there is any.
    let (mut text, mut first) = (None, None);
    for piece in pieces.by_ref() {
        match piece {
            Piece::Text(bytes) => text = Some(bytes),
            Piece::Content(range) => {
                first = Some(read(range).await?);
                break;
            }
        }
    }
    let start = stream::iter(text.map(Ok)).chain(stream::iter(first).flatten());
    let rest = stream::iter(pieces).then(move |piece| {
        let content = match piece {
            Piece::Text(text) => Err(text),
            Piece::Content(range) => Ok(read(range)),
        };
        async {
            match content {
                Ok(content) => content.await.map_err(io::Error::other),
                Err(text) => Ok(stream::iter([Ok(text)]).boxed()),
            }
        }
    });
    Ok(start.chain(rest.try_flatten()).boxed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_the_client_has() {
        let headers = |name: axum::http::HeaderName, value: &'static str| {
            HeaderMap::from_iter([(name, axum::http::HeaderValue::from_static(value))])
        };
        assert_eq!(
            Wanted::of(
                &Method::GET,
                &headers(IF_NONE_MATCH, "\"a\", W/\"b\""),
                9,
                "\"b\""
            ),
            Wanted::NotModified
        );
        assert_eq!(
            Wanted::of(&Method::GET, &headers(IF_NONE_MATCH, "\"c\""), 9, "\"b\""),
            Wanted::Whole
        );
        let mut both = headers(RANGE, "bytes=1-2");
        assert_eq!(Wanted::of(&Method::HEAD, &both, 9, "\"b\""), Wanted::Whole);
        assert_eq!(
            Wanted::of(&Method::GET, &both, 9, "\"b\""),
            Wanted::Part(1..3)
        );
        both.insert(IF_RANGE, axum::http::HeaderValue::from_static("\"old\""));
        assert_eq!(Wanted::of(&Method::GET, &both, 9, "\"b\""), Wanted::Whole);
    }
}
