//! Blobs as a repository shows them.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use dockyard_oci::Digest;
use futures::TryStreamExt;

use super::checked::checked;
use super::{Blob, ImageError};
use crate::accounts::{Delete, Grant, Pull, Push};
use crate::clock::Clock;
use crate::db::tables::{blob_marks, blobs, repository_blobs};
use crate::db::{Db, DbError, Tx, retrying};
use crate::fault::Fault;
use crate::store::{BlobStore, ByteStream, StoreError};

/// Lifetime of a link into the store. Clients follow a link at once and ask for a new one to begin again. Until its end
/// anyone who has the link can read the blob, even if the repository has become private.
const LINK_LASTS: Duration = Duration::from_mins(5);

/// Reads blobs, mounts them, and takes them out of a repository.
#[derive(Debug, Clone)]
pub struct Blobs {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Clock,
}

impl Blobs {
    pub(crate) fn new(db: Db, store: Arc<dyn BlobStore>, clock: Clock) -> Self {
        Self { db, store, clock }
    }

    pub(super) const fn db(&self) -> &Db {
        &self.db
    }

    /// Reads a whole blob of a repository that is meant to be small.
    ///
    /// `None` when it is longer than `max_bytes`. Errors: `BlobUnknown`, `Damaged`.
    pub async fn read_small(
        &self,
        grant: &Grant<Pull>,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, ImageError> {
        let found = repository_blobs::find(&self.db, grant.repository_id(), digest).await?;
        let blob = found
            .ok_or_else(|| unknown(digest, grant.repository()))?
            .blob;
        if blob.size_bytes > max_bytes {
            return Ok(None);
        }
        let stream = self.read(&blob, 0..blob.size_bytes).await?;
        let whole = stream.try_fold(Vec::new(), |mut whole: Vec<u8>, some| async move {
            whole.extend_from_slice(&some);
            Ok(whole)
        });
        Ok(Some(whole.await.map_err(StoreError::from)?))
    }

    /// Finds a blob of a repository. One that nothing refers to is kept for another grace period.
    ///
    /// Errors: `BlobUnknown`. Source: OCI distribution-spec, "Pulling blobs".
    pub async fn find(&self, grant: &Grant<Pull>, digest: &Digest) -> Result<Blob, ImageError> {
        let found = repository_blobs::find(&self.db, grant.repository_id(), digest).await?;
        let found = found.ok_or_else(|| unknown(digest, grant.repository()))?;
        // It may have been collected since it was found: then it is not there.
        if found.is_marked && !blob_marks::unmark(&self.db, grant.repository_id(), digest).await? {
            return Err(unknown(digest, grant.repository()));
        }
        Ok(found.blob)
    }

    /// Reads a range of a blob's bytes as a stream. What a remote store hands out for a whole blob is checked against the
    /// digest: the stream fails before its end when it is something else.
    ///
    /// Errors: `Damaged` when the object is not there.
    pub async fn read(&self, blob: &Blob, range: Range<u64>) -> Result<ByteStream, ImageError> {
        let is_whole = range.start == 0 && range.end >= blob.size_bytes;
        match self.store.read(blob.location, range).await {
            Err(StoreError::Missing(_)) => Err(ImageError::Damaged(blob.digest.to_string())),
            Ok(bytes) if is_whole && self.store.is_remote() => Ok(checked(bytes, blob)),
            other => Ok(other?),
        }
    }

    /// Makes a link that leads to a blob's bytes in the store, for as long as a download takes to begin; `None` where
    /// the server hands them out itself.
    pub async fn link(&self, blob: &Blob) -> Result<Option<String>, ImageError> {
        Ok(self.store.link(blob.location, LINK_LASTS).await?)
    }

    /// Makes a blob of one repository visible in another as well.
    ///
    /// Errors: `BlobUnknown` when the source does not have it.
    /// Source: OCI distribution-spec, "Mounting a blob from another repository".
    pub async fn mount(
        &self,
        grant: &Grant<Push>,
        from: &Grant<Pull>,
        digest: &Digest,
    ) -> Result<Blob, ImageError> {
        let found = repository_blobs::find(&self.db, from.repository_id(), digest).await?;
        let missing = || unknown(digest, from.repository());
        let blob = found.ok_or_else(missing)?.blob;
        let mut tx = grant.begin(&self.db).await?;
        // Asked again inside the transaction: it may have been collected meanwhile.
        let place = blobs::find_place(&mut tx, digest).await?;
        if !place.is_some_and(|place| place.location == blob.location && !place.is_damaged) {
            return Err(missing());
        }
        let now_ms = self.clock.now_ms();
        blobs::touch(&mut tx, digest, now_ms).await?;
        link(&mut tx, grant, digest, now_ms).await?;
        Fault::MountRecording.reach();
        tx.commit().await?;
        Fault::MountRecorded.reach();
        Ok(blob)
    }

    /// Makes sure that a repository shows blobs whose bytes the caller has just sent, however long that
    /// took; their grace period counts from now.
    ///
    /// Errors: `BlobUnknown` for one that is not stored any more.
    pub(super) async fn keep(
        &self,
        grant: &Grant<Push>,
        digests: &[Digest],
    ) -> Result<(), ImageError> {
        // In one order, so that nobody waits for somebody who waits for them.
        let mut digests: Vec<&Digest> = digests.iter().collect();
        digests.sort_unstable();
        retrying(|| self.keep_all(grant, &digests)).await
    }

    async fn keep_all(&self, grant: &Grant<Push>, digests: &[&Digest]) -> Result<(), ImageError> {
        let now_ms = self.clock.now_ms();
        let mut tx = grant.begin(&self.db).await?;
        for digest in digests {
            let place = blobs::find_place(&mut tx, digest).await?;
            if place.is_none_or(|place| place.is_damaged) {
                return Err(unknown(digest, grant.repository()));
            }
            blobs::touch(&mut tx, digest, now_ms).await?;
            link(&mut tx, grant, digest, now_ms).await?;
        }
        Ok(tx.commit().await?)
    }

    /// Takes a blob out of a repository; the bytes go when nothing refers to them any more.
    ///
    /// Errors: `BlobUnknown`; `BlobInUse` while a manifest of the repository refers to it.
    /// Source: OCI distribution-spec, "Deleting Blobs".
    pub async fn unlink(&self, grant: &Grant<Delete>, digest: &Digest) -> Result<(), ImageError> {
        let mut tx = grant.begin(&self.db).await?;
        if repository_blobs::unlink(&mut tx, grant.repository_id(), digest).await? {
            blobs::touch(&mut tx, digest, self.clock.now_ms()).await?;
            return Ok(tx.commit().await?);
        }
        drop(tx);
        let found = repository_blobs::find(&self.db, grant.repository_id(), digest).await?;
        Err(match found {
            None => unknown(digest, grant.repository()),
            Some(_) => ImageError::BlobInUse {
                digest: digest.clone(),
                repository: grant.repository().clone(),
            },
        })
    }
}

/// Makes a blob visible through the repository of a grant; false when it already is.
pub(super) async fn link(
    tx: &mut Tx,
    grant: &Grant<Push>,
    digest: &Digest,
    now_ms: i64,
) -> Result<bool, ImageError> {
    match repository_blobs::link(tx, grant.repository_id(), digest, now_ms).await {
        Err(DbError::Reference) => Err(ImageError::Gone),
        other => Ok(other?),
    }
}

pub(super) fn unknown(digest: &Digest, repository: &dockyard_oci::RepositoryName) -> ImageError {
    ImageError::BlobUnknown {
        digest: digest.clone(),
        repository: repository.clone(),
    }
}
