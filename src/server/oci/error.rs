//! Errors of the registry protocol.

use axum::http::StatusCode;
use axum::http::header::{ALLOW, HeaderValue, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::{AccessError, AccountError};
use dockyard_hub::images::{ImageError, PullError, RepositoryError};
use dockyard_oci::{
    DigestError, ErrorCode, ImageNameError, ManifestError, RepositoryNameError, TagError,
};

use crate::server::error::ApiError;

/// Why a request of the protocol was refused.
#[derive(Debug, thiserror::Error)]
pub enum OciError {
    #[error("this address is not part of the registry protocol")]
    NoRoute,
    #[error("this method is not part of the registry protocol here; {0} are")]
    Method(&'static str),
    #[error(transparent)]
    Name(RepositoryNameError),
    #[error("\"{text}\" is neither a tag nor a digest: {error}")]
    Reference {
        text: String,
        reading: bool,
        error: ImageNameError,
    },
    #[error(transparent)]
    Tag(TagError),
    #[error(transparent)]
    Digest(#[from] DigestError),
    #[error("finishing an upload needs the digest of its content: ?digest=")]
    DigestMissing,
    #[error("n is the number of entries wanted")]
    PageSize,
    #[error("Content-Range is written first-last, in bytes")]
    ContentRange,
    #[error("the chunk has another length than its Content-Range says")]
    ChunkLength,
    #[error("the chunk is longer than its Content-Range says")]
    ChunkTooLong,
    #[error("a manifest has at most 4 MiB")]
    ManifestTooLarge,
    #[error("the connection broke: {0}")]
    ManifestCut(std::io::Error),
    #[error("a push moves at most {0} tags at once")]
    TooManyTags(usize),
    #[error("log in first")]
    Unauthenticated,
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}

impl From<PullError> for OciError {
    fn from(error: PullError) -> Self {
        match error {
            PullError::Access(error) => error.into(),
            PullError::Image(error) => error.into(),
        }
    }
}

/// How a client may get a token that helps.
pub struct Challenge {
    pub base_url: String,
    pub service: String,
    /// What to ask for; empty when no repository is concerned.
    pub scope: Option<String>,
    /// Whether the request carried a token already.
    pub has_token: bool,
}

impl OciError {
    /// Makes the answer; a 401 says where to get a token.
    pub fn respond(self, challenge: &Challenge) -> Response {
        let reason = match &self {
            Self::Access(AccessError::OutOfScope(_) | AccessError::Anonymous(_)) => {
                Some("insufficient_scope")
            }
            Self::Account(AccountError::TokenWrong) => Some("invalid_token"),
            _ => None,
        };
        // containerd asks again and again unless it is told that another token would not help.
        let reason = reason.filter(|_| challenge.has_token);
        let allow = match &self {
            Self::Method(methods) => Some(*methods),
            Self::Image(ImageError::BlobInUse { .. }) => Some("GET, HEAD"),
            _ => None,
        };
        let mut response = ApiError::from(self).into_response();
        if let Some(methods) = allow {
            let methods = HeaderValue::from_static(methods);
            response.headers_mut().insert(ALLOW, methods);
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            let header = challenge.header(reason);
            if let Ok(header) = HeaderValue::from_str(&header) {
                response.headers_mut().insert(WWW_AUTHENTICATE, header);
            }
        }
        response
    }
}

impl Challenge {
    /// Source: distribution, "Token Authentication Specification".
    fn header(&self, reason: Option<&str>) -> String {
        let Self {
            base_url,
            service,
            scope,
            ..
        } = self;
        let scope = scope
            .as_ref()
            .map(|scope| format!(",scope=\"{scope}\""))
            .unwrap_or_default();
        let error = reason
            .map(|reason| format!(",error=\"{reason}\""))
            .unwrap_or_default();
        format!("Bearer realm=\"{base_url}/token\",service=\"{service}\"{scope}{error}")
    }
}

impl From<OciError> for ApiError {
    fn from(error: OciError) -> Self {
        use ErrorCode as Code;
        let bad = StatusCode::BAD_REQUEST;
        let (status, code) = match &error {
            OciError::NoRoute => (StatusCode::NOT_FOUND, Code::Unsupported),
            OciError::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported),
            OciError::Name(_) => (bad, Code::NameInvalid),
            // What can't exist is simply not there for those who look.
            OciError::Reference { reading: true, .. } => {
                (StatusCode::NOT_FOUND, Code::ManifestUnknown)
            }
            OciError::Reference {
                error: ImageNameError::Digest(_),
                ..
            }
            | OciError::Digest(_)
            | OciError::DigestMissing => (bad, Code::DigestInvalid),
            OciError::ManifestCut(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
                (StatusCode::REQUEST_TIMEOUT, Code::ManifestInvalid)
            }
            OciError::Reference { .. } | OciError::ManifestCut(_) => (bad, Code::ManifestInvalid),
            OciError::Tag(_) | OciError::TooManyTags(_) => (bad, Code::TagInvalid),
            OciError::PageSize => (bad, Code::Unsupported),
            OciError::ContentRange => (bad, Code::BlobUploadInvalid),
            OciError::ChunkLength | OciError::ChunkTooLong => (bad, Code::SizeInvalid),
            OciError::ManifestTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, Code::ManifestInvalid),
            OciError::Unauthenticated => (StatusCode::UNAUTHORIZED, Code::Unauthorized),
            OciError::Image(ImageError::ManifestInvalid(ManifestError::TooLarge)) => {
                (StatusCode::PAYLOAD_TOO_LARGE, Code::ManifestInvalid)
            }
            OciError::Account(_)
            | OciError::Access(_)
            | OciError::Image(_)
            | OciError::Repository(_) => return error.into_inner(),
        };
        Self::oci(status, code, error)
    }
}

impl OciError {
    fn into_inner(self) -> ApiError {
        match self {
            Self::Account(error) => error.into(),
            Self::Access(error) => error.into(),
            Self::Image(error) => error.into(),
            Self::Repository(error) => error.into(),
            other => ApiError::internal(other),
        }
    }
}
