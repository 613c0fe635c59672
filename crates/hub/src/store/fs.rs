//! A folder as the store: `<root>/<two hex digits>/<location>`.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, spawn_blocking};

use super::read_ahead;
use super::{BlobStore, BlobWriter, ByteStream, Hold, Location, StoreError, StoredObject};

/// Chunks that may wait for the disk; with network chunks of some 16 to 64 KiB, about a megabyte.
const WRITE_QUEUE: usize = 16;

/// Keeps objects as files of a folder.
#[derive(Debug, Clone)]
pub struct FsStore {
    root: PathBuf,
}

impl FsStore {
    /// Opens a folder, and makes it when missing; its 256 parts come when they are needed.
    pub fn open(root: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(root)?;
        Ok(Self {
            root: root.to_owned(),
        })
    }

    /// Spreads by the end of the id, since its front is the time.
    fn folder(&self, at: Location) -> PathBuf {
        let name = at.to_string();
        self.root.join(&name[name.len() - 2..])
    }

    fn path(&self, at: Location) -> PathBuf {
        self.folder(at).join(at.to_string())
    }
}

#[async_trait]
impl BlobStore for FsStore {
    async fn append(
        &self,
        at: Location,
        offset: u64,
        hold: Hold,
    ) -> Result<Box<dyn BlobWriter>, StoreError> {
        let path = self.path(at);
        let file = blocking(move || open_at(&path, at, offset)).await?;
        let (sender, receiver) = mpsc::channel(WRITE_QUEUE);
        let task = spawn_blocking(move || {
            let written = write_all(file, receiver);
            drop(hold);
            written
        });
        Ok(Box::new(FsWriter { sender, task }))
    }

    async fn finish(&self, at: Location) -> Result<(), StoreError> {
        let folder = self.folder(at);
        blocking(move || Ok(File::open(folder)?.sync_all()?)).await
    }

    async fn read(&self, at: Location, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let path = self.path(at);
        let opened = blocking(move || Ok(File::open(path))).await?;
        match opened {
            Ok(file) => Ok(read_ahead::stream(file, range).boxed()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing(at)),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, at: Location) -> Result<(), StoreError> {
        match tokio::fs::remove_file(self.path(at)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        let root = self.root.clone();
        let folders = stream::iter(0..=255u8).then(move |part| {
            let folder = root.join(format!("{part:02x}"));
            blocking(move || list_folder(&folder))
        });
        folders
            .map_ok(|found| stream::iter(found).map(Ok))
            .try_flatten()
            .boxed()
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let probe = self.root.join("probe");
        blocking(move || {
            std::fs::write(&probe, b"ok")?;
            match std::fs::remove_file(&probe) {
                // Another probe removed it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                other => Ok(other?),
            }
        })
        .await
    }
}

/// Hands chunks to a thread that writes them, so that the caller hashes the next one meanwhile.
struct FsWriter {
    sender: mpsc::Sender<Bytes>,
    task: JoinHandle<Result<(), StoreError>>,
}

#[async_trait]
impl BlobWriter for FsWriter {
    async fn write(&mut self, bytes: Bytes) -> Result<(), StoreError> {
        if self.sender.send(bytes).await.is_ok() {
            return Ok(());
        }
        // The thread ends early only when a write failed: its result says why.
        match (&mut self.task).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) => Err(StoreError::Io(io::ErrorKind::BrokenPipe.into())),
            Err(error) => Err(StoreError::Io(io::Error::other(error))),
        }
    }

    async fn sync(self: Box<Self>) -> Result<(), StoreError> {
        drop(self.sender);
        self.task
            .await
            .unwrap_or_else(|error| Err(StoreError::Io(io::Error::other(error))))
    }
}

fn open_at(path: &Path, at: Location, offset: u64) -> Result<File, StoreError> {
    let open = || {
        let mut options = OpenOptions::new();
        options.write(true).create(offset == 0).truncate(false);
        options.open(path)
    };
    let opened = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && offset == 0 => {
            make_part(path)?;
            open()
        }
        other => other,
    };
    let mut file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StoreError::Missing(at));
        }
        Err(error) => return Err(error.into()),
    };
    let length = file.metadata()?.len();
    if length < offset {
        return Err(StoreError::Missing(at));
    }
    if length > offset {
        file.set_len(offset)?;
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

fn write_all(mut file: File, mut chunks: mpsc::Receiver<Bytes>) -> Result<(), StoreError> {
    while let Some(chunk) = chunks.blocking_recv() {
        file.write_all(&chunk)?;
    }
    file.sync_data()?;
    Ok(())
}

/// Makes the part that an object lies in, durably.
fn make_part(object: &Path) -> io::Result<()> {
    let part = object.parent().ok_or(io::ErrorKind::NotFound)?;
    let root = part.parent().ok_or(io::ErrorKind::NotFound)?;
    match std::fs::create_dir(part) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(root)?.sync_all(),
    }
}

/// Lists the objects of a folder; files whose name is no location are not ours.
fn list_folder(folder: &Path) -> Result<Vec<StoredObject>, StoreError> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let Some(at) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        match entry.metadata() {
            Ok(metadata) => found.push(StoredObject {
                at,
                size_bytes: metadata.len(),
            }),
            // Deleted since the folder was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(found)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(StoreError::Io(io::Error::other(error))))
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::store::contract::stamp!(async {
        let folder = tempfile::tempdir().unwrap();
        let store = FsStore::open(folder.path()).unwrap();
        (store, folder)
    });
}
