//! What can go wrong with repositories and images.

use dockyard_oci::{Digest, ManifestError, Reference, RepositoryName, Tag};

use crate::Id;
use crate::accounts::{AccessError, BeginError};
use crate::db::{Contention, DbError};
use crate::store::StoreError;

/// Why a repository could not be made, changed or listed.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    #[error("the repository {0} exists already")]
    Exists(RepositoryName),
    #[error("you may only create repositories in your own namespace: {0} is not in it")]
    Denied(RepositoryName),
    #[error("a repository stays in its namespace: {0} is in another")]
    OtherNamespace(RepositoryName),
    #[error("log in first")]
    Anonymous,
    #[error("a description has at most {max_chars} characters")]
    DescriptionTooLong { max_chars: usize },
    #[error("a description has no control characters, and none that turn the direction of text")]
    DescriptionInvalid,
    #[error("a README has at most {max_bytes} bytes")]
    ReadmeTooLong { max_bytes: usize },
    #[error("the repository was deleted meanwhile")]
    Gone,
    #[error("the password was changed or the token revoked meanwhile: log in again")]
    Revoked,
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Why a manifest could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error(transparent)]
    Access(#[from] AccessError),
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Why something could not be done with the content of a repository.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    #[error("blob {digest} is not in {repository}")]
    BlobUnknown {
        digest: Digest,
        repository: RepositoryName,
    },
    #[error("{reference} is not in {repository}")]
    ManifestUnknown {
        reference: Reference,
        repository: RepositoryName,
    },
    #[error("{reference} of {repository} is there for {available}, and not for {wanted}")]
    PlatformUnknown {
        reference: Reference,
        repository: RepositoryName,
        wanted: String,
        /// Those that are there, as people list things.
        available: String,
    },
    #[error("{0} is not an image: its configuration does not list the layers of its manifest")]
    NotAnImage(Reference),
    #[error("none of the images that {0} lists is in the repository")]
    NoneHere(Reference),
    #[error(
        "the index leads to more than 1,000 manifests, 10,000 blobs or 64 MiB of manifests: take its images one by one"
    )]
    TooManyManifests,
    #[error("blob {digest} is used by a manifest of {repository}: delete the manifest first")]
    BlobInUse {
        digest: Digest,
        repository: RepositoryName,
    },
    #[error(
        "you have {open} uploads under way, of {bytes} bytes: finish or cancel some first; those left alone end after a week"
    )]
    TooManyUploads { open: u64, bytes: u64 },
    #[error("a blob has at most {max_bytes} bytes here: the upload was given up")]
    TooLarge { max_bytes: u64 },
    #[error("there is no upload {0} here")]
    UploadUnknown(Id),
    #[error("another request is writing to this upload")]
    UploadBusy(Id),
    #[error("the upload has {offset} bytes, so the next chunk starts there")]
    OffsetMismatch { id: Id, offset: u64 },
    #[error("the content is not {expected}: it hashes to {actual}")]
    DigestMismatch { expected: Digest, actual: Digest },
    #[error("the connection broke: {0}")]
    Interrupted(#[source] std::io::Error),
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    #[error("the manifest refers to {digest}, which was not pushed to {repository}")]
    ManifestBlobUnknown {
        digest: Digest,
        repository: RepositoryName,
    },
    #[error("the manifest says that {digest} has {said} bytes, but it has {actual}")]
    ManifestBlobSize {
        digest: Digest,
        said: u64,
        actual: u64,
    },
    #[error("{tag} never pointed to {digest}")]
    NeverThere { tag: Tag, digest: Digest },
    #[error("the repository was deleted meanwhile")]
    Gone,
    #[error("the password was changed or the token revoked meanwhile: log in again")]
    Revoked,
    #[error("what was stored as {0} can't be read any more")]
    Damaged(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Database(#[from] DbError),
}

impl Contention for RepositoryError {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_contended())
    }
}

impl Contention for ImageError {
    fn is_contended(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_contended())
    }
}

impl From<BeginError> for RepositoryError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Revoked => Self::Revoked,
            BeginError::Database(error) => error.into(),
        }
    }
}

impl From<BeginError> for ImageError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Revoked => Self::Revoked,
            BeginError::Database(error) => error.into(),
        }
    }
}
