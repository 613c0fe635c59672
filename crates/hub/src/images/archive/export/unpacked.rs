//! zstd layers, unpacked for engines that do not know zstd.

use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_compression::tokio::bufread::ZstdDecoder;
use dockyard_oci::Digest;
use futures::StreamExt;
use lru::LruCache;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::images::{Blob, Blobs, ImageError};
use crate::store::ByteStream;

/// Layers whose length is remembered.
const REMEMBERED: usize = 1000;
/// Bytes read at once.
const READ_BYTES: usize = 128 * 1024;
/// Largest ratio that is believed, beyond what is free, as for layers that come in.
const RATIO_MAX: u64 = 2000;
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// Lengths of what is inside zstd layers: a tarball tells its own before the first byte.
#[derive(Debug, Clone)]
pub(crate) struct Lengths(Arc<Mutex<LruCache<Digest, u64>>>);

impl Default for Lengths {
    fn default() -> Self {
        let capacity = NonZeroUsize::new(REMEMBERED).expect("more than none");
        Self(Arc::new(Mutex::new(LruCache::new(capacity))))
    }
}

impl Lengths {
    /// Returns the length of a layer in bytes, for which it is unpacked once.
    ///
    /// Errors: `Damaged` for what can't be unpacked, or unpacks to far more than it should.
    pub(super) async fn of(&self, blobs: &Blobs, blob: &Blob) -> Result<u64, ImageError> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(length) = lock().get(&blob.digest).copied() {
            return Ok(length);
        }
        let most = RATIO_FREE_BYTES.max(blob.size_bytes.saturating_mul(RATIO_MAX));
        let layer = open(blobs, blob).await?;
        let length = tokio::io::copy(&mut layer.take(most + 1), &mut tokio::io::sink()).await;
        let length = length.ok().filter(|length| *length <= most);
        let length = length.ok_or_else(|| ImageError::Damaged(blob.digest.to_string()))?;
        lock().put(blob.digest.clone(), length);
        Ok(length)
    }
}

/// Streams a range of what is inside a layer.
pub(super) async fn read(
    blobs: &Blobs,
    blob: &Blob,
    range: Range<u64>,
) -> Result<ByteStream, ImageError> {
    let mut layer = open(blobs, blob).await?;
    let mut before = (&mut layer).take(range.start);
    let skipped = tokio::io::copy(&mut before, &mut tokio::io::sink()).await;
    skipped.map_err(|_| ImageError::Damaged(blob.digest.to_string()))?;
    let wanted = layer.take(range.end - range.start);
    Ok(ReaderStream::with_capacity(wanted, READ_BYTES).boxed())
}

async fn open(
    blobs: &Blobs,
    blob: &Blob,
) -> Result<impl AsyncRead + Send + Unpin + use<>, ImageError> {
    let packed = blobs.read(blob, 0..blob.size_bytes).await?;
    let packed = packed.map(|bytes| bytes.map_err(io::Error::other));
    let mut layer = ZstdDecoder::new(StreamReader::new(packed));
    layer.multiple_members(true);
    Ok(layer)
}
