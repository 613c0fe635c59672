//! Where blobs live: objects with an opaque location, written once from front to back.
//!
//! The store knows nothing of digests, repositories or visibility. No request ever lists it.

#[cfg(test)]
mod contract;
mod fs;
mod read_ahead;
#[cfg(feature = "s3")]
mod s3;
mod s3_options;

use std::any::Any;
use std::fmt;
use std::io;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

pub use fs::FsStore;
#[cfg(feature = "s3")]
pub use s3::S3Store;
pub use s3_options::{Encryption, S3Options};

use crate::Id;

/// A stream of an object's bytes.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// Whatever must not end before a write does.
pub type Hold = Arc<dyn Any + Send + Sync>;

/// The address of an object: the id of the upload that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Location(Id);

impl Location {
    pub fn new() -> Self {
        Self(Id::new())
    }

    /// Is when the upload was started, in Unix milliseconds.
    pub fn created_ms(&self) -> i64 {
        self.0.created_ms()
    }
}

impl Default for Location {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Location {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// An object as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub at: Location,
    pub size_bytes: u64,
    /// Of what an upload left behind, and is of no use once that upload is gone: the state to delete it with.
    pub leftover: Option<Vec<u8>>,
}

/// Whether an upload ends with what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// More may follow, written by any process.
    Open,
    /// Its client said that this is all.
    Whole,
}

/// Keeps objects.
#[async_trait]
pub trait BlobStore: fmt::Debug + Send + Sync + 'static {
    /// Opens an object for appending at `offset` bytes, and makes it when `offset` is 0.
    ///
    /// `state` is what the append that ended at `offset` returned. What lies beyond, from an append that was cut
    /// short, is dropped.
    /// `hold` is kept until the last byte that was handed over is written, also when the writer is
    /// dropped before: only then may another append to the same object start.
    /// Errors: `Missing` when fewer than `offset` bytes are there.
    async fn append(
        &self,
        at: Location,
        offset: u64,
        state: Option<&[u8]>,
        hold: Hold,
    ) -> Result<Box<dyn BlobWriter>, StoreError>;

    /// Makes a written object durable under its location. Nothing is copied; done again, it does nothing.
    async fn finish(&self, at: Location, state: Option<&[u8]>) -> Result<(), StoreError>;

    /// Tells whether objects come over a network, from a service that may hand out others.
    fn is_remote(&self) -> bool {
        false
    }

    /// Reads a range of bytes as a stream.
    ///
    /// Errors: `Missing` when there is no such object.
    async fn read(&self, at: Location, range: Range<u64>) -> Result<ByteStream, StoreError>;

    /// Removes an object, or with its `state` an upload that is not finished; one that is already gone is no error.
    async fn delete(&self, at: Location, state: Option<&[u8]>) -> Result<(), StoreError>;

    /// Lists every object there is, in no particular order. For maintenance: no request does this.
    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>>;

    /// Makes a link that anybody can read an object with for a time, without asking this server; `None` where there
    /// is no such thing.
    async fn link(&self, at: Location, lasts: Duration) -> Result<Option<String>, StoreError>;

    /// Fails with the reason when nothing can be written.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// Takes the bytes of one append.
#[async_trait]
pub trait BlobWriter: Send {
    /// Takes the next bytes; waits while the store is slower than the caller.
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError>;

    /// Makes everything written so far durable, and returns the state from which any process can go on.
    async fn sync(self: Box<Self>, end: End) -> Result<Option<Vec<u8>>, StoreError>;
}

/// What can go wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the object {0} is not in the store")]
    Missing(Location),
    #[error("the store is full")]
    Full,
    /// It may be over in a moment: the same again may succeed.
    #[error("the store does not answer as it should: {0}")]
    Unavailable(String),
    /// Somebody has to mend it: credentials, a bucket that is missing.
    #[error("the store refuses: {0}")]
    Refused(String),
    #[error("the store failed: {0}")]
    Io(#[source] io::Error),
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            // As a disk turns after an error, until somebody mounts it anew.
            io::ErrorKind::ReadOnlyFilesystem => Self::Unavailable(error.to_string()),
            _ => Self::Io(error),
        }
    }
}
