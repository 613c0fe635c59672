//! The entries of a tarball, from a stream, with bounds on all that is not content.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use dockyard_oci::tar::{BLOCK_BYTES, Block, Entry, Map, Parser, Piece, TarError, padding};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader, ReadBuf};

use super::budget::{Budget, Spending, Watched};
use super::decode::{Packing, decoder, unread};
use super::{Archives, ImportError};
use crate::Id;
use crate::accounts::{Grant, Push};
use crate::admission::SharedPlace;

/// Bytes read at once.
pub(super) const READ_BYTES: usize = 128 * 1024;
/// Most bytes of padding that are read after the end.
const PADDING_MAX: u64 = 1024 * 1024;

/// A tarball that is being read. Between two calls of [`Self::next`], reading gives the content of the entry.
pub(super) struct Tarball {
    reader: Box<dyn AsyncBufRead + Send + Unpin>,
    parser: Parser,
    /// The rest of the current content, and the bytes of padding after it.
    pieces: VecDeque<Piece>,
    padding: u64,
    budget: Arc<Budget>,
    _dear: Option<SharedPlace<Option<Id>>>,
}

impl Tarball {
    /// Undoes the compression of the whole file, and checks that a tarball is inside.
    ///
    /// Errors: `NotATarball`, `Compression`; `Busy` when too many dear decoders are at work.
    pub(super) async fn open<R>(
        archives: &Archives,
        grant: &Grant<Push>,
        from: IpAddr,
        mut reader: Watched<R>,
        budget: &Arc<Budget>,
    ) -> Result<Self, ImportError>
    where
        R: AsyncBufRead + Send + Unpin + 'static,
    {
        let start = reader.fill_buf().await;
        let start = start.map_err(|error| ImportError::reading(&error, None))?;
        let packing = Packing::of(start);
        if let Some(name) = unread(start) {
            return Err(ImportError::Compression(name));
        }
        let dear = archives.decoder_place(packing, grant, from)?;
        let unpacked = Spending::new(decoder(packing, reader), budget);
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
            pieces: VecDeque::new(),
            padding: 0,
            budget: Arc::clone(budget),
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
                Block::Continued => {}
                Block::Entry(mut entry) => {
                    self.begin(&mut entry).await?;
                    return Ok(Some(entry));
                }
                Block::Extended { size_bytes } => {
                    self.expect([Piece::Data(size_bytes)].into(), size_bytes);
                    let mut content = Vec::new();
                    self.read_to_end(&mut content).await?;
                    self.parser.extend(&content).map_err(invalid)?;
                }
            }
        }
    }

    /// Prepares for the content of an entry. Of a sparse file whose list of segments stands in front of it, it reads that.
    async fn begin(&mut self, entry: &mut Entry) -> io::Result<()> {
        let mut stored_bytes = entry.size_bytes;
        let Some(sparse) = &mut entry.sparse else {
            self.expect([Piece::Data(stored_bytes)].into(), stored_bytes);
            return Ok(());
        };
        let (mut map, mut has_ended) = (Map::default(), !sparse.is_in_content());
        while !has_ended {
            stored_bytes = stored_bytes
                .checked_sub(BLOCK_BYTES as u64)
                .ok_or_else(|| invalid(TarError::Sparse))?;
            let mut block = [0; BLOCK_BYTES];
            self.reader.read_exact(&mut block).await?;
            has_ended = map.block(sparse, &block).map_err(invalid)?;
        }
        let pieces = sparse.pieces(stored_bytes).map_err(invalid)?;
        self.expect(pieces, stored_bytes);
        Ok(())
    }

    fn expect(&mut self, pieces: VecDeque<Piece>, stored_bytes: u64) {
        self.pieces = pieces;
        self.padding = padding(stored_bytes);
    }

    async fn skip(&mut self) -> io::Result<()> {
        let stored = self.pieces.iter().map(|piece| match piece {
            Piece::Data(bytes) => *bytes,
            Piece::Zeros(_) => 0,
        });
        let wanted = stored.sum::<u64>() + self.padding;
        let mut rest = (&mut self.reader).take(wanted);
        let skipped = tokio::io::copy_buf(&mut rest, &mut tokio::io::sink()).await?;
        self.expect(VecDeque::new(), 0);
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
        let this = &mut *self;
        let most = into.remaining().min(READ_BYTES);
        let at_most = |left: u64| usize::try_from(left).map_or(most, |left| left.min(most));
        let Some(piece) = this.pieces.front_mut().filter(|_| most > 0) else {
            return Poll::Ready(Ok(()));
        };
        let left = match piece {
            Piece::Zeros(left) => {
                let count = at_most(*left);
                this.budget.spend(count as u64)?;
                into.initialize_unfilled_to(count).fill(0);
                into.advance(count);
                *left -= count as u64;
                *left
            }
            Piece::Data(0) => 0,
            Piece::Data(left) => {
                let bytes = ready!(Pin::new(&mut this.reader).poll_fill_buf(cx))?;
                if bytes.is_empty() {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                let count = at_most(*left).min(bytes.len());
                into.put_slice(&bytes[..count]);
                Pin::new(&mut this.reader).consume(count);
                *left -= count as u64;
                *left
            }
        };
        if left == 0 {
            this.pieces.pop_front();
        }
        Poll::Ready(Ok(()))
    }
}

/// Checks a first header: `ustar` at its place, or a name and zeros after it in the old format.
pub(super) fn is_tar_header(start: &[u8]) -> bool {
    start.len() >= BLOCK_BYTES
        && start[0] != 0
        && (&start[257..262] == b"ustar" || start[257..262] == [0; 5])
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
