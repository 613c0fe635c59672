//! Bytes on their way from a request to the store.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use dockyard_oci::{Algorithm, Digest};
use futures::{Stream, StreamExt};

use super::Uploads;
use crate::Id;
use crate::db::DbError;
use crate::db::tables::uploads::{self, StoredUpload};
use crate::fault::Fault;
use crate::images::ImageError;
use crate::images::claims::Claim;
use crate::images::hasher::Hasher;
use crate::store::{End, StoreError};

impl Uploads {
    /// Streams bytes to the store and moves the upload on, also when the stream breaks; the upload is free for the next
    /// request then.
    pub(super) async fn write(
        &self,
        claim: &Arc<Claim>,
        stored: &mut StoredUpload,
        at: Option<u64>,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
        end: End,
    ) -> Result<(), ImageError> {
        let written = self.write_claimed(claim, stored, at, bytes, end).await;
        if matches!(written, Err(ImageError::TooLarge { .. })) {
            // An upload that is too long can never be finished.
            self.discard(claim.id(), stored).await?;
        }
        // The claim is already released if bytes were recorded. Otherwise it must be released before the answer, because the
        // client may send the next request right after it.
        claim.release().await?;
        written
    }

    /// The store holds the claim until everything that it was handed is written, so that a request
    /// which is dropped does not write on beside the next one.
    async fn write_claimed(
        &self,
        claim: &Arc<Claim>,
        stored: &mut StoredUpload,
        at: Option<u64>,
        bytes: impl Stream<Item = io::Result<Bytes>> + Send,
        end: End,
    ) -> Result<(), ImageError> {
        let id = claim.id();
        if at.is_some_and(|at| at != stored.offset) {
            return Err(ImageError::OffsetMismatch {
                id,
                offset: stored.offset,
            });
        }
        let mut bytes = std::pin::pin!(bytes);
        let first = bytes.next().await;
        if first.is_none() && stored.offset > 0 {
            return Ok(());
        }
        let mut hasher = hasher_of(stored)?;
        let mut length = stored.offset;
        let mut writer = match self
            .store
            .append(
                stored.location,
                stored.offset,
                stored.store_state.as_deref(),
                claim.clone(),
            )
            .await
        {
            Err(StoreError::Missing(_)) => return Err(ImageError::UploadUnknown(id)),
            other => other?,
        };
        let mut broken = None;
        let mut next = first;
        while let Some(chunk) = next {
            match chunk {
                Ok(chunk) => {
                    hasher.update(&chunk);
                    length += chunk.len() as u64;
                    if length > self.limits.bytes_of_one {
                        return Err(ImageError::TooLarge {
                            max_bytes: self.limits.bytes_of_one,
                        });
                    }
                    writer.write(chunk).await?;
                }
                Err(error) => {
                    broken = Some(error);
                    break;
                }
            }
            next = bytes.next().await;
        }
        let end = if broken.is_some() { End::Open } else { end };
        let store_state = writer.sync(end).await?;
        Fault::ChunkWritten.reach();
        self.advance(id, stored, length, &hasher, store_state)
            .await?;
        claim.set_free();
        Fault::ChunkRecorded.reach();
        broken.map_or(Ok(()), |error| Err(ImageError::Interrupted(error)))
    }

    /// Hashes what was written before the client told which algorithm it goes by; the one case in
    /// which an upload is read back.
    pub(super) async fn hash_again(
        &self,
        stored: &StoredUpload,
        algorithm: Algorithm,
    ) -> Result<Digest, ImageError> {
        let mut hasher = Hasher::new(algorithm);
        let state = stored.store_state.as_deref();
        self.store.finish(stored.location, state).await?;
        let mut bytes = self.store.read(stored.location, 0..stored.offset).await?;
        while let Some(chunk) = bytes.next().await {
            hasher.update(&chunk.map_err(StoreError::Io)?);
        }
        Ok(hasher.finish())
    }

    async fn advance(
        &self,
        id: Id,
        stored: &mut StoredUpload,
        length: u64,
        hasher: &Hasher,
        store_state: Option<Vec<u8>>,
    ) -> Result<(), ImageError> {
        let from = std::mem::replace(&mut stored.offset, length);
        stored.hash_state = hasher.save();
        stored.store_state = store_state;
        let now_ms = self.clock.now_ms();
        if !uploads::advance(&self.db, id, from, stored, now_ms).await? {
            return Err(ImageError::UploadUnknown(id));
        }
        Ok(())
    }
}

/// Takes up the hash of an upload where its row left it.
pub(super) fn hasher_of(stored: &StoredUpload) -> Result<Hasher, ImageError> {
    Hasher::restore(&stored.hash_state)
        .ok_or_else(|| ImageError::Database(DbError::Corrupt("hash_state".to_owned())))
}
