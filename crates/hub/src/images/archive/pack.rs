//! Compresses a layer, or reads through its compression, on a thread of its own while it streams.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use dockyard_oci::{Algorithm, Digest, MediaType};
use flate2::Compression;
use flate2::write::{GzEncoder, MultiGzDecoder};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio_stream::wrappers::ReceiverStream;

use super::contents::Layer;
use super::{Archives, ImportError};
use crate::accounts::{Grant, Push};
use crate::images::ImageError;
use crate::images::hasher::Hasher;

/// Bytes handed on at once.
const CHUNK_BYTES: usize = 128 * 1024;
/// Chunks that may wait between two steps.
const QUEUE: usize = 8;
/// How hard gzip tries: close to the default's size at about half of its time.
const GZIP_LEVEL: u32 = 4;
/// Largest ratio that is believed: gzip itself can't exceed 1032.
const RATIO_MAX: u64 = 2000;
/// Bytes that may unpack at any ratio.
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// How a layer stands in the tarball.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Plain,
    Gzip,
    Zstd,
}

impl Form {
    pub(super) fn of(media_type: Option<&str>) -> Self {
        match media_type {
            Some(MediaType::OCI_LAYER_ZSTD) => Self::Zstd,
            Some(_) => Self::Gzip,
            None => Self::Plain,
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::Plain | Self::Gzip => MediaType::OCI_LAYER_GZIP,
            Self::Zstd => MediaType::OCI_LAYER_ZSTD,
        }
    }
}

/// Stores one entry as a layer: three steps at once (read and unpack the tarball; compress and hash;
/// hash and write the blob), with a bounded queue between them.
pub(super) async fn store<R: AsyncRead + Send + Unpin>(
    archives: &Archives,
    grant: &Grant<Push>,
    form: Form,
    name: &str,
    start: Bytes,
    entry: &mut R,
) -> Result<Layer, ImportError> {
    let (to_pack, from_tarball) = mpsc::channel(QUEUE);
    let (to_store, from_pack) = mpsc::channel(QUEUE);
    let packing = spawn_blocking(move || pack(form, from_tarball, &to_store));
    let diff_id = async move {
        packing
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
    };
    let storing = archives
        .uploads
        .store(grant, ReceiverStream::new(from_pack), diff_id);
    let (read, stored) = tokio::join!(feed(start, entry, to_pack), storing);
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
        media_type: form.media_type(),
        reused: stored.was_there,
    })
}

/// Hands the entry's bytes to the packing thread; a broken read ends the layer there as well.
async fn feed<R: AsyncRead + Send + Unpin>(
    start: Bytes,
    entry: &mut R,
    to_pack: mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<()> {
    let mut chunk = BytesMut::from(start);
    loop {
        chunk.reserve(CHUNK_BYTES);
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
            if to_pack.send(Ok(chunk.split().freeze())).await.is_err() {
                return Ok(());
            }
        }
        if done {
            return Ok(());
        }
    }
}

/// Runs on its own thread: bytes of the tarball in, bytes of the blob out; returns the diff id.
fn pack(
    form: Form,
    mut input: mpsc::Receiver<io::Result<Bytes>>,
    output: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Digest> {
    let packed = match form {
        Form::Plain => compress(&mut input, output),
        Form::Gzip => pass_through(&mut input, output, |unpacked| {
            Ok(MultiGzDecoder::new(unpacked))
        }),
        Form::Zstd => pass_through(&mut input, output, zstd::stream::write::Decoder::new),
    };
    if let Err(error) = &packed {
        let _ = output.blocking_send(Err(io::Error::new(error.kind(), error.to_string())));
    }
    packed
}

fn compress(
    input: &mut mpsc::Receiver<io::Result<Bytes>>,
    output: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Digest> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    // Without a time or a name in its header, the same layer always becomes the same blob.
    let mut gzip = GzEncoder::new(Outlet::new(output), Compression::new(GZIP_LEVEL));
    while let Some(chunk) = input.blocking_recv() {
        let chunk = chunk?;
        hasher.update(&chunk);
        gzip.write_all(&chunk)?;
    }
    gzip.finish()?.flush()?;
    Ok(hasher.finish())
}

/// Hands a compressed layer on as it is, and unpacks it only to hash what is inside.
fn pass_through<W>(
    input: &mut mpsc::Receiver<io::Result<Bytes>>,
    output: &mpsc::Sender<io::Result<Bytes>>,
    decoder: impl FnOnce(Unpacked) -> io::Result<W>,
) -> io::Result<Digest>
where
    W: Write + Finish,
{
    let mut decoder = decoder(Unpacked::new())?;
    let mut packed_bytes = 0;
    while let Some(chunk) = input.blocking_recv() {
        let chunk = chunk?;
        packed_bytes += chunk.len() as u64;
        decoder.write_all(&chunk)?;
        let unpacked_bytes = decoder.unpacked().bytes;
        if unpacked_bytes > RATIO_FREE_BYTES && unpacked_bytes / RATIO_MAX > packed_bytes {
            return Err(io::Error::other("it unpacks to far more than it should"));
        }
        if output.blocking_send(Ok(chunk)).is_err() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
    }
    Ok(decoder.finish()?.hasher.finish())
}

/// A decoder that can be looked into and ended.
trait Finish {
    fn unpacked(&self) -> &Unpacked;
    /// Ends the stream. Errors: it was cut short.
    fn finish(self) -> io::Result<Unpacked>;
}

impl Finish for MultiGzDecoder<Unpacked> {
    fn unpacked(&self) -> &Unpacked {
        self.get_ref()
    }

    fn finish(self) -> io::Result<Unpacked> {
        Self::finish(self)
    }
}

impl Finish for zstd::stream::write::Decoder<'static, Unpacked> {
    fn unpacked(&self) -> &Unpacked {
        self.get_ref()
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
}

impl Unpacked {
    fn new() -> Self {
        Self {
            hasher: Hasher::new(Algorithm::Sha256),
            bytes: 0,
        }
    }
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Collects what the encoder writes and sends it on in chunks.
struct Outlet<'a> {
    chunk: BytesMut,
    output: &'a mpsc::Sender<io::Result<Bytes>>,
}

impl<'a> Outlet<'a> {
    fn new(output: &'a mpsc::Sender<io::Result<Bytes>>) -> Self {
        Self {
            chunk: BytesMut::with_capacity(CHUNK_BYTES),
            output,
        }
    }
}

impl Write for Outlet<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = self.chunk.split().freeze();
        self.chunk.reserve(CHUNK_BYTES);
        self.output
            .blocking_send(Ok(chunk))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
