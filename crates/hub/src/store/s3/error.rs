//! What a failed request to the store means.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};

use crate::store::StoreError;

/// Tells whether the store answered with a status.
pub(super) fn is_status<E>(error: &SdkError<E, HttpResponse>, status: u16) -> bool {
    error
        .raw_response()
        .is_some_and(|response| response.status().as_u16() == status)
}

/// Sorts a failure after the retries: one that may be over in a moment, or one that somebody has to mend.
pub(super) fn failed<E>(error: SdkError<E, HttpResponse>) -> StoreError
where
    E: Error + Send + Sync + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let text = DisplayErrorContext(&error).to_string();
    match (&error, status) {
        (_, Some(507)) => StoreError::Full,
        (_, Some(401 | 403)) => StoreError::Refused(text),
        (_, Some(429 | 500..)) | (SdkError::DispatchFailure(_) | SdkError::TimeoutError(_), _) => {
            StoreError::Unavailable(text)
        }
        // A broken answer.
        (SdkError::ResponseError(_), _) => StoreError::Unavailable(text),
        _ => StoreError::Io(io::Error::other(text)),
    }
}
