//! What a server function answers instead of its result.

use leptos::server_fn::codec::JsonEncoding;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use serde::{Deserialize, Serialize};

/// Why a page or a form got no result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AppError {
    /// What was asked for does not exist, or may not be seen: the two are told apart nowhere.
    #[error("There is nothing here.")]
    NotFound,
    #[error("Log in first.")]
    Anonymous,
    /// The caller may see it, but not do this.
    #[error("{0}")]
    Forbidden(String),
    #[error("{}", .0.message)]
    Refused(Refusal),
    #[error("The server has too much to do right now. Try again in a few seconds.")]
    Busy,
    #[error("The server can't be reached. Check the connection, then try again.")]
    Unreachable,
    /// With the id under which the server's log has it, where there is one.
    #[error("Something went wrong on the server. Try again in a moment.{}", logged_as(.0))]
    Internal(String),
}

/// A form that was not accepted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// What is wrong with the form as a whole; empty when a field says it.
    pub message: String,
    /// Names of fields, and what is wrong with each.
    pub fields: Vec<(String, String)>,
    /// Names of fields, and what they held. Never a password.
    pub values: Vec<(String, String)>,
}

impl AppError {
    /// Refuses a form as a whole.
    pub fn refused(message: impl std::fmt::Display) -> Self {
        let message = sentence(&message.to_string());
        Self::Refused(Refusal {
            message,
            ..Refusal::default()
        })
    }

    /// Refuses what stands in one field.
    pub fn field(name: &str, message: impl std::fmt::Display) -> Self {
        let fields = vec![(name.to_owned(), sentence(&message.to_string()))];
        Self::Refused(Refusal {
            fields,
            ..Refusal::default()
        })
    }

    /// Hands back what the fields held, so that nobody types it twice.
    #[must_use]
    pub fn keeping(mut self, values: &[(&str, &str)]) -> Self {
        if let Self::Refused(refusal) = &mut self {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            refusal.values = values.iter().map(owned).collect();
        }
        self
    }

    /// Shows what is wrong with one field beside another, where the form has another name for it.
    #[must_use]
    pub fn of_field(mut self, field: &str, named: &str) -> Self {
        if let Self::Refused(refusal) = &mut self {
            for (name, _) in &mut refusal.fields {
                if name == field {
                    named.clone_into(name);
                }
            }
        }
        self
    }

    /// Is the HTTP status that goes with it.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Anonymous => 401,
            Self::Forbidden(_) => 403,
            Self::Refused(_) => 422,
            Self::Unreachable | Self::Busy => 503,
            Self::Internal(_) => 500,
        }
    }
}

impl FromServerFnError for AppError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        match error {
            ServerFnErrorErr::Request(_) => Self::Unreachable,
            ServerFnErrorErr::Args(_) | ServerFnErrorErr::MissingArg(_) => incomplete(),
            // On the server this is a form that can't be read, in the browser an answer.
            ServerFnErrorErr::Deserialization(_) if cfg!(feature = "ssr") => incomplete(),
            ServerFnErrorErr::Registration(_)
            | ServerFnErrorErr::UnsupportedRequestMethod(_)
            | ServerFnErrorErr::ServerError(_)
            | ServerFnErrorErr::MiddlewareError(_)
            | ServerFnErrorErr::Deserialization(_)
            | ServerFnErrorErr::Serialization(_)
            | ServerFnErrorErr::Response(_) => Self::Internal(String::new()),
        }
    }
}

/// Makes the error for a form that cannot be read: 422, where the framework would answer 500.
fn incomplete() -> AppError {
    let error = AppError::refused("the form was not complete");
    #[cfg(feature = "ssr")]
    let error = super::response::failed(error);
    error
}

fn logged_as(request_id: &str) -> String {
    if request_id.is_empty() {
        String::new()
    } else {
        format!(" Whoever runs the server finds it in the log as {request_id}.")
    }
}

/// Makes a sentence for people of an error's text: a capital first, a full stop last.
fn sentence(text: &str) -> String {
    let mut characters = text.trim().chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let stop = if text.trim_end().ends_with(['.', '?']) {
        ""
    } else {
        "."
    };
    format!("{}{}{stop}", first.to_uppercase(), characters.as_str())
}

#[cfg(feature = "ssr")]
mod of_the_hub {
    //! Each hub error, mapped to the field or page where it is shown.

    use dockyard_hub::accounts::{AccessError, AccountError};
    use dockyard_hub::images::{ImageError, RepositoryError};
    use dockyard_hub::search::SearchError;

    use super::{AppError, sentence};

    impl AppError {
        /// Keeps the cause in the log and from the page.
        pub fn internal(cause: impl std::fmt::Display) -> Self {
            let request_id = crate::server::web::request_id();
            tracing::error!(request_id, "a page failed: {cause}");
            Self::Internal(request_id)
        }
    }

    impl From<AccountError> for AppError {
        fn from(error: AccountError) -> Self {
            match error {
                AccountError::NameTaken(_) | AccountError::NameReserved(_) => {
                    Self::field("username", error)
                }
                AccountError::PasswordWeak(_) | AccountError::WrongCredentials => {
                    Self::field("password", error)
                }
                AccountError::EmailInvalid => Self::field("email", error),
                AccountError::TokenWrong
                | AccountError::SetupKeyWrong
                | AccountError::LastAdministrator
                | AccountError::SignUpClosed
                | AccountError::TooManySignUps { .. }
                | AccountError::TooManyTries { .. } => Self::refused(error),
                AccountError::TokenNameInvalid => Self::field("name", error),
                AccountError::PasswordWrong => Self::field("current", error),
                AccountError::ProfileInvalid(_) => Self::field("about", error),
                AccountError::Anonymous => Self::Anonymous,
                AccountError::Busy(_) => Self::Busy,
                AccountError::Database(cause) => Self::internal(cause),
            }
        }
    }

    impl From<AccessError> for AppError {
        fn from(error: AccessError) -> Self {
            match error {
                AccessError::NotFound(_) => Self::NotFound,
                AccessError::Anonymous(_) => Self::Anonymous,
                AccessError::Denied(_) | AccessError::OutOfScope(_) => {
                    Self::Forbidden(sentence(&error.to_string()))
                }
                AccessError::Renamed { .. } => Self::refused(error),
                AccessError::Database(cause) => Self::internal(cause),
            }
        }
    }

    impl From<RepositoryError> for AppError {
        fn from(error: RepositoryError) -> Self {
            match error {
                RepositoryError::Exists(_)
                | RepositoryError::Denied(_)
                | RepositoryError::OtherNamespace(_) => Self::field("name", error),
                RepositoryError::DescriptionTooLong { .. }
                | RepositoryError::DescriptionInvalid => Self::field("description", error),
                RepositoryError::ReadmeTooLong { .. } => Self::field("readme", error),
                RepositoryError::Anonymous | RepositoryError::Revoked => Self::Anonymous,
                RepositoryError::Gone => Self::NotFound,
                RepositoryError::Database(cause) => Self::internal(cause),
            }
        }
    }

    impl From<ImageError> for AppError {
        fn from(error: ImageError) -> Self {
            match error {
                ImageError::ManifestUnknown { .. }
                | ImageError::BlobUnknown { .. }
                | ImageError::NeverThere { .. }
                | ImageError::Gone => Self::NotFound,
                ImageError::Revoked => Self::Anonymous,
                ImageError::BlobInUse { .. }
                | ImageError::PlatformUnknown { .. }
                | ImageError::NotAnImage(_)
                | ImageError::NoneHere(_)
                | ImageError::TooManyManifests
                | ImageError::TooManyUploads { .. }
                | ImageError::TooLarge { .. }
                | ImageError::UploadUnknown(_)
                | ImageError::UploadBusy(_)
                | ImageError::OffsetMismatch { .. }
                | ImageError::DigestMismatch { .. }
                | ImageError::Interrupted(_)
                | ImageError::ManifestInvalid(_)
                | ImageError::ManifestBlobUnknown { .. }
                | ImageError::ManifestBlobSize { .. }
                | ImageError::Damaged(_)
                | ImageError::Store(_)
                | ImageError::Database(_) => Self::internal(error),
            }
        }
    }

    impl From<SearchError> for AppError {
        fn from(error: SearchError) -> Self {
            match error {
                SearchError::Busy(_) => Self::Busy,
                error => Self::internal(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_sentences_of_error_texts() {
        assert_eq!(sentence("the name is taken"), "The name is taken.");
        assert_eq!(sentence("Is it?"), "Is it?");
        assert_eq!(sentence(""), "");
    }

    #[test]
    fn survives_the_way_to_the_browser() {
        let error = AppError::field("username", "taken").keeping(&[("username", "alice")]);
        assert_eq!(AppError::de(error.ser()), error);
    }
}
