//! Reads a file as a stream: large pieces into buffers that are used again, the next one while the
//! last one is being sent.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes asked of the disk at once: large enough that handing over to another thread does not show.
const READ_BYTES: usize = 512 * 1024;
/// Bytes of the first read. Over HTTP/2, hyper asks for it before the client takes a byte, and for the next one when it has
/// taken one.
const FIRST_BYTES: usize = 64 * 1024;
/// Bytes of a piece from which on the next one is read ahead: the client has taken those before it.
const AHEAD_BYTES: usize = 256 * 1024;
/// Bytes of all buffers together from which on reads are small: a thousand clients that do not read hold no more.
const LENT_MAX_BYTES: usize = 256 * 1024 * 1024;
const SMALL_BYTES: usize = 16 * 1024;

/// Bytes of all buffers that are in use.
static LENT_BYTES: AtomicUsize = AtomicUsize::new(0);
/// Most buffers that are kept for the next reader, 8 MiB. Fresh ones of this size cost a page fault every
/// 4 KiB.
const KEPT_MAX: usize = 16;
/// Buffers that are kept although nobody reads: what one reader alone uses again and again.
const KEPT_MIN: usize = 2;

/// Whole buffers that nobody uses at the moment.
static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: Vec::new(),
    lent: 0,
});

/// Buffers of `READ_BYTES` between two uses. No more are kept than are in use elsewhere, so that a burst of
/// readers leaves little behind.
struct Pool {
    free: Vec<Vec<u8>>,
    lent: usize,
}

impl Pool {
    fn take(&mut self) -> Option<Vec<u8>> {
        self.lent += 1;
        self.free.pop()
    }

    fn put(&mut self, buffer: Vec<u8>) {
        self.lent -= 1;
        self.free.push(buffer);
        self.free.truncate(self.lent.clamp(KEPT_MIN, KEPT_MAX));
    }
}

/// A buffer for one read: from the pool when it is a whole one, of its own size when less is wanted.
struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn take(length: usize) -> Self {
        LENT_BYTES.fetch_add(length, Ordering::Relaxed);
        let kept = match length {
            READ_BYTES => POOL.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        };
        Self {
            bytes: kept.unwrap_or_else(|| vec![0; length]),
            filled: 0,
        }
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        LENT_BYTES.fetch_sub(self.bytes.len(), Ordering::Relaxed);
        if self.bytes.len() == READ_BYTES {
            let mut pool = POOL.lock().unwrap_or_else(PoisonError::into_inner);
            pool.put(std::mem::take(&mut self.bytes));
        }
    }
}

/// A read that is under way.
type Reading = JoinHandle<io::Result<Bytes>>;

/// Streams a range of a file; it ends early where the file does. Nothing is read before it is asked for. Pieces grow, and
/// the large ones are read one ahead.
pub(super) fn stream(file: File, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> {
    let file = Arc::new(file);
    stream::unfold(Next::Range(range, FIRST_BYTES), move |next| {
        let file = Arc::clone(&file);
        async move {
            let (reading, range, bytes) = match next {
                Next::Range(range, bytes) => (start(&file, &range, bytes), range, bytes),
                Next::Reading(reading, range, bytes) => (reading, range, bytes),
            };
            let read = reading?
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)));
            let piece = match read {
                Ok(piece) if piece.is_empty() => return None,
                Ok(piece) => piece,
                Err(error) => return Some((Err(error), Next::Reading(None, range, bytes))),
            };
            let left = range.start + piece.len() as u64..range.end;
            let is_ahead = bytes >= AHEAD_BYTES;
            let bytes = (2 * bytes).min(READ_BYTES);
            let next = if is_ahead && !is_scarce(bytes) {
                Next::Reading(start(&file, &left, bytes), left, bytes)
            } else {
                Next::Range(left, bytes)
            };
            Some((Ok(piece), next))
        }
    })
}

/// The next piece: not yet read, or being read.
enum Next {
    Range(Range<u64>, usize),
    Reading(Option<Reading>, Range<u64>, usize),
}

/// Tells whether so many bytes more are too many.
fn is_scarce(bytes: usize) -> bool {
    LENT_BYTES.load(Ordering::Relaxed) + bytes > LENT_MAX_BYTES
}

/// Starts to read the first piece of a range; `None` for an empty one.
fn start(file: &Arc<File>, range: &Range<u64>, most_bytes: usize) -> Option<Reading> {
    let left = range
        .end
        .checked_sub(range.start)
        .filter(|left| *left > 0)?;
    let most_bytes = if is_scarce(most_bytes) {
        SMALL_BYTES
    } else {
        most_bytes
    };
    let some = usize::try_from(left).map_or(most_bytes, |left| left.min(most_bytes));
    let (file, at) = (Arc::clone(file), range.start);
    Some(spawn_blocking(move || {
        let mut buffer = Buffer::take(some);
        while buffer.filled < some {
            let target = &mut buffer.bytes[buffer.filled..];
            match file.read_at(target, at + buffer.filled as u64) {
                Ok(0) => break,
                Ok(read) => buffer.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Bytes::from_owner(buffer))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn pieces_begin_small_and_hold_all_bytes() {
        use futures::{StreamExt, TryStreamExt};
        use std::io::Write;
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| (n % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let pieces: Vec<Bytes> = stream(file, 10..2_000_000)
            .boxed()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(pieces[0].len(), FIRST_BYTES);
        assert_eq!(pieces[1].len(), 2 * FIRST_BYTES);
        assert!(pieces.iter().all(|piece| piece.len() <= READ_BYTES));
        assert_eq!(pieces.concat(), &bytes[10..]);
    }

    #[test]
    fn a_short_read_takes_a_short_buffer() {
        assert_eq!(Buffer::take(200).bytes.len(), 200);
        assert_eq!(Buffer::take(READ_BYTES).bytes.len(), READ_BYTES);
    }

    #[test]
    fn a_burst_of_readers_leaves_little_behind() {
        let mut pool = Pool {
            free: Vec::new(),
            lent: 0,
        };
        let lent: Vec<_> = (0..100).map(|_| pool.take().unwrap_or_default()).collect();
        for buffer in lent {
            pool.put(buffer);
            assert!(pool.free.len() <= pool.lent.clamp(KEPT_MIN, KEPT_MAX));
        }
        assert_eq!(pool.free.len(), KEPT_MIN);
    }
}
