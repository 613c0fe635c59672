//! Errors of every HTTP door, in the registry protocol's JSON form.
//!
//! Each error of the hub maps to a status and a code in one exhaustive match. A failure of the server
//! itself keeps its cause for the log, and the client only gets the request's id.

use std::io::ErrorKind;

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use dockyard_hub::accounts::{AccessError, AccountError};
use dockyard_hub::admission::Busy;
use dockyard_hub::db::DbError;
use dockyard_hub::images::archive::{ExportError, ImportError};
use dockyard_hub::images::{ImageError, RepositoryError};
use dockyard_hub::search::SearchError;
use dockyard_hub::store::StoreError;
use dockyard_oci::ErrorCode;
use serde_json::json;

/// When to come back after a failure that may be over by then, in seconds.
const RETRY_SECS: u64 = 2;

/// An answer that is an error.
#[derive(Debug, Clone)]
pub struct ApiError {
    pub status: StatusCode,
    pub code: &'static str,
    /// One sentence for people.
    pub message: String,
    /// Details for programs; `null` for most errors.
    detail: serde_json::Value,
    /// What only the log may say.
    cause: Option<String>,
    /// When to come back, in seconds.
    retry_secs: Option<u64>,
}

/// Travels with a response to where it is logged.
#[derive(Debug, Clone)]
pub struct Cause(pub String);

/// Travels with a response to where it may be shown to a person.
#[derive(Debug, Clone)]
pub struct Message(pub String);

impl ApiError {
    pub fn new(status: StatusCode, code: &'static str, message: impl ToString) -> Self {
        Self {
            status,
            code,
            message: message.to_string(),
            detail: serde_json::Value::Null,
            cause: None,
            retry_secs: None,
        }
    }

    pub fn oci(status: StatusCode, code: ErrorCode, message: impl ToString) -> Self {
        Self::new(status, code.as_str(), message)
    }

    pub fn bad_request(code: &'static str, message: impl ToString) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub fn not_found(message: impl ToString) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", message)
    }

    /// Is an error that is nobody's fault but the server's.
    pub fn internal(cause: impl ToString) -> Self {
        let mut error = Self::oci(
            StatusCode::INTERNAL_SERVER_ERROR,
            ErrorCode::Unknown,
            "something went wrong on the server",
        );
        error.cause = Some(cause.to_string());
        error
    }

    /// Is a failure that may be over in a moment: what was asked for can be asked for again.
    pub fn unavailable(cause: impl ToString) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "the server can't do this right now; try again in a moment".to_owned(),
            retry_secs: Some(RETRY_SECS),
            ..Self::internal(cause)
        }
    }

    /// Makes the error of asking for more than the server does at a time.
    pub fn busy(error: Busy) -> Self {
        Self {
            retry_secs: Some(RETRY_SECS),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, "BUSY", error)
        }
    }

    /// Adds what programs may make of the error.
    #[must_use]
    pub fn with_detail(self, detail: serde_json::Value) -> Self {
        Self { detail, ..self }
    }

    /// The body of the answer. Source: OCI distribution-spec, "Error Codes".
    pub fn body(&self) -> serde_json::Value {
        let Self {
            code,
            message,
            detail,
            ..
        } = self;
        json!({ "errors": [{ "code": code, "message": message, "detail": detail }] })
    }

    /// Is what the log says of a failure of the server.
    pub fn for_log(&self) -> Option<&str> {
        self.cause.as_deref()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(secs) = self.retry_secs {
            response.headers_mut().insert(RETRY_AFTER, secs.into());
        }
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(Cause(cause));
        }
        response.extensions_mut().insert(Message(self.message));
        response
    }
}

/// Is the error body. Source: OCI distribution-spec, "Error Codes".
pub fn error_body(code: &str, message: &str) -> serde_json::Value {
    json!({ "errors": [{ "code": code, "message": message, "detail": null }] })
}

impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        if error.is_temporary() {
            Self::unavailable(error)
        } else {
            Self::internal(error)
        }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        use ErrorCode::{Denied, NameUnknown, Unauthorized};
        match error {
            AccessError::NotFound(_) => Self::oci(StatusCode::NOT_FOUND, NameUnknown, error),
            AccessError::Denied(_) | AccessError::Renamed { .. } => {
                Self::oci(StatusCode::FORBIDDEN, Denied, error)
            }
            AccessError::Anonymous(_) | AccessError::OutOfScope(_) => {
                Self::oci(StatusCode::UNAUTHORIZED, Unauthorized, error)
            }
            AccessError::Database(error) => error.into(),
        }
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let unauthorized = ErrorCode::Unauthorized.as_str();
        match error {
            AccountError::NameReserved(_) => {
                Self::new(StatusCode::CONFLICT, "USERNAME_RESERVED", error)
            }
            AccountError::SignUpClosed => Self::new(StatusCode::FORBIDDEN, "SIGNUP_CLOSED", error),
            AccountError::NameTaken(_) => Self::new(StatusCode::CONFLICT, "USERNAME_TAKEN", error),
            AccountError::PasswordWeak(_) => Self::bad_request("PASSWORD_WEAK", error),
            AccountError::EmailInvalid => Self::bad_request("EMAIL_INVALID", error),
            AccountError::TokenNameInvalid => Self::bad_request("TOKEN_NAME_INVALID", error),
            AccountError::ProfileInvalid(_) => Self::bad_request("PROFILE_INVALID", error),
            AccountError::LastAdministrator => {
                Self::new(StatusCode::CONFLICT, "LAST_ADMINISTRATOR", error)
            }
            AccountError::TooManyTries { wait_secs }
            | AccountError::TooManySignUps { wait_secs } => {
                let (status, code) = (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests);
                Self {
                    retry_secs: Some(wait_secs),
                    ..Self::oci(status, code, error)
                }
            }
            AccountError::SetupKeyWrong | AccountError::PasswordWrong => {
                Self::new(StatusCode::FORBIDDEN, ErrorCode::Denied.as_str(), error)
            }
            AccountError::WrongCredentials | AccountError::TokenWrong | AccountError::Anonymous => {
                Self::new(StatusCode::UNAUTHORIZED, unauthorized, error)
            }
            AccountError::Busy(busy) => Self::busy(busy),
            AccountError::Database(error) => error.into(),
        }
    }
}

impl From<RepositoryError> for ApiError {
    fn from(error: RepositoryError) -> Self {
        match error {
            RepositoryError::Exists(_) => {
                Self::new(StatusCode::CONFLICT, "REPOSITORY_EXISTS", error)
            }
            RepositoryError::Denied(_) | RepositoryError::OtherNamespace(_) => {
                Self::oci(StatusCode::FORBIDDEN, ErrorCode::Denied, error)
            }
            RepositoryError::Anonymous | RepositoryError::Revoked => {
                Self::oci(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, error)
            }
            RepositoryError::DescriptionTooLong { .. } => {
                Self::bad_request("DESCRIPTION_TOO_LONG", error)
            }
            RepositoryError::DescriptionInvalid => Self::bad_request("DESCRIPTION_INVALID", error),
            RepositoryError::ReadmeTooLong { .. } => Self::bad_request("README_TOO_LONG", error),
            RepositoryError::Gone => {
                Self::oci(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, error)
            }
            RepositoryError::Database(error) => error.into(),
        }
    }
}

impl From<ImageError> for ApiError {
    fn from(error: ImageError) -> Self {
        use ErrorCode as Code;
        let (status, code) = match error {
            ImageError::BlobUnknown { .. } => (StatusCode::NOT_FOUND, Code::BlobUnknown),
            ImageError::ManifestUnknown { .. } | ImageError::NeverThere { .. } => {
                (StatusCode::NOT_FOUND, Code::ManifestUnknown)
            }
            ImageError::PlatformUnknown { .. } => {
                return Self::new(StatusCode::NOT_FOUND, "PLATFORM_UNKNOWN", error);
            }
            ImageError::NotAnImage(_) | ImageError::NoneHere(_) | ImageError::TooManyManifests => {
                return Self::new(StatusCode::UNPROCESSABLE_ENTITY, "EXPORT_IMPOSSIBLE", error);
            }
            ImageError::TooManyUploads { .. } => {
                return Self {
                    retry_secs: Some(60),
                    ..Self::oci(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, error)
                };
            }
            ImageError::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
            ImageError::BlobInUse { .. } => (StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported),
            ImageError::UploadUnknown(_) => (StatusCode::NOT_FOUND, Code::BlobUploadUnknown),
            ImageError::UploadBusy(_) => (StatusCode::CONFLICT, Code::BlobUploadInvalid),
            ImageError::OffsetMismatch { .. } => {
                (StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid)
            }
            ImageError::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, Code::DigestInvalid),
            ImageError::Interrupted(ref cause) if cause.kind() == ErrorKind::TimedOut => {
                (StatusCode::REQUEST_TIMEOUT, Code::BlobUploadInvalid)
            }
            ImageError::Interrupted(_) => (StatusCode::BAD_REQUEST, Code::BlobUploadInvalid),
            ImageError::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, Code::ManifestInvalid),
            ImageError::ManifestBlobSize { .. } => (StatusCode::BAD_REQUEST, Code::SizeInvalid),
            ImageError::ManifestBlobUnknown { .. } => {
                (StatusCode::BAD_REQUEST, Code::ManifestBlobUnknown)
            }
            ImageError::Gone => (StatusCode::NOT_FOUND, Code::NameUnknown),
            ImageError::Revoked => (StatusCode::UNAUTHORIZED, Code::Unauthorized),
            ImageError::Store(StoreError::Full) => {
                (StatusCode::INSUFFICIENT_STORAGE, Code::Unknown)
            }
            ImageError::Store(StoreError::Unavailable(_)) => return Self::unavailable(error),
            ImageError::Damaged(_)
            | ImageError::Store(
                StoreError::Missing(_) | StoreError::Io(_) | StoreError::Refused(_),
            ) => return Self::internal(error),
            ImageError::Database(error) => return error.into(),
        };
        Self::oci(status, code, error)
    }
}

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        match error {
            ImportError::Image(error) => error.into(),
            ImportError::Busy(busy) => Self::busy(busy),
            ImportError::SeveralImages(_)
            | ImportError::TagTwice { .. }
            | ImportError::NoSuchImage { .. } => {
                let detail = json!({ "images": error.choices() });
                Self::bad_request("IMAGE_UNCLEAR", error).with_detail(detail)
            }
            ImportError::NoTag => Self::bad_request("TAG_UNCLEAR", error),
            ImportError::Stalled { .. } => {
                Self::new(StatusCode::REQUEST_TIMEOUT, "TARBALL_STALLED", error)
            }
            ImportError::LayerGone(_) => Self::new(StatusCode::CONFLICT, "LAYER_GONE", error),
            ImportError::NotATarball
            | ImportError::Compression(_)
            | ImportError::LayerCompression { .. }
            | ImportError::Truncated { .. }
            | ImportError::Damaged { .. }
            | ImportError::NoImage
            | ImportError::TooOld
            | ImportError::Entry { .. }
            | ImportError::Bounds(_)
            | ImportError::Document { .. }
            | ImportError::Missing(_)
            | ImportError::WrongDigest { .. }
            | ImportError::WrongLayer { .. }
            | ImportError::LayerCount { .. }
            | ImportError::Manifest(_) => Self::bad_request("TARBALL_INVALID", error),
        }
    }
}

impl From<ExportError> for ApiError {
    fn from(error: ExportError) -> Self {
        match error {
            ExportError::Busy(busy) => Self::busy(busy),
            ExportError::Image(error) => error.into(),
        }
    }
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Busy(busy) => Self::busy(busy),
            error => Self::internal(error),
        }
    }
}
