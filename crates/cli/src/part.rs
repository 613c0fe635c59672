//! A file that is being received: `FILE.<id>.part` until it is whole, kept when that takes more than one attempt.

use std::fs::{self, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow, bail};

use crate::progress::ByteStream;
use crate::tarball;

/// How long what was received for an engine is kept for another attempt.
const KEPT: Duration = Duration::from_hours(7 * 24);
/// Length of an id.
const ID_CHARS: usize = 16;
const ENDING: &str = ".part";

/// A file being received. What is there of it stays when it is dropped.
pub struct PartFile {
    pub path: PathBuf,
    open: Option<Open>,
    /// Whether parts for other images have the same name: then they go only when they are old.
    is_shared: bool,
}

struct Open {
    file: tokio::fs::File,
    path: PathBuf,
    there: u64,
}

impl PartFile {
    /// Names the file that is to become whole.
    pub fn at(path: &Path) -> Result<Self> {
        // Follows a symbolic link, so that a linked file stays linked.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        let folder = fs::metadata(folder.unwrap_or(Path::new(".")));
        folder.map_err(|error| cannot_write(&path, &error))?;
        Ok(Self {
            path,
            open: None,
            is_shared: false,
        })
    }

    /// Is a file of no lasting name, in the folder for what can be fetched again.
    pub fn in_cache(folder: &Path) -> Result<Self> {
        let mut maker = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut maker, 0o700);
        let made = maker.recursive(true).create(folder);
        made.map_err(|error| cannot_write(folder, &error))?;
        forget_old(folder);
        let mut part = Self::at(&folder.join("pull"))?;
        part.is_shared = true;
        Ok(part)
    }

    /// Opens the part for `length` bytes that `id` tells from all others, and says how many of them are there already.
    /// Parts of other bytes for the same file go.
    pub fn begin(&mut self, id: &str, length: u64) -> Result<u64> {
        let failed = |error: &io::Error| cannot_write(&self.path, error);
        let path = with_ending(&self.path, &format!(".{}{ENDING}", &id[..ID_CHARS]));
        let file = open_own(&path).map_err(|error| failed(&error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another mydocker is receiving {}: wait until it is done",
                    path.display()
                )
            }
            Err(TryLockError::Error(error)) => return Err(failed(&error)),
        }
        if !self.is_shared {
            self.forget_others(&path);
        }
        let mut there = file.metadata().map_err(|error| failed(&error))?.len();
        if there > length {
            file.set_len(0).map_err(|error| failed(&error))?;
            there = 0;
        }
        let file = file.into();
        self.open = Some(Open { file, path, there });
        Ok(there)
    }

    /// Is the open file, for what comes next.
    pub fn file(&mut self) -> Result<&mut tokio::fs::File> {
        let open = self.open.as_mut().map(|open| &mut open.file);
        open.ok_or_else(|| anyhow!("the file was not begun"))
    }

    /// Streams the bytes that were there at the beginning.
    pub async fn there(&self) -> Result<ByteStream> {
        let length = self.open.as_ref().map_or(0, |open| open.there);
        self.read(length).await
    }

    /// Streams everything that was received.
    pub async fn whole(&mut self) -> Result<ByteStream> {
        use tokio::io::AsyncWriteExt;
        let path = self.path.clone();
        let flushed = self.file()?.flush().await;
        flushed.map_err(|error| cannot_write(&path, &error))?;
        self.read(u64::MAX).await
    }

    async fn read(&self, length: u64) -> Result<ByteStream> {
        use tokio::io::AsyncReadExt;
        let path = self.open.as_ref().map_or(&self.path, |open| &open.path);
        let file = tokio::fs::File::open(path).await;
        let file = file.map_err(|error| anyhow!("can't read {}: {error}", path.display()))?;
        Ok(tarball::pieces(file.take(length)))
    }

    /// Makes the file durable and gives it its name.
    pub async fn finish(mut self) -> Result<()> {
        let path = self.path.clone();
        let synced = self.file()?.sync_all().await;
        synced.map_err(|error| cannot_write(&path, &error))?;
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        fs::rename(&open.path, &path).map_err(|error| cannot_write(&path, &error))
    }

    /// Removes what was received.
    pub fn discard(mut self) {
        if let Some(open) = self.open.take() {
            let _ = fs::remove_file(open.path);
        }
    }

    /// Tells whether something is kept for another attempt.
    pub fn keeps(&self) -> bool {
        let size = |open: &Open| fs::metadata(&open.path).map_or(0, |found| found.len());
        self.open.as_ref().is_some_and(|open| size(open) > 0)
    }

    fn forget_others(&self, own: &Path) {
        let Some(name) = self.path.file_name().and_then(|name| name.to_str()) else {
            return;
        };
        let is_other = |found: &Path| {
            let found_name = found.file_name().and_then(|name| name.to_str());
            let id = found_name.and_then(|found| found.strip_prefix(name)?.strip_prefix('.'));
            let id = id.and_then(|rest| rest.strip_suffix(ENDING));
            found.file_name() != own.file_name()
                && id.is_some_and(|id| {
                    id.len() == ID_CHARS && id.bytes().all(|b| b.is_ascii_hexdigit())
                })
        };
        remove_where(self.path.parent(), is_other);
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if let Some(open) = &self.open
            && !self.keeps()
        {
            let _ = fs::remove_file(&open.path);
        }
    }
}

/// Removes what nobody came back for.
fn forget_old(folder: &Path) {
    let changed = |path: &Path| fs::metadata(path).and_then(|found| found.modified());
    remove_where(Some(folder), |path| {
        path.extension().is_some_and(|ending| ending == "part")
            && changed(path).is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > KEPT))
    });
}

fn remove_where(folder: Option<&Path>, is_old: impl Fn(&Path) -> bool) {
    let folder = folder.filter(|folder| *folder != Path::new(""));
    let Ok(entries) = fs::read_dir(folder.unwrap_or(Path::new("."))) else {
        return;
    };
    for path in entries.flatten().map(|entry| entry.path()) {
        if is_old(&path) {
            let _ = fs::remove_file(path);
        }
    }
}

/// Opens a part to append to it, for its owner alone. In a folder that others write to, its name can be foretold: a link
/// is not followed, and somebody else's file, or one that has another name too, is not taken for what was received.
fn open_own(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    #[cfg(unix)]
    let is_own = {
        use std::os::unix::fs::MetadataExt;
        metadata.uid() == rustix::process::geteuid().as_raw() && metadata.nlink() == 1
    };
    #[cfg(not(unix))]
    let is_own = true;
    if metadata.is_file() && is_own {
        return Ok(file);
    }
    Err(io::Error::other(
        "somebody else's file is in its place: remove it, or write to another folder",
    ))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

/// Says why a file can't be written, and what to do.
pub fn cannot_write(path: &Path, error: &io::Error) -> anyhow::Error {
    let advice = match error.kind() {
        io::ErrorKind::NotFound => "the folder is not there, make it first".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    };
    anyhow!("can't write {}: {advice}", path.display())
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const ID: &str = "00112233445566778899";
    const OTHER: &str = "ffeeddccbbaa99887766";

    async fn part(path: &Path, id: &str, bytes: &[u8]) -> (PartFile, u64) {
        let mut part = PartFile::at(path).unwrap();
        let there = part.begin(id, 3).unwrap();
        let file = part.file().unwrap();
        file.write_all(bytes).await.unwrap();
        file.flush().await.unwrap();
        (part, there)
    }

    async fn text(stream: ByteStream) -> Vec<u8> {
        stream.try_collect::<Vec<_>>().await.unwrap().concat()
    }

    #[tokio::test]
    async fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.tar");
        let (part, there) = part(&path, ID, b"abc").await;
        assert_eq!(there, 0);
        assert!(!path.exists() && folder.path().join("app.tar.0011223344556677.part").exists());
        part.finish().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn what_was_received_is_gone_on_with() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.tar");
        fs::write(&path, "old").unwrap();
        drop(part(&path, ID, b"ab").await);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        let (mut part, there) = part(&path, ID, b"c").await;
        assert_eq!(
            (there, text(part.there().await.unwrap()).await),
            (2, b"ab".to_vec())
        );
        assert_eq!(text(part.whole().await.unwrap()).await, b"abc");
        part.finish().await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"abc");
    }

    #[tokio::test]
    async fn other_bytes_begin_anew_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.tar");
        fs::write(folder.path().join("app.tar.notes.part"), "mine").unwrap();
        drop(part(&path, ID, b"ab").await);
        let (part, there) = part(&path, OTHER, b"").await;
        assert_eq!(there, 0);
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_part_is_its_owners_and_follows_no_link() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.tar");
        let trap = folder.path().join("app.tar.0011223344556677.part");
        let other = folder.path().join("other");
        fs::write(&other, "other's").unwrap();
        symlink(&other, &trap).unwrap();
        assert!(PartFile::at(&path).unwrap().begin(ID, 3).is_err());
        fs::remove_file(&trap).unwrap();
        fs::hard_link(&other, &trap).unwrap();
        assert!(PartFile::at(&path).unwrap().begin(ID, 3).is_err());
        fs::remove_file(&trap).unwrap();
        assert_eq!(fs::read(&other).unwrap(), b"other's");
        let (_part, _) = part(&path, ID, b"ab").await;
        let mode = fs::metadata(&trap).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[tokio::test]
    async fn one_part_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("app.tar");
        let (_first, _) = part(&path, ID, b"ab").await;
        let error = PartFile::at(&path).unwrap().begin(ID, 3).err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("another mydocker is receiving"),
            "{error}"
        );
    }
}
