//! Conditional and ranged reads of things whose bytes never change.

use std::ops::Range;

use axum::http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, Method, StatusCode, response};
use dockyard_oci::Requested;

/// What of the content is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Range<u64>),
    /// The client has it already.
    NotModified,
    /// The range lies outside.
    Unsatisfiable,
}

impl Wanted {
    /// Reads the request's headers for content of `length` bytes with an entity tag (quotes and all).
    ///
    /// Several ranges at once are answered with the whole, as RFC 9110 allows.
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
            Requested::Unsatisfiable => Self::Unsatisfiable,
        }
    }

    /// Starts the response: status, `ETag`, length and range. The body is the caller's.
    pub fn respond(&self, length: u64, etag: &str) -> response::Builder {
        let response = response::Builder::new()
            .header(ETAG, etag)
            .header(ACCEPT_RANGES, "bytes");
        match self {
            Self::Whole => response
                .status(StatusCode::OK)
                .header(CONTENT_LENGTH, length),
            Self::Part(range) => response
                .status(StatusCode::PARTIAL_CONTENT)
                .header(CONTENT_LENGTH, range.end - range.start)
                .header(
                    CONTENT_RANGE,
                    format!("bytes {}-{}/{length}", range.start, range.end - 1),
                ),
            Self::NotModified => response.status(StatusCode::NOT_MODIFIED),
            Self::Unsatisfiable => response
                .status(StatusCode::RANGE_NOT_SATISFIABLE)
                .header(CONTENT_RANGE, format!("bytes */{length}"))
                .header(CONTENT_LENGTH, 0),
        }
    }

    /// Is the range of bytes that the body has; `None` when it has none.
    pub fn bytes(&self, method: &Method, length: u64) -> Option<Range<u64>> {
        match self {
            _ if method == Method::HEAD => None,
            Self::Whole => Some(0..length),
            Self::Part(range) => Some(range.clone()),
            Self::NotModified | Self::Unsatisfiable => None,
        }
    }
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
