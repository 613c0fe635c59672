//! The entries of a tarball, from a stream, with bounds on all that is not content.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use async_compression::tokio::bufread::{BzDecoder, GzipDecoder, XzDecoder, ZstdDecoder};
use async_compression::zstd::DParameter;
use dockyard_oci::tar::{BLOCK_BYTES, Block, Entry, Parser, TarError, padding};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf};

use super::{Archives, ImportError};
use crate::Id;
use crate::accounts::{Grant, Push};
use crate::admission::SharedPlace;

/// Bytes read at once.
pub(super) const READ_BYTES: usize = 128 * 1024;
/// Memory of a decoder: what `xz -9` needs is 65 MiB, and `zstd --ultra -22` has a window of 128 MiB.
const XZ_BYTES: u64 = 66 * 1024 * 1024;
pub(super) const ZSTD_WINDOW_LOG: u32 = 26;
/// Most bytes that a byte received may unpack to, beyond what is free: layers are packed some ten times, runs of zeros
/// without end.
const RATIO_MAX: u64 = 200;
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Most bytes of padding that are read after the end.
const PADDING_MAX: u64 = 1024 * 1024;

/// A tarball that is being read. Between two calls of [`Self::next`], reading gives the content of the entry.
pub(super) struct Tarball {
    reader: Box<dyn AsyncBufRead + Send + Unpin>,
    parser: Parser,
    /// Bytes of the current content that are still to come, and of the padding after it.
    left: u64,
    padding: u64,
    _dear: Option<SharedPlace<Option<Id>>>,
}

impl Tarball {
    /// Undoes the compression of the whole file, and checks that a tarball is inside.
    ///
    /// Errors: `NotATarball`; `Busy` when too many dear decoders are at work.
    pub(super) async fn open<R>(
        archives: &Archives,
        grant: &Grant<Push>,
        from: IpAddr,
        mut reader: Watched<R>,
    ) -> Result<Self, ImportError>
    where
        R: AsyncBufRead + Send + Unpin + 'static,
    {
        let start = reader.fill_buf().await;
        let start = start.map_err(|error| ImportError::reading(&error, None))?;
        let packing = Packing::of(start);
        let dear = match packing {
            Packing::Xz | Packing::Zstd => Some(archives.dear.take(grant.user_id(), from)?),
            Packing::None | Packing::Gzip | Packing::Bzip2 => None,
        };
        let unpacked = Unpacked {
            received: Arc::clone(&reader.received),
            inner: decoder(packing, reader),
            bytes: 0,
        };
        let mut tarball = BufReader::with_capacity(READ_BYTES, unpacked);
        let mut start = Vec::with_capacity(BLOCK_BYTES);
        let read = (&mut tarball)
            .take(BLOCK_BYTES as u64)
            .read_to_end(&mut start)
            .await;
        read.map_err(|error| ImportError::reading(&error, None))?;
        if !is_tar_header(&start) {
            return Err(ImportError::NotATarball);
        }
        Ok(Self {
            reader: Box::new(io::Cursor::new(start).chain(tarball)),
            parser: Parser::default(),
            left: 0,
            padding: 0,
            _dear: dear,
        })
    }

    /// Goes on to the next entry, over what is left of this one.
    pub(super) async fn next(&mut self) -> io::Result<Option<Entry>> {
        loop {
            self.skip().await?;
            let Some(block) = self.block().await? else {
                return Ok(None);
            };
            match self.parser.header(&block).map_err(invalid)? {
                Block::End => return Ok(None),
                Block::Entry(entry) => {
                    self.begin(entry.size_bytes);
                    return Ok(Some(entry));
                }
                Block::Extended { size_bytes } => {
                    self.begin(size_bytes);
                    let mut content = Vec::new();
                    self.read_to_end(&mut content).await?;
                    self.parser.extend(&content).map_err(invalid)?;
                }
            }
        }
    }

    fn begin(&mut self, size_bytes: u64) {
        self.left = size_bytes;
        self.padding = padding(size_bytes);
    }

    async fn skip(&mut self) -> io::Result<()> {
        let wanted = self.left + self.padding;
        let mut rest = (&mut self.reader).take(wanted);
        let skipped = tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await?;
        (self.left, self.padding) = (0, 0);
        if skipped < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// Reads a header; `None` where the tarball has no more.
    async fn block(&mut self) -> io::Result<Option<[u8; BLOCK_BYTES]>> {
        if self.reader.fill_buf().await?.is_empty() {
            return Ok(None);
        }
        let mut block = [0; BLOCK_BYTES];
        self.reader.read_exact(&mut block).await?;
        Ok(Some(block))
    }

    /// Reads what follows the end of the archive (padding), so that the client is not cut off. What is wrong with it
    /// does not matter, as long as the client sends it.
    pub(super) async fn drain(self) -> Result<(), ImportError> {
        let mut rest = self.reader.take(PADDING_MAX);
        let read = tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await;
        match read.map_err(|error| error.kind()) {
            Err(kind @ (io::ErrorKind::ConnectionReset | io::ErrorKind::TimedOut)) => {
                Err(ImportError::reading(&kind.into(), None))
            }
            _ => Ok(()),
        }
    }
}

fn invalid(error: TarError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

impl AsyncRead for Tarball {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 || into.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        let bytes = ready!(Pin::new(&mut this.reader).poll_fill_buf(cx))?;
        if bytes.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        let left = usize::try_from(this.left).unwrap_or(usize::MAX);
        let count = bytes.len().min(into.remaining()).min(left);
        into.put_slice(&bytes[..count]);
        Pin::new(&mut this.reader).consume(count);
        this.left -= count as u64;
        Poll::Ready(Ok(()))
    }
}

/// The compression of a whole tarball.
#[derive(Debug, Clone, Copy)]
enum Packing {
    None,
    Gzip,
    Zstd,
    Xz,
    Bzip2,
}

impl Packing {
    /// Tells it by the first bytes.
    fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Self::Xz,
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            _ => Self::None,
        }
    }
}

fn decoder<R>(packing: Packing, reader: R) -> Box<dyn AsyncRead + Send + Unpin>
where
    R: AsyncBufRead + Send + Unpin + 'static,
{
    match packing {
        Packing::None => Box::new(reader),
        Packing::Gzip => {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Packing::Zstd => {
            let window = [DParameter::window_log_max(ZSTD_WINDOW_LOG)];
            let mut decoder = ZstdDecoder::with_params(reader, &window);
            decoder.multiple_members(true);
            Box::new(decoder)
        }
        Packing::Xz => Box::new(XzDecoder::with_mem_limit(reader, XZ_BYTES)),
        Packing::Bzip2 => Box::new(BzDecoder::new(reader)),
    }
}

/// Checks a first header: `ustar` at its place, or a name and zeros after it in the old format.
pub(super) fn is_tar_header(start: &[u8]) -> bool {
    start.len() >= BLOCK_BYTES
        && start[0] != 0
        && (&start[257..262] == b"ustar" || start[257..262] == [0; 5])
}

/// Counts the bytes that came, and notes when they end or the connection breaks.
pub(super) struct Watched<R> {
    inner: R,
    received: Arc<Received>,
}

/// What is known of the bytes that came.
#[derive(Default)]
pub(super) struct Received {
    bytes: AtomicU64,
    has_ended: AtomicBool,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner,
            received: Arc::default(),
        }
    }

    pub(super) fn received(&self) -> Arc<Received> {
        Arc::clone(&self.received)
    }
}

impl Received {
    /// Tells whether there is no more to come.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Watched<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let filled = Pin::new(&mut this.inner).poll_fill_buf(cx);
        if let Poll::Ready(Ok([]) | Err(_)) = &filled {
            this.received.has_ended.store(true, Ordering::Relaxed);
        }
        filled
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let bytes = &self.received.bytes;
        bytes.fetch_add(amount as u64, Ordering::Relaxed);
        Pin::new(&mut self.inner).consume(amount);
    }
}

impl<R: AsyncBufRead + Unpin> AsyncRead for Watched<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let bytes = ready!(self.as_mut().poll_fill_buf(cx))?;
        let count = bytes.len().min(into.remaining());
        into.put_slice(&bytes[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

/// Ends with an error where far more is unpacked than was received.
struct Unpacked {
    inner: Box<dyn AsyncRead + Send + Unpin>,
    received: Arc<Received>,
    bytes: u64,
}

impl AsyncRead for Unpacked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, into))?;
        self.bytes += (into.filled().len() - before) as u64;
        let received = self.received.bytes.load(Ordering::Relaxed);
        if self.bytes > RATIO_FREE_BYTES.saturating_add(received.saturating_mul(RATIO_MAX)) {
            let message = "it unpacks to far more than it should";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, message)));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::is_tar_header;

    #[test]
    fn knows_a_tarball_by_its_first_header() {
        let mut header = vec![0; 512];
        assert!(!is_tar_header(&header));
        header[..4].copy_from_slice(b"name");
        assert!(is_tar_header(&header));
        header[257..262].copy_from_slice(b"ustar");
        assert!(is_tar_header(&header));
        assert!(!is_tar_header(&[b'x'; 512]));
        assert!(!is_tar_header(b""));
        assert!(!is_tar_header(b"hello\n"));
    }
}
