//! A connection whose bytes are counted.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use dockyard_hub::admission::Place;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::server::metrics::Metrics;

/// Answer to a client that speaks plain HTTP to a port of HTTPS.
const PLAINLY: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n\
     This port speaks HTTPS: write https:// instead of http://.\n";

/// The place of a connection among all.
pub(super) type Seat = Arc<Place<u128>>;

/// A connection that counts its bytes in both directions.
pub(super) struct Counted {
    pub stream: TcpStream,
    /// All bytes so far.
    pub traffic: Arc<AtomicU64>,
    pub metrics: Metrics,
    /// Held as long as the connection is open.
    pub _seat: Seat,
}

impl Counted {
    /// Tells whether the client says something that is no TLS record. Source: RFC 8446, section 5.1.
    pub async fn speaks_plainly(&self) -> bool {
        const HANDSHAKE: u8 = 22;
        let mut first = [0];
        let read = self.stream.peek(&mut first).await;
        read.is_ok_and(|bytes| bytes == 1) && first[0] != HANDSHAKE
    }

    /// Says to whoever speaks HTTP what is spoken here, and hangs up.
    pub async fn refuse(mut self) -> io::Result<()> {
        self.write_all(PLAINLY.as_bytes()).await?;
        self.shutdown().await?;
        // Closed with something unread, the answer would be lost with it.
        let mut rest = [0; 4096];
        while self.read(&mut rest).await? > 0 {}
        Ok(())
    }

    fn count(&self, bytes: usize) {
        self.traffic.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    fn written(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.count(*bytes);
            self.metrics.sent(*bytes);
        }
        written
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        let bytes = into.filled().len() - before;
        self.count(bytes);
        self.metrics.received(bytes);
        read
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.written(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
