//! Blobs on their way in.
//!
//! An upload streams to the store under its own location and is hashed as it passes. Finishing it is
//! one transaction that records digest -> location: nothing is renamed, copied or read back. What a
//! chunk leaves behind is durable before it is acknowledged.

mod write;

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dockyard_oci::{Algorithm, Digest};
use futures::Stream;

use super::blobs::link;
use super::claims::Claims;
use super::hasher::Hasher;
use super::{Blob, ImageError};
use crate::Id;
use crate::accounts::{Grant, Push};
use crate::clock::Clock;
use crate::db::tables::blobs;
use crate::db::tables::layers::{self, NewLayer};
use crate::db::tables::uploads::{self, IdleUpload, StoredUpload};
use crate::db::{Db, DbError, retrying};
use crate::fault::Fault;
use crate::store::{BlobStore, End, Location};
use write::hasher_of;

/// How often a blob is looked for that is stored and collected at the same time.
const LOOKS_MAX: u32 = 10;

/// An upload as a client knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Upload {
    pub id: Id,
    /// Bytes that are durable.
    pub offset: u64,
}

/// A layer that was stored on its way out of a tarball.
pub(super) struct StoredLayer {
    pub blob: Blob,
    /// Of the uncompressed layer, if that was looked at.
    pub diff_id: Option<Digest>,
    /// Whether the repository had the blob before.
    pub was_there: bool,
}

/// Limits on the unfinished uploads of one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadLimits {
    /// Uploads under way.
    pub of_one: u64,
    /// Bytes that came of them; no blob is larger.
    pub bytes_of_one: u64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self {
            of_one: 1000,
            bytes_of_one: 100 * 1024 * 1024 * 1024,
        }
    }
}

/// Takes blobs in.
#[derive(Debug, Clone)]
pub struct Uploads {
    db: Db,
    store: Arc<dyn BlobStore>,
    clock: Clock,
    claims: Claims,
    limits: UploadLimits,
}

impl Uploads {
    pub(crate) fn new(
        db: Db,
        store: Arc<dyn BlobStore>,
        clock: Clock,
        limits: UploadLimits,
    ) -> Self {
        Self {
            claims: Claims::new(db.clone(), clock.clone()),
            db,
            store,
            clock,
            limits,
        }
    }

    /// Starts an upload that will be hashed with `algorithm`.
    ///
    /// Errors: `TooManyUploads` when the user leaves much unfinished.
    /// Source: OCI distribution-spec, "Pushing blobs".
    pub async fn start(
        &self,
        grant: &Grant<Push>,
        algorithm: Algorithm,
    ) -> Result<Upload, ImageError> {
        let (id, user_id) = (Id::new(), user_of(grant));
        let (open, bytes) = uploads::usage(&self.db, user_id).await?;
        if open >= self.limits.of_one || bytes >= self.limits.bytes_of_one {
            return Err(ImageError::TooManyUploads { open, bytes });
        }
        let stored = StoredUpload {
            location: Location::new(),
            offset: 0,
            hash_state: Hasher::new(algorithm).save(),
            store_state: None,
        };
        let repository_id = grant.repository_id();
        match uploads::insert(
            &self.db,
            id,
            repository_id,
            user_id,
            &stored,
            self.clock.now_ms(),
        )
        .await
        {
            Err(DbError::Reference) => Err(ImageError::Gone),
            Err(error) => Err(error.into()),
            Ok(()) => {
                Fault::UploadStarted.reach();
                Ok(Upload { id, offset: 0 })
            }
        }
    }

    /// Tells how far an upload is.
    ///
    /// Errors: `UploadUnknown`, also for another user's.
    pub async fn status(&self, grant: &Grant<Push>, id: Id) -> Result<Upload, ImageError> {
        let stored = self.find(grant, id).await?;
        Ok(Upload {
            id,
            offset: stored.offset,
        })
    }

    /// Appends a stream of bytes to an upload and returns its new length in bytes.
    ///
    /// When the stream breaks, what arrived before is kept and can be resumed from.
    /// Errors: `OffsetMismatch` when `at` is not the current length; `UploadBusy`; `Interrupted`.
    /// Source: OCI distribution-spec, "Pushing a blob in chunks".
    pub async fn append(
        &self,
        grant: &Grant<Push>,
        id: Id,
        at: Option<u64>,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
    ) -> Result<Upload, ImageError> {
        let claim = self.claims.take(id).await?;
        let mut stored = self.find(grant, id).await?;
        self.write(&claim, &mut stored, at, bytes, End::Open)
            .await?;
        Ok(Upload {
            id,
            offset: stored.offset,
        })
    }

    /// Appends the last bytes and makes the upload a blob of the repository.
    ///
    /// Errors: as `append`, and `DigestMismatch`, which ends the upload.
    /// Source: OCI distribution-spec, "POST then PUT".
    pub async fn finish(
        &self,
        grant: &Grant<Push>,
        id: Id,
        at: Option<u64>,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
        expected: &Digest,
    ) -> Result<Blob, ImageError> {
        let claim = self.claims.take(id).await?;
        let mut stored = self.find(grant, id).await?;
        if hasher_of(&stored)?.algorithm() != expected.algorithm() && stored.offset == 0 {
            stored.hash_state = Hasher::new(expected.algorithm()).save();
        }
        self.write(&claim, &mut stored, at, bytes, End::Whole)
            .await?;
        let hasher = hasher_of(&stored)?;
        let actual = if hasher.algorithm() == expected.algorithm() {
            hasher.finish()
        } else {
            self.hash_again(&stored, expected.algorithm()).await?
        };
        if actual != *expected {
            self.discard(id, &stored).await?;
            return Err(ImageError::DigestMismatch {
                expected: expected.clone(),
                actual,
            });
        }
        let (blob, _) = self.commit(grant, id, &stored, actual, None).await?;
        Ok(blob)
    }

    /// Stores a layer whose digest is known only at its end, and remembers the uncompressed layer that is in it, if that
    /// is known.
    ///
    /// `algorithm` makes the blob's digest, and `media_type` is the blob's, which was perhaps made here. `diff_id` is awaited
    /// after the stream ended.
    pub(super) async fn store(
        &self,
        grant: &Grant<Push>,
        (algorithm, media_type, made_here): (Algorithm, &str, bool),
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
        diff_id: impl Future<Output = io::Result<Option<Digest>>> + Send,
    ) -> Result<StoredLayer, ImageError> {
        let upload = self.start(grant, algorithm).await?;
        let claim = self.claims.take(upload.id).await?;
        let mut stored = self.find(grant, upload.id).await?;
        let written = self
            .write(&claim, &mut stored, None, bytes, End::Whole)
            .await;
        let diff_id = match (written, diff_id.await.map_err(ImageError::Interrupted)) {
            (Ok(()), Ok(diff_id)) => diff_id,
            (Err(error), _) | (Ok(()), Err(error)) => {
                self.discard(upload.id, &stored).await?;
                return Err(error);
            }
        };
        let digest = hasher_of(&stored)?.finish();
        let (blob, was_there) = self
            .commit(
                grant,
                upload.id,
                &stored,
                digest,
                Some(NewLayer {
                    media_type,
                    diff_id: diff_id.as_ref(),
                    made_here,
                }),
            )
            .await?;
        Ok(StoredLayer {
            blob,
            diff_id,
            was_there,
        })
    }

    /// Gives up an upload.
    ///
    /// Errors: `UploadUnknown`, `UploadBusy`.
    pub async fn cancel(&self, grant: &Grant<Push>, id: Id) -> Result<(), ImageError> {
        let _claim = self.claims.take(id).await?;
        let stored = self.find(grant, id).await?;
        self.discard(id, &stored).await
    }

    /// Lists uploads by id, from after `after`, that nothing was written to since `until_ms`.
    pub(super) async fn list_idle(
        &self,
        after: &str,
        until_ms: i64,
        limit: u32,
    ) -> Result<Vec<IdleUpload>, ImageError> {
        Ok(uploads::list_idle(&self.db, after, until_ms, limit).await?)
    }

    /// Gives up an upload if still nothing was written to it since `until_ms`.
    pub(super) async fn expire(
        &self,
        upload: &IdleUpload,
        until_ms: i64,
    ) -> Result<bool, ImageError> {
        // One that is being written to is not idle, whatever its row says.
        let Ok(_claim) = self.claims.take(upload.id).await else {
            return Ok(false);
        };
        let mut tx = self.db.begin().await?;
        if !uploads::delete_idle(&mut tx, upload.id, until_ms).await? {
            return Ok(false);
        }
        tx.commit().await?;
        Fault::CollectUploadRow.reach();
        let state = upload.store_state.as_deref();
        self.store.delete(upload.location, state).await?;
        Fault::CollectUploadObject.reach();
        Ok(true)
    }

    /// Counts what `list_idle` lists.
    pub(super) async fn count_idle(&self, until_ms: i64) -> Result<u64, ImageError> {
        Ok(uploads::count_idle(&self.db, until_ms).await?)
    }

    async fn find(&self, grant: &Grant<Push>, id: Id) -> Result<StoredUpload, ImageError> {
        let user_id = user_of(grant);
        let found = uploads::find(&self.db, id, grant.repository_id(), user_id).await?;
        found.ok_or(ImageError::UploadUnknown(id))
    }

    /// Makes a written upload a blob, and tells whether the repository had it before.
    ///
    /// When the digest is stored already, the new object is dropped.
    async fn commit(
        &self,
        grant: &Grant<Push>,
        id: Id,
        stored: &StoredUpload,
        digest: Digest,
        layer: Option<NewLayer<'_>>,
    ) -> Result<(Blob, bool), ImageError> {
        let state = stored.store_state.as_deref();
        self.store.finish(stored.location, state).await?;
        Fault::BlobDurable.reach();
        let mut blob = Blob {
            digest,
            size_bytes: stored.offset,
            location: stored.location,
        };
        let linked;
        (blob, linked) = retrying(|| self.record(grant, id, blob.clone(), layer)).await?;
        Fault::BlobRecorded.reach();
        if blob.location != stored.location {
            self.store.delete(stored.location, None).await?;
        }
        Ok((blob, !linked))
    }

    /// Writes a blob in the place of its upload; returns where it is now, and whether the repository did not have it.
    async fn record(
        &self,
        grant: &Grant<Push>,
        id: Id,
        mut blob: Blob,
        layer: Option<NewLayer<'_>>,
    ) -> Result<(Blob, bool), ImageError> {
        let now_ms = self.clock.now_ms();
        let mut tx = grant.begin(&self.db).await?;
        if !uploads::delete(&mut tx, id).await? {
            return Err(ImageError::UploadUnknown(id));
        }
        // It may be stored by somebody else, or collected, between two looks.
        let mut looks = 0;
        while !blobs::insert(&mut tx, &blob, now_ms).await? {
            match blobs::find_place(&mut tx, &blob.digest).await? {
                Some(place) if place.is_damaged => blobs::replace(&mut tx, &blob, now_ms).await?,
                Some(place) => {
                    blob.location = place.location;
                    blobs::touch(&mut tx, &blob.digest, now_ms).await?;
                }
                None if looks < LOOKS_MAX => {
                    looks += 1;
                    continue;
                }
                // Its object is another blob's, which can't be.
                None => return Err(DbError::Corrupt(blob.location.to_string()).into()),
            }
            break;
        }
        let linked = link(&mut tx, grant, &blob.digest, now_ms).await?;
        if let Some(layer) = layer {
            layers::insert(&mut tx, &blob.digest, layer).await?;
        }
        Fault::BlobRecording.reach();
        tx.commit().await?;
        Ok((blob, linked))
    }

    async fn discard(&self, id: Id, stored: &StoredUpload) -> Result<(), ImageError> {
        let mut tx = self.db.begin().await?;
        uploads::delete(&mut tx, id).await?;
        tx.commit().await?;
        let state = stored.store_state.as_deref();
        Ok(self.store.delete(stored.location, state).await?)
    }
}

/// Is whose upload it is.
fn user_of(grant: &Grant<Push>) -> Id {
    grant.user_id().expect("a push is only granted to a user")
}
