//! Leaves out of a tarball what the server has: a layer travels only once.
//!
//! Layers are known by the digest in their name, as newer engines write it. Docker's older format names them by ids that
//! say nothing: such a layer is written to a temporary file and hashed first, and a link to its digest takes its place.
//! Whatever is not understood passes as it is: what a tarball may hold is for the server to judge.

mod header;

use std::io::{self, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Result;
use dockyard_oci::Digest;
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncBufRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio_util::io::{InspectWriter, ReaderStream, StreamReader};

use self::header::{BLOCK, Header, padded};
use crate::client::Client;
use crate::progress::{ByteStream, Sending, Size};

/// What is smaller travels faster than the question whether it is there.
const WORTH_BYTES: u64 = 256 * 1024;
/// Bytes that may wait between the tarball and the network.
const PIPE_BYTES: usize = 1024 * 1024;
/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;

/// A tarball that has lost some of its layers.
pub struct Thinned {
    pub stream: ByteStream,
    /// Known only where nothing can be left out.
    pub size: Size,
}

/// Passes a tarball on without the layers that the server has. One that is compressed as a whole passes as it is.
///
/// # Errors
///
/// The first bytes can't be read.
pub async fn thin(
    mut tarball: ByteStream,
    size: Size,
    client: Client,
    sending: Sending,
) -> Result<Thinned> {
    let mut start = Vec::new();
    while start.len() < BLOCK {
        match tarball.next().await.transpose()? {
            Some(piece) => start.extend_from_slice(&piece),
            None => break,
        }
    }
    let is_plain = Header::is_first(&start);
    let whole = futures::stream::iter([Ok(start.into())]).chain(tarball);
    if !is_plain {
        return Ok(Thinned {
            stream: whole.boxed(),
            size,
        });
    }
    let (into, from) = tokio::io::duplex(PIPE_BYTES);
    let written = Arc::new(AtomicU64::new(0));
    let count = {
        let written = Arc::clone(&written);
        move |bytes: &[u8]| {
            written.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
    };
    let thinner = Thinner {
        tarball: StreamReader::new(whole),
        out: InspectWriter::new(into, count),
        written,
        client,
        sending,
    };
    let work = tokio::spawn(thinner.run());
    // What went wrong comes at the end of what came out until then.
    let end = futures::stream::once(async move {
        match work.await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(Err(error)),
            Err(error) => Some(Err(io::Error::other(error))),
        }
    });
    let pieces = ReaderStream::with_capacity(from, READ_BYTES);
    Ok(Thinned {
        stream: pieces.chain(end.filter_map(std::future::ready)).boxed(),
        size: Size::Unknown,
    })
}

struct Thinner<R, W> {
    tarball: R,
    out: W,
    /// Bytes that went out so far.
    written: Arc<AtomicU64>,
    client: Client,
    sending: Sending,
}

impl<R: AsyncBufRead + Send + Unpin, W: AsyncWrite + Send + Unpin> Thinner<R, W> {
    async fn run(mut self) -> io::Result<()> {
        // The name of an entry may stand in an entry of its own before it.
        let mut is_described = false;
        while let Some(header) = self.header().await? {
            let length = padded(header.size());
            if header.describes_the_next() {
                is_described = true;
                self.pass(&header, length).await?;
                continue;
            }
            let is_layer = header.is_file() && header.size() >= WORTH_BYTES && !is_described;
            is_described = false;
            match header.promised_digest().filter(|_| is_layer) {
                Some(digest) => self.layer(&header, &digest).await?,
                None if is_layer && header.is_nameless_layer() => self.weigh(&header).await?,
                None => self.pass(&header, length).await?,
            }
        }
        tokio::io::copy_buf(&mut self.tarball, &mut self.out).await?;
        self.out.shutdown().await
    }

    /// Reads the next header; `None` when what follows is to be passed on as it is, and what was read of it was.
    async fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = Vec::with_capacity(BLOCK);
        (&mut self.tarball)
            .take(BLOCK as u64)
            .read_to_end(&mut block)
            .await?;
        let header = Header::read(&block);
        if header.is_none() {
            self.out.write_all(&block).await?;
        }
        Ok(header)
    }

    async fn pass(&mut self, header: &Header, length: u64) -> io::Result<()> {
        self.out.write_all(header.as_bytes()).await?;
        let content = (&mut self.tarball).take(length);
        let mut content = BufReader::with_capacity(READ_BYTES, content);
        tokio::io::copy_buf(&mut content, &mut self.out).await?;
        Ok(())
    }

    async fn layer(&mut self, header: &Header, digest: &Digest) -> io::Result<()> {
        if is_there(&self.client, digest).await? {
            self.skip(padded(header.size())).await?;
            self.sending.leave_out(digest, header.size());
            return Ok(());
        }
        self.expect(digest, header.size());
        self.pass(header, padded(header.size())).await
    }

    /// Tells that a layer follows in what goes out.
    fn expect(&self, digest: &Digest, size: u64) {
        let start = self.written.load(Ordering::Relaxed) + BLOCK as u64;
        self.sending.expect(digest, size, start);
    }

    async fn skip(&mut self, length: u64) -> io::Result<u64> {
        let mut content = (&mut self.tarball).take(length);
        tokio::io::copy_buf(&mut content, &mut tokio::io::sink()).await
    }

    /// Hashes a layer before it is passed on or left out.
    async fn weigh(&mut self, header: &Header) -> io::Result<()> {
        let mut file = File::from_std(tempfile::tempfile()?);
        self.sending.look_at(header.size());
        let (digest, read) = self.copy_and_hash(&mut file, header.size()).await?;
        let rest = padded(header.size()) - header.size();
        if read == header.size() && is_there(&self.client, &digest).await? {
            self.skip(rest).await?;
            self.sending.leave_out(&digest, header.size());
            return self.out.write_all(header.link_to(&digest).as_bytes()).await;
        }
        self.expect(&digest, header.size());
        self.out.write_all(header.as_bytes()).await?;
        file.seek(SeekFrom::Start(0)).await?;
        let mut file = BufReader::with_capacity(READ_BYTES, file);
        tokio::io::copy_buf(&mut file, &mut self.out).await?;
        let mut rest = (&mut self.tarball).take(rest);
        tokio::io::copy(&mut rest, &mut self.out).await?;
        Ok(())
    }

    async fn copy_and_hash(&mut self, to: &mut File, size: u64) -> io::Result<(Digest, u64)> {
        let (mut hasher, mut read) = (Sha256::new(), 0);
        let mut buffer = vec![0; READ_BYTES];
        let mut content = (&mut self.tarball).take(size);
        loop {
            let some = content.read(&mut buffer).await?;
            if some == 0 {
                break;
            }
            read += some as u64;
            hasher.update(&buffer[..some]);
            to.write_all(&buffer[..some]).await?;
        }
        to.flush().await?;
        let digest = format!("sha256:{}", hex::encode(hasher.finalize()));
        Ok((digest.parse().map_err(io::Error::other)?, read))
    }
}

async fn is_there(client: &Client, layer: &Digest) -> io::Result<bool> {
    let known = client.has_layer(layer).await;
    known.map_err(|error| io::Error::other(error.to_string()))
}
