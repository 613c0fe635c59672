//! Compresses a layer, or reads through its compression, in short jobs while it streams.

use std::future::ready;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use dockyard_oci::{Algorithm, Digest, MediaType};
use flate2::write::MultiGzDecoder;
use futures::{StreamExt, TryFutureExt};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::AbortOnDropHandle;

use super::contents::Layer;
use super::decode::{Packing, ZSTD_WINDOW_LOG, unread};
use super::tarball::is_tar_header;
use super::{Archives, ImportError, gzip};
use crate::accounts::{Grant, Push};
use crate::db::tables::layers;
use crate::images::ImageError;
use crate::images::hasher::Hasher;
use crate::store::StoreError;

/// Bytes handed on at once.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks that may wait between two steps.
const QUEUE: usize = 8;
/// Largest ratio that is believed: gzip itself can't exceed 1032.
const RATIO_MAX: u64 = 2000;
/// Bytes that may unpack at any ratio.
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// The form of a file in the tarball, according to its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A tar.
    Plain,
    /// Compressed.
    Packed(Packing),
    /// Compressed in a way that is not read, by its name.
    Unread(&'static str),
    /// Something else.
    Other,
}

impl Form {
    /// Tells a form by the first bytes, of which 512 are enough.
    pub(super) fn of(start: &[u8]) -> Self {
        match Packing::of(start) {
            Packing::None => {}
            packing => return Self::Packed(packing),
        }
        // A tar's first name may begin like anything.
        if is_tar_header(start) || start.iter().all(|byte| *byte == 0) {
            Self::Plain
        } else {
            unread(start).map_or(Self::Other, Self::Unread)
        }
    }

    /// The media type of the layer that it becomes, if it is one.
    pub(super) const fn media_type(self) -> &'static str {
        match self {
            Self::Packed(Packing::Zstd) => MediaType::OCI_LAYER_ZSTD,
            Self::Plain | Self::Packed(_) => MediaType::OCI_LAYER_GZIP,
            Self::Unread(_) | Self::Other => MediaType::UNKNOWN,
        }
    }

    /// The compression that registries do not have for layers.
    pub(super) const fn to_undo(self) -> Option<Packing> {
        match self {
            Self::Packed(packing @ (Packing::Xz | Packing::Bzip2)) => Some(packing),
            _ => None,
        }
    }
}

/// The form in which a file is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// Its bytes, under the digest of an algorithm.
    AsItIs(Algorithm),
    /// A layer as registries have it, with the digest of what is inside.
    Packed,
}

/// Stores a file: three steps at once (read and unpack the tarball; compress and hash; hash and write the blob), with a
/// bounded queue between them. The one in the middle falls away for what is kept as it is.
pub(super) async fn store<R: AsyncRead + Send + Unpin>(
    archives: &Archives,
    grant: &Grant<Push>,
    (form, keep): (Form, Keep),
    name: &str,
    start: Bytes,
    entry: &mut R,
) -> Result<Layer, ImportError> {
    let (uploads, grant) = (archives.uploads.clone(), grant.clone());
    let media_type = match (form, keep) {
        (Form::Plain, Keep::AsItIs(_)) => MediaType::OCI_LAYER,
        (Form::Packed(Packing::Xz | Packing::Bzip2), Keep::AsItIs(_)) => MediaType::UNKNOWN,
        _ => form.media_type(),
    };
    let (into, from_tarball) = mpsc::channel(QUEUE);
    let storing = if let Keep::AsItIs(algorithm) = keep {
        let bytes = ReceiverStream::new(from_tarball);
        tokio::spawn(async move {
            let diff_id = ready(Ok(None));
            let as_it_is = (algorithm, media_type, false);
            uploads.store(&grant, as_it_is, bytes, diff_id).await
        })
    } else {
        let (to_store, from_pack) = mpsc::channel(QUEUE);
        let packing = tokio::spawn(pack(form, from_tarball, to_store));
        let packing = AbortOnDropHandle::new(packing);
        let diff_id = async move { packing.await.unwrap_or_else(|e| Err(io::Error::other(e))) };
        let bytes = ReceiverStream::new(from_pack);
        tokio::spawn(async move {
            let diff_id = diff_id.map_ok(Some);
            let packed = (Algorithm::Sha256, media_type, form == Form::Plain);
            uploads.store(&grant, packed, bytes, diff_id).await
        })
    };
    // On a task of its own it uses another core; it ends with this one.
    let storing = AbortOnDropHandle::new(storing);
    let read = feed(start, entry, into).await;
    let stored = storing
        .await
        .unwrap_or_else(|error| Err(ImageError::Interrupted(io::Error::other(error))));
    read.map_err(|error| ImportError::reading(&error, Some(name)))?;
    let stored = stored.map_err(|error| match error {
        ImageError::Interrupted(error) => ImportError::Damaged {
            entry: Some(name.to_owned()),
            reason: error.to_string(),
        },
        error => ImportError::Image(error),
    })?;
    Ok(Layer {
        digest: stored.blob.digest,
        size_bytes: stored.blob.size_bytes,
        diff_id: stored.diff_id,
        form,
        is_as_it_stood: keep != Keep::Packed || form != Form::Plain,
        reused: stored.was_there,
    })
}

/// Stores a layer that is read through its compression, which registries do not have.
pub(super) async fn undone<R: AsyncRead + Send + Unpin>(
    archives: &Archives,
    grant: &Grant<Push>,
    form: Form,
    name: &str,
    plain: &mut R,
) -> Result<Layer, ImportError> {
    let packed = (Form::Plain, Keep::Packed);
    let layer = store(archives, grant, packed, name, Bytes::new(), plain).await?;
    Ok(Layer { form, ..layer })
}

/// Hands the entry's bytes to the next step; a broken read ends the layer there as well.
async fn feed<R: AsyncRead + Send + Unpin>(
    start: Bytes,
    entry: &mut R,
    to_pack: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut chunk = BytesMut::from(start);
    chunk.reserve(CHUNK_BYTES);
    loop {
        let read = entry.read_buf(&mut chunk).await;
        let done = match &read {
            Ok(n) => *n == 0,
            Err(error) => {
                let _ = to_pack.send(Err(error.kind().into())).await;
                return read.map(|_| ());
            }
        };
        if !chunk.is_empty() && (done || chunk.len() >= CHUNK_BYTES) {
            // A closed queue means that storing failed; its own error says why.
            let full = std::mem::replace(&mut chunk, BytesMut::with_capacity(2 * CHUNK_BYTES));
            if to_pack.send(Ok(full.freeze())).await.is_err() {
                return Ok(());
            }
        }
        if done {
            return Ok(());
        }
    }
}

/// Takes bytes of the tarball in and hands bytes of the blob out; returns the diff id.
async fn pack(
    form: Form,
    mut input: mpsc::Receiver<io::Result<Bytes>>,
    output: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Digest> {
    let packed = match form {
        Form::Packed(packing @ (Packing::Gzip | Packing::Zstd)) => {
            look_inside(packing, &mut input, Some(&output)).await
        }
        _ => gzip::compress(&mut input, &output).await,
    };
    if let Err(error) = &packed {
        let same = io::Error::new(error.kind(), error.to_string());
        let _ = output.send(Err(same)).await;
    }
    packed
}

/// Finds the diff id of a stored layer that came compressed.
pub(super) async fn diff_id(
    archives: &Archives,
    grant: &Grant<Push>,
    name: &str,
    (layer, packing): (&Layer, Packing),
) -> Result<Digest, ImportError> {
    if archives.damaged.holds(&layer.digest) {
        return Err(damaged(name, "it can't be unpacked"));
    }
    let blob = archives.blobs.find(&grant.pull(), &layer.digest).await?;
    let mut bytes = archives.blobs.read(&blob, 0..blob.size_bytes).await?;
    let (into, mut input) = mpsc::channel(QUEUE);
    let looking = tokio::spawn(async move { look_inside(packing, &mut input, None).await });
    let looking = AbortOnDropHandle::new(looking);
    while let Some(chunk) = bytes.next().await {
        let chunk = chunk.map_err(|error| ImageError::Store(StoreError::Io(error)))?;
        // A closed queue means that the other side knows enough.
        if into.send(Ok(chunk)).await.is_err() {
            break;
        }
    }
    drop(into);
    let looked = looking.await;
    let looked = looked.map_err(|error| ImageError::Interrupted(io::Error::other(error)))?;
    let diff_id = looked.map_err(|error| {
        archives.damaged.remember(&layer.digest);
        damaged(name, &error.to_string())
    })?;
    let known = layers::set_diff_id(&archives.db, &layer.digest, &diff_id).await;
    known.map_err(ImageError::from)?;
    Ok(diff_id)
}

fn damaged(name: &str, reason: &str) -> ImportError {
    ImportError::Damaged {
        entry: Some(name.to_owned()),
        reason: reason.to_owned(),
    }
}

/// Hands a compressed layer on as it is, and unpacks it only to hash what is inside.
async fn look_inside(
    packing: Packing,
    input: &mut mpsc::Receiver<io::Result<Bytes>>,
    output: Option<&mpsc::Sender<io::Result<Bytes>>>,
) -> io::Result<Digest> {
    let unpacked = Unpacked::new();
    match packing {
        Packing::Gzip => unpack(input, MultiGzDecoder::new(unpacked), output).await,
        Packing::Zstd => {
            let mut decoder = zstd::stream::write::Decoder::new(unpacked)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG)?;
            unpack(input, decoder, output).await
        }
        Packing::None | Packing::Xz | Packing::Bzip2 => unpack(input, unpacked, output).await,
    }
}

async fn unpack<D: Write + Finish + Send + 'static>(
    input: &mut mpsc::Receiver<io::Result<Bytes>>,
    mut decoder: D,
    output: Option<&mpsc::Sender<io::Result<Bytes>>>,
) -> io::Result<Digest> {
    let mut packed_bytes = 0;
    let mut came = Vec::with_capacity(QUEUE);
    while input.recv_many(&mut came, QUEUE).await > 0 {
        let chunks: Vec<Bytes> = came.drain(..).collect::<io::Result<_>>()?;
        packed_bytes += chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        decoder.unpacked().most_bytes = RATIO_FREE_BYTES + RATIO_MAX * packed_bytes;
        let same = chunks.clone();
        decoder = in_turn(move || {
            for chunk in same {
                decoder.write_all(&chunk)?;
            }
            Ok(decoder)
        })
        .await?;
        for chunk in chunks {
            if let Some(output) = output {
                let sent = output.send(Ok(chunk)).await;
                sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
            }
        }
    }
    in_turn(move || Ok(decoder.finish()?.hasher.finish())).await
}

/// Runs a short job when there is a turn for it.
async fn in_turn<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let turn = Arc::clone(&gzip::JOBS).acquire_owned().await;
    let turn = turn.map_err(io::Error::other)?;
    let job = spawn_blocking(move || {
        let done = job();
        drop(turn);
        done
    });
    job.await?
}

/// A decoder that can be looked into and ended.
trait Finish {
    fn unpacked(&mut self) -> &mut Unpacked;
    /// Ends the stream. Errors: it was cut short.
    fn finish(self) -> io::Result<Unpacked>;
}

impl Finish for MultiGzDecoder<Unpacked> {
    fn unpacked(&mut self) -> &mut Unpacked {
        self.get_mut()
    }

    fn finish(self) -> io::Result<Unpacked> {
        Self::finish(self)
    }
}

impl Finish for Unpacked {
    fn unpacked(&mut self) -> &mut Unpacked {
        self
    }

    fn finish(self) -> io::Result<Unpacked> {
        Ok(self)
    }
}

impl Finish for zstd::stream::write::Decoder<'static, Unpacked> {
    fn unpacked(&mut self) -> &mut Unpacked {
        self.get_mut()
    }

    fn finish(mut self) -> io::Result<Unpacked> {
        self.flush()?;
        Ok(self.into_inner())
    }
}

/// Hashes what a decoder unpacks and forgets it.
struct Unpacked {
    hasher: Hasher,
    bytes: u64,
    /// Bound on what is written; more is refused.
    most_bytes: u64,
}

impl Unpacked {
    fn new() -> Self {
        Self {
            hasher: Hasher::new(Algorithm::Sha256),
            bytes: 0,
            most_bytes: RATIO_FREE_BYTES,
        }
    }
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes + bytes.len() as u64 > self.most_bytes {
            return Err(io::Error::other("it unpacks to far more than it should"));
        }
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
