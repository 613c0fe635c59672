//! The bytes of a manifest, handed out piece by piece.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use dockyard_oci::Digest;
use futures::{StreamExt, stream};

use super::{ImageError, Manifests, StoredManifest};
use crate::accounts::{Grant, Pull};
use crate::db::tables::manifests;
use crate::store::ByteStream;

/// Bytes that are read from the database at once. A client that takes nothing holds as many.
const PIECE_BYTES: u64 = 128 * 1024;

/// The bytes of a manifest for a client.
pub enum ManifestBytes {
    Short(Bytes),
    /// Read anew while it is sent, so that clients who don't take it do not hold it.
    Long(ByteStream),
}

impl Manifests {
    /// Hands out the bytes of a manifest that was found.
    pub fn bytes_of(&self, grant: &Grant<Pull>, manifest: StoredManifest) -> ManifestBytes {
        let length = manifest.bytes.len() as u64;
        if length <= PIECE_BYTES {
            return ManifestBytes::Short(manifest.bytes);
        }
        ManifestBytes::Long(self.read_range(grant, &manifest.digest, 0..length))
    }

    /// Streams a range of a manifest's bytes.
    pub(super) fn read_range(
        &self,
        grant: &Grant<Pull>,
        digest: &Digest,
        range: Range<u64>,
    ) -> ByteStream {
        let from = (self.clone(), grant.repository_id(), digest.clone(), range);
        stream::try_unfold(from, |(manifests, id, digest, range)| async move {
            if range.is_empty() {
                return Ok(None);
            }
            let end = range.end.min(range.start + PIECE_BYTES);
            let piece = match manifests.bodies.find(&digest) {
                Some(bytes) => {
                    let index =
                        |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                    Some(bytes.slice(index(range.start)..index(end)))
                }
                None => manifests::find_part(&manifests.db, id, &digest, range.start..end)
                    .await
                    .map_err(|error| io::Error::other(ImageError::from(error)))?,
            };
            let piece = piece.filter(|piece| piece.len() as u64 == end - range.start);
            let gone = || {
                io::Error::new(
                    io::ErrorKind::NotFound,
                    "the manifest was deleted meanwhile",
                )
            };
            let piece = piece.ok_or_else(gone)?;
            Ok(Some((piece, (manifests, id, digest, end..range.end))))
        })
        .boxed()
    }
}
