//! The limit on what a tarball unpacks to, relative to the bytes received.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};

/// Most bytes that a byte received may unpack to, beyond what is free: layers are packed some ten times, runs of zeros
/// without end.
const RATIO_MAX: u64 = 200;
const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// The bytes of one tarball: how many came, and how many were made of them.
#[derive(Debug, Default)]
pub(super) struct Budget {
    received: AtomicU64,
    unpacked: AtomicU64,
    has_ended: AtomicBool,
}

impl Budget {
    /// Counts bytes that were unpacked, or that a hole stands for.
    ///
    /// Errors: `InvalidData` when they are far more than came.
    pub(super) fn spend(&self, bytes: u64) -> io::Result<()> {
        let unpacked = self.unpacked.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let received = self.received.load(Ordering::Relaxed);
        if unpacked <= RATIO_FREE_BYTES.saturating_add(received.saturating_mul(RATIO_MAX)) {
            return Ok(());
        }
        let message = "it unpacks to far more than it should";
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }

    /// Tells whether there is no more to come.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended.load(Ordering::Relaxed)
    }
}

/// Counts the bytes that come, and notes when they end or the connection breaks.
pub(super) struct Watched<R> {
    inner: R,
    budget: Arc<Budget>,
}

impl<R> Watched<R> {
    pub(super) fn new(inner: R, budget: &Arc<Budget>) -> Self {
        let budget = Arc::clone(budget);
        Self { inner, budget }
    }
}

impl<R: AsyncBufRead + Unpin> AsyncBufRead for Watched<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        let filled = Pin::new(&mut this.inner).poll_fill_buf(cx);
        if let Poll::Ready(Ok([]) | Err(_)) = &filled {
            this.budget.has_ended.store(true, Ordering::Relaxed);
        }
        filled
    }

    fn consume(mut self: Pin<&mut Self>, amount: usize) {
        let received = &self.budget.received;
        received.fetch_add(amount as u64, Ordering::Relaxed);
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

/// Spends what is read from a decoder; beyond the budget it ends with an error.
pub(super) struct Spending<R> {
    inner: R,
    budget: Arc<Budget>,
}

impl<R> Spending<R> {
    pub(super) fn new(inner: R, budget: &Arc<Budget>) -> Self {
        let budget = Arc::clone(budget);
        Self { inner, budget }
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for Spending<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(cx, into))?;
        let read = into.filled().len() - before;
        Poll::Ready(self.budget.spend(read as u64))
    }
}
