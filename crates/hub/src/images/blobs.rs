//! Blobs as a repository shows them.

use std::ops::Range;

use dockyard_oci::Digest;

use super::{Blob, ImageError};
use crate::accounts::{Delete, Grant, Pull};
use crate::db::Db;
use crate::db::tables::blobs;
use crate::store::{BlobStore, ByteStream, StoreError};
use std::sync::Arc;

/// Reads blobs, and takes them out of a repository.
#[derive(Debug, Clone)]
pub struct Blobs {
    db: Db,
    store: Arc<dyn BlobStore>,
}

impl Blobs {
    pub(crate) fn new(db: Db, store: Arc<dyn BlobStore>) -> Self {
        Self { db, store }
    }

    /// Finds a blob of a repository.
    ///
    /// Errors: `BlobUnknown`. Source: OCI distribution-spec, "Pulling blobs".
    pub async fn find(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<Blob, ImageError> {
        let found = blobs::find_in(&self.db, grant.repository_id(), digest).await?;
        found.ok_or_else(|| unknown(digest, grant.repository()))
    }

    /// Reads a range of a blob's bytes as a stream.
    pub async fn read(&self, blob: &Blob, range: Range<u64>) -> Result<ByteStream, ImageError> {
        match self.store.read(blob.location, range).await {
            Err(StoreError::Missing(_)) => Err(ImageError::Damaged(blob.digest.to_string())),
            other => Ok(other?),
        }
    }

    /// Takes a blob out of a repository; the bytes go when nothing refers to them any more.
    ///
    /// Errors: `BlobUnknown`. Source: OCI distribution-spec, "Deleting Blobs".
    pub async fn unlink(&self, grant: &Grant<Delete>, digest: &Digest) -> Result<(), ImageError> {
        let mut tx = self.db.begin().await?;
        if !blobs::unlink(&mut tx, grant.repository_id(), digest).await? {
            return Err(unknown(digest, grant.repository()));
        }
        Ok(tx.commit().await?)
    }
}

pub(super) fn unknown(digest: &Digest, repository: &dockyard_oci::RepositoryName) -> ImageError {
    ImageError::BlobUnknown {
        digest: digest.clone(),
        repository: repository.clone(),
    }
}
