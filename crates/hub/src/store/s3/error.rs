//! What a failed request to the store means.

use std::error::Error;
use std::io;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use dockyard_oci::is_harmful;

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
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    let text = told(&error, status);
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

/// Most characters of the store's own words that are repeated.
const WORDS_MAX: usize = 300;

/// Keeps the start of a text, without what drives a terminal.
fn start_of(text: &str) -> String {
    let plain = text.chars().filter(|&c| !is_harmful(c));
    plain.take(WORDS_MAX).collect()
}

/// Tells what the store said, `403 AccessDenied: ...`, or else what kept it from saying anything.
fn told<E>(error: &SdkError<E, HttpResponse>, status: Option<u16>) -> String
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    if let (Some(status), Some(code)) = (status, error.code()) {
        let text = format!("{code}: {}", error.message().unwrap_or_default());
        return format!("it answered {status} {}", start_of(&text));
    }
    if let Some(status) = status {
        return format!("it answered {status}");
    }
    let mut causes = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    // A cause often repeats the one below it.
    causes.dedup_by(|below, above| above.contains(below.as_str()));
    causes.join(": ")
}
