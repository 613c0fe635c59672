//! Reads a file as a stream: large pieces into buffers that are used again, the next one while the
//! last one is being sent.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{Stream, stream};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes asked of the disk at once: large enough that handing over to another thread does not show.
const READ_BYTES: usize = 512 * 1024;
/// Buffers that are kept for the next reader. Fresh ones of this size cost a page fault every 4 KiB.
const KEPT: usize = 16;

/// Buffers that nobody uses at the moment.
static FREE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A buffer on loan from the free ones.
struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    fn take() -> Self {
        let free = FREE.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Self {
            bytes: free.unwrap_or_else(|| vec![0; READ_BYTES]),
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
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

/// A read that is under way.
type Reading = JoinHandle<io::Result<Bytes>>;

/// Streams a range of a file; it ends early where the file does.
pub(super) fn stream(file: File, range: Range<u64>) -> impl Stream<Item = io::Result<Bytes>> {
    let file = Arc::new(file);
    let first = start(&file, &range);
    stream::unfold((first, range), move |(reading, range)| {
        let file = Arc::clone(&file);
        async move {
            let read = reading?
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error)));
            let bytes = match read {
                Ok(bytes) if bytes.is_empty() => return None,
                Ok(bytes) => bytes,
                Err(error) => return Some((Err(error), (None, range))),
            };
            let left = range.start + bytes.len() as u64..range.end;
            Some((Ok(bytes), (start(&file, &left), left)))
        }
    })
}

/// Starts to read the first piece of a range; `None` for an empty one.
fn start(file: &Arc<File>, range: &Range<u64>) -> Option<Reading> {
    let left = range
        .end
        .checked_sub(range.start)
        .filter(|left| *left > 0)?;
    let some = usize::try_from(left).map_or(READ_BYTES, |left| left.min(READ_BYTES));
    let (file, at) = (Arc::clone(file), range.start);
    Some(spawn_blocking(move || {
        let mut buffer = Buffer::take();
        while buffer.filled < some {
            let target = &mut buffer.bytes[buffer.filled..some];
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
