//! Writes a file while its bytes come, without a thread that waits for them.

use std::fs::File;
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::store::{BlobWriter, End, Hold, StoreError};

/// Bytes that may wait for the disk: enough that neither the network nor the disk waits for the other.
const QUEUE_BYTES: usize = 512 * 1024;
/// Bytes of an object that are written before the disk is set to work on them.
const SYNC_BYTES: usize = 64 * 1024 * 1024;

/// Writes in short jobs, one at a time, while the caller hashes the next bytes. Between them it holds no thread: as many
/// slow uploads as there may be leave the pool to others.
pub(super) struct FsWriter {
    file: Arc<File>,
    /// Let go when the last job has ended, whatever becomes of the writer.
    hold: Hold,
    queue: Vec<Bytes>,
    queue_bytes: usize,
    /// The job that writes.
    writing: Option<JoinHandle<io::Result<()>>>,
    /// The job that makes durable what was written before. Its error is the only word of what was lost: the system tells
    /// it once.
    syncing: Option<JoinHandle<io::Result<()>>>,
    unsynced_bytes: usize,
    /// After a failure nothing more is written: it would stand at the wrong place.
    has_failed: bool,
}

impl FsWriter {
    pub(super) fn new(file: File, hold: Hold) -> Self {
        Self {
            file: Arc::new(file),
            hold,
            queue: Vec::new(),
            queue_bytes: 0,
            writing: None,
            syncing: None,
            unsynced_bytes: 0,
            has_failed: false,
        }
    }

    /// Begins to write what waits.
    fn begin(&mut self) {
        let (file, hold) = (Arc::clone(&self.file), self.hold.clone());
        let chunks = std::mem::take(&mut self.queue);
        self.unsynced_bytes += std::mem::take(&mut self.queue_bytes);
        self.writing = Some(spawn_blocking(move || {
            let written = chunks
                .iter()
                .try_for_each(|chunk| (&*file).write_all(chunk));
            drop(hold);
            written
        }));
    }

    /// Has the disk work on a part of a long object already while the next one comes.
    async fn sync_early(&mut self) -> io::Result<()> {
        let is_idle = self.syncing.as_ref().is_none_or(JoinHandle::is_finished);
        if self.unsynced_bytes < SYNC_BYTES || !is_idle {
            return Ok(());
        }
        end(&mut self.syncing).await?;
        self.syncing = Some(self.sync_data());
        self.unsynced_bytes = 0;
        Ok(())
    }

    fn sync_data(&self) -> JoinHandle<io::Result<()>> {
        let (file, hold) = (Arc::clone(&self.file), self.hold.clone());
        spawn_blocking(move || {
            let synced = file.sync_data();
            drop(hold);
            synced
        })
    }

    async fn push(&mut self, bytes: Bytes) -> io::Result<()> {
        self.queue_bytes += bytes.len();
        self.queue.push(bytes);
        let is_busy = self.writing.as_ref().is_some_and(|job| !job.is_finished());
        if is_busy && self.queue_bytes < QUEUE_BYTES {
            return Ok(());
        }
        end(&mut self.writing).await?;
        self.sync_early().await?;
        self.begin();
        Ok(())
    }

    async fn finish(&mut self) -> io::Result<()> {
        end(&mut self.writing).await?;
        self.begin();
        end(&mut self.writing).await?;
        end(&mut self.syncing).await?;
        self.syncing = Some(self.sync_data());
        end(&mut self.syncing).await
    }
}

#[async_trait]
impl BlobWriter for FsWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if self.has_failed {
            return Err(StoreError::Io(io::ErrorKind::BrokenPipe.into()));
        }
        let pushed = self.push(bytes).await;
        self.has_failed = pushed.is_err();
        Ok(pushed?)
    }

    async fn sync(mut self: Box<Self>, _end: End) -> Result<Option<Vec<u8>>, StoreError> {
        if self.has_failed {
            return Err(StoreError::Io(io::ErrorKind::BrokenPipe.into()));
        }
        self.finish().await?;
        Ok(None)
    }
}

/// Waits for a job.
async fn end(job: &mut Option<JoinHandle<io::Result<()>>>) -> io::Result<()> {
    // It is taken only when it has ended: whoever stops waiting leaves it to the next.
    let Some(running) = job else {
        return Ok(());
    };
    let ended = running.await;
    *job = None;
    ended.unwrap_or_else(|error| Err(io::Error::other(error)))
}
