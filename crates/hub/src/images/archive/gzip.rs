//! Compresses a layer on all cores: blocks of one length, each a gzip member of its own.
//!
//! Source: RFC 1952 (gzip), section 2.2: a file is a series of members. The blocks' length is fixed, so that the same
//! layer always becomes the same blob, on any machine.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use dockyard_oci::{Algorithm, Digest};
use libdeflater::{CompressionLvl, Compressor};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{JoinHandle, spawn_blocking};

use crate::images::hasher::Hasher;

/// How hard it tries: smaller than what `gzip -1` makes, in a third of the time.
const LEVEL: i32 = 1;
/// Bytes that are compressed together: beyond this, size hardly depends on it.
const BLOCK_BYTES: usize = 1024 * 1024;
/// Most blocks that are compressed at once, of all layers together.
const AT_ONCE_MAX: usize = 8;
/// Blocks of one layer that wait for those before them, beside those that are compressed.
const AHEAD: usize = 2;

/// Jobs that compress or unpack at once, of all layers together: one more than there are cores, so that none waits while
/// one block is handed on and the next one begun. Whoever waits for a turn holds no thread.
pub(super) static JOBS: LazyLock<Arc<Semaphore>> =
    LazyLock::new(|| Arc::new(Semaphore::new(at_once() + 1)));

fn at_once() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.min(AT_ONCE_MAX)
}

/// Takes plain bytes in and hands gzip out; returns the diff id.
///
/// Errors: those of the input, and `BrokenPipe` when nobody takes what comes out.
pub(super) async fn compress(
    input: &mut mpsc::Receiver<io::Result<Bytes>>,
    output: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Digest> {
    let mut members = Members {
        output,
        at_work: VecDeque::new(),
        held_max: at_once() + 1 + AHEAD,
        hashing: tokio::spawn(async { Hasher::new(Algorithm::Sha256) }),
    };
    let mut block = Vec::with_capacity(BLOCK_BYTES);
    while let Some(chunk) = input.recv().await {
        let mut chunk = chunk?;
        while !chunk.is_empty() {
            if block.len() == BLOCK_BYTES {
                let full = std::mem::replace(&mut block, Vec::with_capacity(BLOCK_BYTES));
                members.begin(full).await?;
            }
            let fits = chunk.len().min(BLOCK_BYTES - block.len());
            block.extend_from_slice(&chunk.split_to(fits));
        }
    }
    // Of an empty layer, an empty member.
    members.begin(block).await?;
    members.end().await
}

/// Makes a gzip member, without a name or a time.
fn member(block: &[u8]) -> io::Result<Bytes> {
    let level = CompressionLvl::new(LEVEL).expect("there is such a level");
    let mut compressor = Compressor::new(level);
    let mut packed = vec![0; compressor.gzip_compress_bound(block.len())];
    let bytes = compressor
        .gzip_compress(block, &mut packed)
        .map_err(io::Error::other)?;
    packed.truncate(bytes);
    Ok(packed.into())
}

/// Gzip members in the making.
struct Members<'a> {
    output: &'a mpsc::Sender<io::Result<Bytes>>,
    /// Blocks that are being compressed, or wait for those before them; in their order.
    at_work: VecDeque<JoinHandle<io::Result<Bytes>>>,
    held_max: usize,
    /// Hashes the block that came last.
    hashing: JoinHandle<Hasher>,
}

impl Members<'_> {
    /// Has a block compressed and hashed. Waits for the oldest while as many are held as may be.
    async fn begin(&mut self, block: Vec<u8>) -> io::Result<()> {
        if self.at_work.len() == self.held_max {
            self.take_oldest().await?;
        }
        let mut hasher = (&mut self.hashing).await?;
        let turn = Arc::clone(&JOBS).acquire_owned().await;
        let turn = turn.map_err(io::Error::other)?;
        let block = Arc::new(block);
        let same = Arc::clone(&block);
        self.hashing = spawn_blocking(move || {
            hasher.update(&same);
            hasher
        });
        self.at_work.push_back(spawn_blocking(move || {
            let packed = member(&block);
            drop(turn);
            packed
        }));
        Ok(())
    }

    async fn take_oldest(&mut self) -> io::Result<()> {
        if let Some(work) = self.at_work.pop_front() {
            let sent = self.output.send(Ok(work.await??)).await;
            sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        }
        Ok(())
    }

    async fn end(mut self) -> io::Result<Digest> {
        while !self.at_work.is_empty() {
            self.take_oldest().await?;
        }
        Ok(self.hashing.await?.finish())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::MultiGzDecoder;

    use super::*;

    /// Compresses what comes in chunks of a length.
    fn compressed(bytes: &[u8], chunk_bytes: usize) -> (Vec<u8>, Digest) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (to, mut input) = mpsc::channel(1024);
        let (output, mut from) = mpsc::channel(1024);
        for chunk in bytes.chunks(chunk_bytes) {
            to.try_send(Ok(Bytes::copy_from_slice(chunk))).unwrap();
        }
        drop(to);
        let digest = runtime.block_on(compress(&mut input, &output)).unwrap();
        let mut all = Vec::new();
        while let Ok(bytes) = from.try_recv() {
            all.extend_from_slice(&bytes.unwrap());
        }
        (all, digest)
    }

    /// Bytes that compress somewhat.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            b'a' + (state >> 60) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }

    #[test]
    fn holds_what_went_in() {
        for length in [0, 1, BLOCK_BYTES, BLOCK_BYTES + 1, 5 * BLOCK_BYTES + 17] {
            let plain = sample(length);
            let (packed, digest) = compressed(&plain, 100_003);
            let mut unpacked = Vec::new();
            MultiGzDecoder::new(&packed[..])
                .read_to_end(&mut unpacked)
                .unwrap();
            assert!(unpacked == plain, "{length}");
            assert_eq!(digest, Hasher::digest(Algorithm::Sha256, &plain));
            assert!(packed.len() < 100 + length * 2 / 3, "{length}");
        }
    }

    #[test]
    fn the_same_layer_becomes_the_same_blob_however_it_comes() {
        let plain = sample(3 * BLOCK_BYTES + 1);
        let (packed, _) = compressed(&plain, 65_536);
        for chunk_bytes in [10_007, 131_072, 4 * BLOCK_BYTES] {
            assert!(compressed(&plain, chunk_bytes).0 == packed, "{chunk_bytes}");
        }
    }
}
