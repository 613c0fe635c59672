//! Compresses a layer on all cores: blocks of one length, each deflated by itself, in one gzip member.
//!
//! Source: RFC 1951 (deflate), RFC 1952 (gzip). The blocks' length is fixed, so that the same layer always becomes the
//! same blob, on any machine.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use dockyard_oci::{Algorithm, Digest};
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use crate::images::hasher::Hasher;

/// How hard gzip tries: a little smaller than what `gzip -1` makes, in two thirds of the time.
const LEVEL: u32 = 2;
/// Bytes that are compressed together: beyond this, size hardly depends on it.
const BLOCK_BYTES: usize = 1024 * 1024;
/// Most blocks of one layer that are compressed at once.
const AT_ONCE_MAX: usize = 8;
/// Blocks that wait full for each that is being compressed, so that no core ever waits for one. Each holds its bytes,
/// or what became of them.
const AHEAD: usize = 2;
/// A header without a name or a time, of no particular system (RFC 1952, section 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// A last block with nothing in it (RFC 1951, section 3.2.6).
const END: [u8; 2] = [0x03, 0x00];

/// Runs on a thread of its own: plain bytes in, gzip out; returns the diff id.
///
/// Errors: those of the input, and `BrokenPipe` when nobody takes what comes out.
pub(super) fn compress(
    input: &mut mpsc::Receiver<io::Result<Bytes>>,
    output: &mpsc::Sender<io::Result<Bytes>>,
) -> io::Result<Digest> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let at_once = cores.min(AT_ONCE_MAX);
    let mut member = Member {
        output,
        at_work: VecDeque::new(),
        held_max: at_once * (1 + AHEAD),
        // One more than there are cores: none waits while one block is handed on and the next one begun.
        turns: Arc::new(Semaphore::new(at_once + 1)),
        crc: Crc::new(),
    };
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut block = Block::default();
    member.send(Bytes::from_static(&HEADER))?;
    while let Some(chunk) = input.blocking_recv() {
        let mut chunk = chunk?;
        hasher.update(&chunk);
        while let Some(full) = block.fill(&mut chunk) {
            member.begin(full)?;
        }
    }
    member.begin(block)?;
    member.end()?;
    Ok(hasher.finish())
}

/// What is compressed together, in the pieces it came in.
#[derive(Default)]
struct Block {
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Block {
    /// Takes what still fits, and hands the block over once it is full.
    fn fill(&mut self, chunk: &mut Bytes) -> Option<Self> {
        let piece = chunk.split_to(chunk.len().min(BLOCK_BYTES - self.bytes));
        self.bytes += piece.len();
        self.pieces.push(piece);
        (self.bytes == BLOCK_BYTES).then(|| std::mem::take(self))
    }

    /// Compresses it up to the border of a byte, so that another may follow.
    fn deflate(self) -> io::Result<(Bytes, Crc)> {
        let mut crc = Crc::new();
        let mut deflate =
            DeflateEncoder::new(Vec::with_capacity(self.bytes / 2), Compression::new(LEVEL));
        for piece in &self.pieces {
            crc.update(piece);
            deflate.write_all(piece)?;
        }
        deflate.flush()?;
        Ok((std::mem::take(deflate.get_mut()).into(), crc))
    }
}

/// A gzip member in the making.
struct Member<'a> {
    output: &'a mpsc::Sender<io::Result<Bytes>>,
    /// Blocks that are being compressed, wait for their turn, or for those before them; in their order.
    at_work: VecDeque<JoinHandle<io::Result<(Bytes, Crc)>>>,
    held_max: usize,
    turns: Arc<Semaphore>,
    crc: Crc,
}

impl Member<'_> {
    /// Has a block compressed. Waits for the oldest while as many are held as may be.
    fn begin(&mut self, block: Block) -> io::Result<()> {
        if self.at_work.len() == self.held_max {
            self.take_oldest()?;
        }
        let turns = Arc::clone(&self.turns);
        let work = tokio::task::spawn_blocking(move || {
            let turn = Handle::current().block_on(turns.acquire());
            let _turn = turn.map_err(io::Error::other)?;
            block.deflate()
        });
        self.at_work.push_back(work);
        Ok(())
    }

    fn take_oldest(&mut self) -> io::Result<()> {
        if let Some(work) = self.at_work.pop_front() {
            let (bytes, crc) = Handle::current().block_on(work)??;
            self.crc.combine(&crc);
            self.send(bytes)?;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        while !self.at_work.is_empty() {
            self.take_oldest()?;
        }
        let mut end = END.to_vec();
        end.extend_from_slice(&self.crc.sum().to_le_bytes());
        // Of the length, the format has the last 32 bits only, as the crc counts them.
        end.extend_from_slice(&self.crc.amount().to_le_bytes());
        self.send(end.into())
    }

    fn send(&self, bytes: Bytes) -> io::Result<()> {
        let sent = self.output.blocking_send(Ok(bytes));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

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
        let work = runtime.spawn_blocking(move || compress(&mut input, &output));
        let digest = runtime.block_on(work).unwrap().unwrap();
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
    fn is_read_by_a_decoder_of_one_member() {
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, 5 * BLOCK_BYTES + 17] {
            let plain = sample(length);
            let (packed, digest) = compressed(&plain, 100_003);
            let mut unpacked = Vec::new();
            GzDecoder::new(&packed[..])
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
