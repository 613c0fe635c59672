//! Backups of the embedded database and its blobs: a folder with `dockyard.db` and `blobs/`, as a data folder has them.
//!
//! The database is copied as it was at one moment, then the blobs that it names are: none is changed once it is
//! written, and the collector, which alone removes them, is kept off meanwhile. The copy of the database takes the
//! place of the one before only when all its blobs are there, so that the folder is a whole backup at any moment, the
//! one before until then.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use dockyard_oci::{Digest, UserName};
use futures::{StreamExt, TryStreamExt};

use crate::db::tables::{blobs, leases, uploads, users};
use crate::db::{DatabaseUrl, Db, DbError, find_foreign};
use crate::hub::{HubOptions, OpenError, lock};
use crate::images::{Blob, Hasher};
use crate::private;
use crate::store::{BlobStore, End, FsStore, Location, StoreError};

/// Rows looked up at once.
const BATCH: u32 = 500;
/// Administrators that are named.
const ADMINISTRATORS_MAX: u32 = 100;
const DATABASE: &str = "dockyard.db";
/// Ends the name of a database until all its blobs are there.
const UNFINISHED: &str = ".unfinished";
const BLOBS: &str = "blobs";

/// How far a backup or its restoration is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Blobs that were looked at.
    pub blobs: u64,
    /// Blobs that there are.
    pub of_blobs: u64,
    /// Blobs and bytes that were copied; the others were there.
    pub copied: u64,
    pub copied_bytes: u64,
    /// Blobs that are not whole and were left out.
    pub damaged: u64,
}

/// A blob that could not be copied: it is no use where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedBlob {
    pub digest: Digest,
    /// What is wrong, for people.
    pub what: String,
}

/// What is told as it happens.
pub enum Told<'a> {
    /// The collector is at work, or another backup.
    Waiting,
    Progress(&'a Progress),
    Damaged(&'a DamagedBlob),
    /// Who may do everything, according to a database that is restored; a hundred names at most.
    Administrators(&'a [UserName]),
}

type Tell<'a> = &'a mut (dyn FnMut(Told<'_>) + Send);

/// Why there is no backup, or none could be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(
        "only the embedded database is backed up like this: of {0}, make a backup with its own means (pg_dump, \
         mariadb-dump), and of the bucket after it"
    )]
    Server(DatabaseUrl),
    #[error("the collector is at work, or another backup: try again when it is done")]
    Busy,
    #[error("{0} is the folder of the data itself: name another one")]
    SameFolder(PathBuf),
    #[error("{0} holds no backup: there is no dockyard.db in it")]
    NoBackup(PathBuf),
    #[error(
        "there is a database already: {0}. Restore to another --data-dir, or move that one away"
    )]
    NotEmpty(PathBuf),
    #[error(
        "others may write to {0}, and so into the backup: `chmod 700` it, or name a folder that is not there yet"
    )]
    OpenToOthers(PathBuf),
    #[error("{0} is not a folder: a backup has its blobs there, and links are not followed")]
    NotAFolder(PathBuf),
    #[error(
        "this is no backup as Dockyard makes them, and nothing was restored: {0}. Somebody may have changed it"
    )]
    Foreign(String),
    #[error("the folder {0} can't be used: {1}")]
    Folder(PathBuf, #[source] io::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Makes a backup in a folder; what is there from the backup before is not copied again. The collector must be kept
/// off for as long as it takes.
pub(crate) async fn back_up(
    db: &Db,
    store: &dyn BlobStore,
    to: &Path,
    now_ms: i64,
    tell: Tell<'_>,
) -> Result<Progress, BackupError> {
    folder_failed(to, private::make_folder(to))?;
    if private::is_open_to_others(to) {
        return Err(BackupError::OpenToOthers(to.to_owned()));
    }
    let database = to.join(DATABASE);
    let unfinished = with_end(&database, UNFINISHED);
    folder_failed(to, remove(&unfinished))?;
    let blobs = open_blobs(to)?;
    db.snapshot(&unfinished).await?;
    let copy = open(&unfinished).await?;
    // What was under way then is no longer when it is put back.
    uploads::delete_all(&copy).await?;
    leases::delete_all(&copy).await?;
    let before = if database.is_file() {
        Some(open(&database).await?)
    } else {
        None
    };
    let work = Copying {
        from: store,
        to: &blobs,
        before: before.as_ref(),
        listed: &copy,
        now_ms,
    };
    let copied = work.run(tell).await;
    if let Some(before) = before {
        before.close().await;
    }
    copy.close().await;
    let copied = copied?;
    folder_failed(to, put_in_place(&unfinished, &database))?;
    let copy = open(&database).await?;
    let removed = remove_others(&copy, &blobs).await;
    copy.close().await;
    removed.map(|()| copied)
}

/// Puts a backup where a server finds it: into a folder without a database, and into its bucket if it has one.
///
/// Each blob is hashed on the way; one that is not whole is taken out of service, so that a push puts it back. Cut short, it
/// can be done again.
/// Errors: `NoBackup`, `NotEmpty`, `Server`, `InUse`.
pub async fn restore(
    options: HubOptions,
    from: &Path,
    tell: Tell<'_>,
) -> Result<Progress, BackupError> {
    let database = match options.database() {
        DatabaseUrl::Sqlite(file) => file,
        server @ DatabaseUrl::Server(_) => return Err(BackupError::Server(server)),
    };
    let source = from.join(DATABASE);
    if !fs::symlink_metadata(&source).is_ok_and(|found| found.is_file()) {
        return Err(BackupError::NoBackup(from.to_owned()));
    }
    let folder = options.data_dir.clone();
    folder_failed(&folder, private::claim_folder(&folder))?;
    let _lock = lock(&folder)?;
    if database.exists() {
        return Err(BackupError::NotEmpty(database));
    }
    let store = options.open_store().await?;
    let unfinished = with_end(&database, UNFINISHED);
    folder_failed(&folder, remove(&unfinished))?;
    folder_failed(&folder, copy_file(&source, &unfinished))?;
    let now_ms = options.clock.now_ms();
    let restored = put_back(&unfinished, from, &*store, now_ms, tell).await;
    if restored.is_err() {
        folder_failed(&folder, remove(&unfinished))?;
    }
    let restored = restored?;
    folder_failed(&folder, put_in_place(&unfinished, &database))?;
    Ok(restored)
}

/// Looks at the copy of a database from a backup, which anybody may have written, and brings its blobs.
async fn put_back(
    unfinished: &Path,
    from: &Path,
    store: &dyn BlobStore,
    now_ms: i64,
    tell: Tell<'_>,
) -> Result<Progress, BackupError> {
    if let Some(what) = find_foreign(unfinished).await? {
        return Err(BackupError::Foreign(what));
    }
    let blobs = open_blobs(from)?;
    let copy = open(unfinished).await?;
    let work = Copying {
        from: &blobs,
        to: store,
        before: None,
        listed: &copy,
        now_ms,
    };
    let copied = work.check_and_run(tell).await;
    copy.close().await;
    copied
}

fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    let mut source = private::open_plain(from)?;
    let mut target = private::file_options().create_new(true).open(to)?;
    io::copy(&mut source, &mut target).map(|_| ())
}

/// Opens the blobs of a backup; a link in their place is not followed.
fn open_blobs(folder: &Path) -> Result<FsStore, BackupError> {
    let blobs = folder.join(BLOBS);
    let found = fs::symlink_metadata(&blobs);
    if found.is_ok_and(|found| !found.is_dir()) {
        return Err(BackupError::NotAFolder(blobs));
    }
    folder_failed(folder, FsStore::open(&blobs))
}

/// Copies every blob that a database lists.
struct Copying<'a> {
    from: &'a dyn BlobStore,
    to: &'a dyn BlobStore,
    /// What was listed when the target was whole last: of that, only whether it is there is looked at.
    before: Option<&'a Db>,
    listed: &'a Db,
    now_ms: i64,
}

impl Copying<'_> {
    /// Makes sure that the database is whole, tells who may do everything in it, and copies.
    async fn check_and_run(&self, tell: Tell<'_>) -> Result<Progress, BackupError> {
        if let Some(what) = self.listed.check().await?.first() {
            return Err(BackupError::Foreign(what.clone()));
        }
        let administrators = users::list_admins(self.listed, ADMINISTRATORS_MAX).await?;
        tell(Told::Administrators(&administrators));
        self.run(tell).await
    }

    async fn run(&self, tell: Tell<'_>) -> Result<Progress, BackupError> {
        let mut progress = Progress {
            of_blobs: blobs::count(self.listed).await?,
            ..Progress::default()
        };
        let mut after = String::new();
        loop {
            let found = blobs::list(self.listed, &after, BATCH).await?;
            let Some((last, _)) = found.last() else {
                return Ok(progress);
            };
            after = last.digest.to_string();
            let locations: Vec<_> = found.iter().map(|(blob, _)| blob.location).collect();
            let before = match self.before {
                Some(before) => blobs::known_locations(before, &locations, "blobs").await?,
                None => HashSet::new(),
            };
            for (blob, is_damaged) in found {
                progress.blobs += 1;
                let is_there = before.contains(&blob.location) && self.is_there(&blob).await;
                match (is_there, is_damaged) {
                    (true, false) | (false, true) => {}
                    // It was whole when the backup before was made.
                    (true, true) => {
                        blobs::set_whole(self.listed, &blob).await?;
                    }
                    (false, false) => self.copy_or_leave_out(blob, &mut progress, tell).await?,
                }
                tell(Told::Progress(&progress));
            }
        }
    }

    /// Copies a blob; one that is not whole is taken out of service in the copy of the database.
    async fn copy_or_leave_out(
        &self,
        blob: Blob,
        progress: &mut Progress,
        tell: Tell<'_>,
    ) -> Result<(), BackupError> {
        match self.copy(&blob).await? {
            Ok(()) => {
                progress.copied += 1;
                progress.copied_bytes += blob.size_bytes;
            }
            Err(what) => {
                blobs::set_damaged(self.listed, &blob, self.now_ms).await?;
                progress.damaged += 1;
                let digest = blob.digest;
                tell(Told::Damaged(&DamagedBlob { digest, what }));
            }
        }
        Ok(())
    }

    /// Tells whether an object is there as long as it should be.
    async fn is_there(&self, blob: &Blob) -> bool {
        let Some(last) = blob.size_bytes.checked_sub(1) else {
            return false;
        };
        let Ok(mut stream) = self.to.read(blob.location, last..blob.size_bytes).await else {
            return false;
        };
        matches!(stream.next().await, Some(Ok(byte)) if byte.len() == 1)
    }

    /// Copies an object and hashes it on the way; says what is wrong with the blob, if that is so.
    async fn copy(&self, blob: &Blob) -> Result<Result<(), String>, BackupError> {
        let mut stream = match self.from.read(blob.location, 0..blob.size_bytes).await {
            Err(StoreError::Missing(_)) => return Ok(Err("its object is gone".to_owned())),
            other => other?,
        };
        let mut writer = self.to.append(blob.location, 0, None, Arc::new(())).await?;
        let mut hasher = Hasher::new(blob.digest.algorithm());
        while let Some(chunk) = stream.next().await {
            match chunk {
                Ok(chunk) => {
                    hasher.update(&chunk);
                    writer.write(chunk).await?;
                }
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        let state = writer.sync(End::Whole).await?;
        let actual = hasher.finish();
        if actual != blob.digest {
            self.to.delete(blob.location, state.as_deref()).await?;
            return Ok(Err(format!("its bytes hash to {actual}")));
        }
        self.to.finish(blob.location, state.as_deref()).await?;
        Ok(Ok(()))
    }
}

/// Removes the objects that a database does not name: what was deleted since the backup before.
async fn remove_others(db: &Db, store: &FsStore) -> Result<(), BackupError> {
    let mut batches = std::pin::pin!(store.list().try_chunks(BATCH as usize));
    while let Some(batch) = batches.next().await {
        let batch = batch.map_err(|error| error.1)?;
        let locations: Vec<Location> = batch.iter().map(|object| object.at).collect();
        let known = blobs::known_locations(db, &locations, "blobs").await?;
        for at in locations.into_iter().filter(|at| !known.contains(at)) {
            store.delete(at, None).await?;
        }
    }
    Ok(())
}

async fn open(file: &Path) -> Result<Db, DbError> {
    Db::open(&DatabaseUrl::Sqlite(file.to_owned())).await
}

fn folder_failed<T>(folder: &Path, result: io::Result<T>) -> Result<T, BackupError> {
    result.map_err(|error| BackupError::Folder(folder.to_owned(), error))
}

fn with_end(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Removes what is left of a database that was not finished.
fn remove(file: &Path) -> io::Result<()> {
    for end in ["", "-wal", "-shm", "-journal"] {
        match fs::remove_file(with_end(file, end)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Makes a closed database durable under its name.
fn put_in_place(unfinished: &Path, file: &Path) -> io::Result<()> {
    File::open(unfinished)?.sync_all()?;
    fs::rename(unfinished, file)?;
    match file.parent() {
        Some(folder) if folder != Path::new("") => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
