//! A folder as the store: `<root>/<two hex digits>/<location>`.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use tokio::task::spawn_blocking;

mod writer;

use writer::FsWriter;

use super::read_ahead;
use super::{BlobStore, BlobWriter, ByteStream, Hold, Location, StoreError, StoredObject};
use crate::private;

/// Keeps objects as files of a folder.
#[derive(Debug, Clone)]
pub struct FsStore {
    root: PathBuf,
    parts: Arc<Parts>,
}

impl FsStore {
    /// Opens a folder, and makes it when missing; its 256 parts come when they are needed.
    pub fn open(root: &Path) -> io::Result<Self> {
        Ok(Self {
            root: root.to_owned(),
            parts: Arc::new(Parts::open(root)?),
        })
    }

    /// Spreads by the end of the id, since its front is the time.
    fn folder(&self, at: Location) -> PathBuf {
        self.parts.folder(Parts::of(at))
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
        _state: Option<&[u8]>,
        hold: Hold,
    ) -> Result<Box<dyn BlobWriter>, StoreError> {
        let (path, parts) = (self.path(at), Arc::clone(&self.parts));
        let file = blocking(move || open_at(&parts, &path, at, offset)).await?;
        Ok(Box::new(FsWriter::new(file, hold)))
    }

    async fn finish(&self, at: Location, _state: Option<&[u8]>) -> Result<(), StoreError> {
        let folder = self.folder(at);
        blocking(move || Ok(File::open(folder)?.sync_all()?)).await
    }

    async fn read(&self, at: Location, range: Range<u64>) -> Result<ByteStream, StoreError> {
        let path = self.path(at);
        let opened = blocking(move || Ok(private::open_plain(&path))).await?;
        match opened {
            Ok(file) => Ok(read_ahead::stream(file, range).boxed()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Missing(at)),
            Err(error) => Err(error.into()),
        }
    }

    async fn delete(&self, at: Location, _state: Option<&[u8]>) -> Result<(), StoreError> {
        match tokio::fs::remove_file(self.path(at)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<StoredObject, StoreError>> {
        let (root, parent) = (self.root.clone(), self.root.clone());
        stream::once(blocking(move || Ok(parts_of(&root)?)))
            .map_ok(|parts| stream::iter(parts).map(Ok))
            .try_flatten()
            .and_then(move |part| {
                let folder = folder_of(&parent, part);
                blocking(move || list_folder(&folder))
            })
            .map_ok(|found| stream::iter(found).map(Ok))
            .try_flatten()
            .boxed()
    }

    async fn link(&self, _at: Location, _lasts: Duration) -> Result<Option<String>, StoreError> {
        Ok(None)
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

/// The parts of a folder, and which of them this process knows to be durable: an object in one that is not
/// could be gone with it after a power cut, however well it was synced itself. Nothing is known before the first write:
/// opening waits for no disk.
#[derive(Debug)]
struct Parts {
    root: PathBuf,
    is_root_durable: AtomicBool,
    durable: [AtomicBool; 256],
}

impl Parts {
    fn open(root: &Path) -> io::Result<Self> {
        private::make_folder(root)?;
        Ok(Self {
            root: root.to_owned(),
            is_root_durable: AtomicBool::new(false),
            durable: std::array::from_fn(|_| AtomicBool::new(false)),
        })
    }

    /// Is the part that an object lies in.
    fn of(at: Location) -> u8 {
        let name = at.to_string();
        u8::from_str_radix(&name[name.len() - 2..], 16).expect("an id ends in hex digits")
    }

    fn folder(&self, part: u8) -> PathBuf {
        folder_of(&self.root, part)
    }

    /// Makes sure that a part is there and durable; true when that had to be done.
    ///
    /// One that another writer has made is not durable before one of the two has synced the folder.
    fn require(&self, part: u8) -> io::Result<bool> {
        let known = self.durable[usize::from(part)].load(Ordering::Acquire);
        if !known {
            self.make(part)?;
        }
        Ok(!known)
    }

    fn make(&self, part: u8) -> io::Result<()> {
        private::make_folder(&self.folder(part))?;
        // One sync is for all that are there before it.
        let found = parts_of(&self.root)?;
        File::open(&self.root)?.sync_all()?;
        if !self.is_root_durable.load(Ordering::Acquire) {
            let parent = self.root.parent();
            let parent = parent.filter(|parent| !parent.as_os_str().is_empty());
            File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
            self.is_root_durable.store(true, Ordering::Release);
        }
        for part in found {
            self.durable[usize::from(part)].store(true, Ordering::Release);
        }
        Ok(())
    }
}

fn open_at(parts: &Parts, path: &Path, at: Location, offset: u64) -> Result<File, StoreError> {
    if offset == 0 {
        parts.require(Parts::of(at))?;
    }
    let open = || {
        let mut options = private::file_options();
        options.create(offset == 0).truncate(false);
        options.open(path)
    };
    let opened = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound && offset == 0 => {
            parts.make(Parts::of(at))?;
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

/// Is where a part of a store lies.
fn folder_of(root: &Path, part: u8) -> PathBuf {
    root.join(format!("{part:02x}"))
}

/// Lists the parts that are there.
fn parts_of(root: &Path) -> io::Result<Vec<u8>> {
    let mut parts = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let name = entry?.file_name();
        let part = name
            .to_str()
            .and_then(|name| u8::from_str_radix(name, 16).ok());
        parts.extend(part.filter(|part| name == *format!("{part:02x}")));
    }
    Ok(parts)
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
                leftover: None,
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
    use crate::store::End;

    crate::store::contract::stamp!(async {
        let folder = tempfile::tempdir().unwrap();
        let store = FsStore::open(folder.path()).unwrap();
        (store, folder)
    });

    #[test]
    fn a_part_counts_as_durable_only_when_this_process_synced_its_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("07")).unwrap();
        std::fs::create_dir(folder.path().join("08")).unwrap();
        let parts = Parts::open(folder.path()).unwrap();
        // A process that ended just after it made them had perhaps no time to sync.
        assert!(parts.require(7).unwrap());
        assert!(!parts.require(7).unwrap() && !parts.require(8).unwrap());
        // Another first writer was faster, and has perhaps not synced yet.
        std::fs::create_dir(folder.path().join("0a")).unwrap();
        assert!(parts.require(10).unwrap());
        assert!(!parts.require(10).unwrap());
        assert!(parts.require(255).unwrap() && folder.path().join("ff").is_dir());
    }

    #[tokio::test]
    async fn a_part_that_was_removed_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let (store, at) = (FsStore::open(folder.path()).unwrap(), Location::new());
        for _ in 0..2 {
            let writer = store.append(at, 0, None, Arc::new(())).await.unwrap();
            writer.sync(End::Open).await.unwrap();
            std::fs::remove_dir_all(store.folder(at)).unwrap();
        }
    }
}
